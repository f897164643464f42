"""Gradients of squared and Huber error, and of the penalty that holds weights near where they came from.

Axes: any shape. Every function multiplies by what comes from above, `upstream`.
"""

from collections.abc import Sequence

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import known_reduction, not_empty, same_shape, share


def mse_gradient(outputs: torch.Tensor, targets: torch.Tensor, upstream=1.0, *, reduction: str = "mean") -> torch.Tensor:
    """Gradient of `tlkit.heads.mean_squared_error` by its outputs: g * 2 * (x - y), divided by their number after a mean.

    Args:
        outputs: x, of any shape.
        targets: y, of the same shape.
        upstream: g, one number; of x's shape for reduction "none".
    Raises:
        TlkitError: shapes that differ (nothing is broadcast), an empty batch, an unknown reduction.
    """
    _regression(outputs, targets, reduction)
    return (outputs - targets).mul_(2 * share(upstream, reduction, outputs.numel(), outputs))


def huber_gradient(
    outputs: torch.Tensor, targets: torch.Tensor, upstream=1.0, *, delta: float = 1.0, reduction: str = "mean"
) -> torch.Tensor:
    """Gradient of `tlkit.heads.huber` by its outputs (Huber 1964): g * (x - y), cut off at -delta and delta.

    Divided by their number after a mean.

    Args:
        outputs: x, of any shape.
        targets: y, of the same shape.
        upstream: g, one number; of x's shape for reduction "none".
        delta: where the parabola becomes a line, above 0, in the targets' unit.
    Raises:
        TlkitError: shapes that differ (nothing is broadcast), an empty batch, delta not above 0, an unknown reduction.
    """
    _regression(outputs, targets, reduction)
    if not delta > 0:
        raise TlkitError(f"delta={delta} must be above 0")
    return (outputs - targets).clamp_(-delta, delta).mul_(share(upstream, reduction, outputs.numel(), outputs))


def l2_sp_gradient(
    parameters: Sequence[torch.Tensor], anchors: Sequence[torch.Tensor], upstream=1.0, *, strength: float = 1.0
) -> tuple[torch.Tensor, ...]:
    """Gradient of `tlkit.heads.l2_sp` by each parameter (Li, Grandvalet and Davoine 2018): g * strength * (w - w0).

    Args:
        parameters: w, tensors of any shapes.
        anchors: w0, the pretrained values, in the same order and shapes.
        upstream: g, one number.
        strength: the penalty is strength / 2 * sum (w - w0)^2.
    Raises:
        TlkitError: another number of anchors than parameters, or other shapes; no parameter at all.
    """
    parameters, anchors = tuple(parameters), tuple(anchors)
    if len(parameters) != len(anchors) or not parameters:
        raise TlkitError(f"{len(parameters)} parameters and {len(anchors)} anchors; each parameter needs its own, and one is the least")
    for number, (w, w0) in enumerate(zip(parameters, anchors)):
        same_shape(f"parameter {number}", w, f"anchor {number}", w0)
    return tuple(upstream * strength * (w - w0) for w, w0 in zip(parameters, anchors))


def _regression(outputs: torch.Tensor, targets: torch.Tensor, reduction: str) -> None:
    known_reduction(reduction)
    same_shape("outputs", outputs, "targets", targets)
    not_empty("outputs", outputs)
