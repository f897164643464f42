"""Gradients of the layers that are a matrix product: linear, low-rank (LoRA) and embedding.

Axes: I input features, O output features, R rank, V rows of the table, D their size; ... any number of batch axes.
"""

from typing import NamedTuple

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import has_axes, has_shape


class LinearGradients(NamedTuple):
    """Gradients of y = x W^T + b."""

    inputs: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor


class LoraGradients(NamedTuple):
    """Gradients of y = x W^T + b + s * x A^T B^T; the frozen W and b have none."""

    inputs: torch.Tensor
    down: torch.Tensor
    up: torch.Tensor


def linear_gradients(inputs: torch.Tensor, weight: torch.Tensor, upstream: torch.Tensor) -> LinearGradients:
    """Gradients of a linear layer, y = x W^T + b:

        dL/dx = g W,   dL/dW = sum over the batch of g^T x,   dL/db = sum over the batch of g

    Args:
        inputs: x. (..., I)
        weight: W. (O, I)
        upstream: g = dL/dy. (..., O)
    Returns:
        Gradients of inputs (..., I), weight (O, I) and bias (O,).
    Raises:
        TlkitError: the shapes do not match.
    """
    _matrix_product(inputs, weight, upstream)
    g, x = upstream.reshape(-1, upstream.shape[-1]), inputs.reshape(-1, inputs.shape[-1])     # (N, O), (N, I)
    return LinearGradients(upstream @ weight, g.T @ x, g.sum(dim=0))


def lora_gradients(
    inputs: torch.Tensor, weight: torch.Tensor, down: torch.Tensor, up: torch.Tensor, upstream: torch.Tensor, *, scale: float
) -> LoraGradients:
    """Gradients of a frozen linear layer with a low-rank update (Hu et al. 2021), y = x W^T + b + s * x A^T B^T:

        dL/dA = s * B^T g^T x,   dL/dB = s * g^T (x A^T),   dL/dx = g W + s * (g B) A

    W and b are frozen: their gradients are not computed. While B = 0, dL/dA = 0.

    Args:
        inputs: x. (..., I)
        weight: W, frozen. (O, I)
        down: A. (R, I)
        up: B. (O, R)
        upstream: g = dL/dy. (..., O)
        scale: s = alpha / R.
    Raises:
        TlkitError: the shapes do not match.
    """
    _matrix_product(inputs, weight, upstream)
    has_axes("down", down, "R, I")
    has_shape("down", down, (down.shape[0], weight.shape[1]), "(R, I)")
    has_shape("up", up, (weight.shape[0], down.shape[0]), "(O, R)")
    g, x = upstream.reshape(-1, upstream.shape[-1]), inputs.reshape(-1, inputs.shape[-1])     # (N, O), (N, I)
    narrow = g @ up                                                       # (N, R)
    into_inputs = upstream @ weight + scale * (upstream @ up) @ down      # (..., I)
    return LoraGradients(into_inputs, scale * narrow.T @ x, scale * g.T @ (x @ down.T))


def embedding_gradient(
    indices: torch.Tensor, upstream: torch.Tensor, *, rows: int, padding_index: int | None = None
) -> torch.Tensor:
    """Gradient of a table that was looked up: each row collects what comes back to the places where it was taken.

        dL/dE_v = sum over the places p with index v of g_p

    Args:
        indices: whole numbers from 0 to rows - 1, of any shape. (...)
        upstream: g. (..., D)
        rows: V, how many rows the table has.
        padding_index: a row that does not learn, or None.
    Returns:
        The table's gradient. (V, D)
    Raises:
        TlkitError: the shapes do not match, or indices are out of range or of float type.
    """
    if indices.is_floating_point() or indices.dtype == torch.bool:
        raise TlkitError(f"indices are of type {indices.dtype}; whole numbers, such as torch.int64, are due")
    has_shape("upstream", upstream, (*indices.shape, *upstream.shape[-1:]), "(..., D)")
    if indices.numel() and not bool(((indices >= 0) & (indices < rows)).all()):
        raise TlkitError(f"indices run from {int(indices.min())} to {int(indices.max())}; the table's rows are 0 ... {rows - 1}")
    table = upstream.new_zeros(rows, upstream.shape[-1])                  # (V, D)
    table.index_add_(0, indices.reshape(-1).long(), upstream.reshape(-1, upstream.shape[-1]))
    if padding_index is not None:
        table[padding_index] = 0
    return table


def _matrix_product(inputs: torch.Tensor, weight: torch.Tensor, upstream: torch.Tensor) -> None:
    has_axes("weight", weight, "O, I")
    has_shape("inputs", inputs, (*inputs.shape[:-1], weight.shape[1]), "(..., I)")
    has_shape("upstream", upstream, (*inputs.shape[:-1], weight.shape[0]), "(..., O)")
