"""Objects built from recipes, where the answer lives: they work as usual and note how they are used.

What they note can be forged by whoever holds them, so it explains; points come from the numbers that they hold
afterwards.
"""

from collections import OrderedDict
from functools import partial
from typing import Any

import numpy as np

from tlkit.exercises.recipe import Recipe
from tlkit.grading.encoding import encode

MAX_TRACE = 2_000


class Trace:
    """How the objects of one call were used, in order, cut at a bounded length."""

    def __init__(self):
        self.entries: list[str] = []

    def note(self, entry: str) -> None:
        if len(self.entries) < MAX_TRACE:
            self.entries.append(entry)


def build(arguments: tuple, trace: Trace) -> tuple[list, dict[str, Any]]:
    """Arguments with every recipe replaced by its object, and the objects by name; arrays stay as they are."""
    objects: dict[str, Any] = {}
    built = []
    for argument in arguments:
        if isinstance(argument, Recipe):
            objects[argument.name] = _BUILDERS[argument.builder](argument, objects, trace)
            argument = objects[argument.name]
        built.append(argument)
    return built, objects


def look(made: Any) -> dict[str, Any]:
    """What became of an object, as plain data by facet."""
    return made.tlkit_look()


def _model(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch
    from torch import nn

    kinds = {"linear": nn.Linear, "batchnorm": nn.BatchNorm1d, "dropout": nn.Dropout, "relu": nn.ReLU,
             "tanh": nn.Tanh, "layernorm": nn.LayerNorm, "embedding": nn.Embedding, "flatten": nn.Flatten}
    name, uses = recipe.name, []

    class Own(nn.Module):
        """A layer of nobody's kind that adds vectors, each called as it is said: parameters, or buffers."""

        def __init__(self, size, *names, learned=True):
            super().__init__()
            for each in names:
                if learned:
                    self.register_parameter(each, nn.Parameter(torch.zeros(size)))
                else:
                    self.register_buffer(each, torch.ones(size))

        def forward(self, inputs):
            return inputs + sum(self.parameters()) + sum(self.buffers())

    kinds |= {"own": Own, "fixed": partial(Own, learned=False)}

    def in_a_row(layers):
        made = {}
        for number, (kind, *options) in enumerate(layers):
            key, kind, *options = (str(number), kind, *options) if kind != "called" else options
            made[key] = made[options[0]] if kind == "again" else nn.Sequential(in_a_row(options)) if kind == "block" else kinds[kind](*options)
        return OrderedDict(made)

    class Model(nn.Sequential):
        """Layers in a row; `train`, `eval`, `forward`, `zero_grad`, `state_dict`, `load_state_dict` are noted.

        A slice of one, model[:2], is such a model too, and what is noted of it stands with the whole's.
        """

        def train(self, mode=True):
            trace.note(f"{name}: {'train' if mode else 'eval'}")
            return super().train(mode)

        def eval(self):
            return self.train(False)

        def forward(self, inputs):
            used = _forward_mode(self, torch)
            uses.append(used)
            trace.note(f"{name}: forward, {used}")
            return super().forward(inputs)

        def zero_grad(self, set_to_none=True):
            trace.note(f"{name}: zero_grad")
            return super().zero_grad(set_to_none)

        def state_dict(self, *arguments, **keywords):
            trace.note(f"{name}: state_dict")
            return super().state_dict(*arguments, **keywords)

        def load_state_dict(self, *arguments, **keywords):
            trace.note(f"{name}: load_state_dict")
            return super().load_state_dict(*arguments, **keywords)

        def tlkit_look(self):
            return {**_look_at(self, name), "forward": sorted(set(uses))}

    generator = torch.Generator().manual_seed(recipe.seed)
    made = Model(in_a_row(recipe.options["layers"]))
    made.train(recipe.options["training"])
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            parameter.tlkit_held_as = f"{name}: {key}", id(parameter)  # see encoding.held_as
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator))
            parameter.requires_grad_(key not in recipe.options.get("frozen", ()))
            if "gradient" in recipe.options:
                parameter.grad = torch.full_like(parameter, recipe.options["gradient"])
    return made


