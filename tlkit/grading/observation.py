"""What the engine sees of an answer: plain data and arrays, never the learner's own objects.

An object can lie (its `==` may always say True); a number that was copied out of it cannot.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Array:
    """A numpy array or torch tensor, by value: `data` is a private copy.

    Args:
        data: the numbers; 16-bit floats of torch are widened to float32.
        library: "numpy" or "torch".
        requires_grad: whether gradients flow back into (or out of) the tensor.
        dtype: the number type before any widening: "float32", "int64", "bfloat16".
        device: where the tensor was: "cpu", "cuda:0".
    """

    data: np.ndarray
    library: str = "numpy"
    requires_grad: bool = False
    dtype: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Opaque:
    """Something that does not cross: only its type's name does, and whether it can be called."""

    type_name: str
    is_callable: bool = False


@dataclass(frozen=True)
class Expression:
    """A symbolic expression, as its text: it is read again through a whitelist, never executed."""

    text: str


class Unusable(Exception):
    """An instance lacks what a check needs to use it, though its own code raised nothing.

    Args:
        kind: what is the matter, one of UNUSABLE.
        message: the same with names and numbers.
    """

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


UNUSABLE = ("NoSuchParameter", "AnotherShape")


@dataclass(frozen=True)
class Failure:
    """An exception that the answer raised.

    Args:
        type_name: the nearest built-in exception that it is: a subclass of ValueError counts as ValueError. UNUSABLE
            where nothing was raised, but the check could not use what it was given.
        message: its text.
        line: the line within the answer's cell; None where the answer's own code was not reached.
        on_purpose: whether a `raise` or `assert` of the answer's own raised it.
    """

    type_name: str
    message: str
    line: int | None = None
    on_purpose: bool = False

    @classmethod
    def of(cls, error: BaseException, line: int | None = None, on_purpose: bool = False) -> "Failure":
        nearest = next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"), "Exception")
        nearest = error.kind if isinstance(error, Unusable) else "ValueError" if isinstance(error, ValueError) else nearest
        try:
            message = str(error)[:500]
        except Exception:  # an exception whose text raises
            message = ""
        if nearest == "RuntimeError" and ("allocate memory" in message or "not enough memory" in message):
            nearest = "MemoryError"
        return cls(nearest, message, line, on_purpose)


@dataclass(frozen=True)
class Observation:
    """One call of an answer (or one use of a class).

    Args:
        value: what it returned, encoded; None also where it raised.
        arguments_after: the arguments as the call left them, encoded; for recipes, what became of their objects.
        failure: what it raised, or None.
        output: what it printed, cut at a bounded length.
        moved_random_states: which global random states the call moved: "python", "numpy", "torch".
        seconds: how long it took.
        gradients: for each argument the gradient that came back into it, or None; None where nobody asked.
        trace: how recipes' objects were used, in order: "model: forward, training mode, gradients on".
        left_behind: settings of the process that the call left changed: "torch's gradients are switched off".
        reached: forbidden functions that ran while the answer did.
    """

    value: Any
    arguments_after: tuple = ()
    failure: Failure | None = None
    output: str = ""
    moved_random_states: tuple[str, ...] = ()
    seconds: float = 0.0
    gradients: tuple | None = None
    trace: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
