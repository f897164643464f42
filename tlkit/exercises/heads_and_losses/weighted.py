"""Exercise 02.weighted (optional): cross-entropy with class weights and label smoothing, all of the library's formula."""

import numpy as np
import torch

from tlkit.exercises.heads_and_losses.cross_entropy import FROM_THE_LIBRARY, READY_MADE, SAME_AS_DEFAULT
from tlkit.exercises.record import Case, Exercise, Misconception


def _weighted_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, smoothing=0.0, weights=None, scale=2.0, gradient=False, with_last_class=True):
        logits = torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale, 2), requires_grad=gradient)
        labels = rng.integers(0, classes if with_last_class else classes - 1, batch)
        labels[0] = classes - 1 if with_last_class else 0
        weights = np.round(rng.uniform(0.3, 4, classes), 1) if weights is None else np.array(weights, float)
        return logits, torch.tensor(labels), float(smoothing), torch.tensor(weights)

    def some():
        return round(rng.uniform(0.1, 0.4), 2)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    return [
        Case("class weights", "one example", (call(1, 3),)),
        Case("class weights", "two examples", (call(2, 3),)),
        Case("class weights", "more examples than classes", (call(many, few),)),
        Case("class weights", "as many examples as classes", (call(4, 4),)),
        Case("class weights", "a class of weight 0", (call(6, 3, weights=[0.0, 2.0, 0.5]),)),
        Case("weights and smoothing", "one example", (call(1, 4, 0.2),)),
        Case("weights and smoothing", "more classes than examples", (call(few, many, some()),)),
        Case("weights and smoothing", "a class that no example has", (call(3, 4, some(), with_last_class=False),)),
        Case("weights and smoothing", "as many examples as classes", (call(4, 4, some()),)),
        Case("logits of any size", "logits of thousands", (call(3, 5, 0.0, scale=3000.0),)),
        Case("logits of any size", "logits of thousands, smoothed", (call(5, 3, some(), scale=3000.0),)),
        Case("a gradient flows back", "the logits want their gradient", (call(3, 4, 0.3, gradient=True),), upstream=round(rng.uniform(2, 3), 1)),
    ]


def _loss(logits, labels, a, w, divisor="weights", smoothed="weighted", first="weighted"):
    """The formula, with one thing changed."""
    log_p = torch.log_softmax(logits, 1)
    own = w[labels]
    label = -(own if first == "weighted" else 1) * log_p[torch.arange(len(labels)), labels]
    spread = {"weighted": -(w * log_p).mean(1), "plain": -log_p.mean(1), "own": -own * log_p.mean(1), "sum": -(w * log_p).sum(1)}[smoothed]
    total = ((1 - a) * label + a * spread).sum()
    return total / {"weights": own.sum(), "count": len(labels), "all": w.sum(), "one": 1.0, "mean": w.mean() * len(labels)}[divisor]


def _answer(**changes):
    def weighted_cross_entropy(logits, labels, label_smoothing, class_weights):
        return _loss(logits, labels, label_smoothing, class_weights, **changes)

    return weighted_cross_entropy


def _weighted_logits(logits, labels, label_smoothing, class_weights):
    return _loss(logits * class_weights, labels, label_smoothing, torch.ones_like(class_weights))


def _weighted_not(logits, labels, label_smoothing, class_weights):
    return _loss(logits, labels, label_smoothing, torch.ones_like(class_weights))


def _weighted_not_smoothed(logits, labels, label_smoothing, class_weights):
    return _loss(logits, labels, 0.0, class_weights)


def _weighted_by_row(logits, labels, label_smoothing, class_weights):
    log_p = torch.log_softmax(logits, 1)
    wanted = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    wanted = (1 - label_smoothing) * wanted + label_smoothing / logits.shape[1]
    mixed = wanted @ class_weights
    return -((wanted * log_p).sum(1) * mixed).sum() / mixed.sum()


def _weighted_overflow(logits, labels, label_smoothing, class_weights):
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return _loss(torch.log(p), labels, label_smoothing, class_weights)


WEIGHTED = Exercise(
    id="02.weighted",
    title="weights and smoothing together",
    name="weighted_cross_entropy",
    parameters=("logits", "labels", "label_smoothing", "class_weights"),
    points=3,
    minutes=12,
    difficulty="hard",
    reference="tlkit.heads:cross_entropy",
    rtol=1e-5,
    atol=1e-6,
    cases=_weighted_cases,
    shortcuts=READY_MADE + FROM_THE_LIBRARY[1:],
    hint="Compute both terms for every example, and only then think about what to divide by.",
    equivalent_mutants=dict.fromkeys((
        "return F.cross_entropy(logits, labels, class_weights, reduction=reduction, label_smoothing=label_smoothing)",
        "return F.cross_entropy(logits, labels, class_weights, ignore_index=ignore_index, label_smoothing=label_smoothing)",
    ), SAME_AS_DEFAULT),
    misconceptions=(
        Misconception("divided by the number of examples", "A mean is a sum through a number.",
                      "By which sum is a weighted mean divided?", _answer(divisor="count")),
        Misconception("divided by the sum of all class weights", "The weights are added up once for each class, not for each example.",
                      "Whose weights are added up: those of the classes or those of the examples?", _answer(divisor="all")),
        Misconception("not divided at all", "A weighted sum.", "What does the formula divide by?", _answer(divisor="one")),
        Misconception("divided by the mean weight times the number of examples", "With balanced weights it may come out the same.",
                      "Whose weights are added up: those of the classes or those of the examples?", _answer(divisor="mean")),
        Misconception("the smoothed term has no weights", "The share goes to all classes alike.", "Where does w_c stand in the formula?",
                      _answer(smoothed="plain")),
        Misconception("the smoothed term has the label's weight", "An example has one weight.", "Where does w_c stand in the formula?", _answer(smoothed="own")),
        Misconception("a for each class", "The smoothing is called a, so each class gets a.", "What stands in front of the second sum?",
                      _answer(smoothed="sum")),
        Misconception("the label's term has no weight", "The weights stand in the divisor already.", "Where does w_y stand in the formula?",
                      _answer(first="plain")),
        Misconception("the logits are weighted", "A weight for a class looks like a factor of its output.", "What is multiplied: an output or a loss?",
                      _weighted_logits),
        Misconception("the weights are left out", "With weights of 1 nothing is missing.", "Where in the formula does w stand?", _weighted_not),
        Misconception("nothing is smoothed", "Without smoothing only the first term is left.", "Where in the formula does a stand?",
                      _weighted_not_smoothed),
        Misconception("each example has one, mixed weight", "The smoothed label belongs a little to every class, and so could its weight.",
                      "In the formula, does every class's logarithm have its own weight?", _weighted_by_row),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "Which function gives logarithms of a softmax in one step?", _weighted_overflow),
    ),
)
