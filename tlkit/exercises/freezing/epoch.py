"""Exercise 05.epoch: one epoch with the first layers frozen, as numbers see it."""

import numpy as np
from torch import nn

from tlkit.exercises.recipe import batches, loss, model, optimizer
from tlkit.exercises.record import Case, Exercise, Misconception


def _epoch_cases(rng: np.random.Generator) -> list[Case]:
    def call(layers, frozen, size, batch_size, features, classes, name="model", training=True, **options):
        inputs = np.round(rng.normal(1.0, 2.0, (size, features)), 2).astype(np.float32)
        labels = rng.integers(0, classes, size)
        return (model(*layers, name=name, seed=int(rng.integers(1000)), training=training), frozen, batches(inputs, labels, batch_size),
                loss(), optimizer(of=name, **options))

    plain = (("linear", 3, 4), ("tanh",), ("linear", 4, 5), ("tanh",), ("linear", 5, 2))
    norms = (("linear", 3, 4), ("batchnorm", 4), ("tanh",), ("linear", 4, 5), ("batchnorm", 5), ("tanh",), ("linear", 5, 3))
    # A dropout of everything, and one of nothing: their mode shows, and no result is left to chance.
    drops = (("linear", 2, 6), ("batchnorm", 6), ("dropout", 1.0), ("linear", 6, 4), ("batchnorm", 4), ("dropout", 0.0), ("linear", 4, 2))
    decayed = {"algorithm": "AdamW", "lr": 0.05, "weight_decay": 0.5}
    more = int(rng.integers(3, 6))
    return [
        Case("frozen weights stay", "one batch, plain gradient descent", (call(plain, 2, 4, 4, 3, 2, lr=0.1),)),
        Case("frozen weights stay", "AdamW with weight decay, two batches",
             (call(plain, 3, 8, 4, 3, 2, **decayed),)),
        Case("frozen statistics stay", "a BatchNorm among the frozen layers", (call(norms, 3, 4 * more, 4, 3, 3, lr=0.1),)),
        Case("frozen statistics stay", "the model comes in evaluation mode", (call(norms, 2, 9, 3, 3, 3, training=False, lr=0.2),)),
        Case("frozen layers draw nothing", "a dropout among the frozen layers", (call(drops, 3, 12, 4, 2, 2, lr=0.1),)),
        Case("frozen layers draw nothing", "the same with AdamW", (call(drops, 4, 10, 5, 2, 2, **decayed),)),
        Case("the loss over all examples", "a smaller last batch", (call(norms, 3, 4 * more + 2, 4, 3, 3, lr=0.3),)),
        Case("the loss over all examples", "nothing is frozen", (call(plain, 0, 7, 3, 3, 2, lr=0.2),)),
    ]


def _epoch_view(values: list, calls: tuple) -> dict:
    """What became of the frozen layers and of the others; the mode counts for the layers that behave by it."""
    (seen,), (network, frozen, *_) = values, calls[0]
    modal = {str(number) for number, (kind, *_) in enumerate(network.options["layers"]) if kind in ("batchnorm", "dropout")}
    modes = {name: mode for name, mode in seen["model: modes afterwards"].items() if name in modal}

    def split(what: str, held: dict) -> dict:
        parts = {f"{what} of the frozen layers": {}, f"{what} of the other layers": {}}
        for name, value in held.items():
            parts[f"{what} of the {'frozen' if int(name.split('.')[0]) < frozen else 'other'} layers"][name] = value
        return parts

    return {
        **split("modes", modes), **split("running statistics", seen["model: buffers afterwards"]),
        **split("weights", seen["model: parameters afterwards"]), "what is returned": seen["what is returned"],
    }


def _epoch(freeze, after=lambda model, frozen: None, zero=True, per_batch=False):
    """An epoch with one mistake: `freeze` is done before it, `after` between backward and step."""

    def frozen_epoch(model, frozen, batches, loss, optimizer):
        freeze(model, frozen)
        losses, sizes = [], []
        for inputs, labels in batches:
            if zero:
                optimizer.zero_grad()
            value = loss(model(inputs), labels)
            value.backward()
            after(model, frozen)
            optimizer.step()
            losses.append(value.item())
            sizes.append(1 if per_batch else len(labels))
        return float(np.average(losses, weights=sizes))

    return frozen_epoch


