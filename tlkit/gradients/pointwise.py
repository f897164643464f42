"""Gradients of what acts on every number by itself: ReLU, GELU, dropout.

Axes: any shape, the same for inputs and upstream.
"""

import math

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import same_shape


def relu_gradient(inputs: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """dL/dx = g where x > 0, and 0 elsewhere; at the kink x = 0 it is 0, as in torch.

    Raises:
        TlkitError: the shapes differ.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    return upstream * (inputs > 0)


def gelu_gradient(inputs: torch.Tensor, upstream: torch.Tensor, *, approximate: str = "none") -> torch.Tensor:
    """Gradient of GELU, x * Phi(x) with the normal distribution Phi (Hendrycks and Gimpel 2016, section 2).

        dL/dx = g * (Phi(x) + x * phi(x)),   phi(x) = exp(-x^2 / 2) / sqrt(2 pi)

    For approximate="tanh", GELU is x/2 * (1 + tanh u) with u = sqrt(2 / pi) * (x + 0.044715 x^3), and

        dL/dx = g * ((1 + tanh u) / 2 + x / 2 * (1 - tanh(u)^2) * du/dx)

    Raises:
        TlkitError: the shapes differ, or there is no such approximation.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    x = inputs
    if approximate == "none":
        # erfc keeps its digits where 1 + erf would round to 0
        normal = 0.5 * torch.special.erfc(-x / math.sqrt(2))
        return upstream * (normal + x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))
    if approximate != "tanh":
        raise TlkitError(f"approximate={approximate!r}; \"none\" or \"tanh\" is due")
    slope = math.sqrt(2 / math.pi)
    u = torch.tanh(slope * (x + 0.044715 * x**3))
    return upstream * (0.5 * (1 + u) + 0.5 * x * (1 - u * u) * slope * (1 + 3 * 0.044715 * x * x))


def dropout_gradient(mask: torch.Tensor, upstream: torch.Tensor, *, rate: float) -> torch.Tensor:
    """dL/dx = g * m / (1 - rate): what was dropped gets nothing, what was kept was scaled up.

    Args:
        mask: m, 1 or True where a number was kept.
        upstream: g, of the same shape.
        rate: the probability of dropping, from 0 to below 1.
    Raises:
        TlkitError: the shapes differ, the rate is out of range, or the mask holds something else than 0 and 1.
    """
    same_shape("mask", mask, "upstream", upstream)
    if not 0 <= rate < 1:
        raise TlkitError(f"rate={rate} must lie between 0 and 1, without 1")
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        raise TlkitError("mask may hold 0 and 1 only; the scale 1 / (1 - rate) is put in here")
    return upstream * mask.to(upstream.dtype) / (1 - rate)
