"""What relates a wrong number to the right one: sign, factor, logarithm, softmax, shape, order. Numbers in, words out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tlkit.grading.compare import FLOAT32_RTOL, is_numeric
from tlkit.grading.shapes import compared as shapes_compared
from tlkit.grading.verdict import Diagnosis


def leaves(expected: Any, got: Any) -> list[tuple[Any, Any]]:
    """Pairs of numbers or arrays that stand at the same place of two values; [] where the structures differ."""
    if isinstance(expected, dict) and isinstance(got, dict) and set(expected) == set(got):
        return [pair for key in expected for pair in leaves(expected[key], got[key])]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [pair for e, g in zip(expected, got) for pair in leaves(e, g)]
    return [(expected, got)] if is_numeric(expected) and is_numeric(got) else []


def compared(pairs: list[tuple[Any, Any, int]], inputs: list[tuple]) -> Diagnosis | None:
    """What relates expected and got in all pairs.

    Args:
        pairs: (expected, got, index of its input) of what differs.
        inputs: the arguments of every case.
    """
    if not pairs:
        return None
    arrays = [(np.asarray(e), np.asarray(g)) for e, g, _ in pairs]
    floats = [(e.astype(float), g.astype(float)) for e, g in arrays]
    if any(e.shape != g.shape for e, g in floats):
        return shapes_compared(floats)
    if any(side.dtype.kind == "b" for pair in arrays for side in pair):
        return _positions(floats)  # yes and no have no factor, sign or logarithm
    if all(e.shape == (2,) for e, _ in floats) and len(floats) > 1 and all(
            np.allclose(g, e[::-1], rtol=10 * FLOAT32_RTOL, equal_nan=True) for e, g in floats):
        return Diagnosis("the two results are swapped", "Both numbers are right, in the other order.", "Which one comes first?")
    one = _one_entry(floats)
    if one is not None:
        found = compared([(e[one], g[one], i) for (e, g), (_, _, i) in zip(floats, pairs)], inputs)
        return replace(found, name=f"result {one + 1} of {floats[0][0].size}: {found.name}") if found else None
    if any(e.dtype.kind in "biu" and g.dtype.kind == "f" and np.array_equal(e, g) for e, g in arrays):
        return Diagnosis("right values in the wrong number type", "Whole numbers are due here, and floats came back.",
                         "Give the array an integer type.")
    if all(e.dtype.kind == "f" and g.dtype.kind in "biu" and np.array_equal(np.trunc(e), g) for e, g in arrays):
        return Diagnosis("the fractions are cut off", "The right numbers were put into an array of whole numbers.",
                         "Look for `//`, `int(...)` and arrays that begin as integers.")
    if any(became_nan(e, g) for e, g in floats):
        return Diagnosis("nan appears", "A number is due here. Either nan is returned on purpose, or it is computed: 0/0, inf - inf, "
                         "the logarithm of a negative number.", "Try the failing input by hand: where does nan come in?")
    if any(became_inf(e, g) for e, g in floats):
        return Diagnosis("inf appears", "Another value is due here. Either inf is returned on purpose, or a number grows too large, or "
                         "something is divided by zero.", "Try the failing input by hand: where does inf come in?")
    if not all(np.array_equal(np.isfinite(e), np.isfinite(g)) for e, g in floats):
        return None
    return (_nearly(floats) or _sum_for_mean(floats, [i for _, _, i in pairs], inputs) or sign_or_factor(pairs)
            or _functions(floats) or _positions(floats) or _offset(floats))


def _nearly(pairs: list) -> Diagnosis | None:
    """Numbers that agree to three digits or more."""
    expected, got = _joined(pairs)
    furthest = float(np.abs(got - expected).max()) if expected.size else 0.0
    if not 0.0 < furthest <= 1e-3 * np.abs(expected).max():
        return None
    return Diagnosis(f"nearly right: off by at most {furthest:.1g}", "Digits get lost on the way (rounding, float32, large numbers that cancel), or a small "
                     "constant is another one.", "Which step is not exact, and which small constants does the exercise give?")


def became_nan(expected: Any, got: Any) -> bool:
    """Whether nan stands in what came, and nowhere in what was due."""
    due, came = (np.asarray(value) for value in (expected, got))
    return came.dtype.kind == "f" and bool(np.isnan(came).any()) and not (due.dtype.kind == "f" and np.isnan(due).any())


def became_inf(expected: Any, got: Any) -> bool:
    """Whether an infinity stands in what came, and nowhere in what was due."""
    due, came = (np.asarray(value) for value in (expected, got))
    return came.dtype.kind == "f" and bool(np.isinf(came).any()) and not (due.dtype.kind == "f" and np.isinf(due).any())


def _one_entry(pairs: list) -> int | None:
    """The only entry that is wrong, where every case has the same two to four results; None where there are more."""
    sizes = {e.shape for e, _ in pairs}
    if len(sizes) != 1 or len(pairs) < 2 or len(shape := sizes.pop()) != 1 or not 2 <= shape[0] <= 4:
        return None
    wrong = {j for e, g in pairs for j in range(shape[0]) if not np.isclose(e[j], g[j], rtol=1e-5, atol=1e-9, equal_nan=True)}
    return wrong.pop() if len(wrong) == 1 else None


def sign_or_factor(pairs: list[tuple[Any, Any, int]]) -> Diagnosis | None:
    """A flipped sign, a constant factor, or both."""
    if not pairs or any(np.shape(e) != np.shape(g) for e, g, _ in pairs):
        return None
    expected, got = _joined([(np.asarray(e, float), np.asarray(g, float)) for e, g, _ in pairs])
    scale = np.abs(expected).max() if expected.size else 0.0
    if scale == 0.0 or _alike(got, expected):
        return None
    if _alike(got, -expected):
        return Diagnosis("the sign is flipped", "What differs is right but for its sign.",
                         "Follow the minus signs from the definition to your last line.")
    solid = np.abs(expected) > 1e-6 * scale
    if solid.sum() < 2 or np.ptp(np.abs(expected[solid])) == 0.0 and np.ptp(np.sign(expected[solid])) == 0.0:
        return None
    factor = float(np.median(got[solid] / expected[solid]))
    if factor == 0.0 or not _alike(got, factor * expected):
        return None
    name, why = "off by a constant factor", "What differs is the right number times the same constant."
    if factor < 0:
        name, why = "the sign is flipped and, besides, it is off by a constant factor", "These are two mistakes in one."
    return Diagnosis(f"{name}: {_in_words(abs(factor))}", why,
                     "Sum or mean, per example or per batch, natural or other logarithm?")


def _joined(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    expected = np.concatenate([e.ravel() for e, _ in pairs])
    got = np.concatenate([g.ravel() for _, g in pairs])
    keep = np.isfinite(expected) & np.isfinite(got)
    return expected[keep], got[keep]


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=10 * FLOAT32_RTOL, atol=1e-7))


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    """As `_close`, measured by the largest number: what is tiny throughout has a sign and a factor too."""
    return bool(np.allclose(a, b, rtol=10 * FLOAT32_RTOL, atol=1e-7 * min(1.0, np.abs(b).max())))


def _in_words(factor: float) -> str:
    named = {np.log(10): "ln 10", 1 / np.log(10): "1 / ln 10", np.log(2): "ln 2", 1 / np.log(2): "1 / ln 2",
             180 / np.pi: "180 / pi", np.pi / 180: "pi / 180"}
    for value, name in named.items():
        if np.isclose(factor, value, rtol=1e-4):
            return f"{factor:.4g} ({name}: {'another angle unit' if 'pi' in name else 'another logarithm'})"
    if factor < 1 and np.isclose(1 / factor, round(1 / factor), rtol=1e-4):
        return f"1/{round(1 / factor)}"
    return f"{factor:.4g}"


def _sum_for_mean(pairs: list, indices: list[int], inputs: list[tuple]) -> Diagnosis | None:
    """A factor that is, in every case, the length of the same axis of the same argument."""
    factors = []
    for e, g in pairs:
        solid = np.abs(e) > 1e-9
        if not solid.any() or np.any(g == 0.0, where=solid):
            return None
        ratios = (g / np.where(solid, e, 1.0))[solid]
        if not np.allclose(ratios, ratios.flat[0], rtol=1e-4):
            return None
        factors.append(float(ratios.flat[0]))
    for argument in range(min(len(call) for call in inputs)):
        shapes = [_shape(inputs[i][argument]) for i in indices]
        for axis in range(min(map(len, shapes))):
            lengths = np.array([shape[axis] for shape in shapes], float)
            if len(set(lengths)) < 2 or not lengths.all():
                continue
            if np.allclose(factors, lengths, rtol=1e-4):
                return Diagnosis("a sum where a mean is due", "The result grows with the number of examples, and a mean does not.",
                                 "Divide by how many there are, or let numpy or torch do it.")
            if np.allclose(factors, 1 / lengths, rtol=1e-4):
                return Diagnosis("a mean where a sum is due", "The result is divided by the number of examples once too often.",
                                 "Where is divided, and by what?")
    return None


def _shape(value) -> tuple[int, ...]:
    """Of an argument; a list of things that are not equally long has one axis."""
    try:
        return np.shape(value)
    except ValueError:
        return (len(value),)


def _softmax(x: np.ndarray) -> np.ndarray:
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def _safely(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return function(*arrays)


_FUNCTIONS: tuple[tuple[Callable[[np.ndarray, np.ndarray], bool], Diagnosis, bool], ...] = (
    (lambda e, g: _close(_softmax(g), e), Diagnosis(
        "the softmax is missing", "These are scores; probabilities are due.", "What do the rows of the result add up to?"), True),
    (lambda e, g: _close(g, _softmax(e)), Diagnosis(
        "softmax twice", "A softmax of probabilities is flatter than it should be, and still adds up to one.",
        "Where in the chain is the softmax already inside?"), True),
    (lambda e, g: _close(_safely(np.exp, g), e), Diagnosis(
        "the logarithm is not undone", "The result is the logarithm of what is due.", "Which function undoes the logarithm?"), False),
    (lambda e, g: _close(g, _safely(np.exp, e)), Diagnosis(
        "an exponential too many", "The result is the exponential of what is due.", "Is what is due a logarithm?"), False),
    (lambda e, g: _close(_safely(np.multiply, e, g), np.ones_like(e)), Diagnosis(
        "upside down", "The result is the reciprocal of what is due.", "What stands above the fraction bar, and what below?"), False),
    (lambda e, g: _close(g, 1 - e), Diagnosis(
        "one minus what is due", "It is the share of the others.", "Which of the two shares is asked for?"), False),
    (lambda e, g: bool((g >= 0).all()) and _close(g, e**2), Diagnosis(
        "the square root is missing", "The result is the square of what is due.", "Variance or deviation, squared or not?"), False),
    (lambda e, g: bool((e >= 0).all()) and _close(g**2, e), Diagnosis(
        "the square is missing", "The result is the root of what is due.", "Variance or deviation, squared or not?"), False),
    (lambda e, g: _close(g, np.abs(e)), Diagnosis(
        "the sign is lost", "Absolute values came back.", "Can what is due be negative?"), False),
    (lambda e, g: not _is_mark(e[e < 0]) and _close(g, np.maximum(e, 0)), Diagnosis(
        "negative values are cut off", "Everything below zero became zero.", "Can what is due be negative?"), False),
)


def _is_mark(negative: np.ndarray) -> bool:
    """Whether one and the same negative number stands in several places, as -100 does where nothing is asked."""
    return len(negative) > 1 and len(np.unique(negative)) == 1


def _functions(pairs: list) -> Diagnosis | None:
    if sum(e.size for e, _ in pairs) < 2 or all(np.allclose(e, e.flat[0]) for e, _ in pairs if e.size) and len(pairs) == 1:
        return None
    for relates, diagnosis, needs_axis in _FUNCTIONS:
        if needs_axis and any(e.ndim == 0 or e.shape[-1] < 2 for e, _ in pairs):
            continue
        if all(relates(e[np.isfinite(e)] if e.ndim != 0 and not needs_axis else e, g[np.isfinite(e)] if e.ndim != 0
                       and not needs_axis else g) for e, g in pairs):
            return diagnosis
    return None


def _positions(pairs: list) -> Diagnosis | None:
    """The right values at other places: shifted by one, reversed, in another order, transposed squares."""
    if any(e.ndim == 0 or e.size < 2 for e, _ in pairs) or all(e.size < 3 for e, _ in pairs):
        return None
    if all(e.ndim >= 2 and e.shape[-1] == e.shape[-2] and _close(g, np.swapaxes(e, -1, -2)) for e, g in pairs):
        return Diagnosis("transposed", "Rows and columns have changed places.", "Which axis is the batch?")
    for axis in range(min(e.ndim for e, _ in pairs)):
        for step in (1, -1):
            if all(_shifted(e, g, axis, step) for e, g in pairs) and any(e.shape[axis] > 2 for e, _ in pairs):
                return Diagnosis(f"off by one along axis {axis}", f"Every value stands one place too {'late' if step > 0 else 'early'}.",
                                 "Is counted from 0 or from 1, and does the range include its end?")
    if all(_close(g, e[::-1]) for e, g in pairs):
        return Diagnosis("in reverse order", "The right values, from last to first.", "Which end comes first?")
    if all(_close(np.sort(g, axis=None), np.sort(e, axis=None)) for e, g in pairs):
        return Diagnosis("the right values in another order", "Nothing is missing, but the places are not those of the input.",
                         "Which entry belongs to which input?")
    return None


def _shifted(e: np.ndarray, g: np.ndarray, axis: int, step: int) -> bool:
    e, g = np.moveaxis(e, axis, 0), np.moveaxis(g, axis, 0)
    ours, theirs = (e[:-1], g[1:]) if step > 0 else (e[1:], g[:-1])
    if not ours.size:  # one entry has no neighbour to come from
        return True
    return _close(theirs, ours) and not np.allclose(ours, ours.flat[0])


def _offset(pairs: list) -> Diagnosis | None:
    expected, got = _joined(pairs)
    if expected.size < 2 or np.ptp(expected) == 0:
        return None
    offset = float(np.median(got - expected))
    if abs(offset) > 1e-9 and _close(got, expected + offset):
        return Diagnosis(f"off by a constant: {offset:+.4g}", "Every number is shifted by the same amount.",
                         "Counting from 0 or from 1? A term too many or too few?")
    return None
