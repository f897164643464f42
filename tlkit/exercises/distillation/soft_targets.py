"""Exercise 10.soft_targets: a teacher's probabilities at a temperature."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, temperature, scale=2.0, shift=0.0):
        return torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale + shift, 2)), float(temperature)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    high, low = round(rng.uniform(2, 9), 1), round(rng.uniform(0.2, 0.8), 1)
    far_apart = torch.tensor([[3000.0, 2999.0, 2996.0], [-3000.0, -3002.0, -3001.0]], dtype=torch.float64)
    sure = torch.tensor([[900.0, 100.0, -700.0], [-800.0, 0.0, 30.0]], dtype=torch.float64)
    return [
        Case("temperature 1", "one example", (call(1, 3, 1),)),
        Case("temperature 1", "more examples than classes", (call(many, few, 1),)),
        Case("flatter above 1", "one example, T = 2", (call(1, 3, 2),)),
        Case("flatter above 1", "more classes than examples", (call(few, many, high),)),
        Case("flatter above 1", "as many examples as classes", (call(4, 4, high),)),
        Case("steeper below 1", "one example, T = 0.5", (call(1, 4, 0.5),)),
        Case("steeper below 1", "more examples than classes", (call(many, few, low),)),
        Case("logits of any size", "logits of thousands, T = 4", (call(3, 4, 4, 3000.0),)),
        Case("logits of any size", "all logits far below zero", (call(2, 3, low, shift=-2000.0),)),
        Case("logits of any size", "a very low temperature", (call(2, 4, 0.001),)),
        Case("logits of any size", "one example far above the other", ((far_apart, 2.0),)),
        Case("logits of any size", "sure at T = 1, unsure at a high one", ((sure, 400.0),)),
    ]


def _ready(logits, axis):
    """The softmax, written out as learners must: what is ready-made is not allowed here."""
    return torch.exp(logits - logits.logsumexp(axis, keepdim=True))


def _softmax(change, axis=1):
    return lambda logits, temperature: _ready(change(logits, temperature), axis)


def _overflows(logits, temperature):
    weights = torch.exp(logits / temperature)
    return weights / weights.sum(1, keepdim=True)


def _never_below_one(logits, temperature):
    return _ready(logits / max(temperature, 1.0), 1)


def _divided_afterwards(logits, temperature):
    return _ready(logits, 1) / temperature


def _power_not_normalised(logits, temperature):
    return _ready(logits, 1) ** (1 / temperature)


def _shift_not_scaled(logits, temperature):
    weights = torch.exp((logits - logits.max(1, keepdim=True).values / temperature))
    return weights / weights.sum(1, keepdim=True)


def _power_of_rounded(logits, temperature):
    weights = _ready(logits, 1) ** (1 / temperature)
    return weights / weights.sum(1, keepdim=True)


def _mixed_with_equal(logits, temperature):
    return _ready(logits, 1) / temperature + (1 - 1 / temperature) / logits.shape[1]


def _logarithms(logits, temperature):
    return torch.log_softmax(logits / temperature, 1)


def _one_maximum(logits, temperature):
    """Whole batch shifted by one number: right, until two examples lie far apart."""
    weights = torch.exp((logits - logits.max()) / temperature)
    return weights / weights.sum(1, keepdim=True)


def _hard(logits, temperature):
    return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)


def _each_by_itself(logits, temperature):
    return torch.sigmoid(logits / temperature)


def _not_divided_by_the_sum(logits, temperature):
    return torch.exp((logits - logits.max(1, keepdim=True).values) / temperature)


def _whole_batch(logits, temperature):
    weights = torch.exp((logits - logits.max(1, keepdim=True).values) / temperature)
    return weights / weights.sum()


def _cut(logits, temperature):
    weights = torch.exp((logits / temperature).clamp(-80, 80))
    return weights / weights.sum(1, keepdim=True)


def _painted_over(logits, temperature):
    return torch.nan_to_num(_overflows(logits, temperature))


def _column_maximum(logits, temperature):
    """Shifted by each column's maximum, which does not cancel within a row."""
    weights = torch.exp((logits - logits.max(0, keepdim=True).values) / temperature)
    return weights / weights.sum(1, keepdim=True)


def _column_sums(logits, temperature):
    weights = torch.exp((logits - logits.max(1, keepdim=True).values) / temperature)
    return weights / weights.sum(0, keepdim=True)


def _no_exponential(logits, temperature):
    return logits / temperature / (logits / temperature).sum(1, keepdim=True)


def _a_little_more(logits, temperature):
    weights = torch.exp((logits - logits.max(1, keepdim=True).values) / temperature)
    return weights / (weights.sum(1, keepdim=True) + 1e-3)