def _layer(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch
    from torch import nn

    kind, *options = recipe.options["layer"]
    generator = torch.Generator().manual_seed(recipe.seed)
    made = {"linear": nn.Linear, "conv2d": nn.Conv2d}[kind](*options, **recipe.options["settings"]).requires_grad_(False)
    for key, parameter in made.named_parameters():
        parameter.tlkit_held_as = f"{recipe.name}: {key}", id(parameter)  # see encoding.held_as
        parameter.copy_(recipe.options["scale"] * torch.randn(parameter.shape, generator=generator))
    made.tlkit_look = lambda: _look_at(made, recipe.name)
    return made


def _look_at(module: Any, name: str) -> dict[str, Any]:
    parameters = dict(module.named_parameters())
    return {
        "parameters": {key: encode(value.detach()) for key, value in parameters.items()},
        "buffers": {key: encode(value) for key, value in module.named_buffers()},
        "gradients": {key: encode(value.grad) for key, value in parameters.items()},
        "requires_grad": {key: value.requires_grad for key, value in parameters.items()},
        "training": {key or name: part.training for key, part in module.named_modules()},
    }


def _forward_mode(model: Any, torch: Any) -> str:
    return f"{'training' if model.training else 'evaluation'} mode, gradients {'on' if torch.is_grad_enabled() else 'off'}"


def _optimizer(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch

    base, name = getattr(torch.optim, recipe.options["algorithm"]), recipe.name

    class Optimizer(base):
        """`step` and `zero_grad` are noted."""

        def step(self, closure=None):
            trace.note(f"{name}: step")
            return super().step(closure)

        def zero_grad(self, set_to_none=True):
            trace.note(f"{name}: zero_grad")
            return super().zero_grad(set_to_none)

        def tlkit_look(self):
            return {"rates": [float(group["lr"]) for group in self.param_groups]}

    return Optimizer(objects[recipe.options["of"]].parameters(), **recipe.options["options"])


def _scheduler(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch

    class Scheduler(torch.optim.lr_scheduler.ExponentialLR):
        """`step` is noted."""

        begun = False

        def step(self, *arguments):
            if self.begun:  # the base class takes a first step by itself
                trace.note(f"{recipe.name}: step")
            return super().step(*arguments)

        def tlkit_look(self):
            return {"rates": [float(rate) for rate in self.get_last_lr()]}

    made = Scheduler(objects[recipe.options["of"]], recipe.options["gamma"])
    made.begun = True
    return made


def _batches(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch

    inputs, labels = (torch.as_tensor(np.asarray(recipe.options[key])) for key in ("inputs", "labels"))
    inputs = inputs.float() if inputs.dtype == torch.float64 else inputs
    size = recipe.options["batch_size"]

    class Batches:
        """A loader: iterate it for pairs; `len` counts batches; every batch is noted."""

        dataset, batch_size, passes = range(len(inputs)), size, 0

        def __len__(self):
            return -(-len(inputs) // size)

        def __iter__(self):
            self.passes += 1
            for start in range(0, len(inputs), size):
                trace.note(f"{recipe.name}: batch {start // size + 1}")
                yield inputs[start:start + size].clone(), labels[start:start + size].clone()

        def tlkit_look(self):
            return {"calls": self.passes}

    return Batches()


def _loss(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    import torch

    function = getattr(torch.nn.functional, recipe.options["function"])

    def loss(*arguments, **keywords):
        trace.note(f"{recipe.name}: call")
        return function(*arguments, **keywords)

    loss.tlkit_look = dict
    return loss


def _scripted(recipe: Recipe, objects: dict, trace: Trace) -> Any:
    returns, calls = list(recipe.options["returns"]), []
    moved = objects.get(recipe.options.get("moves"))

    def scripted(*arguments, **keywords):
        trace.note(f"{recipe.name}: call")
        calls.append(1)
        if len(calls) > len(returns):
            raise IndexError(f"{recipe.name} was called {len(calls)} times; {len(returns)} times would do")
        if moved is not None:
            _move(moved, len(calls) / 4)
        return returns[len(calls) - 1]

    scripted.tlkit_look = lambda: {"calls": len(calls)}
    return scripted


def _move(model: Any, by: float) -> None:
    import torch

    with torch.no_grad():
        for values in (*model.parameters(), *model.buffers()):
            if values.is_floating_point():
                values.add_(by)


_BUILDERS = {"model": _model, "layer": _layer, "optimizer": _optimizer, "scheduler": _scheduler, "batches": _batches, "loss": _loss,
             "scripted": _scripted}
