"""What is done with an answer, by the exercise's kind; this runs where the answer lives."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tlkit.exercises.recipe import Step
from tlkit.grading.observation import Failure, Unusable
from tlkit.grading.recipes import Trace, build


def call(answer: Any, arguments: list, trace: Trace) -> Any:
    """Call a function."""
    return answer(*arguments)


def part(answer: Any, path: list, trace: Trace) -> Any:
    """The value, or the part of it at a path of keys, attributes and indices. A function of ours gives the value."""
    found = answer() if callable(answer) else answer
    for key in path:
        found = getattr(found, key) if isinstance(key, str) and hasattr(found, key) else found[key]
    return found


def point(answer: Any, symbols: list, trace: Trace) -> Any:
    """An expression as it stands, to be evaluated elsewhere; a function of ours at these values of its symbols."""
    return answer(*symbols) if callable(answer) else answer


def entry(answer: Any, key_and_symbols: list, trace: Trace) -> Any:
    """One of a dict of formulas, `...` where it is missing, to be evaluated elsewhere; a function of ours at these values."""
    key, *symbols = key_and_symbols
    return answer(key, *symbols) if callable(answer) else answer.get(key, ...)


def draw(answer: Any, arguments: list, trace: Trace) -> Any:
    """Call a function that draws; what it drew on pyplot counts where it returns nothing. New figures are closed."""
    from matplotlib import pyplot

    before, switched = set(pyplot.get_fignums()), pyplot.isinteractive()
    pyplot.ioff()
    try:
        value = answer(*arguments)
        new = [number for number in pyplot.get_fignums() if number not in before]
        return pyplot.figure(new[-1]) if value is None and new else value
    finally:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)
        if switched:
            pyplot.ion()


def use(answer: Any, steps: list, trace: Trace) -> dict[str, Any]:
    """Take steps with a class; what they show, by label."""
    return _Use(answer, trace).take(steps)


class _Use:
    """An instance under test, and what has been seen of it."""

    def __init__(self, made_by: Any, trace: Trace):
        self.made_by, self.trace = made_by, trace
        self.instance: Any = None
        self.inputs: list = []
        self.output: Any = None
        self.seen: dict[str, Any] = {}

    def take(self, steps: list[Step]) -> dict[str, Any]:
        for step in steps:
            arguments, _ = build(step.arguments, self.trace)
            getattr(self, f"_{step.do}")(*arguments, **step.keywords)
        return self.seen

    def _show(self, label: str, value: Any) -> None:
        count = sum(key == label or key.startswith(f"{label} (") for key in self.seen)
        self.seen[f"{label} ({count + 1})" if count else label] = value

    def _construct(self, *arguments, **keywords):
        import torch

        torch.manual_seed(0)
        built, _ = build(tuple(keywords.values()), self.trace)
        self.instance = self.made_by(*arguments, **dict(zip(keywords, built)))

    def _set(self, **arrays):
        import torch

        held = dict(self.instance.named_parameters()) | dict(self.instance.named_buffers())
        with torch.no_grad():
            for key, value in arrays.items():
                name = key.replace("__", ".")
                if name not in held:
                    raise Unusable("NoSuchParameter", f"there is no parameter or buffer `{name}`; there are: {', '.join(held) or 'none'}")
                value = torch.as_tensor(np.asarray(value), dtype=held[name].dtype)
                if value.shape != held[name].shape:
                    raise Unusable("AnotherShape", f"`{name}` has shape {tuple(held[name].shape)}, {tuple(value.shape)} is due")
                held[name].copy_(value)

    def _draw(self, seed):
        import torch

        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for _, parameter in sorted(self.instance.named_parameters()):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def _forward(self, *inputs):
        import torch

        self.inputs = [torch.as_tensor(value) if isinstance(value, np.ndarray) else value for value in inputs]
        self.inputs = [value.float() if _is_tensor(value) and value.dtype == torch.float64 else value for value in self.inputs]
        for value in self.inputs:
            if _is_tensor(value) and value.is_floating_point():
                value.requires_grad_(True)
        self.output = self.instance(*self.inputs)
        self._show("the output", self.output)

    def _backward(self, upstream):
        import torch

        for value in [*self.instance.parameters(), *self.inputs]:
            if _is_tensor(value):
                value.grad = None
        self.output.backward(torch.as_tensor(upstream, dtype=self.output.dtype))
        for number, value in enumerate(self.inputs, 1):
            if _is_tensor(value) and value.is_floating_point():
                self._show(f"the gradient of input {number}", value.grad)
        self._show("the gradients", {name: p.grad for name, p in self.instance.named_parameters()})

    def _mode(self, training):
        self.instance.train(training)

    def _state(self):
        held = dict(self.instance.named_parameters()) | dict(self.instance.named_buffers())
        self._show("the state", {name: value.detach().clone() for name, value in held.items()})

    def _trains(self):
        self._show("what trains", {name: p.requires_grad for name, p in self.instance.named_parameters()})

    def _modes(self):
        self._show("the modes", {name or "itself": part.training for name, part in self.instance.named_modules()})

    def _call(self, method, *arguments, **keywords):
        self._show(f"`{method}`", getattr(self.instance, method)(*arguments, **keywords))

    def _attempt(self, method, *arguments, **keywords):
        try:
            getattr(self.instance, method)(*arguments, **keywords)
        except Exception as error:
            raised = Failure.of(error).type_name
        else:
            raised = "nothing"
        self._show(f"what `{method}` raises", raised)

    def _attribute(self, name):
        self._show(f"`{name}`", getattr(self.instance, name))


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


ACTIONS: dict[str, Callable] = {"call": call, "part": part, "point": point, "entry": entry, "draw": draw, "use": use}

