"""Exercise 10.agreement: how often student and teacher give the same answer."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(count, classes, same, scale=1.0, shift=0.0):
        """Logits of both; in a share `same` of the examples the student's largest is the teacher's."""
        teacher = np.round(rng.normal(size=(count, classes)) * 3, 2)
        top = teacher.argmax(axis=1)
        wanted = np.where(np.arange(count) < round(same * count), top, (top + rng.integers(1, classes, count)) % classes)
        student = np.round(rng.normal(size=(count, classes)) * scale, 2)
        student[np.arange(count), wanted] = student.max(axis=1) + 0.5
        order = rng.permutation(count)
        return student[order] + shift, teacher[order] + shift

    def close(same):
        """Outputs of an example that are a hair apart; a letter of `same` says whether the two agree. The first is never the largest."""
        above, rows = np.array([[0.0, 0.0004, 0.0002], [0.0, 0.0002, 0.0004]]), np.arange(len(same))
        tops = rows % 2
        return tuple(np.round(rng.uniform(2, 3, (len(same), 1)), 2) + above[which] for which in (tops, np.where([alike == "=" for alike in same], tops, 1 - tops)))

    ties = np.array([[2.0, 2.0, 1.0], [0.0, 3.0, 3.0], [1.0, 0.0, 1.0]]), np.array([[5.0, 1.0, 0.0], [0.0, 9.0, 2.0], [4.0, 3.0, 4.0]])
    some = int(rng.integers(6, 10))
    return [
        Case("a share of examples", "two examples, one alike", (call(2, 3, 0.5),)),
        Case("a share of examples", "more examples than classes", (call(some, 4, 0.6),)),
        Case("a share of examples", "more classes than examples", (call(5, 7, 0.4),)),
        Case("a share of examples", "a student that is much surer", (call(some, 3, 0.7, 40.0),)),
        Case("a share of examples", "a hair apart", (close("=/=/="),)),
        Case("a share of examples", "outputs of thousands", (call(some, 3, 0.4, 40.0, 3000.0),)),
        Case("all or none", "all alike", (call(4, 5, 1.0),)),
        Case("all or none", "none alike", (call(4, 5, 0.0),)),
        Case("all or none", "one example", (call(1, 3, 1.0),)),
        Case("all or none", "one example of one class", ((np.array([[0.5]]), np.array([[-1.5]])),)),
        Case("of equal outputs the first", "ties", (ties,)),
        Case("of equal outputs the first", "ties, and an example without", (tuple(np.concatenate([side, side[:, ::-1], [[1.0, 2.0, 3.0]]]) for side in ties),)),
        Case("bad input is refused", "a fair one first", (call(3, 4, 0.7),)),
        Case("bad input is refused", "no example at all", ((np.zeros((0, 3)), np.zeros((0, 3))),), raises="ValueError"),
        Case("bad input is refused", "more examples of the one than of the other", ((np.eye(3)[[0, 1, 2, 1]], np.eye(3)[[1]]),), raises="ValueError"),
        Case("bad input is refused", "more classes of the one than of the other", ((np.zeros((4, 3)), np.zeros((4, 5))),), raises="ValueError"),
        Case("bad input is refused", "as many numbers, in another shape", ((np.zeros((1, 6)), np.zeros((2, 3))),), raises="ValueError"),
    ]


def _looked(student, teacher):
    student, teacher = np.asarray(student), np.asarray(teacher)
    if student.shape != teacher.shape or len(student) == 0:
        raise ValueError("bad input")
    return student, teacher


def _by(measure):
    def agreement(student_logits, teacher_logits):
        return measure(*_looked(student_logits, teacher_logits))

    return agreement


def _same(student, teacher):
    return student.argmax(1) == teacher.argmax(1)


def _softmax(logits):
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def _last_of_equals(logits):
    return logits.shape[1] - 1 - logits[:, ::-1].argmax(1)


def _without_refusing_empty(student_logits, teacher_logits):
    student, teacher = np.asarray(student_logits), np.asarray(teacher_logits)
    if student.shape != teacher.shape:
        raise ValueError("other shapes")
    return float(_same(student, teacher).sum() / max(len(student), 1))


def _without_comparing_shapes(student_logits, teacher_logits):
    student, teacher = np.asarray(student_logits), np.asarray(teacher_logits)
    if len(student) == 0:
        raise ValueError("no examples")
    return float(np.mean(_same(student, teacher)))


def _examples_counted_alone(student_logits, teacher_logits):
    student, teacher = np.asarray(student_logits), np.asarray(teacher_logits)
    if len(student) != len(teacher) or len(student) == 0:
        raise ValueError("bad input")
    return float(np.mean(_same(student, teacher)))


def _pairs_only(student_logits, teacher_logits):
    pairs = list(zip(student_logits, teacher_logits))
    if not pairs:
        raise ValueError("no examples")
    return float(np.mean([ours.argmax() == theirs.argmax() for ours, theirs in pairs]))


def _entries_counted_alone(student_logits, teacher_logits):
    student, teacher = np.asarray(student_logits), np.asarray(teacher_logits)
    if student.size != teacher.size or student.size == 0:
        raise ValueError("bad input")
    return float(np.mean(_same(student, teacher)))


def _counts_of_answers(student, teacher):
    ours, theirs = (np.bincount(logits.argmax(1), minlength=logits.shape[1]) for logits in (student, teacher))
    return float(np.minimum(ours, theirs).sum() / len(student))


def _is_largest(logits):
    return logits == logits.max(1, keepdims=True)


def _overflowing(student, teacher):
    with np.errstate(all="ignore"):
        shares = [np.exp(logits) / np.exp(logits).sum(1, keepdims=True) for logits in (student, teacher)]
    return float(_same(*shares).mean())


def _columns(student, teacher):
    return float((student.argmax(0) == teacher.argmax(0)).mean())


def _any_top_two(student, teacher):
    return float(np.mean([top in row.argsort()[-2:] for top, row in zip(student.argmax(1), teacher)]))


def _correlation(student, teacher):
    return float(np.corrcoef(student.ravel(), teacher.ravel())[0, 1])


AGREEMENT = Exercise(
    id="10.agreement",
    title="agreement",
    name="agreement",
    parameters=("student_logits", "teacher_logits"),
    points=2,
    minutes=5,
    difficulty="easy",
    reference="tlkit.agreement:agreement",
    cases=_cases,
    shrinks=False,
    hint="First one answer for each example and model; then compare.",
    equivalent_mutants={
        "return float(np.mean(student.argmax(axis=-1) == teacher.argmax(axis=1)))": "the last axis is axis 1",
        "return float(np.mean(student.argmax(axis=1) == teacher.argmax(axis=-1)))": "the last axis is axis 1",
    },
    misconceptions=(
        Misconception("the largest of each column", "Columns are classes: `argmax(0)` asks which example is the most typical of a class.",
                      "Along which axis do the classes of one example lie?", _by(_columns)),
        Misconception("the number, not the share", "It was counted, and not divided.", "Between which two numbers does a share lie?",
                      _by(lambda s, t: int(_same(s, t).sum()))),
        Misconception("the share in which they differ", "It is the other half of the same fact.", "What should two equal models get?",
                      _by(lambda s, t: float(1 - _same(s, t).mean()))),
        Misconception("in percent", "Reports print it that way.", "Between which two numbers does a share lie?", _by(lambda s, t: float(100 * _same(s, t).mean()))),
        Misconception("the smallest output", "`argmin` is what they both find least likely.", "Which output is a model's answer?",
                      _by(lambda s, t: float((s.argmin(1) == t.argmin(1)).mean()))),
        Misconception("equal outputs are asked for", "Two models with the same answers hardly ever have the same numbers.", "What is an answer: the class, or its logit?",
                      _by(lambda s, t: float((s.max(1) == t.max(1)).mean()))),
        Misconception("entries are compared", "Of C outputs of an example one is the answer.", "How many answers does one example have?",
                      _by(lambda s, t: float(((s == s.max(1, keepdims=True)) == (t == t.max(1, keepdims=True))).mean()))),
        Misconception("how much the probabilities overlap", "It says more than the answers do, and is another number.",
                      "What are two models that are unsure to a different degree, with the same answers?",
                      _by(lambda s, t: float(np.minimum(_softmax(s), _softmax(t)).sum(1).mean()))),
        Misconception("the last of equal outputs", "Sorting puts it at the end.", "Which of equal outputs does the exercise count?",
                      _by(lambda s, t: float((_last_of_equals(s) == _last_of_equals(t)).mean()))),
        Misconception("any of the teacher's two best", "Close, but not the same answer.", "How many answers does a model give?", _by(_any_top_two)),
        Misconception("0 where there is nothing to measure", "Nothing was alike, but nothing was different either.", "What is 0 divided by 0?", _without_refusing_empty),
        Misconception("shapes are not compared", "numpy repeats a single row as often as needed, without a word.",
                      "What does numpy do with arrays of 4 and of 1 answers?", _without_comparing_shapes),
        Misconception("all or nothing", "`all` asks whether every single one is alike, and `//` makes 0 of every share below 1.", "Which share of the examples is it?",
                      _by(lambda s, t: float(_same(s, t).all()))),
        Misconception("pairs up to the end of the shorter one", "`zip` stops there without a word, and pairs rows of 3 and of 5 classes as well.",
                      "What does `zip` do with 4 rows and 1 row?", _pairs_only),
        Misconception("only the numbers of entries are compared", "(1, 6) and (2, 3) have as many, and are one example and two.",
                      "Which attribute of an array says how many examples and classes there are?", _entries_counted_alone),
        Misconception("a softmax on the way overflows", "exp(3000) is infinite, and inf / inf is nan; the largest probability stands where the largest logit does.",
                      "Does a softmax change which output is the largest?", _by(_overflowing)),
        Misconception("how often each class is said", "Two models can say each class as often, and never of the same example.",
                      "What of two examples, where one model says 0, 1 and the other 1, 0?", _by(_counts_of_answers)),
        Misconception("the largest absolute output", "A logit far below 0 says that a class is unlikely.", "Which output is a model's answer where all are below 0?",
                      _by(lambda s, t: float((np.abs(s).argmax(1) == np.abs(t).argmax(1)).mean()))),
        Misconception("divided by the number of classes", "`shape[1]` is C; the share is one of examples.", "How many examples could be alike at most?",
                      _by(lambda s, t: float(_same(s, t).sum() / s.shape[1]))),
        Misconception("the correlation of the logits", "It says whether they move together, and is another number.", "How many of the answers are the same?", _by(_correlation)),
        Misconception("the whole order of the classes", "Only the first place is the answer.", "How many answers does a model give?",
                      _by(lambda s, t: float((s.argsort(1) == t.argsort(1)).all(1).mean()))),
        Misconception("only the numbers of examples are compared", "With other classes the same number of an output means something else.",
                      "What do (4, 3) and (4, 5) have in common, and what not?", _examples_counted_alone),
        Misconception("each of several equal outputs counts", "A model gives one answer, also where outputs are equal.", "Which of equal outputs does the exercise count?",
                      _by(lambda s, t: float((_is_largest(s) & _is_largest(t)).any(1).mean()))),
        Misconception("one answer for all examples", "`argmax` without an axis gives the place of the largest entry of the whole array.", "How many answers do N examples have?",
                      _by(lambda s, t: float(s.argmax() == t.argmax()))),
        Misconception("divided by the number of all entries", "`size` is N times C; the share is one of examples.", "How many examples could be alike at most?",
                      _by(lambda s, t: float(_same(s, t).sum() / s.size))),
    ),
)
