"""Gradients of a two-dimensional convolution, through unfold: a convolution is a matrix product of patches.

Axes: B batch, C channels in, O channels out, H, W height and width, K patch size (C * kernel height * width), L patches.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from tlkit.gradients.inputs import has_axes, has_shape


class ConvolutionGradients(NamedTuple):
    """Gradients of a convolution with bias."""

    inputs: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor


def convolution_gradients(
    inputs: torch.Tensor, weight: torch.Tensor, upstream: torch.Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> ConvolutionGradients:
    """Gradients of y = conv2d(x, W, b).

    With U = unfold(x), whose L columns are the patches that the kernel sees, y = W U + b as matrices. So, as for a linear
    layer,

        dL/dW = sum over the batch of G U^T,   dL/dU = W^T G,   dL/db = sum over batch and places of G

    and fold adds up, for every pixel, what came back to the patches that it was part of: dL/dx = fold(dL/dU).

    Args:
        inputs: x. (B, C, H, W)
        weight: W. (O, C, kernel height, kernel width)
        upstream: G. (B, O, height out, width out)
    Raises:
        TlkitError: the shapes do not match.
    """
    has_axes("inputs", inputs, "B, C, H, W")
    has_axes("weight", weight, "O, C, h, w")
    has_shape("weight", weight, (len(weight), inputs.shape[1], *weight.shape[2:]), "(O, C, h, w)")
    out = [(size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
           for size, kernel in zip(inputs.shape[2:], weight.shape[2:])]
    has_shape("upstream", upstream, (len(inputs), len(weight), *out), "(B, O, height out, width out)")
    window = {"kernel_size": weight.shape[2:], "stride": stride, "padding": padding, "dilation": dilation}
    patches = functional.unfold(inputs, **window)                         # U (B, K, L)
    g = upstream.flatten(2)                                               # G (B, O, L)
    into_patches = weight.flatten(1).T @ g                                # (B, K, L)
    return ConvolutionGradients(
        functional.fold(into_patches, inputs.shape[2:], **window),
        (g @ patches.mT).sum(dim=0).reshape(weight.shape),
        g.sum(dim=(0, 2)),
    )
