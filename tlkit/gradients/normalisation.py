"""Gradients of LayerNorm and BatchNorm.

Axes: D features of one example; B batch, C channels, ... places in a channel.
"""

from typing import NamedTuple

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import has_shape, not_empty, same_shape


class NormGradients(NamedTuple):
    """Gradients of y = scale * normalised(x) + shift."""

    inputs: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor


def layernorm_gradients(
    inputs: torch.Tensor, scale: torch.Tensor, upstream: torch.Tensor, *, eps: float = 1e-5
) -> NormGradients:
    """Gradients of LayerNorm over the last axis (Ba, Kiros and Hinton 2016, section 3).

    With n = (x - mean) / r, r = sqrt(variance + eps) over the D features of one example, and h = g * scale:

        dL/dx = (h - mean(h) - n * mean(h * n)) / r,   dL/dscale = sum of g * n,   dL/dshift = sum of g

    Means are over the D features, sums over all examples. The variance is divided by D.

    Args:
        inputs: x. (..., D)
        scale: (D,)
        upstream: g. (..., D)
    Raises:
        TlkitError: the shapes do not match, or there is not a single feature.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    has_shape("scale", scale, inputs.shape[-1:], "(D,)")
    not_empty("scale", scale)
    centred = inputs - inputs.mean(dim=-1, keepdim=True)                          # (..., D)
    r = (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()                # (..., 1)
    n, h = centred / r, upstream * scale                                          # (..., D)
    into_inputs = (h - h.mean(dim=-1, keepdim=True) - n * (h * n).mean(dim=-1, keepdim=True)) / r
    features = inputs.shape[-1]
    return NormGradients(into_inputs, (upstream * n).reshape(-1, features).sum(0), upstream.reshape(-1, features).sum(0))


def batchnorm_gradients(
    inputs: torch.Tensor, scale: torch.Tensor, upstream: torch.Tensor, *, running_mean: torch.Tensor | None = None,
    running_variance: torch.Tensor | None = None, training: bool = True, eps: float = 1e-5,
) -> NormGradients:
    """Gradients of BatchNorm (Ioffe and Szegedy 2015, section 3).

    In training, mean and variance come from the batch, so that every example pulls at every other: with n, r and h as
    for LayerNorm, but over batch and places of one channel,

        dL/dx = (h - mean(h) - n * mean(h * n)) / r

    In evaluation they are constants, and dL/dx = h / r. Gradients of scale and shift are sums of g * n and of g.

    Args:
        inputs: x. (B, C, ...)
        scale: (C,)
        upstream: g. (B, C, ...)
        running_mean, running_variance: what evaluation normalises with. (C,)
        training: whether the batch's own mean and variance were used.
    Raises:
        TlkitError: the shapes do not match, running statistics are missing, or training sees one value a channel.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    if inputs.ndim < 2:
        raise TlkitError(f"inputs has shape {tuple(inputs.shape)}; (B, C) or (B, C, ...) is due")
    has_shape("scale", scale, inputs.shape[1:2], "(C,)")
    not_empty("inputs", inputs)
    axes = [axis for axis in range(inputs.ndim) if axis != 1]
    per_channel = [1, -1] + [1] * (inputs.ndim - 2)
    if training:
        if inputs.numel() == inputs.shape[1]:
            raise TlkitError("one value for each channel has no variance; training needs a larger batch")
        mean = inputs.mean(dim=axes, keepdim=True)                                # (1, C, 1, ...)
        variance = (inputs - mean).square().mean(dim=axes, keepdim=True)
    else:
        if running_mean is None or running_variance is None:
            raise TlkitError("evaluation needs running_mean and running_variance")
        has_shape("running_mean", running_mean, scale.shape, "(C,)")
        has_shape("running_variance", running_variance, scale.shape, "(C,)")
        mean, variance = running_mean.reshape(per_channel), running_variance.reshape(per_channel)
    r = (variance + eps).sqrt()                                                   # (1, C, 1, ...)
    n, h = (inputs - mean) / r, upstream * scale.reshape(per_channel)             # (B, C, ...)
    into_inputs = h / r
    if training:
        into_inputs = (h - h.mean(dim=axes, keepdim=True) - n * (h * n).mean(dim=axes, keepdim=True)) / r
    return NormGradients(into_inputs, (upstream * n).sum(dim=axes), upstream.sum(dim=axes))
