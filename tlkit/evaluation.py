"""How good, and how sure: accuracy, intervals over seeds, and intervals over examples.

Axes: N examples, C classes, S seeds, R resamples.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import nn

from tlkit.data.task import Split
from tlkit.errors import TlkitError
from tlkit.spans import entity_f1

__all__ = [
    "Interval", "accuracy", "bootstrap_interval", "entity_f1", "mean_interval", "paired_difference", "predict_logits",
]  # fmt: skip


@torch.no_grad()
def predict_logits(model: nn.Module, inputs: torch.Tensor, batch_size: int = 512) -> torch.Tensor:
    """The model's outputs (N, C) in eval mode, batch by batch; the model's mode is put back afterwards."""
    was_training = model.training
    model.eval()
    logits = torch.cat([model(batch) for batch in inputs.split(batch_size)])
    model.train(was_training)
    return logits


def accuracy(model: nn.Module, split: Split) -> float:
    """The share of a split's examples whose largest output is their label's."""
    return float((predict_logits(model, split.inputs).argmax(dim=1) == split.labels).float().mean())


@dataclass(frozen=True)
class Interval:
    """A mean, or a metric's value, and the interval that holds the true one with probability `level`."""

    mean: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_interval(values, level: float = 0.95) -> Interval:
    """Mean over seeds with Student's interval: mean +- t_{S-1} * s / sqrt(S), s with S - 1 in its denominator.

    Args:
        values: one number a seed, (S,).
    Raises:
        TlkitError: fewer than two values, from which no spread can be known.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        raise TlkitError(f"an interval needs two seeds or more, and got {len(values)}")
    margin = student_t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(values.mean()), float(values.mean() - margin), float(values.mean() + margin), level)


def paired_difference(values, baseline, level: float = 0.95) -> Interval:
    """The mean of values - baseline, seed by seed, with Student's interval.

    Pairing takes out what both share, such as an easy draw of labels, so the interval is narrower
    than that of two separate means.

    Args:
        values, baseline: one number a seed, (S,) each, in the same order of seeds.
    Raises:
        TlkitError: lengths differ, or fewer than two seeds.
    """
    values, baseline = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    if values.shape != baseline.shape:
        raise TlkitError(f"a paired difference needs the same seeds on both sides, and got {len(values)} and {len(baseline)}")
    return mean_interval(values - baseline, level)


def bootstrap_interval(
    metric: Callable, *arrays, resamples: int = 1000, level: float = 0.95, seed: int = 0, groups=None
) -> Interval:
    """A metric's value and its percentile bootstrap interval (Efron and Tibshirani 1993, section 13.3).

    Each resample draws N of the N examples with replacement; the interval holds the middle `level` of the metric's
    values on them. It says how much another test set of this size would move the value, not another training run.
    Classes are not stratified: as in another test set, their shares vary from resample to resample. A resample on
    which the metric is nan (only one class was drawn) is left out; where the value itself is nan, or most resamples
    are, the ends are nan as well.

    Args:
        metric: a function of the arrays. One that takes `weights` (`tlkit.metrics`) is called on many resamples at once;
            any other one once for each resample, with the examples that were drawn.
        arrays: what the metric takes, one row an example, (N, ...) each.
        resamples: R.
        groups: which of the examples belong together (the words of a sentence, the pictures of a patient) and are drawn
            together, (N,) of any values; None draws every example by itself.
    Raises:
        TlkitError: no examples, or arrays of different lengths.
    """
    arrays = [np.asarray(array) for array in arrays]
    lengths = sorted({len(array) for array in (*arrays, *(() if groups is None else (groups,)))})
    if len(lengths) != 1 or lengths[0] == 0:
        raise TlkitError(f"an interval needs arrays of one length, 1 or more, and got lengths {lengths}")
    examples, generator = lengths[0], np.random.default_rng(seed)
    member = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)
    drawn = examples if member is None else int(member.max()) + 1
    by_weight = "weights" in inspect.signature(metric).parameters

    def counts() -> np.ndarray:
        """How often each example is in one resample, (N,)."""
        how_often = np.bincount(generator.integers(drawn, size=drawn), minlength=drawn)
        return how_often if member is None else how_often[member]

    value, found, left = float(metric(*arrays)), [], resamples
    while left:
        size = min(left, max(1, 2**20 // examples)) if by_weight else 1  # a chunk of weights stays small: 8 MB
        chunk = np.stack([counts() for _ in range(size)], axis=1)             # (N, R)
        if by_weight:
            found.append(metric(*arrays, weights=chunk))
        else:
            rows = np.repeat(np.arange(examples), chunk[:, 0])
            found.append([metric(*(array[rows] for array in arrays))])
        left -= size
    values = np.concatenate(found)
    known = values[~np.isnan(values)]
    if np.isnan(value) or 2 * len(known) < resamples:
        return Interval(value, float("nan"), float("nan"), level)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level)
