"""Exercise 02.smoothing: cross-entropy with label smoothing."""

import numpy as np
import torch

from tlkit.exercises.heads_and_losses.cross_entropy import FROM_THE_LIBRARY, READY_MADE, SAME_AS_DEFAULT
from tlkit.exercises.record import Case, Exercise, Misconception


def _smoothing_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, smoothing, scale=2.0, gradient=False, with_last_class=True):
        logits = torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale, 2), requires_grad=gradient)
        labels = rng.integers(0, classes if with_last_class else classes - 1, batch)
        labels[0] = classes - 1 if with_last_class else 0
        return logits, torch.tensor(labels), float(smoothing)

    def some():
        return round(rng.uniform(0.05, 0.4), 2)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    sure = torch.tensor([[9.0, 0.0, -1.0, 0.5]], dtype=torch.float64), torch.tensor([0]), 0.1
    return [
        Case("no smoothing", "one example", (call(1, 3, 0),)),
        Case("no smoothing", "more examples than classes", (call(many, few, 0),)),
        Case("some smoothing", "one example", (call(1, 4, 0.2),)),
        Case("some smoothing", "right and sure of it", (sure,)),
        Case("some smoothing", "more examples than classes", (call(many, few, some()),)),
        Case("some smoothing", "more classes than examples", (call(few, many, some()),)),
        Case("some smoothing", "a class that no example has", (call(3, 4, some(), with_last_class=False),)),
        Case("all smoothing", "the label does not matter any more", (call(3, 4, 1),)),
        Case("logits of any size", "logits of hundreds", (call(3, 5, some(), 900.0),)),
        Case("a gradient flows back", "the logits want their gradient", (call(3, 4, 0.3, gradient=True),), upstream=round(rng.uniform(2, 3), 1)),
    ]


def _parts(logits, labels):
    """The loss of the label, and the mean loss of all classes: (B,) each."""
    log_p = torch.log_softmax(logits, 1)
    return -log_p[torch.arange(len(labels)), labels], -log_p.mean(1)


def _smooth_ignored(logits, labels, label_smoothing):
    return _parts(logits, labels)[0].mean()


def _smooth_shrunk(logits, labels, label_smoothing):
    return (1 - label_smoothing) * _parts(logits, labels)[0].mean()


