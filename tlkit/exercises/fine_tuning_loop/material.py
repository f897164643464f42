"""What the loops of this unit are tried with: small data, small networks, and views on what counts."""

import numpy as np

from tlkit.exercises.recipe import Recipe, batches, model

WATCHED = "the model"
"""A case whose model is called this is about what becomes of it; any other is about what is returned."""


def examples(rng: np.random.Generator, count: int, features: int = 3, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (count, features) and labels (count,)."""
    return np.round(rng.normal(size=(count, features)), 2).astype(np.float32), rng.integers(0, classes, count)


def loader(rng: np.random.Generator, count: int, batch_size: int, name: str = "batches", **sizes: int) -> Recipe:
    """Random examples, in batches."""
    return batches(*examples(rng, count, **sizes), batch_size, name=name)


def plain_net(rng: np.random.Generator, name: str = WATCHED, training: bool = True, features: int = 3, classes: int = 3,
              gradient: float | None = None) -> Recipe:
    """A network that does the same in both modes; `gradient` is what its gradients hold from before."""
    return model(("linear", features, 4), ("tanh",), ("linear", 4, classes), name=name, seed=int(rng.integers(1000)), training=training,
                 gradient=gradient)


def norm_net(rng: np.random.Generator, name: str = WATCHED, training: bool = True) -> Recipe:
    """A network whose BatchNorm shows in which mode it is used."""
    return model(("linear", 3, 4), ("batchnorm", 4), ("tanh",), ("linear", 4, 3), name=name, seed=int(rng.integers(1000)),
                 training=training)


def watched_or_returned(values: list, calls: tuple[tuple, ...]) -> list:
    """What became of a model that is watched; else what was returned."""
    return [{label: shown for label, shown in value.items() if label != "what is returned"}
            if any(isinstance(argument, Recipe) and argument.name == WATCHED for argument in call) else value
            for value, call in zip(values, calls)]
