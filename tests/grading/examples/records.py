"""One example exercise of every kind, by which the engine and `tlkit verify` are tested."""

import numpy as np
import torch
from torch import nn

from tests.grading.examples import library
from tlkit.exercises.recipe import (
    backward, batches, construct, forward, loss, model, modes, optimizer, set_state, state, trains,
)
from tlkit.exercises.record import Case, Exercise, Misconception

HERE = "tests.grading.examples.library"


def _wrong(name, answer):
    return Misconception(name, "It is an easy mistake to make.", "Look at it once more.", answer)


def _entropy_cases(rng):
    def logits(batch, classes, scale=2.0):
        return torch.tensor(rng.normal(size=(batch, classes)) * scale, requires_grad=True)

    def labels(batch, classes):
        return torch.tensor(rng.integers(0, classes, batch))

    return [
        Case("values", "two examples", ((logits(2, 3), labels(2, 3)),)),
        Case("values", "more examples than classes", ((logits(7, 4), labels(7, 4)),)),
        Case("gradients", "gradients flow back", ((logits(5, 3), labels(5, 3)),), upstream=float(rng.uniform(2, 3))),
        Case("extreme logits", "logits of a thousand", ((logits(3, 4, 1000.0), labels(3, 4)),)),
    ]


def _entropy_unstable(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.log(p[torch.arange(len(labels)), labels]).mean()


def _entropy_sum(logits, labels):
    return library.cross_entropy(logits, labels) * len(labels)


def _entropy_log10(logits, labels):
    return library.cross_entropy(logits, labels) / np.log(10)


def _entropy_detached(logits, labels):
    return library.cross_entropy(logits.detach(), labels)


def _entropy_batch_axis(logits, labels):
    log_probabilities = torch.log_softmax(logits, 0)
    return -log_probabilities[torch.arange(len(labels)), labels].mean()


def _entropy_twice(logits, labels):
    return library.cross_entropy(torch.softmax(logits, 1), labels)


ENTROPY = Exercise(
    id="98.entropy", title="cross-entropy", name="entropy", parameters=("logits", "labels"), points=3, minutes=10,
    difficulty="medium", reference=f"{HERE}:cross_entropy", cases=_entropy_cases, hint="Subtract the maximum first.",
    shortcuts=("torch.nn.functional:cross_entropy", "torch.nn.functional:nll_loss"),
    equivalent_mutants={"shifted = logits - logits.max(dim=-1, keepdim=True).values": "the last axis is axis 1"} | dict.fromkeys(
        (f"log_probabilities = shifted - torch.log(torch.exp(shifted).sum(dim={d}, keepdim=True))" for d in (-1,)),
        "the last axis is axis 1"),
    misconceptions=(
        _wrong("the exponential overflows", _entropy_unstable), _wrong("a sum over the batch", _entropy_sum),
        _wrong("the logarithm to base ten", _entropy_log10), _wrong("no gradient flows", _entropy_detached),
        _wrong("normalised over the batch", _entropy_batch_axis), _wrong("softmax before softmax", _entropy_twice),
    ),
)


def _low_rank_cases(rng):
    def drawn(*shape):
        return np.round(rng.normal(size=shape), 2)

    base, rank, alpha = model(("linear", 3, 2), name="base", seed=1), 4, 6.0
    weights = {"down": drawn(rank, 3), "up": drawn(2, rank)}
    return [
        Case("the output", "a batch of two", ((construct(base, rank, alpha), set_state(**weights), forward(drawn(2, 3))),)),
        Case("the output", "another rank", ((construct(base, 1, 3.0), set_state(down=drawn(1, 3), up=drawn(2, 1)),
                                             forward(drawn(4, 3))),)),
        Case("it starts at the base", "before any training", ((construct(base, rank, alpha), forward(drawn(3, 3))),)),
        Case("the base is frozen", "which parameters train", ((construct(base, rank, alpha), trains(), modes()),)),
        Case("gradients", "an upstream gradient", ((construct(base, rank, alpha), set_state(**weights), forward(drawn(2, 3)),
                                                    backward(drawn(2, 2)), state()),)),
    ]


class _NotScaled(library.LowRank):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, rank)


class _AlphaAlone(library.LowRank):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha * rank)


class _NotFrozen(library.LowRank):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        for parameter in base.parameters():
            parameter.requires_grad_(True)


class _RandomStart(library.LowRank):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        nn.init.ones_(self.up)


class _NoBase(library.LowRank):
    def forward(self, inputs):
        return self.scale * inputs @ self.down.T @ self.up.T


