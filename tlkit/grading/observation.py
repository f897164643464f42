"""What the engine sees of an answer: plain data and arrays, never the learner's own objects.

An object can lie (its `==` may always say True); a number that was copied out of it cannot. The same
encoding serves an answer in this kernel and one in another process.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_DEPTH = 6
MAX_ITEMS = 10_000
MAX_ELEMENTS = 10_000_000


@dataclass(frozen=True)
class Array:
    """A numpy array or torch tensor, by value: `data` is a private copy."""

    data: np.ndarray
    library: str = "numpy"
    requires_grad: bool = False


@dataclass(frozen=True)
class Opaque:
    """Something that does not cross: only its type's name does."""

    type_name: str


@dataclass(frozen=True)
class Failure:
    """An exception that the answer raised.

    Args:
        type_name: the nearest built-in exception that it is: a subclass of ValueError counts as ValueError.
        message: its text.
        line: the line within the answer's cell.
    """

    type_name: str
    message: str
    line: int | None = None

    @classmethod
    def of(cls, error: BaseException, line: int | None = None) -> "Failure":
        nearest = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
        return cls(nearest.__name__, str(error)[:500], line)


@dataclass(frozen=True)
class Observation:
    """One call of an answer.

    Args:
        value: what it returned, encoded; None also where it raised.
        arguments_after: the arguments as the call left them, encoded.
        failure: what it raised, or None.
        output: what it printed, cut at a bounded length.
        moved_random_states: which global random states the call moved: "python", "numpy", "torch".
        seconds: how long it took.
    """

    value: Any
    arguments_after: tuple
    failure: Failure | None
    output: str
    moved_random_states: tuple[str, ...]
    seconds: float


def encode(value: Any, depth: int = 0) -> Any:
    """A value as plain data: None, bool, int, float, str, Array, list, tuple, dict with str or number keys, or Opaque.

    Only exact built-in types pass as they are; a subclass may have changed what its operators say.
    """
    kind = type(value)
    if value is None or value is Ellipsis or kind in (bool, int, float, str):
        return value
    if kind is np.ndarray and value.dtype.kind in "biufc" and value.size <= MAX_ELEMENTS:
        return Array(value.copy())
    if isinstance(value, np.generic) and value.dtype.kind in "biufcU":
        return str(value) if value.dtype.kind == "U" else Array(np.array(value))
    if kind is np.ndarray and value.dtype.kind in "US" and value.size <= MAX_ITEMS:
        return [str(item) for item in value.ravel().tolist()]
    torch = sys.modules.get("torch")
    if torch and kind in (torch.Tensor, torch.nn.Parameter):
        if value.numel() > MAX_ELEMENTS:
            return Opaque("Tensor")
        plain = value.detach().cpu()
        plain = plain.float() if str(plain.dtype) in ("torch.bfloat16", "torch.float16") else plain
        return Array(plain.numpy().copy(), "torch", bool(value.requires_grad))
    if depth < MAX_DEPTH and kind in (list, tuple) and len(value) <= MAX_ITEMS:
        return kind(encode(item, depth + 1) for item in value)
    if depth < MAX_DEPTH and kind is dict and len(value) <= MAX_ITEMS:
        keys = [key.item() if isinstance(key, np.generic) else key for key in value]
        if all(type(key) in (str, int, float, bool) for key in keys):
            return {key: encode(item, depth + 1) for key, item in zip(keys, value.values())}
    return Opaque(kind.__name__)


def decode(value: Any) -> Any:
    """A fresh object from plain data; arrays are copies, so that nothing can be changed behind the engine's back."""
    if isinstance(value, Array):
        if value.library == "torch":
            import torch

            return torch.from_numpy(value.data.copy()).requires_grad_(value.requires_grad)
        return value.data.copy()
    if type(value) in (list, tuple):
        return type(value)(decode(item) for item in value)
    if type(value) is dict:
        return {key: decode(item) for key, item in value.items()}
    return value


def as_plain(value: Any) -> Any:
    """An encoded value with its arrays as numpy arrays, and sequences of numbers as arrays too, ready to compare."""
    if isinstance(value, Array):
        return value.data
    if type(value) in (list, tuple):
        items = [as_plain(item) for item in value]
        if items and all(_is_number(item) for item in items):
            return np.array([np.asarray(item)[()] for item in items])
        return items
    if type(value) is dict:
        return {key: as_plain(item) for key, item in value.items()}
    return value


def _is_number(value: Any) -> bool:
    return type(value) in (bool, int, float) or isinstance(value, np.ndarray) and value.ndim == 0
