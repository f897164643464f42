"""How good, and how sure: accuracy, and intervals over seeds.

Axes: N examples, C classes, S seeds.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import nn

from tlkit.data.task import Split
from tlkit.errors import TlkitError


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
    """A mean, and the interval that holds the true one with probability `level`."""

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
