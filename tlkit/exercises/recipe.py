"""Objects and what is done with them, as plain data: recipes are built, and steps taken, where the answer lives.

A model, an optimiser or a loader does not cross from one process to another; how to build it does.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How to build one object, by name of its builder, seed and plain data.

    Args:
        builder: "model", "layer", "optimizer", "scheduler", "batches", "loss" or "scripted".
        name: what traces and messages call it; other recipes of the same call refer to it.
        seed: decides everything random about it.
        options: plain data and arrays for the builder.
    """

    builder: str
    name: str
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def model(*layers: tuple, name: str = "model", seed: int = 0, training: bool = True, gradient: float | None = None,
          frozen: tuple[str, ...] = ()) -> Recipe:
    """A network of layers in a row that notes how it is used.

    Args:
        layers: tuples such as ("linear", 3, 4), ("batchnorm", 4), ("relu",), ("dropout", 0.5); ("own", 4, "beta", "bias") is a
            layer of one's own with parameters of those names, ("fixed", 4, "bias") one with buffers; ("block", (...), (...))
            holds layers in a row, ("called", "norm", "layernorm", 4) has a name, and ("again", "0") is an earlier one once more.
        training: the mode that it is in when it is handed over.
        gradient: what every number of every `.grad` holds from before; None where no gradient is left.
        frozen: names of parameters that require no gradient when it is handed over: "0.weight".
    """
    left = ({} if gradient is None else {"gradient": gradient}) | ({"frozen": list(frozen)} if frozen else {})
    return Recipe("model", name, seed, {"layers": [list(layer) for layer in layers], "training": training, **left})


def layer(kind: str, *options, name: str = "base", seed: int = 0, scale: float = 0.7, **settings) -> Recipe:
    """One frozen layer: what a method of few parameters is put around. Its weights are normal, with deviation `scale`.

    Args:
        kind, options, settings: as ("linear", 3, 4) or ("conv2d", 2, 4, 3, padding=1), the arguments of the layer's class.
    """
    return Recipe("layer", name, seed, {"layer": [kind, *options], "settings": settings, "scale": scale})


def optimizer(algorithm: str = "SGD", of: str = "model", name: str = "optimizer", **options: float) -> Recipe:
    """An optimiser of torch.optim over the parameters of the model called `of`, that notes its steps."""
    return Recipe("optimizer", name, 0, {"algorithm": algorithm, "of": of, "options": options})


def scheduler(of: str = "optimizer", gamma: float = 0.5, name: str = "scheduler") -> Recipe:
    """A learning-rate schedule that multiplies by gamma at every step, and notes its steps."""
    return Recipe("scheduler", name, 0, {"of": of, "gamma": gamma})


def batches(inputs: Any, labels: Any, batch_size: int, name: str = "batches") -> Recipe:
    """Pairs (inputs, labels) of at most batch_size examples in their order; the last one may be smaller."""
    return Recipe("batches", name, 0, {"inputs": inputs, "labels": labels, "batch_size": batch_size})


def loss(function: str = "cross_entropy", name: str = "loss") -> Recipe:
    """A loss of torch.nn.functional that notes its calls."""
    return Recipe("loss", name, 0, {"function": function})


def scripted(returns: list, name: str, moves: str | None = None) -> Recipe:
    """A function that returns the given values one after the other, whatever it is given, and notes its calls.

    Args:
        moves: the name of a model that each call changes in place, as a training step does: call k adds k / 4 to every
            parameter and floating-point buffer.
    """
    return Recipe("scripted", name, 0, {"returns": returns, "moves": moves})


@dataclass(frozen=True)
class Step:
    """One thing that is done with a class under test.

    Args:
        do: "construct", "set", "draw", "forward", "backward", "mode", "state", "trains", "modes", "call", "attempt", "attribute".
        arguments, keywords: plain data, arrays and recipes.
    """

    do: str
    arguments: tuple = ()
    keywords: dict[str, Any] = field(default_factory=dict)


def construct(*arguments: Any, **keywords: Any) -> Step:
    """Make an instance; torch is seeded before."""
    return Step("construct", arguments, keywords)


def set_state(**arrays: Any) -> Step:
    """Give named parameters and buffers values; a dot in a name is written as two underscores."""
    return Step("set", (), arrays)


def draw_state(seed: int) -> Step:
    """Give every parameter values drawn from a seed, in the order of their names."""
    return Step("draw", (seed,))


def forward(*inputs: Any) -> Step:
    """Call the instance; floating-point inputs require gradients."""
    return Step("forward", inputs)


def backward(upstream: Any) -> Step:
    """Send a gradient back through the last output; the gradients of inputs and parameters are looked at."""
    return Step("backward", (upstream,))


def mode(training: bool) -> Step:
    """`train()` or `eval()`."""
    return Step("mode", (training,))


def state() -> Step:
    """Look at the values of parameters and buffers."""
    return Step("state")


def trains() -> Step:
    """Look at which parameters require a gradient."""
    return Step("trains")


def modes() -> Step:
    """Look at which parts are in training mode."""
    return Step("modes")


def call(method: str, *arguments: Any, **keywords: Any) -> Step:
    """Call a method by name and look at what it returns."""
    return Step("call", (method, *arguments), keywords)


def attempt(method: str, *arguments: Any, **keywords: Any) -> Step:
    """Call a method and look at what it raises, "nothing" if nothing; the next step goes on from there."""
    return Step("attempt", (method, *arguments), keywords)


def attribute(name: str) -> Step:
    """Look at an attribute."""
    return Step("attribute", (name,))
