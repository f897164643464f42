"""Exercise 10.cache: what the teacher says, once for each example."""

import numpy as np
import torch

from tlkit.exercises.recipe import batches, model
from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def net(name, training=True, norm=False, frozen=()):
        layers = (("linear", 3, 4), ("batchnorm", 4), ("tanh",), ("linear", 4, 5)) if norm else (("linear", 3, 4), ("tanh",), ("linear", 4, 5))
        return model(*layers, name=name, seed=int(rng.integers(1000)), training=training, frozen=frozen)

    def call(teacher, count, size, shuffled=False):
        """Shuffled, no example stands in its place, and the first batch begins behind the second."""
        numbers = np.arange(count)
        while shuffled and ((numbers == np.arange(count)).any() or (numbers[::size][:2] != -np.sort(-numbers[::size][:2])).any()):
            numbers = rng.permutation(count)
        return ((teacher, batches(np.round(rng.normal(size=(count, 3)), 2).astype(np.float32), numbers, size)),)

    odd, many = int(rng.integers(7, 10)), int(rng.integers(12, 15))
    return [
        Case("what is kept", "three examples in one batch", call(net("outputs", False), 3, 3)),
        Case("what is kept", f"{odd} examples, the last alone", call(net("outputs", False), odd, odd - 1)),
        Case("the examples' order", "three examples, shuffled", call(net("outputs", False), 3, 3, True)),
        Case("the examples' order", "two batches, shuffled", call(net("outputs", False), 6, 3, True)),
        Case("the examples' order", f"{many} examples, shuffled, a smaller last batch", call(net("outputs", False), many, 5, True)),
        Case("the examples' order", "more than a hundred examples, shuffled", call(net("outputs", False), 130 + many, 50, True)),
        Case("evaluation mode, without gradients", "a BatchNorm", call(net("the teacher", norm=True), 4, 4)),
        Case("evaluation mode, without gradients", "a BatchNorm, two batches", call(net("the teacher", norm=True), 6, 3)),
        Case("left as it was", "it was in training", call(net("left", training=True), 3, 3)),
        Case("left as it was", "it was in evaluation", call(net("left", training=False), 3, 3)),
        Case("left as it was", "its first layer was frozen", call(net("left", training=False, frozen=("0.weight", "0.bias")), 3, 3)),
    ]


def _answer(mode=False, gradients=False, restored=True, training_after=False, order=lambda said, numbers: said[numbers.argsort()],
            last=False, first=False, change=lambda said: said):
    """A teacher asked with one mistake."""

    def ask_teacher(teacher, batches):
        was_training = teacher.training
        teacher.train(mode)
        said, places = [], []
        with torch.set_grad_enabled(gradients):
            for inputs, numbers in batches:
                if last:
                    said, places = [], []
                said.append(teacher(inputs))
                places.append(numbers)
                if first:
                    break
        if training_after:
            teacher.train()
        elif restored:
            teacher.train(was_training)
        return change(order(torch.cat(said), torch.cat(places)))

    return ask_teacher


def _in_batch_order(said, numbers):
    return said


def _wrong_way(said, numbers):
    return said[numbers]


def _frozen_only(teacher, batches):
    for parameter in teacher.parameters():
        parameter.requires_grad_(False)
    said, numbers = zip(*((teacher(inputs), numbers) for inputs, numbers in batches))
    return torch.cat(said)[torch.cat(numbers).argsort()]


def _frozen_for_good(teacher, batches):
    for parameter in teacher.parameters():
        parameter.requires_grad_(False)
    return _answer()(teacher, batches)


def _freed_for_good(teacher, batches):
    said = _frozen_for_good(teacher, batches)
    for parameter in teacher.parameters():
        parameter.requires_grad_(True)
    return said


def _eval_too_late(teacher, batches):
    was_training = teacher.training
    said, places = [], []
    with torch.no_grad():
        for inputs, numbers in batches:
            said.append(teacher(inputs))
            places.append(numbers)
            teacher.eval()
    teacher.train(was_training)
    return torch.cat(said)[torch.cat(places).argsort()]


def _own_flag_only(teacher, batches):
    was_training = teacher.training
    said = _answer(restored=False)(teacher, batches)
    teacher.training = was_training
    return said


def _full_batches_only(teacher, batches):
    whole = []
    for pair in batches:
        if not whole or len(pair[1]) == len(whole[0][1]):
            whole.append(pair)
    return _answer()(teacher, whole)


def _whole_batches_in_order(teacher, batches):
    said = []
    ask = _answer(order=_in_batch_order)
    for inputs, numbers in batches:
        said.append((int(numbers[0]), ask(teacher, [(inputs, numbers)])))
    return torch.cat([rows for _, rows in sorted(said, key=lambda pair: pair[0])])


def _counted_before(teacher, batches):
    """One walk to count the examples, and another to ask."""
    count = sum(len(numbers) for _, numbers in batches)
    return _answer()(teacher, batches)[:count]


def _by_column(said):
    return said.T


def _answers_alone(said):
    return said.argmax(1)


def _probabilities(said):
    return said.softmax(1)


def _list_of_batches(teacher, batches):
    was_training = teacher.training
    teacher.eval()
    with torch.no_grad():
        said = [teacher(inputs) for inputs, _ in batches]
    teacher.train(was_training)
    return said


def _sorted_in_batches(teacher, batches):
    """Sorted within each batch alone."""
    was_training = teacher.training
    teacher.eval()
    with torch.no_grad():
        said = [teacher(inputs)[numbers.argsort()] for inputs, numbers in batches]
    teacher.train(was_training)
    return torch.cat(said)


