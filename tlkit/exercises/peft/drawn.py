"""What the exercises of this unit share: numbers for their cases, and a look at parameters that start at random."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tlkit.exercises.recipe import call

BASE = call("get_parameter", "base.weight")


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers of two digits."""
    return np.round(rng.normal(size=shape), 2)


def facts_of_drawn(*names: str) -> Callable[[list, tuple], Any]:
    """A view of a class's steps in which parameters that are drawn at random count by what right ones share.

    Those are the shape, that they are not zero and that no two of ten are alike, and that none is large. Whether the base is
    the given one shows in the parameter that a step `BASE` gets from it.

    Args:
        names: of attributes that a step looks at, or of entries of its states.
    """

    def view(values: list, calls: tuple) -> Any:
        (seen,) = values
        facts = dict(seen)
        if "`get_parameter`" in facts:
            facts["whether `self.base` is the layer that was given"] = str(facts.pop("`get_parameter`")) == "base: weight"
        for name in names:
            if f"`{name}`" in facts:
                facts |= _facts(name, facts.pop(f"`{name}`"))
            for label in [label for label in facts if label.startswith("the state")]:
                if isinstance(facts[label], dict) and name in facts[label]:
                    held = dict(facts[label])
                    facts |= _facts(name, held.pop(name))
                    facts[label] = held
        return facts

    return view


def _facts(name: str, value: Any) -> dict[str, Any]:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return {name: value}
    return {f"the shape of {name}": list(array.shape),
            f"whether {name} is all zeros": not array.any(),
            f"whether the numbers of {name} are all different, or nearly all": bool(np.unique(array).size > 0.9 * array.size),
            f"whether the numbers of {name} are small (below 5)": bool(array.size and np.abs(array).max() < 5)}
