"""Exercise 02.balanced (optional): weights that let all classes count alike."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _balanced_cases(rng: np.random.Generator) -> list[Case]:
    def call(*counts):
        labels = np.repeat(np.arange(len(counts)), counts)
        return torch.tensor(rng.permutation(labels)), len(counts)

    some = [int(n) for n in rng.integers(2, 9, 4)]
    return [
        Case("classes of different sizes", "three and one", (call(3, 1),)),
        Case("classes of different sizes", "four classes", (call(*some, 11),)),
        Case("classes of different sizes", "one of two classes is everywhere", (call(1, 12),)),
        Case("classes of one size", "two of each", (call(2, 2, 2),)),
        Case("classes of one size", "almost", (call(2, 3, 2),)),
        Case("a class that never occurs", "in the middle", (call(2, 0, 4),)),
        Case("a class that never occurs", "the last two", (call(some[0] + 1, 3, 0, 0),)),
    ]


def _counts(labels, class_count):
    return torch.bincount(labels, minlength=class_count).double()


def _weights_shares(labels, class_count):
    return _counts(labels, class_count) / len(labels)


def _weights_not_over_classes(labels, class_count):
    return len(labels) / _counts(labels, class_count).clamp(min=1)


def _weights_infinite(labels, class_count):
    return len(labels) / (class_count * _counts(labels, class_count))


def _weights_zero(labels, class_count):
    counts = _counts(labels, class_count)
    return torch.where(counts > 0, len(labels) / (class_count * counts.clamp(min=1)), torch.zeros_like(counts))


def _weights_of_seen(labels, class_count):
    return len(labels) / (class_count * torch.unique(labels, return_counts=True)[1].double())


def _weights_seen_classes(labels, class_count):
    counts = _counts(labels, class_count)
    return len(labels) / ((counts > 0).sum() * counts.clamp(min=1))


def _weights_add_one(labels, class_count):
    return len(labels) / (class_count * (_counts(labels, class_count) + 1))


def _weights_largest(labels, class_count):
    counts = _counts(labels, class_count).clamp(min=1)
    return counts.max() / counts


def _weights_add_up_to_one(labels, class_count):
    weights = 1 / _counts(labels, class_count).clamp(min=1)
    return weights / weights.sum()


def _weights_complement(labels, class_count):
    return 1 - _counts(labels, class_count) / len(labels)


def _weights_of_examples(labels, class_count):
    return (len(labels) / (class_count * _counts(labels, class_count).clamp(min=1)))[labels]


def _weights_root(labels, class_count):
    return (len(labels) / (class_count * _counts(labels, class_count).clamp(min=1))).sqrt()


BALANCED = Exercise(
    id="02.balanced",
    title="classes that count alike",
    name="balanced_weights",
    parameters=("labels", "class_count"),
    points=2,
    minutes=5,
    difficulty="easy",
    reference="tlkit.heads:balanced_weights",
    cases=_balanced_cases,
    shortcuts=("sklearn.utils.class_weight:compute_class_weight", "sklearn.utils.class_weight:compute_sample_weight"),
    hint="Count each class first; what should a class's count times its weight be?",
    misconceptions=(
        Misconception("the frequent classes count for more", "A weight looks like a share.", "Which class should count for more: a rare or a frequent one?",
                      _weights_shares),
        Misconception("not divided by the number of classes", "N / N_c is the other way round of a share.",
                      "What do the weights of all examples add up to?", _weights_not_over_classes),
        Misconception("infinite for a class that never occurs", "N / 0.", "How often does the exercise pretend that such a class occurs?", _weights_infinite),
        Misconception("0 for a class that never occurs", "It plays no part in training.", "How often does the exercise pretend that such a class occurs?",
                      _weights_zero),
        Misconception("only the classes that occur get a weight", "`unique` lists what it sees.", "How many weights are due?", _weights_of_seen),
        Misconception("divided by the number of classes that occur", "scikit-learn's “balanced” does so.", "What is C?", _weights_seen_classes),
        Misconception("1 is added to every count", "It also avoids a division by zero, and changes every weight.", "Which counts have to change?",
                      _weights_add_one),
        Misconception("relative to the largest class", "The largest class keeps the weight 1.", "What do the weights of all examples add up to?",
                      _weights_largest),
        Misconception("the weights add up to 1", "Weights usually do.", "What do the weights of all examples add up to?", _weights_add_up_to_one),
        Misconception("1 minus the share", "It grows as a class becomes rarer, but too little.", "What should a class's count times its weight be?",
                      _weights_complement),
        Misconception("a weight for each example", "That is what the loss uses in the end.", "How many weights are due?", _weights_of_examples),
        Misconception("the square root", "A milder weighting is used as well, by that name.", "What should a class's count times its weight be?",
                      _weights_root),
    ),
)
