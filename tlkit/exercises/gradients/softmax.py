"""Exercise 03.softmax: the gradient of mean cross-entropy by the logits."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

_AUTOGRAD = ("torch.autograd:grad", "torch.autograd:backward", "torch:Tensor.backward", "torch.func:grad", "torch.func:vjp",
             "torch.func:jacrev", "torch.func:jacfwd", "torch.autograd.functional:jacobian", "torch.autograd.functional:vjp")


def _softmax_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, upstream=1.0, scale=2.0, with_last_class=True, around=0.0):
        logits = torch.tensor(np.round(around + rng.normal(size=(batch, classes)) * scale, 0 if around else 2))  # exact in float32
        labels = rng.integers(0, classes if with_last_class else classes - 1, batch)
        labels[0] = classes - 1 if with_last_class else 0
        return logits, torch.tensor(labels), float(upstream)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    return [
        Case("a single example", "two classes", (call(1, 2),)),
        Case("a single example", "four classes", (call(1, 4),)),
        Case("the mean over a batch", "two examples", (call(2, 3),)),
        Case("the mean over a batch", "more examples than classes", (call(many, few),)),
        Case("the mean over a batch", "more classes than examples", (call(few, many),)),
        Case("the mean over a batch", "a class that no example has", (call(few, 4, with_last_class=False),)),
        Case("what comes from above", "an upstream gradient", (call(2, 3, round(rng.uniform(2, 4), 1)),)),
        Case("what comes from above", "a negative upstream gradient", (call(many, few, -round(rng.uniform(2, 4), 1)),)),
        Case("logits of any size", "logits of thousands", (call(3, 4, 1.0, 3000.0),)),
        Case("logits of any size", "logits far below 0, all of them", (call(5, 3, around=-3000.0),)),
    ]


def _one_hot(logits, labels):
    return torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)


def _right(logits, labels, upstream):
    return upstream * (torch.softmax(logits, 1) - _one_hot(logits, labels)) / len(logits)


def _softmax_sum(logits, labels, upstream):
    return _right(logits, labels, upstream) * len(logits)


def _softmax_all_entries(logits, labels, upstream):
    return _right(logits, labels, upstream) / logits.shape[1]


def _softmax_no_upstream(logits, labels, upstream):
    return _right(logits, labels, 1.0)


def _softmax_flipped(logits, labels, upstream):
    return -_right(logits, labels, upstream)


def _softmax_over_batch(logits, labels, upstream):
    return upstream * (torch.softmax(logits, 0) - _one_hot(logits, labels)) / len(logits)


def _softmax_unstable(logits, labels, upstream):
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return upstream * (p - _one_hot(logits, labels)) / len(logits)


def _softmax_every_column(logits, labels, upstream):
    p = torch.softmax(logits, 1)
    p[:, labels] -= 1
    return upstream * p / len(logits)


def _softmax_minus_one(logits, labels, upstream):
    return upstream * (torch.softmax(logits, 1) - 1) / len(logits)


def _softmax_true_class(logits, labels, upstream):
    return _right(logits, labels, upstream) * _one_hot(logits, labels)


def _softmax_other_classes(logits, labels, upstream):
    return upstream * torch.softmax(logits, 1) / len(logits)


def _softmax_slope_again(logits, labels, upstream):
    p = torch.softmax(logits, 1)
    return _right(logits, labels, upstream) * p * (1 - p)


def _softmax_by_probabilities(logits, labels, upstream):
    return -upstream * _one_hot(logits, labels) / torch.softmax(logits, 1) / len(logits)


def _softmax_of_logarithms(logits, labels, upstream):
    return upstream * (torch.log_softmax(logits, 1) - _one_hot(logits, labels)) / len(logits)


def _softmax_sigmoids(logits, labels, upstream):
    return upstream * (torch.sigmoid(logits) - _one_hot(logits, labels)) / len(logits)


def _softmax_added_up(logits, labels, upstream):
    return _right(logits, labels, upstream).sum(0)


def _softmax_classes_that_occur(logits, labels, upstream):
    wanted = torch.nn.functional.one_hot(labels).to(logits.dtype)
    return upstream * (torch.softmax(logits, 1) - wanted) / len(logits)


def _softmax_upstream_at_labels(logits, labels, upstream):
    p = torch.softmax(logits, 1)
    p[torch.arange(len(labels)), labels] -= upstream
    return p / len(logits)


def _softmax_upstream_added(logits, labels, upstream):
    return upstream + _right(logits, labels, 1.0)


def _softmax_by_classes(logits, labels, upstream):
    return _right(logits, labels, upstream) * len(logits) / logits.shape[1]


def _softmax_large_only(logits, labels, upstream):
    top = logits.max(1, keepdim=True).values
    powers = torch.where(top > 50, logits - top, logits).exp()
    return upstream * (powers / powers.sum(1, keepdim=True) - _one_hot(logits, labels)) / len(logits)


def _softmax_clamped(logits, labels, upstream):
    return _right(logits.clamp(-50, 50), labels, upstream)


def _softmax_nan_to_zero(logits, labels, upstream):
    return torch.nan_to_num(_softmax_unstable(logits, labels, upstream))


SOFTMAX = Exercise(
    id="03.softmax",
    title="cross-entropy of a softmax",
    name="cross_entropy_gradient",
    parameters=("logits", "labels", "upstream"),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.gradients.categorical:cross_entropy_gradient",
    cases=_softmax_cases,
    shortcuts=("torch.nn.functional:cross_entropy", "torch.nn.functional:nll_loss", "torch.nn:CrossEntropyLoss", *_AUTOGRAD),
    hint="Start from the probabilities of a stable softmax, and change one entry of each row.",
    equivalent_mutants=dict.fromkeys((
        "if label_smoothing and class_weights is not None:",
        "dropped: gradient, divisor = _weighted(logits, labels, counted, label_smoothing, class_weights)",
        "gradient, divisor = _weighted(labels, logits, counted, label_smoothing, class_weights)",
        "gradient, divisor = _weighted(logits, labels, counted, label_smoothing)",
    ), "the exercise asks for no smoothing, weights or ignored labels") | dict.fromkeys((
        "return gradient.mul_(_by_row(share(upstream, reduction, divisor, logits), counted))",
        "return gradient.mul_(_by_row(share(upstream, reduction, divisor, logits, 2), counted))",
        "return gradient.mul_(_by_row(share(upstream, reduction, divisor, logits, -1), counted))",
    ), "an upstream gradient for each example is not asked for") | {
        "gradient, divisor = (_less_one_at(torch.softmax(logits, dim=-1), labels, counted), _count(labels, counted))":
            "the last axis is axis 1",
    },
    misconceptions=(
        Misconception("a sum where a mean is due", "The gradient of one example is right, and there are B of them in the mean.",
                      "How much does one example count in a mean?", _softmax_sum),
        Misconception("divided by the number of entries", "`.mean()` of a table divides by all of its entries.",
                      "How many losses are averaged: B or B times C?", _softmax_all_entries),
        Misconception("what comes from above is left out", "At the end of a network it is 1, so nothing seems to be missing.",
                      "Where should `upstream` go?", _softmax_no_upstream),
        Misconception("what comes from above is added", "Contributions of several paths are added, but this is one path.",
                      "Does the chain rule add or multiply along one path?", _softmax_upstream_added),
        Misconception("divided by the number of classes", "The table of logits has two lengths, and only one of them counts losses.",
                      "How many losses are averaged: B or C?", _softmax_by_classes),
        Misconception("wanted minus predicted", "That is the direction of the step, and the gradient points the other way.",
                      "Should the gradient of the true class's logit be positive or negative?", _softmax_flipped),
        Misconception("softmax over the batch", "Without an axis, or with axis 0, the columns add up to 1.",
                      "What should add up to 1: a row or a column?", _softmax_over_batch),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "What happens to softmax when the same number is taken from all logits of a row?", _softmax_unstable),
        Misconception("only large logits are made smaller", "exp(-3000) is 0 in the computer, and where a whole row is so far below 0, 0 is divided by 0.",
                      "What happens to softmax when the same number is taken from all logits of a row, whatever its size?", _softmax_large_only),
        Misconception("the logits are cut off", "Nothing overflows then, but logits beyond the limit can no longer be told apart.",
                      "What is the softmax of 1000 and 2000, and what of the two after the cut?", _softmax_clamped),
        Misconception("nan is turned into 0", "No nan is to be seen any more; but its place was due a number of its own.",
                      "Which step makes the nan, and how is it avoided there?", _softmax_nan_to_zero),
        Misconception("1 is taken from every column that is somebody's label", "`p[:, labels]` takes whole columns; the rows need numbers too.",
                      "How do you index one entry of each row?", _softmax_every_column),
        Misconception("1 is taken from every class", "The derivative of -z_y is -1, but only where the class is y.",
                      "What does each row of the result add up to?", _softmax_minus_one),
        Misconception("only the true class has a gradient", "The loss names one probability, but every logit stands in its denominator.",
                      "Which logits does the probability of the true class depend on?", _softmax_true_class),
        Misconception("the true class is left out", "The log-sum-exp alone gives the probabilities.", "What is the derivative of -z_y?",
                      _softmax_other_classes),
        Misconception("the softmax's slope once too often", "p (1 - p) belongs to a squared error; here it has cancelled already.",
                      "Start from log-sum-exp: where would p (1 - p) come from?", _softmax_slope_again),
        Misconception("the gradient by the probabilities", "-1/p is the outer derivative; the softmax comes after it.",
                      "By what is differentiated: probabilities or logits?", _softmax_by_probabilities),
        Misconception("logarithms in place of probabilities", "`log_softmax` is the stable one, but the gradient needs p itself.",
                      "What do the entries of p add up to?", _softmax_of_logarithms),
        Misconception("sigmoids in place of a softmax", "Predicted minus wanted is right, and each class was asked by itself.",
                      "What should a row of probabilities add up to?", _softmax_sigmoids),
        Misconception("only as many classes as labels occur", "`one_hot(labels)` counts up to the largest label that it sees.",
                      "How many columns does it make for labels 0 and 1 of four classes?", _softmax_classes_that_occur),
        Misconception("what comes from above reaches the labels' entries only", "It is put in where the 1 stands, and is a factor of everything.",
                      "What is multiplied by `upstream`: one term or the whole gradient?", _softmax_upstream_at_labels),
        Misconception("the examples are added up", "A bias would collect the batch; each row of logits has a gradient of its own.",
                      "Which shape do the logits have?", _softmax_added_up),
    ),
)
