"""Gradients of what mixes places of a sequence: mean pooling with a mask, and scaled dot-product attention.

Axes: B batch, T places, S places attended to, H features, D features of queries and keys, E features of values.
"""

from typing import NamedTuple

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import has_axes, has_shape


class AttentionGradients(NamedTuple):
    """Gradients of softmax(Q K^T / sqrt(D)) V."""

    queries: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor


def mean_pooling_gradient(mask: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """Gradient of the mean over valid places, y = sum_t m_t h_t / sum_t m_t: each valid place gets its share.

        dL/dh_t = g * m_t / sum_t m_t

    Args:
        mask: m, 1 or True at valid places. (B, T)
        upstream: g. (B, H)
    Returns:
        (B, T, H)
    Raises:
        TlkitError: the shapes do not match, or a row has no valid place.
    """
    has_axes("mask", mask, "B, T")
    has_axes("upstream", upstream, "B, H")
    has_shape("upstream", upstream, (len(mask), upstream.shape[1]), "(B, H)")
    m = mask.to(upstream.dtype)                                           # (B, T)
    count = m.sum(dim=1, keepdim=True)                                    # (B, 1)
    if bool((count == 0).any()):
        raise TlkitError(f"row {int((count == 0).flatten().nonzero()[0])} of the mask has no valid place; the mean of nothing is not known")
    return (m / count)[:, :, None] * upstream[:, None, :]                 # (B, T, H)


def attention_gradients(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, upstream: torch.Tensor, mask: torch.Tensor | None = None
) -> AttentionGradients:
    """Gradients of scaled dot-product attention (Vaswani et al. 2017, section 3.2.1).

    With A = softmax(Q K^T / sqrt(D)) over the last axis, O = A V and G = dL/dO:

        dL/dV = A^T G
        dL/dS = A * (P - rowsum(P * A)),  P = G V^T              (the scores' gradient, as softmax has it)
        dL/dQ = dL/dS K / sqrt(D),   dL/dK = (dL/dS)^T Q / sqrt(D)

    Args:
        queries: Q. (..., T, D)
        keys: K. (..., S, D)
        values: V. (..., S, E)
        upstream: G. (..., T, E)
        mask: True where a place may be attended to, as torch has it; it may broadcast to (..., T, S). None: everywhere.
    Raises:
        TlkitError: the shapes do not match, the mask is not of bools, or a query may attend to nothing.
    """
    _fit(queries, keys, values, upstream)
    root = queries.shape[-1] ** 0.5
    scores = queries @ keys.mT / root                                     # (..., T, S)
    if mask is not None:
        scores = scores.masked_fill(_forbidden(mask), float("-inf"))
    weights = torch.softmax(scores, dim=-1)                               # A (..., T, S)
    into_weights = upstream @ values.mT                                   # P (..., T, S)
    into_scores = weights * (into_weights - (into_weights * weights).sum(dim=-1, keepdim=True)) / root
    return AttentionGradients(into_scores @ keys, into_scores.mT @ queries, weights.mT @ upstream)


def _fit(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, upstream: torch.Tensor) -> None:
    batch, (t, d), (s, e) = queries.shape[:-2], queries.shape[-2:], values.shape[-2:]
    has_shape("keys", keys, (*batch, s, d), "(..., S, D)")
    has_shape("values", values, (*batch, s, e), "(..., S, E)")
    has_shape("upstream", upstream, (*batch, t, e), "(..., T, E)")


def _forbidden(mask: torch.Tensor) -> torch.Tensor:
    """True where a place may not be attended to."""
    if mask.dtype != torch.bool:
        raise TlkitError(f"mask is of type {mask.dtype}; torch.bool is due, True where a place may be attended to")
    if not bool(mask.any(dim=-1).all()):
        raise TlkitError("a query of the mask may attend to no place at all; its output is not known")
    return ~mask
