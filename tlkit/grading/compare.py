"""Are two values the same, and if not, where do they first differ? Plain data in, plain data out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlkit.grading.observation import Expression, Opaque

FLOAT32_RTOL, FLOAT32_ATOL = 2e-5, 1e-6


@dataclass(frozen=True)
class Difference:
    """Where two values part: `what` in words, and the two sides there."""

    what: str
    expected: Any
    got: Any


def first_difference(expected: Any, got: Any, rtol: float, atol: float, at: str = "") -> Difference | None:
    """The first place at which `got` is not `expected`, or None.

    Numbers and arrays agree where |got - expected| <= atol + rtol * |expected|, element by element; nan agrees
    with nan. An array of float32 is allowed float32's own error. Whether a number came as int, numpy scalar
    or 0-d tensor does not matter; an array of floats where integers are due (indices, labels) does.
    """
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(expected) != set(got):
            return Difference(at or "the value", expected, got)
        pairs = [(expected[key], got[key], f"{at}: {key}" if at else str(key)) for key in expected]
        return next(filter(None, (first_difference(e, g, rtol, atol, where) for e, g, where in pairs)), None)
    if all(isinstance(side, list) and not side or isinstance(side, np.ndarray) and side.shape == (0,) for side in (expected, got)):
        return None  # an empty list does not say of what it has none
    if is_numeric(expected) and is_numeric(got):
        return _numeric_difference(np.asarray(expected), np.asarray(got), rtol, atol, at)
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return Difference(f"the length of {at or 'the value'}", len(expected), len(got))
        pairs = [(e, g, f"{at or 'item'} {i + 1}") for i, (e, g) in enumerate(zip(expected, got))]
        return next(filter(None, (first_difference(e, g, rtol, atol, where) for e, g, where in pairs)), None)
    if type(expected) is type(got) and type(expected) in (str, type(None)) and expected == got:
        return None
    return Difference(at or "the value", expected, got)


def is_numeric(value: Any) -> bool:
    """A number or an array of numbers."""
    return type(value) in (bool, int, float) or isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


def _numeric_difference(expected: np.ndarray, got: np.ndarray, rtol: float, atol: float, at: str) -> Difference | None:
    if expected.shape != got.shape:
        return Difference(f"the shape of {at or 'the value'}", expected, got)
    if expected.ndim and expected.size and expected.dtype.kind in "biu" and got.dtype.kind == "f":
        return Difference(f"the type of the numbers in {at or 'the value'}", expected, got)
    if (expected.dtype.kind == "b") != (got.dtype.kind == "b") and expected.ndim == 0:
        return Difference(at or "the value", expected[()], got[()])
    if got.dtype == np.float32:
        rtol, atol = max(rtol, FLOAT32_RTOL), max(atol, FLOAT32_ATOL)
    if np.allclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol, equal_nan=True):
        return None
    return Difference(at or "the value", expected, got)


def both_in_words(expected: Any, got: Any, width: int = 160) -> tuple[str, str]:
    """Two different values on a line each; where they read the same, what sets them apart is added."""
    due, came = in_words(expected, width), in_words(got, width)
    if isinstance(got, list) and isinstance(expected, np.ndarray):
        return due, f"{came} (a list)"
    if due != came:
        return due, came
    if isinstance(expected, dict) and isinstance(got, dict):
        apart = [key for key in expected if key in got and first_difference(expected[key], got[key], 0, 0)]
        if apart and len(apart) < len(expected):
            return both_in_words({key: expected[key] for key in apart}, {key: got[key] for key in apart}, width)
    if is_numeric(expected) and is_numeric(got) and np.shape(expected) == np.shape(got):
        apart = np.abs(np.asarray(got, float) - np.asarray(expected, float))
        if np.isfinite(apart).any() and (furthest := float(apart[np.isfinite(apart)].max())):
            return due, f"{came} (off by up to {furthest:.1g})"
    kinds = [type(value).__name__ if not isinstance(value, np.ndarray) else f"array of {value.dtype}" for value in (expected, got)]
    return (due, came) if kinds[0] == kinds[1] else (f"{due} ({kinds[0]})", f"{came} ({kinds[1]})")


def in_words(value: Any, width: int = 160) -> str:
    """A value on one line, for a person: numbers with four digits, arrays with their shape where they are long."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return in_words(value.item(), width)
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, separator=", ", threshold=12, edgeitems=3, max_line_width=10_000)
        text = " ".join(text.split()).replace("[ ", "[") + (f" (shape {value.shape})" if value.ndim > 1 or value.size > 12 else "")
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, Expression):
        text = value.text
    elif isinstance(value, Opaque):
        text = f"an object of type {value.type_name}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(in_words(item, width) for item in value) + "]"
    elif isinstance(value, dict):
        text = ", ".join(f"{key}: {in_words(item, width)}" for key, item in value.items())
    else:
        text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