def _right(model, frozen):
    model.train()
    for layer in list(model)[:frozen]:
        layer.eval().requires_grad_(False)


def _gradients_alone(model, frozen):
    model.train()
    for layer in list(model)[:frozen]:
        layer.requires_grad_(False)


def _mode_alone(model, frozen):
    model.train()
    for layer in list(model)[:frozen]:
        layer.eval()


def _all_in_eval(model, frozen):
    _right(model, frozen)
    model.eval()


def _mode_untouched(model, frozen):
    for layer in list(model)[:frozen]:
        layer.eval().requires_grad_(False)


def _one_more(model, frozen):
    _right(model, min(frozen + 1, len(model) - 1))


def _one_fewer(model, frozen):
    _right(model, max(frozen - 1, 0))


def _the_last_ones(model, frozen):
    model.train()
    for layer in list(model)[len(model) - frozen:]:
        layer.eval().requires_grad_(False)


def _the_other_ones(model, frozen):
    model.train()
    for layer in list(model)[frozen:-1]:
        layer.eval().requires_grad_(False)


def _all_but_the_last(model, frozen):
    _right(model, len(model) - 1)


def _dropout_left_on(model, frozen):
    _gradients_alone(model, frozen)
    for layer in list(model)[:frozen]:
        if isinstance(layer, nn.BatchNorm1d):
            layer.eval()


def _batchnorm_left_on(model, frozen):
    _gradients_alone(model, frozen)
    for layer in list(model)[:frozen]:
        if isinstance(layer, nn.Dropout):
            layer.eval()


def _linear_alone(model, frozen):
    model.train()
    for layer in list(model)[:frozen]:
        layer.eval()
        if isinstance(layer, nn.Linear):
            layer.requires_grad_(False)


def _every_batchnorm(model, frozen):
    _right(model, frozen)
    for layer in model:
        if isinstance(layer, nn.BatchNorm1d):
            layer.eval()


def _all_above(model, frozen):
    """The slice behind the frozen layers is frozen, the head with it; some layer has to learn for a way back to exist."""
    model.train()
    for layer in list(model)[frozen:] if frozen else ():
        layer.eval().requires_grad_(False)


def _summed(model, frozen, batches, loss, optimizer):
    held = list(batches)
    return _epoch(_right, per_batch=True)(model, frozen, held, loss, optimizer) * len(held)


def _summed_over_examples(model, frozen, batches, loss, optimizer):
    held = list(batches)
    return _epoch(_right)(model, frozen, held, loss, optimizer) * sum(len(labels) for _, labels in held)


def _trains_again(model, frozen, batches, loss, optimizer):
    mean = _epoch(_right)(model, frozen, batches, loss, optimizer)
    model.train()
    return mean


def _zeros(model, frozen):
    for layer in list(model)[:frozen]:
        for parameter in layer.parameters():
            parameter.grad.zero_()


_zeroed = _epoch(_mode_alone, after=_zeros)
_zeroed_in_training = _epoch(lambda model, frozen: model.train(), after=_zeros)