LOW_RANK = Exercise(
    id="98.low_rank", title="a low-rank update", name="LowRank", kind="class", points=4, minutes=15, difficulty="hard",
    reference=f"{HERE}:LowRank", cases=_low_rank_cases, hint="Freeze first, then add.", rtol=1e-5, atol=1e-6,
    misconceptions=(
        _wrong("alpha is not used", _NotScaled), _wrong("alpha is not divided by the rank", _AlphaAlone),
        _wrong("the base is not frozen", _NotFrozen), _wrong("the update does not start at zero", _RandomStart),
        _wrong("the base is left out", _NoBase),
    ),
)


def _data(rng, size, features=3, classes=3):
    return rng.normal(size=(size, features)).astype(np.float32), rng.integers(0, classes, size)


def _net(rng, training):
    return model(("linear", 3, 4), ("batchnorm", 4), ("tanh",), ("linear", 4, 3), seed=int(rng.integers(100)), training=training)


def _epoch_cases(rng):
    return [
        Case("weights", "two batches of three", ((_net(rng, False), batches(*_data(rng, 6), 3), loss(), optimizer(lr=0.1)),)),
        Case("the loss", "a short last batch", ((_net(rng, False), batches(*_data(rng, 8), 3), loss(), optimizer(lr=0.5, momentum=0.9)),)),
    ]


def _epoch(zero=True, step=True, train=True, per_batch=False, early=False):
    """A training loop with one mistake."""

    def train_epoch(model, batches, loss, optimizer):
        model.train(train)
        values, sizes = [], []
        for inputs, labels in batches:
            if zero:
                optimizer.zero_grad()
            value = loss(model(inputs), labels)
            if early:
                optimizer.step()
            value.backward()
            if step and not early:
                optimizer.step()
            values.append(value.item())
            sizes.append(1 if per_batch else len(labels))
        return float(np.average(values, weights=sizes))

    return train_epoch


EPOCH = Exercise(
    id="98.epoch", title="one epoch", name="train_epoch", kind="loop", parameters=("model", "batches", "loss", "optimizer"),
    points=4, minutes=15, difficulty="medium", reference=f"{HERE}:train_epoch", cases=_epoch_cases, rtol=1e-5, atol=1e-6,
    hint="Clear, forward, backward, step.",
    misconceptions=(
        _wrong("gradients pile up", _epoch(zero=False)), _wrong("nothing moves", _epoch(step=False)),
        _wrong("evaluation mode stays on", _epoch(train=False)), _wrong("a mean of batch means", _epoch(per_batch=True)),
        _wrong("a step before the gradients are there", _epoch(early=True, zero=False)),
    ),
)


def _evaluate_cases(rng):
    return [
        Case("accuracy", "two batches", ((_net(rng, True), batches(*_data(rng, 12), 6)),)),
        Case("accuracy", "a short last batch", ((_net(rng, True), batches(*_data(rng, 11), 4)),)),
    ]


def _evaluation(mode=False, grad=False, per_batch=False, first=False, errors=False):
    def evaluate(model, batches):
        model.train(mode)
        shares, sizes = [], []
        with torch.set_grad_enabled(grad):
            for inputs, labels in batches:
                shares.append(float((model(inputs).argmax(1) == labels).float().mean()))
                sizes.append(1 if per_batch else len(labels))
                if first:
                    break
        share = float(np.average(shares, weights=sizes))
        return 1 - share if errors else share

    return evaluate


EVALUATE = Exercise(
    id="98.evaluate", title="evaluate", name="evaluate", kind="loop", parameters=("model", "batches"), points=2, minutes=8,
    difficulty="easy", reference=f"{HERE}:evaluate", cases=_evaluate_cases, rtol=1e-5, hint="Mode, gradients, counts.",
    equivalent_mutants={"right += int((model(inputs).argmax(-1) == labels).sum())": "the last axis is axis 1"},
    misconceptions=(
        _wrong("in training mode", _evaluation(mode=True)), _wrong("gradients stay on", _evaluation(grad=True)),
        _wrong("each batch counts the same", _evaluation(per_batch=True)), _wrong("the first batch only", _evaluation(first=True)),
        _wrong("the share of errors", _evaluation(errors=True)),
    ),
)

ERRORS = Exercise(
    id="98.errors", title="share of errors", name="errors", kind="number", points=1, minutes=2, difficulty="easy",
    reference=f"{HERE}:share_of_errors", hint="Which number stands below?",
    misconceptions=(_wrong("the share that is right", 0.85), _wrong("percent", 15.0), _wrong("upside down", 80 / 12)),
)


