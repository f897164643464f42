"""What the closed forms refuse: values for which a gradient would be nan, or the answer to another question.

torch itself returns nan for infinite logits and where every position is ignored; here each of them is one clear error.
"""

import math

import torch

from tlkit.errors import TlkitError

REDUCTIONS = ("mean", "sum", "none")


def same_shape(first: str, one: torch.Tensor, second: str, other: torch.Tensor) -> None:
    """Raise a TlkitError where two tensors that belong together differ in shape (nothing is broadcast)."""
    if one.shape != other.shape:
        raise TlkitError(f"{first} has shape {tuple(one.shape)} and {second} {tuple(other.shape)}; they must be the same")


def has_shape(name: str, tensor: torch.Tensor, shape: tuple[int, ...], meaning: str) -> None:
    """Raise a TlkitError where a tensor has another shape than is due."""
    if tuple(tensor.shape) != tuple(shape):
        raise TlkitError(f"{name} has shape {tuple(tensor.shape)}; {meaning} = {tuple(shape)} is due")


def has_axes(name: str, tensor: torch.Tensor, axes: str) -> None:
    """Raise a TlkitError where a tensor has another number of axes than the letters in `axes`, as in "B, C"."""
    if tensor.ndim != axes.count(",") + 1:
        raise TlkitError(f"{name} has shape {tuple(tensor.shape)}; ({axes}) is due")


def not_empty(name: str, tensor: torch.Tensor) -> None:
    """Raise a TlkitError for a batch without a single number."""
    if tensor.numel() == 0:
        raise TlkitError(f"{name} is empty (shape {tuple(tensor.shape)}); a gradient needs at least one example")


def no_infinity(name: str, tensor: torch.Tensor) -> None:
    """Raise a TlkitError for infinite numbers; nan goes through, as in torch."""
    low, high = map(float, tensor.detach().aminmax())  # one pass, and nothing to keep
    if math.isinf(low) or math.isinf(high) or (math.isnan(high) and bool(tensor.isinf().any())):
        raise TlkitError(f"{name} holds {int(tensor.isinf().sum())} infinite values; finite numbers are due")


def between_0_and_1(name: str, tensor: torch.Tensor) -> None:
    """Raise a TlkitError for numbers outside [0, 1]."""
    low, high = map(float, tensor.detach().aminmax())
    if low < 0 or high > 1:
        raise TlkitError(f"{name} must lie between 0 and 1, and run from {low:.4g} to {high:.4g}")


def known_reduction(reduction: str) -> None:
    """Raise a TlkitError for a reduction that torch's losses do not have."""
    if reduction not in REDUCTIONS:
        raise TlkitError(f"reduction={reduction!r}; one of {', '.join(REDUCTIONS)} is due")


def are_classes(labels: torch.Tensor, class_count: int, ignore_index: int) -> torch.Tensor | None:
    """Which labels count (B,): those that are not `ignore_index`; None where all of them do.

    Raises:
        TlkitError: labels are not whole numbers, lie outside of 0 ... class_count - 1, or are all ignored.
    """
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TlkitError(f"labels are of type {labels.dtype}; class numbers are whole numbers, such as torch.int64")
    low, high = (int(label) for label in labels.aminmax())
    if 0 <= low and high < class_count and not low <= ignore_index <= high:
        return None
    counts = labels != ignore_index
    outside = counts & ((labels < 0) | (labels >= class_count))
    if outside.any():
        raise TlkitError(f"label {int(labels[outside][0])} is outside of 0 ... {class_count - 1}, the {class_count} classes of the logits")
    if not counts.any():
        raise TlkitError(f"all {len(labels)} labels are {ignore_index}, which is ignored; there is nothing to learn from")
    return counts


def share(upstream: torch.Tensor | float, reduction: str, count: torch.Tensor | int, like: torch.Tensor,
          axes: int | None = None) -> torch.Tensor:
    """What reaches each single loss: upstream / count after a mean, upstream itself after a sum or no reduction.

    Args:
        upstream: dL/d(the reduced loss): one number after a mean or sum, one for each single loss after none.
        count: how many single losses the mean divides by (or the sum of their weights).
        like: a tensor of the single losses' dtype and device, whose first `axes` axes (None: all) are their shape.
    """
    upstream = torch.as_tensor(upstream, dtype=like.dtype, device=like.device)
    if reduction == "none":
        if upstream.ndim:
            has_shape("upstream", upstream, like.shape[:axes], "one number for each loss")
        return upstream
    if upstream.numel() != 1:
        raise TlkitError(f"upstream has shape {tuple(upstream.shape)}, but after reduction={reduction!r} the loss is one number")
    upstream = upstream.reshape(()) if upstream.ndim else upstream
    return upstream / count if reduction == "mean" else upstream
