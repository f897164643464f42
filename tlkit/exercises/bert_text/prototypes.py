"""Exercise 07.prototypes: one direction for each intent, from a few texts of it."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(counts, size):
        labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
        features = rng.normal(0, 1, (len(labels), size)) + 2.0 * rng.normal(0, 1, (len(counts), size))[labels]
        return torch.tensor(features.round(2)), torch.tensor(labels), len(counts)

    small = torch.tensor([[3.0, 0.0], [0.0, 4.0], [3.0, 8.0]], dtype=torch.float64)
    several, order, missing = "several texts of a class", "one row for each class, in order", "a class without a text is refused"
    two = call([2, 3], 4)
    return [
        Case(several, "two texts of class 0, one of class 1", ((small, torch.tensor([0, 1, 0]), 2),)),
        Case(several, "three classes of three texts", ((call([3, 3, 3], 4)),)),
        Case(several, "classes of different sizes", ((call([2, 5, 1, 3], 5)),)),
        Case(order, "class 1 comes first in the data", ((small, torch.tensor([1, 1, 0]), 2),)),
        Case(order, "a text for each of four classes", ((call([1, 1, 1, 1], 3)),)),
        Case("single precision", "features in float32", ((call([2, 3, 1], 6)[0].float(), torch.tensor([0, 2, 1, 2, 0, 2]), 3),)),
        Case(missing, "two classes of two", ((two),)),
        Case(missing, "the last class has none", ((two[0], two[1], 3),), raises="ValueError"),
        Case(missing, "the middle class has none", ((small, torch.tensor([0, 2, 2]), 3),), raises="ValueError"),
    ]


def _each(rule, classes=lambda labels, count: range(count)):
    """A row for each class by some rule of its features."""

    def answer(features, labels, class_count):
        if any(int((labels == number).sum()) == 0 for number in range(class_count)):
            raise ValueError("a class has no text")
        return torch.stack([rule(features[labels == number]) for number in classes(labels.tolist(), class_count)])

    return answer


def _unit(vector):
    return vector / vector.norm()


def _of_columns(features, labels, class_count):
    means = _each(lambda rows: rows.mean(dim=0))(features, labels, class_count)
    return means / means.norm(dim=0)


def _around_the_mean(features, labels, class_count):
    return _each(lambda rows: _unit(rows.mean(dim=0)))(features - features.mean(dim=0), labels, class_count)


def _whole_matrix(features, labels, class_count):
    means = _each(lambda rows: rows.mean(dim=0))(features, labels, class_count)
    return means / means.norm()


def _zeros(features, labels, class_count):
    found = torch.zeros(class_count, features.shape[1], dtype=features.dtype)
    for number in range(class_count):
        rows = features[labels == number]
        if len(rows):
            found[number] = _unit(rows.mean(dim=0))
    return found


def _nan(features, labels, class_count):
    return torch.stack([_unit(features[labels == number].mean(dim=0)) for number in range(class_count)])


def _left_out(features, labels, class_count):
    return torch.stack([_unit(features[labels == number].mean(dim=0)) for number in sorted(set(labels.tolist()))])


PROTOTYPES = Exercise(
    id="07.prototypes",
    title="one direction for each intent",
    name="prototypes",
    parameters=("features", "labels", "class_count"),
    points=3,
    minutes=8,
    difficulty="medium",
    reference="tlkit.adaptation:prototypes",
    cases=_cases,
    rtol=1e-5,
    atol=1e-7,
    shrinks=False,
    hint="`features[labels == c]` are the texts of class c. The mean first, its length afterwards.",
    misconceptions=(
        Misconception("means that are not scaled to length 1", "A class whose texts differ much has a short mean, and would be answered too rarely.",
                      "How long is each row?", _each(lambda rows: rows.mean(dim=0))),
        Misconception("each text scaled to length 1, not the mean", "The mean of unit vectors is shorter than 1, unless they are all the same.",
                      "How long is the mean of two unit vectors at a right angle?", _each(lambda rows: torch.nn.functional.normalize(rows, dim=1).mean(dim=0))),
        Misconception("each text scaled before the mean as well", "A sensible variant in which long and short texts count alike; the formula takes the mean of "
                      "features as they are.", "What does mean_c stand for in the formula?",
                      _each(lambda rows: _unit(torch.nn.functional.normalize(rows, dim=1).mean(dim=0)))),
        Misconception("the first text of each class", "One example is what one remembers; with more texts there is more to know.",
                      "Which texts of a class count?", _each(lambda rows: _unit(rows[0]))),
        Misconception("the median of each feature", "It holds against odd texts; the formula has a mean.", "What does mean_c stand for?",
                      _each(lambda rows: _unit(rows.median(dim=0).values))),
        Misconception("rows in the order of the data", "`dict.fromkeys(labels)` keeps the order in which classes occur; the head has one of its own.",
                      "Which class is row 0?", _each(lambda rows: _unit(rows.mean(dim=0)), lambda labels, count: dict.fromkeys(labels))),
        Misconception("columns scaled, not rows", "`norm(dim=0)` is the length of a column.", "Which axis are the features?", _of_columns),
        Misconception("one length for all classes", "`norm()` without an axis is that of the whole matrix.", "How long is each row?", _whole_matrix),
        Misconception("divided by the sum of absolute values", "That is a length too, but another one than the formula's.", "What is ||v|| for v = (3, 4)?",
                      _each(lambda rows: rows.mean(dim=0) / rows.mean(dim=0).abs().sum())),
        Misconception("divided by the squared length", "The square root is missing.", "What is ||v|| for v = (3, 4)?",
                      _each(lambda rows: rows.mean(dim=0) / rows.mean(dim=0).square().sum())),
        Misconception("the mean of all texts is taken off", "It often helps, and is another method.", "What does the formula subtract?", _around_the_mean),
        Misconception("zeros for a class without a text", "It would never be answered, and nobody would be told.", "What does the exercise ask for where a class "
                      "has no text?", _zeros),
        Misconception("nan for a class without a text", "The mean of nothing is nan, and nan is the largest output of all.", "What does the exercise ask for where a "
                      "class has no text?", _nan),
        Misconception("a class without a text is left out", "Then all rows behind it belong to the wrong class.", "How many rows are due?", _left_out),
    ),
)
