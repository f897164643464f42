"""What a wrong answer got wrong, in words: the diagnoses that every exercise gets without writing them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlkit.grading.compare import FLOAT32_RTOL, is_numeric
from tlkit.grading.observation import Failure, Opaque


@dataclass(frozen=True)
class Diagnosis:
    """A name for the mistake, why people make it (or what it means), and where to look next."""

    name: str
    why: str
    hint: str


_ADVICE = {
    "NameError": "A name that the answer uses does not exist: was it defined in a cell that you have not run?",
    "TypeError": "An operation met a type that it does not take; print the type and the shape of what goes in.",
    "ValueError": "A function refused a value; shapes that do not match are the usual reason.",
    "IndexError": "An index lies outside of what it indexes; is an index counted from 1, or a mask taken for indices?",
    "ZeroDivisionError": "A divisor is zero in this case; which quantity can be empty or zero here?",
    "KeyError": "A key is looked up that is not there in this case.",
    "TimeLimit": "It takes very long or never ends; is there a loop whose condition never becomes false?",
    "RecursionError": "The function calls itself without end.",
}


def raised(failure: Failure, expected: Failure | None) -> Diagnosis:
    """The answer raised where it should not have (or another exception than it should have)."""
    where = f" in line {failure.line} of its cell" if failure.line else ""
    name = f"it raised {failure.type_name}{where}: {failure.message}".rstrip(": ")
    if failure.type_name == "TimeLimit":
        name = f"stopped: {failure.message}"
    if expected is not None:
        return Diagnosis(name, f"Here a {expected.type_name} is due, and this is another exception.", "")
    return Diagnosis(name, "The answer did not come to its end.", _ADVICE.get(failure.type_name, ""))


def did_not_raise(expected: Failure) -> Diagnosis:
    """The answer returned something where the input is bad and should have been refused."""
    return Diagnosis(
        f"no {expected.type_name} for bad input",
        f"This input cannot be answered, and the reference says so: “{expected.message}”.",
        f"Look at the case below, and raise a {expected.type_name} when it happens.",
    )


def not_a_value(got: Any, output: str) -> Diagnosis | None:
    """None, an unfinished `...` or an object came back instead of data."""
    if got is None and output.strip():
        return Diagnosis("prints instead of returning", "What is printed is gone; the caller receives None.",
                         "End the function with `return`.")
    if got is None:
        return Diagnosis("returns None", "A function without `return` gives None to its caller.",
                         "End every branch of the function with `return`.")
    if got is Ellipsis:
        return Diagnosis("returns `...`", "The dots stand for what is still to be written.", "Write it in their place.")
    if isinstance(got, Opaque):
        return Diagnosis(f"returns an object of type {got.type_name}", "Numbers, arrays, lists or text are expected.",
                         "Convert the result before you return it.")
    return None


def changed_argument(parameter: str) -> Diagnosis:
    return Diagnosis(f"changes its input `{parameter}` in place",
                     "The caller still holds that array and will use it again, now with other values.",
                     "Work on a copy, or use an operation that makes a new array.")


def moved_random_state(library: str) -> Diagnosis:
    return Diagnosis(f"moves the global random state of {library}",
                     "Whoever draws next, anywhere in the program, gets other numbers because of this call.",
                     "Draw from a generator of your own: `np.random.default_rng(seed)`.")


def compared(pairs: list[tuple[Any, Any]]) -> Diagnosis | None:
    """What relates (expected, got) in all failing cases: shape, transposition, nan, sign, factor, offset, number type."""
    if not pairs or not all(is_numeric(e) and is_numeric(g) for e, g in pairs):
        return None
    arrays = [(np.asarray(e), np.asarray(g)) for e, g in pairs]
    floats = [(e.astype(float), g.astype(float)) for e, g in arrays]
    if any(e.shape != g.shape for e, g in floats):
        return _shape(floats)
    if any(e.dtype.kind in "biu" and g.dtype.kind == "f" and np.array_equal(e, g) for e, g in arrays):
        return Diagnosis("right values in the wrong number type", "Whole numbers are due here, and floats came back.",
                         "Give the array an integer type.")
    if any(np.isnan(g).any() and not np.isnan(e).any() for e, g in floats):
        return Diagnosis("nan appears", "Somewhere 0/0, inf - inf or the logarithm of a negative number is computed.",
                         "Try the failing input by hand and find the first step that gives nan.")
    expected = np.concatenate([e.ravel() for e, _ in floats])
    got = np.concatenate([g.ravel() for _, g in floats])
    keep = np.isfinite(expected) & np.isfinite(got)
    if not keep.any() or not np.array_equal(np.isfinite(expected), np.isfinite(got)):
        return None
    return _affine(expected[keep], got[keep])


def _shape(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Diagnosis:
    if all(e.ndim >= 2 and e.shape == g.shape[::-1] for e, g in pairs):
        return Diagnosis("transposed", "Rows and columns have changed places.", "Which axis is the batch?")
    e, g = next((e, g) for e, g in pairs if e.shape != g.shape)
    return Diagnosis(f"the shape is {g.shape}, {e.shape} is due", "Another number of axes or entries came back.",
                     "Print the shape after each step and find where an axis goes missing or appears.")


def _affine(expected: np.ndarray, got: np.ndarray) -> Diagnosis | None:
    def close(a, b):
        return np.allclose(a, b, rtol=10 * FLOAT32_RTOL, atol=1e-7)

    if np.abs(expected).max() > 0 and close(got, -expected):
        return Diagnosis("the sign is flipped", "Every number is right but for its sign.",
                         "Follow the minus signs from the definition to your last line.")
    scale = np.abs(expected).max()
    solid = np.abs(expected) > 1e-6 * scale if scale > 0 else np.zeros(expected.shape, bool)
    if solid.sum() >= 2:
        factor = float(np.median(got[solid] / expected[solid]))
        if factor != 0 and close(got, factor * expected):
            return Diagnosis(f"off by a constant factor: {_factor(factor)}",
                             "Every number is the right one times the same constant.",
                             "Sum or mean, per example or per batch, natural or other logarithm?")
    if expected.size >= 2 and np.ptp(expected) > 0:
        offset = float(np.median(got - expected))
        if abs(offset) > 1e-9 and close(got, expected + offset):
            return Diagnosis(f"off by a constant: {offset:+.4g}", "Every number is shifted by the same amount.",
                             "Counting from 0 or from 1? A term too many or too few?")
    return None


def _factor(factor: float) -> str:
    named = {np.log(10): "ln 10", 1 / np.log(10): "1 / ln 10", np.log(2): "ln 2", 1 / np.log(2): "1 / ln 2"}
    for value, name in named.items():
        if np.isclose(factor, value, rtol=1e-4):
            return f"{factor:.4g} ({name}: another logarithm)"
    if factor < 1 and np.isclose(1 / factor, round(1 / factor), rtol=1e-4):
        return f"1/{round(1 / factor)}"
    return f"{factor:.4g}"
