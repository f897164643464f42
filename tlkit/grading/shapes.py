"""A result of the wrong shape: which axis is missing, left over, transposed, or there by accident."""

import numpy as np

from tlkit.grading.compare import FLOAT32_RTOL
from tlkit.grading.verdict import Diagnosis

Pairs = list[tuple[np.ndarray, np.ndarray]]


def compared(pairs: Pairs) -> Diagnosis:
    """What is wrong with the shapes of (expected, got); the first of several explanations that fits all pairs."""
    odd = [(e, g) for e, g in pairs if e.shape != g.shape]
    e, g = odd[0]
    said = f"the shape is {g.shape}, {e.shape} is due"
    if all(e.ndim >= 2 and e.shape == g.shape[::-1] for e, g in odd):
        return Diagnosis("transposed: " + said, "Rows and columns have changed places.", "Which axis is the batch?")
    if all(_same(np.squeeze(g), np.squeeze(e)) for e, g in odd):
        return Diagnosis("an axis of length 1 too many or too few: " + said, "The numbers are right, their shape is not.",
                         "Look for `keepdims`, `[:, None]`, `squeeze` and for what has become a list of one.")
    if all(g.ndim == e.ndim + 1 and g.shape[-1] == g.shape[-2] for e, g in odd if e.ndim) and any(e.ndim for e, _ in odd):
        return Diagnosis("broadcast by accident: " + said, "Shapes such as (N, 1) and (N,) combine to (N, N) without a word.",
                         "Print the shapes of both sides before they are combined.")
    for what, reduce in (("mean", np.mean), ("sum", np.sum)):
        if all(_reduces(e, g, reduce) for e, g in odd):
            return Diagnosis(f"the {what} is missing: " + said, "Single contributions came back, and one number for all is due.",
                             "What should happen to the axis that is too many?")
        if all(_reduces(g, e, reduce) for e, g in odd):
            return Diagnosis(f"a {what} too many: " + said, "The right numbers were added up or averaged.",
                             "Which axis should still be there?")
    if all(_overlaps(e, g) for e, g in odd):
        return Diagnosis("off by one: " + said, "The right numbers, but one at an end is missing or too many.",
                         "Does the range include its end, and does it start at 0?")
    return Diagnosis(said, "Another number of axes or entries came back.",
                     "Print the shape after each step and find where an axis goes missing or appears.")


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=10 * FLOAT32_RTOL, atol=1e-7, equal_nan=True)


def _reduces(small: np.ndarray, large: np.ndarray, reduce) -> bool:
    """Whether reducing one axis (or all) of the large array gives the small one."""
    if small.ndim >= large.ndim or not large.size:
        return False
    axes = [None] if small.ndim == 0 else range(large.ndim)
    return any(_same(np.asarray(reduce(large, axis=axis)), small) for axis in axes)


def _overlaps(e: np.ndarray, g: np.ndarray) -> bool:
    """Whether the arrays agree but for one entry at an end of one axis."""
    if e.ndim != g.ndim or e.ndim == 0:
        return False
    for axis in range(e.ndim):
        if abs(e.shape[axis] - g.shape[axis]) == 1:
            long, short = (e, g) if e.shape[axis] > g.shape[axis] else (g, e)
            entries = range(long.shape[axis])
            return any(_same(np.take(long, list(kept), axis), short) for kept in (entries[1:], entries[:-1]))
    return False