def _slope_cases(rng):
    return [Case("the slope", f"{what}", ((float(p), float(y)),)) for what, p, y in (
        ("p = 0.5", 0.5, 0.0), ("a positive example", rng.uniform(0.1, 0.9), 1.0), ("a soft label", rng.uniform(0.1, 0.9), 0.3))]


SLOPE = Exercise(
    id="98.slope", title="a slope", name="slope", kind="expression", parameters=("p", "y"), points=1, minutes=5,
    difficulty="medium", reference=f"{HERE}:slope", cases=_slope_cases, hint="Chain rule.",
    misconceptions=(_wrong("the other way round", "(y - p)*p*(1 - p)"), _wrong("the inner derivative is missing", "p - y"),
                    _wrong("the square is missing", "(p - y)*p")),
)


def _slopes_cases(rng):
    def at():
        return round(rng.uniform(0.1, 0.9), 2), round(rng.uniform(0.1, 0.9), 2)

    return [Case(f"the {step} derivative", "a point", ((step, *at()),)) for step in ("outer", "inner", "whole") for _ in range(2)]


def _slopes(outer="p - y", inner="p*(1 - p)", whole="(p - y)*p*(1 - p)"):
    return {"outer": outer, "inner": inner, "whole": whole}


SLOPES = Exercise(
    id="98.slopes", title="slopes step by step", name="steps", kind="formulas", parameters=("p", "y"), points=3, minutes=5,
    difficulty="easy", reference=f"{HERE}:slopes", cases=_slopes_cases, hint="Outer times inner.",
    misconceptions=(_wrong("wanted minus predicted", _slopes("y - p", whole="(y - p)*p*(1 - p)")),
                    _wrong("the outer derivative alone", _slopes(whole="p - y")),
                    _wrong("the sigmoid for its slope", _slopes(inner="p"))),
)


def _plan_cases(rng):
    return [
        Case("phases", "the number of phases", (("phases",),)),
        Case("phases", "what is frozen first", (("phases", 0, "frozen"),)),
        Case("rates", "the learning rate", (("learning_rate",),)),
    ]


def _phases(first, second, rate=1e-3):
    return {"phases": [first, second], "learning_rate": rate}


_HEAD, _ALL = {"epochs": 3, "frozen": ["body"]}, {"epochs": 5, "frozen": []}

PLAN = Exercise(
    id="98.plan", title="a gentle plan", name="plan", kind="plan", points=2, minutes=5, difficulty="easy",
    reference=f"{HERE}:gentle_plan", cases=_plan_cases, hint="Head first.",
    misconceptions=(_wrong("everything at once", _phases(_ALL, _ALL)), _wrong("the phases are swapped", _phases(_ALL, _HEAD)),
                    _wrong("far too fast", _phases(_HEAD, _ALL, 1.0))),
)


def _curve_cases(rng):
    return [
        Case("the curve", "three label counts", ((np.array([1, 5, 50]), np.round(rng.uniform(0.4, 0.9, (3, 4)), 2)),)),
        Case("the curve", "six label counts", ((np.array([1, 2, 5, 10, 20, 50]), np.round(rng.uniform(0.4, 0.9, (6, 3)), 2)),)),
    ]


def _curve(y=lambda a: a.mean(1), log=True, swapped=False, labelled=True, first=0):
    def draw(labels, accuracy):
        from matplotlib import pyplot

        figure, axes = pyplot.subplots()
        x, values = labels[first:], y(accuracy)[first:]
        axes.plot(*((values, x) if swapped else (x, values)))
        axes.set_xscale("log" if log else "linear")
        if labelled:
            axes.set_xlabel("labels")
            axes.set_ylabel("accuracy")
        return figure

    return draw


CURVE = Exercise(
    id="98.curve", title="a learning curve", name="learning_curve", kind="figure", parameters=("labels", "accuracy"), points=2,
    minutes=8, difficulty="easy", reference=f"{HERE}:learning_curve", cases=_curve_cases, hint="Mean first, then plot.",
    equivalent_mutants={
        "axes.plot(labels, np.mean(accuracy, axis=-1))": "the last axis is axis 1",
    },
    misconceptions=(
        _wrong("a linear axis", _curve(log=False)), _wrong("x and y are swapped", _curve(swapped=True)),
        _wrong("the axes say nothing", _curve(labelled=False)), _wrong("one seed", _curve(lambda a: a[:, 0])),
        _wrong("the first point is missing", _curve(first=1)),
    ),
)

EXERCISES = (ENTROPY, LOW_RANK, EPOCH, EVALUATE, ERRORS, SLOPE, SLOPES, PLAN, CURVE)