def _eval_afterwards(teacher, batches):
    with torch.no_grad():
        said, numbers = zip(*((teacher(inputs), numbers) for inputs, numbers in batches))
    teacher.eval()
    return torch.cat(said)[torch.cat(numbers).argsort()]


def _dictionary(teacher, batches):
    was_training = teacher.training
    teacher.eval()
    with torch.no_grad():
        kept = {int(number): row for inputs, numbers in batches for number, row in zip(numbers, teacher(inputs))}
    teacher.train(was_training)
    return kept


def _each_column_sorted(teacher, batches):
    return _answer(order=lambda said, numbers: said.sort(dim=0).values)(teacher, batches)


CACHE = Exercise(
    id="10.cache",
    title="what the teacher says, once",
    name="ask_teacher",
    kind="loop",
    parameters=("teacher", "batches"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.teacher:ask_once",
    cases=_cases,
    looks_at=("the teacher.buffers", "the teacher.forward", "left.training", "left.requires_grad", "batches.calls"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Mode, gradients, the loop, the mode again; and last: where does row i of a batch belong?",
    misconceptions=(
        Misconception("the teacher is in training mode", "It is done with training, but nobody told it: its BatchNorm uses the batch's statistics and moves its own.",
                      "In which mode does a model give the answers that it was judged by?", _answer(mode=True)),
        Misconception("gradients are recorded", "`eval()` sounds as if it did that too; a graph then costs time and memory at every call, also if it is cut off afterwards.",
                      "Which context tells torch not to record?", _answer(gradients=True)),
        Misconception("frozen, but in training mode", "`requires_grad=False` stops the parameters; BatchNorm's statistics are no parameters.",
                      "Does freezing put BatchNorm into evaluation mode?", _frozen_only),
        Misconception("in the order of the batches", "They come as the loader shuffled them; example 7 then gets what was said of another.",
                      "Which example is row i of a batch?", _answer(order=_in_batch_order)),
        Misconception("the order is applied the wrong way round", "`said[numbers]` shuffles once more; row i has to go to place numbers[i].",
                      "Where should row 0 of a batch with numbers [2, 0, 1] stand in the end?", _answer(order=_wrong_way)),
        Misconception("sorted within each batch alone", "An example's place is among all of them.", "Where does example 5 belong that came in the first batch?",
                      _sorted_in_batches),
        Misconception("the mode is not put back", "A teacher will hardly be trained again, one hopes.", "In which mode does whoever called you expect the model?",
                      _answer(restored=False)),
        Misconception("always left in training mode", "As after an evaluation between two epochs.", "What if it was in evaluation mode before?",
                      _answer(training_after=True)),
        Misconception("the last batch only", "It is what is left in the variables when the loop ends.", "What of the batches before?", _answer(last=True)),
        Misconception("the first batch only", "A `return` or `break` inside the loop ends it.", "How far does your loop get?", _answer(first=True)),
        Misconception("the answers alone", "`argmax` keeps one number an example, and throws away what the student is to learn.",
                      "How many numbers does the teacher say of one example?", _answer(change=_answers_alone)),
        Misconception("probabilities are kept", "They are at temperature 1; for another temperature one needs the logits.",
                      "Can softmax(t / 4) be found from what you kept, as exactly?", _answer(change=_probabilities)),
        Misconception("a list of batches", "The next epoch shuffles anew, and then these batches fit no more.", "Which shape does the exercise ask for?", _list_of_batches),
        Misconception("examples in columns", "Rows are examples.", "Which shape does the exercise ask for?", _answer(change=_by_column)),
        Misconception("put into evaluation mode after it was asked", "The mode counts when the model is called, not afterwards.",
                      "In which line must `eval()` stand, before or behind the loop?", _eval_afterwards),
        Misconception("evaluation mode comes too late for the first batch", "`eval()` stands behind the first call, so that the first batch meets a teacher in training mode.",
                      "In which mode is the teacher when it sees the first batch?", _eval_too_late),
        Misconception("only the flag of the whole is put back", "`eval()` had reached every part; `teacher.training` is the flag of the outermost module alone.",
                      "Which method sets the mode of all parts?", _own_flag_only),
        Misconception("everything trains afterwards", "It was frozen for asking, and freed as a whole; but a part of it was frozen before.",
                      "Which parameters required a gradient when the teacher was handed to you?", _freed_for_good),
        Misconception("a smaller last batch is left out", "In training a loader may drop it; here its examples would be missing.",
                      "How many rows come back for 9 examples in batches of 4?",
                      _full_batches_only),
        Misconception("whole batches are put in order", "Within a batch the examples are shuffled as well.", "Where does row 1 of a batch with numbers [4, 0, 2] belong?",
                      _whole_batches_in_order),
        Misconception("a dictionary by number", "Every example can be found in it; a tensor was asked for, from which a batch takes many rows at once.",
                      "Which type and shape does the exercise ask for?", _dictionary),
        Misconception("the outputs are sorted, not the examples", "`sort` puts each column into order by itself, and tears examples apart.",
                      "What should be in order: logits or example numbers?", _each_column_sorted),
        Misconception("frozen for good", "To ask needs no gradients, and `no_grad` sees to that; whoever trains this model further finds nothing that trains.",
                      "What about the teacher is another when your function has ended?", _frozen_for_good),
        Misconception("the batches are walked through twice", "A first walk to count loads every example once more; the answers can be put together at the end.",
                      "Is the number of examples needed before the first one is asked about?", _counted_before),
    ),
)
