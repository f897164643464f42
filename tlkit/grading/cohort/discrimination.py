"""Whether an exercise tells learners apart: the item-rest correlation (Lord and Novick 1968, chapter 15)."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

MIN_LEARNERS = 10
POOR = 0.2
"""Below this an item is usually called poor (Ebel and Frisbie 1991, on the discrimination index)."""

FORMULA = ("r = correlation over learners of (points on this exercise) with (points on all other exercises of the "
           "assignment), with its 95 % interval by Fisher's z")


@dataclass(frozen=True)
class Discrimination:
    """How well an exercise tells learners apart.

    Args:
        index: r, from -1 to 1; None where it is not defined or rests on too few learners.
        low, high: the 95 % interval of r; None as the index.
        learners: the number it rests on.
        words: what follows from it, for a table.
    """

    index: float | None
    low: float | None
    high: float | None
    learners: int
    words: str


def discrimination(points: Sequence[float], rest: Sequence[float]) -> Discrimination:
    """Whether those who earn more elsewhere earn more here.

    r = cov(x, y) / (sd(x) sd(y)), x the points on the exercise, y those on all others, so that an exercise is not
    compared with itself.

    Args:
        points: x, one number a learner.
        rest: y, of the same learners in the same order.
    Raises:
        ValueError: the two have different lengths.
    """
    if len(points) != len(rest):
        raise ValueError(f"points of {len(points)} learners and the rest of {len(rest)}; one of each is due")
    learners = len(points)
    if learners < MIN_LEARNERS:
        return Discrimination(None, None, None, learners, f"too few learners to say; {MIN_LEARNERS} are due")
    if _all_alike(points):
        return Discrimination(None, None, None, learners, "tells nobody apart: everybody has the same points")
    if _all_alike(rest):
        return Discrimination(None, None, None, learners, "not defined: everybody has the same points elsewhere")
    from scipy.stats import pearsonr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant input, which the lines above have the words for
        found = pearsonr(points, rest)
        interval = found.confidence_interval(0.95)
    index = float(found.statistic)
    return Discrimination(index, float(interval.low), float(interval.high), learners, _in_words(index, float(interval.high)))


def _all_alike(values: Sequence[float]) -> bool:
    return all(math.isclose(value, values[0], abs_tol=1e-12) for value in values)


def _in_words(index: float, high: float) -> str:
    if high < POOR:
        return "hardly tells learners apart"
    return "may hardly tell learners apart; more learners would show" if index < POOR else "tells learners apart"