EPOCH = Exercise(
    id="05.epoch",
    title="an epoch with frozen layers",
    name="frozen_epoch",
    kind="loop",
    parameters=("model", "frozen", "batches", "loss", "optimizer"),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.frozen_epoch:frozen_epoch",
    cases=_epoch_cases,
    view=_epoch_view,
    looks_at=("parameters", "buffers", "training"),
    shrinks=False,
    rtol=1e-4,
    atol=1e-5,
    hint="Two things keep a layer as it is: no gradient for its parameters, and evaluation mode. In which order do you say so?",
    misconceptions=(
        Misconception("frozen layers in training mode", "`requires_grad_(False)` stops the gradients and nothing else; or `eval()` was said "
                      "before `model.train()`, which puts every layer back.",
                      "Which mode is a frozen BatchNorm in while the batches run?", _epoch(_gradients_alone)),
        Misconception("evaluation mode alone", "It sounds like “do not learn”, but it only changes what BatchNorm and dropout do.",
                      "What does `requires_grad` say of the frozen weights?", _epoch(_mode_alone)),
        Misconception("gradients of zero instead of None", "A step against a zero gradient goes nowhere with plain gradient descent; AdamW "
                      "decays every weight that has a gradient.",
                      "What should `.grad` of a frozen weight be, so that the optimiser leaves it alone?", _zeroed),
        Misconception("gradients of zero, and training mode", "Nothing is learned from a zero, but weight decay still moves the weights, and "
                      "BatchNorm never needed a gradient to move.",
                      "Who else changes a layer, apart from its gradient?", _zeroed_in_training),
        Misconception("the whole model in evaluation mode", "The frozen part belongs there; the part that learns does not.",
                      "Which layers should keep their statistics, and which should adapt them?", _epoch(_all_in_eval)),
        Misconception("the mode is left as it came", "Whoever calls may have evaluated the model just before.",
                      "In which mode are the upper layers if the model comes in evaluation mode?", _epoch(_mode_untouched)),
        Misconception("one layer too many is frozen", "Counting from 1 and a range that holds its end add up to one more.",
                      "How many layers should be frozen for frozen=2?", _epoch(_one_more)),
        Misconception("one layer too few is frozen", "A range leaves its end out, so the minus one was there already.",
                      "How many layers should be frozen for frozen=2?", _epoch(_one_fewer)),
        Misconception("frozen from the wrong end", "The last layers are the ones that are new.",
                      "Which layers come first: those near the input or those near the output?", _epoch(_the_last_ones)),
        Misconception("the frozen and the free are swapped", "`model[frozen:]` is what stands behind the frozen ones.",
                      "Which slice holds the first `frozen` layers?", _epoch(_the_other_ones)),
        Misconception("everything below the head is frozen", "Then it is a linear probe, whatever `frozen` says.",
                      "What does the argument `frozen` count?", _epoch(_all_but_the_last)),
        Misconception("dropout still draws in the frozen layers", "BatchNorm is the famous case, but dropout is another layer that behaves "
                      "otherwise in training.", "Does the frozen part give the same output twice?", _epoch(_dropout_left_on)),
        Misconception("BatchNorm still moves in the frozen layers", "Dropout was thought of; BatchNorm's running statistics have no gradient, "
                      "and move all the same.", "What changes `running_mean`?", _epoch(_batchnorm_left_on)),
        Misconception("scale and shift of the frozen BatchNorm still train", "Only linear layers were looked for, but norms have parameters too.",
                      "Does a layer's `parameters()` ask for its type?", _epoch(_linear_alone)),
        Misconception("BatchNorm is frozen everywhere", "That is a choice one can make, but here the layers behind the frozen ones adapt.",
                      "Which BatchNorm layers are among the first `frozen`?", _epoch(_every_batchnorm)),
        Misconception("gradients pile up", "Torch adds to what is in `.grad`.", "What has to happen before each way back?",
                      _epoch(_right, zero=False)),
        Misconception("everything behind the frozen layers is frozen instead", "`model[frozen:]` reads like “the frozen ones”, and holds all the others.",
                      "Which slice holds the first `frozen` layers?", _epoch(_all_above)),
        Misconception("the batches' losses are added up", "A running total is kept, and nobody divides it.", "Should twice as much data double the result?",
                      _summed),
        Misconception("the examples' losses are added up", "Every example counts once, which is right; but a mean is asked for.",
                      "By what is a sum over examples divided?", _summed_over_examples),
        Misconception("the frozen layers are in training mode afterwards", "`model.train()` at the end looks like tidying up, and undoes the modes.",
                      "In which modes does the exercise want the layers afterwards?", _trains_again),
        Misconception("a mean of batch means", "A small last batch then counts as much as a full one.",
                      "How many examples stand behind each of the means?", _epoch(_right, per_batch=True)),
    ),
)
