"""Exercise 03.bce_code (optional): binary cross-entropy on logits, as code that holds for logits of any size."""

import numpy as np
import torch

from tlkit.exercises.gradients.softmax import _AUTOGRAD
from tlkit.exercises.record import Case, Exercise, Misconception


def _bce_code_cases(rng: np.random.Generator) -> list[Case]:
    def call(shape, upstream=1.0, scale=2.0, soft=False):
        logits = torch.tensor(np.round(rng.normal(size=shape) * scale, 2))
        targets = rng.uniform(size=shape)
        return logits, torch.tensor(np.round(targets, 2) if soft else np.round(targets)), float(upstream)

    n, c = int(rng.integers(5, 8)), int(rng.integers(2, 5))
    huge = torch.tensor([10_000.0, -10_000.0, 800.0, -800.0], dtype=torch.float64)
    return [
        Case("a row of logits", "one logit", (call((1,)),)),
        Case("a row of logits", "several logits", (call((n,)),)),
        Case("a row of logits", "soft targets", (call((4,), soft=True),)),
        Case("a table of logits", "several classes, each yes or no", (call((n, c)),)),
        Case("a table of logits", "soft targets", (call((3, 4), soft=True),)),
        Case("what comes from above", "an upstream gradient", (call((n,), round(rng.uniform(2, 4), 1)),)),
        Case("what comes from above", "a negative upstream gradient", (call((2, 3), -round(rng.uniform(2, 4), 1), soft=True),)),
        Case("logits of any size", "large and wrong", ((huge, torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64), 1.0),)),
        Case("logits of any size", "large, some right and some wrong", ((huge, torch.tensor([1.0, 1.0, 0.3, 0.0], dtype=torch.float64), 1.0),)),
    ]


def _right(logits, targets, upstream):
    return upstream * (torch.sigmoid(logits) - targets) / logits.numel()


def _bce_sum(logits, targets, upstream):
    return _right(logits, targets, upstream) * logits.numel()


def _bce_per_row(logits, targets, upstream):
    return _right(logits, targets, upstream) * logits.numel() / len(logits)


def _bce_no_upstream(logits, targets, upstream):
    return _right(logits, targets, 1.0)


def _bce_flipped(logits, targets, upstream):
    return -_right(logits, targets, upstream)


def _bce_overflow(logits, targets, upstream):
    p = logits.exp() / (1 + logits.exp())
    return upstream * (p - targets) / logits.numel()


def _bce_uncancelled(logits, targets, upstream):
    p = torch.sigmoid(logits)
    return upstream * (-targets / p + (1 - targets) / (1 - p)) * p * (1 - p) / logits.numel()


def _bce_nan_to_zero(logits, targets, upstream):
    return torch.nan_to_num(_bce_uncancelled(logits, targets, upstream))


def _bce_upstream_at_predictions(logits, targets, upstream):
    return (upstream * torch.sigmoid(logits) - targets) / logits.numel()


def _bce_by_probability(logits, targets, upstream):
    p = torch.sigmoid(logits).clamp(1e-12, 1 - 1e-12)
    return upstream * (p - targets) / (p * (1 - p)) / logits.numel()


def _bce_squared(logits, targets, upstream):
    p = torch.sigmoid(logits)
    return _right(logits, targets, upstream) * p * (1 - p)


def _bce_logits_for_probabilities(logits, targets, upstream):
    return upstream * (logits - targets) / logits.numel()


def _bce_softmax(logits, targets, upstream):
    return upstream * (torch.softmax(logits, -1) - targets) / logits.numel()


def _bce_hard(logits, targets, upstream):
    return upstream * ((logits > 0).to(logits.dtype) - targets) / logits.numel()


def _bce_true_or_false(logits, targets, upstream):
    p = torch.sigmoid(logits)
    return upstream * torch.where(targets == 1, p - 1, p) / logits.numel()


