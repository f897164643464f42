"""How many labels a method needs, and how many a pretrained network saves.

Axes: K measured label counts.
"""

import numpy as np


def labels_needed(labels: np.ndarray, accuracy: np.ndarray, target: float) -> float:
    """The number of labels at which a measured learning curve first reaches an accuracy.

    Between the two measured points n_i, n_(i+1) around the first crossing, accuracy is taken to grow linearly in
    the logarithm of the labels:

        log n = log n_i + (target - a_i) / (a_(i+1) - a_i) * (log n_(i+1) - log n_i)

    Outside of what was measured nothing is known: the result is nan where the target is never reached, and where
    the first measured point is already above it.

    Args:
        labels: n, the label counts, positive and increasing. (K,)
        accuracy: a, the accuracy at each. (K,)
        target: the wanted accuracy, in the unit of `accuracy`.
    Returns:
        Labels needed, a float; nan where undefined.
    Raises:
        ValueError: shapes differ, or labels are not positive and increasing.
    """
    labels, accuracy = np.asarray(labels, float), np.asarray(accuracy, float)
    if labels.shape != accuracy.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and accuracy {accuracy.shape} must be two lists of one length")
    if (labels <= 0).any() or (np.diff(labels) <= 0).any():
        raise ValueError(f"label counts must be positive and increasing, and these are not: {labels}")
    if accuracy[0] > target:
        return float("nan")
    if accuracy[0] == target:
        return float(labels[0])
    for i in range(len(labels) - 1):
        if accuracy[i] < target <= accuracy[i + 1]:
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return float(np.exp(np.log(labels[i]) + share * (np.log(labels[i + 1]) - np.log(labels[i]))))
    return float("nan")


def label_efficiency(labels: np.ndarray, scratch: np.ndarray, transfer: np.ndarray, target: float) -> float:
    """How many times fewer labels transfer needs than training from scratch, for the same accuracy.

        label efficiency = labels_needed(scratch) / labels_needed(transfer)

    Args:
        labels: the label counts of both curves. (K,)
        scratch, transfer: their accuracies. (K,)
        target: the wanted accuracy.
    Returns:
        The factor, above 1 where transfer saves labels; nan where either curve does not cross the target
        within its measured range.
    """
    return labels_needed(labels, scratch, target) / labels_needed(labels, transfer, target)
