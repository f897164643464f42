"""Metrics as plain functions of arrays, each of which can count examples more than once.

A bootstrap resample is nothing but how often each example counts, so every metric takes `weights`: with (N, R) of them
it gives its value on R resamples at once, (R,); with (N,) or none it gives one number. Where nothing can be known, such
as the AUC of one class alone, the value is nan; no examples at all are an error.

Axes: N examples, C classes or labels, R resamples.
"""

from functools import wraps

import numpy as np
from scipy import sparse

from tlkit.errors import TlkitError


def _weighted(metric):
    """Let `metric`, which is written for arrays and weights (N, R), also take tensors, and weights (N,) or none."""

    @wraps(metric)
    def checked(first, second, *options, weights=None, **named):
        first, second = np.asarray(first), np.asarray(second)
        if len(first) != len(second):
            raise TlkitError(f"{metric.__name__} needs as many targets as outputs, and got {len(second)} and {len(first)}")
        if len(first) == 0:
            raise TlkitError(f"{metric.__name__} needs one example or more, and got none")
        columns = np.ones((len(first), 1)) if weights is None else np.asarray(weights, float).reshape(len(first), -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = metric(first, second, *options, weights=columns, **named)
        return values if weights is not None and np.ndim(weights) == 2 else float(values[0])

    return checked


@_weighted
def accuracy(predicted, targets, *, weights=None):
    """The share of examples that are named rightly: sum_i w_i [p_i = t_i] / sum_i w_i.

    Args:
        predicted, targets: class numbers (N,); of several labels an example (N, C), all of which must be right.
    """
    right = predicted == targets
    return _mean(right.reshape(len(right), -1).all(axis=1), weights)


@_weighted
def balanced_accuracy(predicted, targets, *, weights=None):
    """The mean, over the classes that occur among the targets, of the share of their examples that are found.

    Args:
        predicted, targets: class numbers (N,).
    """
    right, _, support = _counts(predicted, targets, weights)
    return _mean_of_known(right / support)


@_weighted
def f1_macro(predicted, targets, *, without: int | None = None, weights=None):
    """The mean over classes of F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c).

    A class that is neither a target nor predicted has no F1 and does not count.

    Args:
        predicted, targets: class numbers (N,); or 0 and 1 of each label (N, C).
        without: a class left out of the mean, such as the tag of words that are no entity. Examples of it still
            make the others' F1 smaller where it is taken for them.
    """
    right, found, support = _counts(predicted, targets, weights)
    scores = 2 * right / (found + support)                                    # (C, R)
    return _mean_of_known(scores if without is None else np.delete(scores, np.s_[without : without + 1], axis=0))


@_weighted
def f1_micro(predicted, targets, *, weights=None):
    """F1 of all labels taken together: 2 sum_c TP_c / sum_c (2 TP_c + FP_c + FN_c).

    Args:
        predicted, targets: 0 and 1 of each label (N, C). With one class an example it would be the accuracy.
    """
    right, found, support = _counts(predicted, targets, weights)
    return 2 * right.sum(axis=0) / (found + support).sum(axis=0)


@_weighted
def f1_binary(predicted, targets, *, positive: int = 1, weights=None):
    """2 TP / (2 TP + FP + FN) of one class; nan where it is neither a target nor predicted.

    Args:
        predicted, targets: class numbers (N,).
        positive: the class that is looked for.
    """
    p, t = predicted == positive, targets == positive
    return 2 * _sum(p & t, weights) / (_sum(p, weights) + _sum(t, weights))


@_weighted
def auc(scores, targets, *, weights=None):
    """The area under the ROC curve: how often a positive example scores above a negative one, ties counting half.

        AUC = sum_{i positive, j negative} w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / (W+ W-)

    with W+ and W- the weights of both sides (Mann and Whitney 1947); nan where one side is missing.

    Args:
        scores: (N,), higher for the positive side.
        targets: 0 and 1 (N,).
    """
    return _auc(scores, targets == 1, weights)


@_weighted
def auc_macro(scores, targets, *, weights=None):
    """The mean of the AUC of each class against the rest, over the classes for which there is one.

    Args:
        scores: (N, C).
        targets: class numbers (N,); or 0 and 1 of each label (N, C).
    """
    positive = targets == 1 if targets.ndim == 2 else targets[:, None] == np.arange(scores.shape[1])
    return _mean_of_known(np.stack([_auc(scores[:, c], positive[:, c], weights) for c in range(scores.shape[1])]))


@_weighted
def expected_calibration_error(probabilities, targets, bins: int = 15, *, weights=None):
    """How far confidence is from being right: sum_b (n_b / n) |accuracy_b - confidence_b| (Guo et al. 2017, section 2).

    The confidence is the largest probability; the bins are equally wide, (b / bins, (b + 1) / bins].

    Args:
        probabilities: (N, C), rows that sum to 1.
        targets: class numbers (N,).
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    gaps = _sums_by(_bin_of(confidence, bins), bins, (right - confidence)[:, None] * weights)
    return np.abs(gaps).sum(axis=0) / weights.sum(axis=0)


@_weighted
def mean_squared_error(predicted, targets, *, weights=None):
    """sum_i w_i (p_i - t_i)^2 / sum_i w_i, in the square of the target's unit. predicted, targets: (N,)."""
    return _mean((predicted - targets) ** 2, weights)


@_weighted
def r_squared(predicted, targets, *, weights=None):
    """The share of the targets' variance that is explained: 1 - sum w (p - t)^2 / sum w (t - mean t)^2.

    nan where all targets are the same. predicted, targets: (N,).
    """
    centred = targets - targets.mean(dtype=float)  # or a large mean would leave nothing of the difference of squares
    spread = _mean(centred**2, weights) - _mean(centred, weights) ** 2
    spread[spread <= (4 * np.finfo(float).eps * np.abs(targets).max()) ** 2] = np.nan    # what rounding alone leaves
    return 1 - _mean((predicted - targets) ** 2, weights) / spread


@_weighted
def ratio(numerators, denominators, *, weights=None):
    """sum_i w_i a_i / sum_i w_i b_i: a rate over units that examples have different numbers of.

    The symbol error rate is the ratio of edits to symbols. numerators, denominators: (N,); nan where the latter are all 0.
    """
    units = _sum(denominators, weights)
    return _sum(numerators, weights) / np.where(units == 0, np.nan, units)


@_weighted
def perplexity(losses, tokens, *, weights=None):
    """exp(sum_i w_i loss_i / sum_i w_i tokens_i).

    Args:
        losses: the cross-entropy of each example, summed over its tokens, in nats. (N,)
        tokens: how many tokens each example has. (N,)
    """
    return np.exp(ratio(losses, tokens, weights=weights))


def calibration_bins(probabilities, targets, bins: int = 15) -> list[tuple[float, float, int, float, float]]:
    """The bins of `expected_calibration_error` that hold an example: ends, examples, mean confidence, share right."""
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    sums = _sums_by(_bin_of(confidence, bins), bins, np.stack([np.ones(len(right)), confidence, right], axis=1))
    return [(at / bins, (at + 1) / bins, int(count), float(sure / count), float(hits / count))
            for at, (count, sure, hits) in enumerate(sums) if count]


def class_scores(predicted, targets, classes: int) -> list[tuple[float, float, float, int]]:
    """Precision TP / (TP + FP), recall TP / (TP + FN), F1 and targets of each class; nan where a denominator is 0.

    Args:
        predicted, targets: class numbers (N,); or 0 and 1 of each label (N, C).
        classes: C.
    """
    predicted, targets = np.asarray(predicted), np.asarray(targets)
    right, found, support = (side[:, 0] for side in _counts(predicted, targets, np.ones((len(targets), 1)), classes))
    with np.errstate(invalid="ignore"):
        columns = right / found, right / support, 2 * right / (found + support), support.astype(int)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def edit_distance(reference, hypothesis) -> int:
    """The fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein 1966)."""
    reference, hypothesis = list(reference), list(hypothesis)
    before = list(range(len(hypothesis) + 1))                                 # from the empty reference
    for row, symbol in enumerate(reference, start=1):
        after = [row]
        for column, other in enumerate(hypothesis, start=1):
            after.append(min(before[column] + 1, after[-1] + 1, before[column - 1] + (symbol != other)))
        before = after
    return before[-1]


def _counts(predicted, targets, weights, classes: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, predictions and targets of each class, (C, R) each; there are `classes` or more of them."""
    if targets.ndim == 2:
        p, t = predicted.astype(bool), targets.astype(bool)
        return tuple(side.T.astype(float) @ weights for side in (p & t, p, t))
    classes = max(classes, int(predicted.max()) + 1, int(targets.max()) + 1)
    right = np.where(predicted == targets, targets, classes)                  # what is wrong goes into a class of its own
    return (_sums_by(right, classes + 1, weights)[:-1], _sums_by(predicted, classes, weights),
            _sums_by(targets, classes, weights))


def _auc(scores, positive, weights) -> np.ndarray:
    steps, place = np.unique(scores[positive], return_inverse=True)           # U different scores of positives
    rises = len(steps)
    # A negative counts half from the first step on that it does not exceed, and wholly from the first that exceeds it.
    starts = [np.where(positive, rises, np.searchsorted(steps, scores, side)) for side in ("left", "right")]
    below = sum(_sums_by(start, rises + 1, weights) for start in starts)[:-1].cumsum(axis=0) / 2      # (U, R)
    w = weights[positive]
    total = w.sum(axis=0)
    return (_sums_by(place, rises, w) * below).sum(axis=0) / (total * (weights.sum(axis=0) - total))


def _bin_of(confidence, bins: int) -> np.ndarray:
    return np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def _sums_by(group, groups: int, values) -> np.ndarray:
    """Sums of rows (N, R) by their group: (groups, R)."""
    return sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))), shape=(groups, len(group))) @ values


def _sum(values, weights) -> np.ndarray:
    return np.asarray(values, float) @ weights


def _mean(values, weights) -> np.ndarray:
    return _sum(values, weights) / weights.sum(axis=0)


def _mean_of_known(values) -> np.ndarray:
    """The mean over classes (C, R) -> (R,) without those that are nan; nan where all are."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