def _bce_tanh(logits, targets, upstream):
    return upstream * (torch.tanh(logits) - targets) / logits.numel()


BCE_CODE = Exercise(
    id="03.bce_code",
    title="binary cross-entropy on logits, as code",
    name="bce_gradient",
    parameters=("logits", "targets", "upstream"),
    points=3,
    minutes=6,
    difficulty="easy",
    reference="tlkit.gradients.binary:bce_with_logits_gradient",
    cases=_bce_code_cases,
    shortcuts=("torch.nn.functional:binary_cross_entropy_with_logits", "torch.nn.functional:binary_cross_entropy",
               "torch.nn:BCEWithLogitsLoss", "torch.nn:BCELoss", *_AUTOGRAD),
    hint="The last line of the derivation is the whole answer; which sigmoid holds for every logit?",
    misconceptions=(
        Misconception("a sum where a mean is due", "The gradient of one logit is right, and there are many in the mean.",
                      "How much does one logit count in a mean?", _bce_sum),
        Misconception("divided by the number of rows", "A softmax has one loss a row; here every logit has its own.",
                      "How many losses are averaged in a table?", _bce_per_row),
        Misconception("what comes from above is left out", "At the end of a network it is 1.", "Where should `upstream` go?", _bce_no_upstream),
        Misconception("wanted minus predicted", "That is the direction of the step.", "For a target of 1: should the gradient be positive or negative?",
                      _bce_flipped),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "Which library function is a sigmoid for any number?", _bce_overflow),
        Misconception("chained but not cancelled", "On paper it is the same; in numbers 0 times infinity is nan.",
                      "Cancel before you compute.", _bce_uncancelled),
        Misconception("chained but not cancelled, and nan turned into 0", "Where a confident mistake is made, 0 times infinity should have been a pull of full size.",
                      "Cancel before you compute.", _bce_nan_to_zero),
        Misconception("what comes from above reaches the predictions only", "`*` binds more tightly than `-`, and `upstream` is a factor of everything.",
                      "What is multiplied by `upstream`: one term or the whole gradient?", _bce_upstream_at_predictions),
        Misconception("the gradient by the probability", "Its denominator cancels only once the sigmoid's slope is multiplied in.",
                      "By what is differentiated: probability or logit?", _bce_by_probability),
        Misconception("the sigmoid's slope once too often", "It belongs to a squared error.", "What cancels against p (1 - p)?", _bce_squared),
        Misconception("logits taken for probabilities", "Predicted minus wanted is right, but predicted are probabilities.",
                      "In which range does the result lie?", _bce_logits_for_probabilities),
        Misconception("a softmax in place of sigmoids", "It makes probabilities too, but of classes that exclude each other.",
                      "May two classes be true at once?", _bce_softmax),
        Misconception("soft targets are taken for 0", "Labels are usually 0 or 1, and then two cases are enough.",
                      "What does a target of 0.3 ask for?", _bce_true_or_false),
        Misconception("tanh in place of the sigmoid", "It has the same shape, from -1 to 1.", "In which range do probabilities lie?", _bce_tanh),
        Misconception("decisions in place of probabilities", "A gradient needs to know how sure the model is.",
                      "What is the gradient for a logit just above 0?", _bce_hard),
    ),
    equivalent_mutants=dict.fromkeys((
        "dropped: _binary(logits, targets, 'logits', reduction)", "dropped: no_infinity('logits', logits)",
    ), "the exercise asks for no refusal of bad input") | dict.fromkeys((
        "dropped: if positive_weights is not None:\n    return g * _weighted_slope(logits, targets, positive_weights)",
        "return g / _weighted_slope(logits, targets, positive_weights)", "return g",
        "return _weighted_slope(logits, targets, positive_weights)", "return g * _weighted_slope(targets, logits, positive_weights)",
        "return g * _weighted_slope(logits, targets)",
    ), "the exercise asks for no weights"),
)
