"""Exercise 08.scores: precision, recall and F1 of whole entities."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception
from tlkit.spans import spans


def _cases(rng: np.random.Generator) -> list[Case]:
    a, b = (str(kind) for kind in rng.permutation(["PER", "LOC", "ORG"])[:2])
    long, short = [f"B-{a}", f"I-{a}", "O", f"B-{b}", "O"], [f"B-{a}", "O", "O"]
    nothing = ["O"] * 5
    gold = [long, short, ["O", f"B-{b}", f"B-{a}", "O"], nothing]
    said = [[f"B-{a}", "O", "O", f"B-{b}", f"B-{b}"], short, ["O", f"B-{b}", f"B-{b}", f"B-{a}"], nothing]
    many = [[str(tag) for tag in rng.choice(["O", f"B-{a}", f"I-{a}", f"B-{b}", f"I-{b}"], int(rng.integers(4, 9)))] for _ in range(6)]
    near = [[tag if rng.random() < 0.75 else "O" for tag in tags] for tags in many]
    return [
        Case("whole entities", "one of two is right, and one invented", (([said[0]], [gold[0]]),)),
        Case("whole entities", "a boundary is wrong", (([[f"B-{a}", "O", "O", f"B-{b}", "O"]], [long]),)),
        Case("whole entities", "a type is wrong", (([[f"B-{b}", f"I-{b}", "O", f"B-{b}", "O"]], [long]),)),
        Case("over all sentences together", "a long and a short sentence", ((said[:2], gold[:2]),)),
        Case("over all sentences together", "the same span in another sentence", (([short, ["O", "O", "O"], long], [["O", "O", "O"], short, long]),)),
        Case("over all sentences together", "an I at the beginning, behind a sentence that ends with its type",
             (([[f"B-{a}"], [f"I-{a}", "O"], short], [[f"B-{a}"], ["O", "O"], short]),)),
        Case("over all sentences together", "several sentences", ((said, gold),)),
        Case("over all sentences together", "tags of every sort", ((near, many),)),
        Case("nothing named, or nothing there", "the only entity is found", (([short], [short]),)),
        Case("nothing named, or nothing there", "all that is there is found", (([long], [long]),)),
        Case("nothing named, or nothing there", "nothing is named", (([nothing], [long]),)),
        Case("nothing named, or nothing there", "nothing is there", (([long], [nothing]),)),
        Case("nothing named, or nothing there", "neither", (([nothing], [nothing]),)),
    ]


def _sets(predicted, gold):
    return tuple({(number, *span) for number, tags in enumerate(side) for span in spans(tags)} for side in (predicted, gold))


def _three(right, named, there):
    return (right / named if named else 0.0, right / there if there else 0.0, 2 * right / (named + there) if named + there else 0.0)


def _counts(named, there):
    return _three(len(named & there), len(named), len(there))


def _by_tokens(predicted, gold):
    pairs = [pair for ours, theirs in zip(predicted, gold) for pair in zip(ours, theirs)]
    return _three(sum(one == other != "O" for one, other in pairs), sum(one != "O" for one, _ in pairs), sum(other != "O" for _, other in pairs))


def _without_sentence(predicted, gold):
    return _counts(*({span for tags in side for span in spans(tags)} for side in (predicted, gold)))


def _joined(predicted, gold):
    return _counts(*({tuple(span) for span in spans([tag for tags in side for tag in tags])} for side in (predicted, gold)))


def _mean_of_sentences(predicted, gold):
    rows = [_counts(*_sets([ours], [theirs])) for ours, theirs in zip(predicted, gold)]
    return tuple(float(np.mean(column)) for column in zip(*rows))


def _swapped(predicted, gold):
    precision, recall, f1 = _counts(*_sets(predicted, gold))
    return recall, precision, f1


def _without_type(predicted, gold):
    return _counts(*({(number, start, end) for number, _, start, end in side} for side in _sets(predicted, gold)))


def _overlapping(predicted, gold):
    named, there = _sets(predicted, gold)
    touches = lambda one, other: one[:2] == other[:2] and one[2] < other[3] and other[2] < one[3]
    right = sum(any(touches(one, other) for other in there) for one in named)
    return _three(right, len(named), len(there))


def _arithmetic(predicted, gold):
    precision, recall, _ = _counts(*_sets(predicted, gold))
    return precision, recall, (precision + recall) / 2


def _nan(predicted, gold):
    named, there = _sets(predicted, gold)
    right = len(named & there)
    return (right / len(named) if named else float("nan"), right / len(there) if there else float("nan"),
            2 * right / (len(named) + len(there)) if named or there else float("nan"))


def _one_for_nothing(predicted, gold):
    named, there = _sets(predicted, gold)
    return _counts(named, there) if named or there else (1.0, 1.0, 1.0)


def _lenient(predicted, gold):
    return _counts(*({(number, *span) for number, tags in enumerate(side) for span in spans(tags, "conlleval")} for side in (predicted, gold)))


def _f1_of_sums(predicted, gold):
    precision, recall, _ = _counts(*_sets(predicted, gold))
    return precision, recall, precision * recall / (precision + recall) if precision + recall else 0.0


SCORES = Exercise(
    id="08.scores",
    title="precision, recall and F1 of whole entities",
    name="entity_scores",
    parameters=("predicted", "gold"),
    points=3,
    minutes=8,
    difficulty="medium",
    reference="tlkit.spans:entity_scores",
    cases=_cases,
    given={"spans": "tlkit.spans:spans"},
    equivalent_mutants={
        "right, named, there = (int(counts.sum()) for counts in entity_counts(predicted, gold, scheme))": "answers have no type; all are counted",
        **dict.fromkeys((
            f"return (right / named if named else 0.0, right / there if there else 0.0, 2 * right / (named + there) if {which} else 0.0)"
            for which in ("named", "there")), "where one side has none, none is right"),
    },
    hint="Make two sets, one of the entities that were named and one of those that are there; what identifies an entity among all sentences?",
    misconceptions=(
        Misconception("tokens are counted", "Tags are what the model gives, but the question is about names: half a name is no name.",
                      "How much is an entity worth of which one word of two was found?", _by_tokens),
        Misconception("the sentence is forgotten", "Two spans are the same when type, start and end are, in the same sentence.",
                      "What if the same span stands in two sentences?", _without_sentence),
        Misconception("all sentences as one", "Places are told apart that way, but an I at the beginning of a sentence then goes on with what the sentence before "
                      "ended with.", "Where does an entity end that is the last word of its sentence?", _joined),
        Misconception("the mean over sentences", "Each sentence then counts alike, however many entities it has, and one without any counts as a failure.",
                      "Which counts are added up over all sentences?", _mean_of_sentences),
        Misconception("precision and recall swapped", "Both have the right ones on top.", "What is below the line: what was named, or what is there?",
                      _swapped),
        Misconception("the type does not count", "The place is right, but a person is not a place.", "Which three things must be the same?", _without_type),
        Misconception("touching is enough", "An overlap is something, and there are scores that give credit for it; strict F1 does not.",
                      "What does “exactly” ask of start and end?", _overlapping),
        Misconception("the mean of precision and recall", "F1 is their harmonic mean, which lies nearer to the smaller one.",
                      "What is F1 where precision is 1 and recall almost 0?", _arithmetic),
        Misconception("half of F1", "The harmonic mean has a 2 on top.", "What should F1 be where both are 1?", _f1_of_sums),
        Misconception("nan for nothing", "0 / 0 is not defined, and a table of scores needs a number. The exercise says which.",
                      "What does the exercise ask for where nothing was named?", _nan),
        Misconception("one for nothing", "Nothing was there and nothing was named: perfect? The exercise, as most programs, says 0.",
                      "What does the exercise ask for where there is nothing at all?", _one_for_nothing),
        Misconception("an I begins an entity", "The given `spans` is strict; one that is not sees more entities.", "Do you use the `spans` of the exercise before?",
                      _lenient),
    ),
)