SOFT_TARGETS = Exercise(
    id="10.soft_targets",
    title="soft targets",
    name="soft_targets",
    parameters=("logits", "temperature"),
    points=2,
    minutes=5,
    difficulty="easy",
    reference="tlkit.distillation_losses:soft_targets",
    cases=_cases,
    rtol=1e-5,
    atol=1e-8,
    hint="What is the largest number whose exponential you can still take? Subtract something from each row before.",
    shortcuts=("torch:softmax", "torch.nn.functional:softmax", "torch.nn:Softmax", "torch:log_softmax", "torch.nn.functional:log_softmax",
               "torch.nn:LogSoftmax", "torch.nn:Softmin", "torch.nn.functional:softmin", "torch.special:softmax", "torch.special:log_softmax",
               "torch.nn.functional:scaled_dot_product_attention", "scipy.special:softmax", "scipy.special:log_softmax"),
    equivalent_mutants=dict.fromkeys(("return F.softmax(logits / temperature, dim=1)", "return F.softmax(logits / temperature, dim=--1)",
                                      "return F.softmax(logits / temperature)"), "the last axis is axis 1, which torch takes by itself"),
    misconceptions=(
        Misconception("multiplied by the temperature", "High temperature sounds like more; it makes differences smaller.",
                      "Should T = 4 make probabilities flatter or steeper?", _softmax(lambda logits, t: logits * t)),
        Misconception("the temperature has no effect", "It is not used; or what is divided by it are the exponentials, and then it cancels in their shares.",
                      "What is divided by `temperature` in the formula?", _softmax(lambda logits, t: logits)),
        Misconception("temperatures below 1 are taken for 1", "A temperature sounds like something that only softens; below 1 it sharpens.",
                      "What should T = 0.5 do to the probabilities?", _never_below_one),
        Misconception("the exponential leaves the range of numbers", "The formula is right on paper; but exp(800) is infinite and exp(-800) is 0, and inf / inf and 0 / 0 are nan.",
                      "What are exp(800) and exp(-800), and what may be subtracted from a row without changing its softmax?", _overflows),
        Misconception("divided after the softmax", "The logits are divided, not the probabilities.", "What should a row add up to?", _divided_afterwards),
        Misconception("a power of the probabilities, not normalised", "softmax(t / T) is proportional to softmax(t) to the power 1 / T; it must still be divided by the sum.",
                      "What should a row add up to?", _power_not_normalised),
        Misconception("only the shift is divided", "A bracket is missing, and the shift cancels: the temperature has no say.",
                      "Which two things should be divided by T?", _shift_not_scaled),
        Misconception("small probabilities are lost before the power", "softmax(t) rounds them to 0, and no power brings them back.",
                      "Is it better to divide the logits before anything is rounded?", _power_of_rounded),
        Misconception("mixed with equal shares", "That is label smoothing: all classes get the same, and what the teacher thinks of the others is lost.",
                      "Which classes should gain more when T rises?", _mixed_with_equal),
        Misconception("over the batch", "Rows are examples; the classes of one example are in a row.", "Along which axis do the classes of one example lie?",
                      _softmax(lambda logits, t: logits / t, axis=0)),
        Misconception("logarithms", "The loss will need them, but targets are probabilities.", "Can a probability be negative?", _logarithms),
        Misconception("one maximum for the whole batch", "It protects the largest row; a row far below it becomes 0 / 0.",
                      "What is left of a row whose logits lie 3000 below those of another?", _one_maximum),
        Misconception("the answer alone", "That is a hard label: what the teacher thinks of the other classes is lost.", "What is soft about soft targets?", _hard),
        Misconception("each class by itself", "A sigmoid is for classes that do not exclude each other.", "What should a row add up to?", _each_by_itself),
        Misconception("not divided by the sum", "Exponentials are not yet probabilities.", "What should a row add up to?", _not_divided_by_the_sum),
        Misconception("divided by the sum over the whole batch", "`.sum()` without an axis adds up all rows.", "What should each row add up to?", _whole_batch),
        Misconception("large logits are cut off", "No overflow any more; but whatever lies beyond the cut is then alike.",
                      "What are the probabilities for logits 3000 and 2999, and what are yours?", _cut),
        Misconception("nan is painted over", "0 in place of nan looks like a number; the row adds up to something else.", "What should each row add up to?", _painted_over),
        Misconception("a small number in the denominator", "It guards against 0 / 0; behind a shift by the maximum the sum is 1 at least.",
                      "What does the row add up to then?", _a_little_more),
        Misconception("each column is shifted by its own maximum", "Only what is the same for all classes of an example cancels.",
                      "Which number may be subtracted from a row without changing its softmax?", _column_maximum),
        Misconception("divided by the sum of each column", "Columns are classes; the probabilities of one example are in a row.", "What should each row add up to?", _column_sums),
        Misconception("divided by the temperature squared", "T squared stands in the loss; the logits are divided by T.", "Which power of T does the formula have?",
                      _softmax(lambda logits, t: logits / t**2)),
        Misconception("no exponential", "Logits can be negative, and so can their shares.", "Can a probability be negative?", _no_exponential),
    ),
)
