"""From scores to decisions: what a threshold finds, what it lets through, and which threshold to take.

Axes: N patients (or pictures), T thresholds. Class 1 is the one that is looked for; positive means `score >= threshold`.
"""

import numpy as np

from tlkit.errors import TlkitError


def rates(predicted, labels) -> tuple[float, float]:
    """Sensitivity TP / (TP + FN) and specificity TN / (TN + FP) of decisions (Altman and Bland 1994).

    Args:
        predicted, labels: 0 and 1, (N,).
    Returns:
        Both rates, from 0 to 1; nan for one whose class no label has.
    """
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    return _share(predicted[labels == 1] == 1), _share(predicted[labels == 0] == 0)


def threshold_for(scores, labels, sensitivity: float) -> float:
    """The highest score t with TP / (TP + FN) >= `sensitivity` when all with score >= t are called positive.

    The highest, since it calls the fewest healthy patients positive.

    Args:
        scores: (N,), higher for class 1.
        labels: 0 and 1, (N,).
        sensitivity: the share of class 1 that must be found, above 0 and up to 1.
    Raises:
        ValueError: no label is 1, or the share is out of range.
    """
    ill = np.asarray(scores)[np.asarray(labels) == 1]
    if len(ill) == 0:
        raise ValueError("nobody is ill here, so no threshold can be chosen; labels of 1 are needed")
    if not 0 < sensitivity <= 1:
        raise ValueError(f"sensitivity={sensitivity} must lie above 0 and be 1 at most")
    return float(max(score for score in ill if (ill >= score).mean() >= sensitivity))


def roc(scores, labels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every threshold that makes a difference, from the highest down, with sensitivity and specificity there.

    The first threshold is infinity, at which nobody is called positive.

    Args:
        scores, labels: as for `threshold_for`; both classes must occur.
    Returns:
        Thresholds, sensitivities and specificities, (T,) each.
    """
    scores, labels = np.asarray(scores, float), np.asarray(labels)
    if not ((labels == 1).any() and (labels == 0).any()):
        raise TlkitError("a ROC curve needs patients of both classes, and got only one")
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    found, alarmed = (np.searchsorted(np.sort(-scores[labels == label]), -thresholds, "right") for label in (1, 0))
    return thresholds, found / (labels == 1).sum(), 1 - alarmed / (labels == 0).sum()


def sensitivity_at(scores, labels, specificity: float) -> float:
    """The largest sensitivity of any threshold whose specificity is at least `specificity`; nan where a class is missing."""
    if len(np.unique(np.asarray(labels))) < 2:
        return float("nan")
    _, sensitivities, specificities = roc(scores, labels)
    return float(sensitivities[specificities >= specificity].max())


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")
