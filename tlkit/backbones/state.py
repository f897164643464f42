"""What flows from stage to stage: a tensor, or a dictionary of tensors, with one example a row.

A convolutional body passes a tensor. A Transformer passes its whole state: `hidden` (B, T, H), the `mask` of valid
places and, where words were given apart, the word that each token belongs to. Every tensor has the batch as its first
axis, so a state can be kept by example index and put together again.

Axes: B batch, T places in a sequence, H hidden size.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn import functional as F

from tlkit.errors import TlkitError

State = torch.Tensor | Mapping[str, torch.Tensor]
SEQUENCES = {"tokens": 0, "mask": 0, "words": -1, "hidden": 0, "samples": 0}


def apply(change: Callable[[torch.Tensor], torch.Tensor], state: State) -> State:
    """The state with every tensor in it changed."""
    return change(state) if isinstance(state, torch.Tensor) else {name: change(value) for name, value in state.items()}


def channels_last(state: State) -> State:
    """A batch of images or maps (B, C, H, W) laid out pixel by pixel, which convolutions are faster on; others as they are."""
    if isinstance(state, torch.Tensor) and state.ndim == 4 and state.shape[1] > 1:
        return state.contiguous(memory_format=torch.channels_last)
    return state


def select(state: State, indices) -> State:
    """The examples at `indices`, in that order."""
    return apply(lambda values: values[indices], state)


def count(state: State) -> int:
    """B, how many examples a state holds."""
    return len(state if isinstance(state, torch.Tensor) else next(iter(state.values())))


def concatenate(states: Sequence[State]) -> State:
    """States behind one another; sequences are padded at their end to the longest, where the mask is False.

    Raises:
        TlkitError: there is nothing to put together, or the states do not hold the same tensors.
    """
    if not states:
        raise TlkitError("there are no states to put together")
    if isinstance(states[0], torch.Tensor):
        return torch.cat(list(states))
    names = list(states[0])
    if odd := [sorted(state) for state in states if set(state) != set(names)]:
        raise TlkitError(f"states with different tensors cannot be put together: {sorted(names)} and {odd[0]}")
    return {name: torch.cat(_padded([state[name] for state in states], SEQUENCES.get(name))) for name in names}


def _padded(tensors: list[torch.Tensor], fill: int | None) -> list[torch.Tensor]:
    """Tensors (B, T, ...) brought to the largest T; those that are no sequences are left alone."""
    if fill is None:
        return tensors
    longest = max(tensor.shape[1] for tensor in tensors)
    return [
        F.pad(tensor, (*(0, 0) * (tensor.ndim - 2), 0, longest - tensor.shape[1]), value=fill) for tensor in tensors
    ]
