"""Exercise 02.cross_entropy: softmax cross-entropy that holds for logits of any size."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

READY_MADE = ("torch.nn.functional:cross_entropy", "torch.nn.functional:nll_loss", "torch:nll_loss", "torch.nn:CrossEntropyLoss",
              "torch.nn:NLLLoss", "torch.nn.functional:kl_div", "torch.nn:KLDivLoss")
FROM_THE_LIBRARY = ("tlkit.heads:cross_entropy", "tlkit.heads:token_loss", "tlkit.heads:CrossEntropy")
SAME_AS_DEFAULT = "what is left out is what torch takes by itself"


def _entropy_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, scale=2.0, gradient=False, shift=0.0, with_last_class=True):
        logits = torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale + shift, 2), requires_grad=gradient)
        labels = rng.integers(0, classes if with_last_class else classes - 1, batch)
        labels[0] = classes - 1 if with_last_class else 0
        return logits, torch.tensor(labels)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    unsure = torch.zeros(1, few, dtype=torch.float64), torch.tensor([1])
    certain = torch.tensor([[800.0, -300.0, 0.0], [-900.0, 2.0, 1.0]], dtype=torch.float64)
    return [
        Case("a single example", "two classes", (call(1, 2),)),
        Case("a single example", "four classes", (call(1, 4),)),
        Case("a single example", "all logits alike", (unsure,)),
        Case("the mean over a batch", "two examples", (call(2, 3),)),
        Case("the mean over a batch", "more examples than classes", (call(many, few),)),
        Case("the mean over a batch", "more classes than examples", (call(few, many),)),
        Case("the mean over a batch", "a class that no example has", (call(few, 4, with_last_class=False),)),
        Case("logits of any size", "logits of thousands", (call(3, 4, 3000.0),)),
        Case("logits of any size", "all logits far below zero", (call(4, 3, 2.0, shift=-1000.0),)),
        Case("logits of any size", "one certain and right, one certain and wrong", ((certain, torch.tensor([0, 0])),)),
        Case("a gradient flows back", "the logits want their gradient", (call(3, 4, gradient=True),), upstream=round(rng.uniform(2, 3), 1)),
        Case("a gradient flows back", "a gradient through logits of thousands", (call(2, 3, 3000.0, gradient=True),), upstream=1.5),
    ]


def _at_labels(values, labels):
    return values[torch.arange(len(labels)), labels]


def _right(logits, labels):
    return -_at_labels(torch.log_softmax(logits, 1), labels).mean()


def _entropy_overflow(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.log(_at_labels(p, labels)).mean()


def _entropy_logarithm_of_softmax(logits, labels):
    return -torch.log(_at_labels(torch.softmax(logits, 1), labels)).mean()


def _entropy_epsilon(logits, labels):
    return -torch.log(_at_labels(torch.softmax(logits, 1), labels) + 1e-9).mean()


def _entropy_clamped(logits, labels):
    return -torch.log(_at_labels(torch.softmax(logits, 1), labels).clamp(min=1e-12)).mean()


def _entropy_clipped_logits(logits, labels):
    return _right(logits.clamp(-50, 50), labels)


def _entropy_sum(logits, labels):
    return _right(logits, labels) * len(labels)


def _entropy_all_entries(logits, labels):
    return _right(logits, labels) / logits.shape[1]


def _entropy_each(logits, labels):
    return -_at_labels(torch.log_softmax(logits, 1), labels)


def _entropy_flipped(logits, labels):
    return -_right(logits, labels)


def _entropy_over_batch(logits, labels):
    return -_at_labels(torch.log_softmax(logits, 0), labels).mean()


def _entropy_twice(logits, labels):
    return _right(torch.softmax(logits, 1), labels)


def _entropy_no_logarithm(logits, labels):
    return (1 - _at_labels(torch.softmax(logits, 1), labels)).mean()


def _entropy_base_2(logits, labels):
    return _right(logits, labels) / np.log(2)


def _entropy_of_the_mean(logits, labels):
    return -torch.log(_at_labels(torch.softmax(logits, 1), labels).mean())


def _entropy_every_column(logits, labels):
    return -torch.log_softmax(logits, 1)[:, labels].mean()


def _entropy_binary(logits, labels):
    wanted = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / len(labels)


def _entropy_of_the_prediction(logits, labels):
    log_p = torch.log_softmax(logits, 1)
    return -(log_p.exp() * log_p).sum(1).mean()


def _entropy_largest_class(logits, labels):
    return -torch.log_softmax(logits, 1).max(1).values.mean()


def _entropy_logit_alone(logits, labels):
    return -_at_labels(logits, labels).mean()


def _entropy_shift_not_put_back(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return (torch.log(torch.exp(shifted).sum(1)) - _at_labels(logits, labels)).mean()


def _entropy_shift_of_everything(logits, labels):
    shifted = logits - logits.max()
    return (torch.log(torch.exp(shifted).sum(1)) - _at_labels(shifted, labels)).mean()


def _entropy_item(logits, labels):
    return _right(logits, labels).item()


CROSS_ENTROPY = Exercise(
    id="02.cross_entropy",
    title="cross-entropy that does not break",
    name="cross_entropy_loss",
    parameters=("logits", "labels"),
    points=4,
    minutes=10,
    difficulty="medium",
    reference="tlkit.heads:cross_entropy",
    cases=_entropy_cases,
    shortcuts=READY_MADE + FROM_THE_LIBRARY[1:],
    hint="What happens to log-sum-exp when the largest logit of a row is taken from all of them, and added again at the end?",
    equivalent_mutants=dict.fromkeys((
        "return F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, reduction=reduction, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, ignore_index=ignore_index, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, ignore_index=ignore_index, reduction=reduction)",
    ), SAME_AS_DEFAULT),
    misconceptions=(
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "What happens to a softmax when the same number is taken from all logits of a row?", _entropy_overflow),
        Misconception("the logarithm of a probability that was rounded to 0", "The softmax is stable, but a probability of exp(-1000) is 0 in the "
                      "computer, and log 0 is infinite.", "Take the logarithm on paper first: what is log of e^z divided by a sum?",
                      _entropy_logarithm_of_softmax),
        Misconception("a small number inside the logarithm", "It keeps the logarithm finite, and moves every loss a little and the large ones a lot.",
                      "How large can your loss become? How large should it be for a logit that is 3000 behind?", _entropy_epsilon),
        Misconception("probabilities are cut off from below", "The loss stays finite, but it stops growing, and its gradient is 0 where the model is most "
                      "wrong.", "How large can your loss become? How large should it be for a logit that is 3000 behind?", _entropy_clamped),
        Misconception("logits are cut off", "Without large logits nothing overflows, and nothing large is learned from either.",
                      "Two logits of 100 and 200: what should the loss be?", _entropy_clipped_logits),
        Misconception("a sum where a mean is due", "The loss of one example is right, and there are B of them in the mean.",
                      "How much does one example count in a mean?", _entropy_sum),
        Misconception("divided by the number of entries", "`.mean()` of a table divides by all of its entries, also by those that are 0.",
                      "How many losses are averaged: B or B times C?", _entropy_all_entries),
        Misconception("a loss for each example", "They are all right; what trains is one number.", "Which shape should the result have?", _entropy_each),
        Misconception("the sign is lost", "A logarithm of a probability is never above 0.", "Can a loss be negative?", _entropy_flipped),
        Misconception("softmax over the batch", "Axis 0 comes first, but it counts the examples.", "What should add up to 1: a row or a column?",
                      _entropy_over_batch),
        Misconception("softmax twice", "The formula begins with probabilities, and so does the loss that is given them.",
                      "How many exponentials are there in the formula?", _entropy_twice),
        Misconception("the probability without its logarithm", "1 - p is 0 where the model is right and 1 where it is wrong.",
                      "How large should the loss be for a class that was given no probability at all?", _entropy_no_logarithm),
        Misconception("the logarithm to base 2", "Entropy is counted in bits.", "Which logarithm undoes exp?", _entropy_base_2),
        Misconception("the logarithm of the mean", "Mean and logarithm stand side by side in the formula.", "What is averaged: probabilities or losses?",
                      _entropy_of_the_mean),
        Misconception("every column that is somebody's label", "`x[:, labels]` takes whole columns; the rows need numbers too.",
                      "How do you pick one entry of each row?", _entropy_every_column),
        Misconception("a yes or no for each class", "With one-hot targets a binary cross-entropy can be computed, too.",
                      "Do the probabilities of a row add up to 1?", _entropy_binary),
        Misconception("the entropy of the prediction", "Both are sums of p log p.", "Where does the label come in?", _entropy_of_the_prediction),
        Misconception("the class that is predicted, not the one that is right", "The largest probability is the answer of the model.",
                      "Which class does the label name?", _entropy_largest_class),
        Misconception("the logit alone", "The larger the right logit, the better.", "What keeps all logits from growing together?", _entropy_logit_alone),
        Misconception("the largest logit is taken away and not put back", "The sum of exponentials was shifted, the logit of the label was not.",
                      "Shift both terms, or neither.", _entropy_shift_not_put_back),
        Misconception("one shift for the whole batch", "The largest logit of the table keeps all exponentials small, and those of some rows at 0.",
                      "By which number should each row be shifted?", _entropy_shift_of_everything),
        Misconception("a plain number comes back", "`.item()` is what one prints.", "Can a gradient flow back through a Python number?", _entropy_item),
    ),
)