def _smooth_others(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    count = logits.shape[1]
    others = (count * all_classes - label) / (count - 1)
    return ((1 - label_smoothing) * label + label_smoothing * others).mean()


def _smooth_others_of_all(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    others = all_classes - label / logits.shape[1]
    return ((1 - label_smoothing) * label + label_smoothing * others).mean()


def _smooth_on_top(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return (label + label_smoothing * all_classes).mean()


def _smooth_sum(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return ((1 - label_smoothing) * label + label_smoothing * logits.shape[1] * all_classes).mean()


def _smooth_swapped(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return (label_smoothing * label + (1 - label_smoothing) * all_classes).mean()


def _smooth_entropy_bonus(logits, labels, label_smoothing):
    log_p = torch.log_softmax(logits, 1)
    confidence = (log_p.exp() * log_p).sum(1)
    return ((1 - label_smoothing) * _parts(logits, labels)[0] + label_smoothing * confidence).mean()


def _smooth_uniform_loss(logits, labels, label_smoothing):
    return (1 - label_smoothing) * _parts(logits, labels)[0].mean() + label_smoothing * np.log(logits.shape[1])


def _smooth_logits(logits, labels, label_smoothing):
    return _parts((1 - label_smoothing) * logits + label_smoothing / logits.shape[1], labels)[0].mean()


def _smooth_probabilities(logits, labels, label_smoothing):
    p = (1 - label_smoothing) * torch.softmax(logits, 1) + label_smoothing / logits.shape[1]
    return -torch.log(p[torch.arange(len(labels)), labels]).mean()


def _smooth_binary(logits, labels, label_smoothing):
    label, _ = _parts(logits, labels)
    p = torch.exp(-label)
    return (-(1 - label_smoothing / 2) * torch.log(p) - label_smoothing / 2 * torch.log(1 - p)).mean()


def _smooth_logarithm(logits, labels, label_smoothing):
    p = torch.softmax(logits, 1)
    wanted = (1 - label_smoothing) * torch.nn.functional.one_hot(labels, logits.shape[1]) + label_smoothing / logits.shape[1]
    return -(wanted * torch.log(p)).sum(1).mean()


def _smooth_all_entries(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return ((1 - label_smoothing) * label + label_smoothing * all_classes).mean() / logits.shape[1]


def _smooth_added(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return ((1 - label_smoothing) * label + label_smoothing * all_classes).sum()


def _smooth_floor_taken(logits, labels, label_smoothing):
    q = torch.full((logits.shape[1],), label_smoothing / logits.shape[1], dtype=logits.dtype)
    q[0] += 1 - label_smoothing
    label, all_classes = _parts(logits, labels)
    return ((1 - label_smoothing) * label + label_smoothing * all_classes).mean() + torch.special.xlogy(q, q).sum()


def _smooth_item(logits, labels, label_smoothing):
    label, all_classes = _parts(logits, labels)
    return ((1 - label_smoothing) * label + label_smoothing * all_classes).mean().item()


SMOOTHING = Exercise(
    id="02.smoothing",
    title="labels that are not quite sure",
    name="smoothed_cross_entropy",
    parameters=("logits", "labels", "label_smoothing"),
    points=3,
    minutes=6,
    difficulty="medium",
    reference="tlkit.heads:cross_entropy",
    rtol=1e-5,
    atol=1e-6,
    cases=_smoothing_cases,
    shortcuts=READY_MADE + FROM_THE_LIBRARY[1:],
    hint="Make the wanted probabilities first, a row for each example; what does each row add up to?",
    equivalent_mutants=dict.fromkeys((
        "return F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, reduction=reduction, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, ignore_index=ignore_index, label_smoothing=label_smoothing)",
    ), SAME_AS_DEFAULT),
    misconceptions=(
        Misconception("nothing is smoothed", "Without smoothing it is the loss of exercise 2.", "Where does `label_smoothing` come in?", _smooth_ignored),
        Misconception("the loss is made smaller, and that is all", "1 - a stands in front of the label's term; the other classes get their share too.",
                      "What does each row of wanted probabilities add up to?", _smooth_shrunk),
        Misconception("the share goes to the other classes alone", "What is taken from one class is given to the others: a / (C - 1) for each.",
                      "The formula gives a / C to how many classes?", _smooth_others),
        Misconception("the right class gets no share", "Each of the others gets a / C, and the row does not add up to 1 any more.",
                      "What does each row of wanted probabilities add up to?", _smooth_others_of_all),
        Misconception("the share comes on top", "The label keeps its 1.", "What does each row of wanted probabilities add up to?", _smooth_on_top),
        Misconception("a for each class", "The smoothing is called a, so each class gets a.", "What does each row of wanted probabilities add up to?",
                      _smooth_sum),
        Misconception("a and 1 - a are swapped", "Both are weights that add up to 1.", "What should remain for a = 0?", _smooth_swapped),
        Misconception("a reward for being unsure", "A penalty on confidence is a cousin of smoothing (Pereyra et al. 2017); it averages over what is "
                      "predicted, smoothing over all classes alike.", "Over which probabilities does the second term average?", _smooth_entropy_bonus),
        Misconception("a constant in place of the second term", "The entropy of equal shares is log C, and it does not depend on the logits.",
                      "What does the second term say to a model that is too sure?", _smooth_uniform_loss),
        Misconception("the logits are smoothed", "Mixing with equal shares is done to probabilities, and to those that are wanted.",
                      "What is mixed with 1 / C: outputs or labels?", _smooth_logits),
        Misconception("the prediction is smoothed", "Then a sure model is told that it is not; and the loss cannot exceed a bound.",
                      "What is mixed with 1 / C: outputs or labels?", _smooth_probabilities),
        Misconception("right or wrong, and nothing between", "With two classes the rest is one probability, 1 - p.",
                      "How is the share spread over the other classes?", _smooth_binary),
        Misconception("the logarithm of a probability that was rounded to 0", "With smoothing every class counts, so every probability must keep its "
                      "logarithm, the smallest too.", "Which function gives logarithms of a softmax in one step?", _smooth_logarithm),
        Misconception("divided by the number of entries", "`.mean()` of a table divides by all of its entries.", "How many losses are averaged: B or B times C?",
                      _smooth_all_entries),
        Misconception("a sum where a mean is due", "The loss of one example is right.", "How much does one example count in a mean?", _smooth_added),
        Misconception("the floor is taken off", "A loss that cannot become 0 looks wrong, so its smallest value was taken away.",
                      "What does the formula give for the best possible logits?", _smooth_floor_taken),
        Misconception("a plain number comes back", "`.item()` is what one prints.", "Can a gradient flow back through a Python number?", _smooth_item),
    ),
)
