"""Gradients of the sigmoid and of binary cross-entropy.

Axes: any shape; B batch and C classes where classes have their own weights. Every function multiplies by what comes from
above, `upstream`.
"""

import torch

from tlkit.gradients.inputs import (
    between_0_and_1, has_shape, known_reduction, no_infinity, not_empty, same_shape, share,
)

TINY = 1e-12  # torch's own floor under p (1 - p), at which its gradient stays finite


def sigmoid_gradient(inputs: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """dL/dz = g * s(z) * (1 - s(z)), with the sigmoid s(z) = 1 / (1 + exp(-z)).

    Args:
        inputs: z, of any shape.
        upstream: g = dL/ds, of the same shape.
    Raises:
        TlkitError: the shapes differ.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    s = torch.sigmoid(inputs)
    return upstream * s * (1 - s)


def bce_gradient(probabilities: torch.Tensor, targets: torch.Tensor, upstream=1.0, *, reduction: str = "mean") -> torch.Tensor:
    """Gradient of `tlkit.heads.binary_cross_entropy` by its probabilities.

        dL/dp = g * (p - y) / (p * (1 - p)),   divided by the number of losses after a mean

    At p = 0 and p = 1 the divisor is 1e-12, as in torch.

    Args:
        probabilities: p, of any shape.
        targets: y, of the same shape, between 0 and 1.
        upstream: g, one number; of p's shape for reduction "none".
    Raises:
        TlkitError: values outside of [0, 1], an empty batch, shapes that differ, an unknown reduction.
    """
    _binary(probabilities, targets, "probabilities", reduction)
    between_0_and_1("probabilities", probabilities)
    p, y = probabilities, targets.to(probabilities.dtype)
    g = share(upstream, reduction, p.numel(), p)
    return (p - y).div_((p * (1 - p)).clamp_(min=TINY)).mul_(g)


def bce_with_logits_gradient(
    logits: torch.Tensor, targets: torch.Tensor, upstream=1.0, *, positive_weights: torch.Tensor | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    """Gradient of `tlkit.heads.binary_cross_entropy_with_logits` by its logits; exact for logits of any size.

        dL/dz = g * (s(z) - y),   with weights w of the positive class: g * ((1 - y) * s(z) - w * y * (1 - s(z)))

    divided by the number of losses after a mean.

    Args:
        logits: z, of any shape; (B, C) or (..., C) with weights.
        targets: y, of the same shape, between 0 and 1.
        upstream: g, one number; of z's shape for reduction "none".
        positive_weights: w, how much a positive example of each class counts. (C,)
    Raises:
        TlkitError: infinite logits, targets outside of [0, 1], an empty batch, shapes that differ, an unknown reduction.
    """
    _binary(logits, targets, "logits", reduction)
    no_infinity("logits", logits)
    g = share(upstream, reduction, logits.numel(), logits)
    if positive_weights is not None:
        return g * _weighted_slope(logits, targets, positive_weights)
    return (torch.sigmoid(logits) - targets.to(logits.dtype)).mul_(g)


def _weighted_slope(logits: torch.Tensor, targets: torch.Tensor, positive_weights: torch.Tensor) -> torch.Tensor:
    """(1 - y) * s(z) - w * y * (1 - s(z))"""
    has_shape("positive_weights", positive_weights, logits.shape[-1:], "one for each class")
    y = targets.to(logits.dtype)
    # 1 - s(z) would be rounded to 0 where s(-z) is still a number
    return (1 - y) * torch.sigmoid(logits) - positive_weights * y * torch.sigmoid(-logits)


def _binary(outputs: torch.Tensor, targets: torch.Tensor, name: str, reduction: str) -> None:
    known_reduction(reduction)
    same_shape(name, outputs, "targets", targets)
    not_empty(name, outputs)
    between_0_and_1("targets", targets)
