"""Where the loop fetches a batch: from the task's own data, or from what was kept of it.

Axes: N examples, B batch, K changed versions of an image.
"""

from typing import Protocol

import torch
from torch import Tensor

from tlkit.backbones.state import State
from tlkit.data.augmentation import Jitter
from tlkit.data.task import Split
from tlkit.model import Model


class Examples(Protocol):
    """A source of batches: `fetch(indices)` gives a state behind the stage `after`, and targets."""

    after: str | None
    note: str

    def fetch(self, indices: Tensor, uniform: Tensor | None = None, epoch: int = 0) -> tuple[State, Tensor]: ...


class FreshExamples:
    """Examples read and prepared anew whenever they are fetched.

    Args:
        jitter: changes images at random: by the numbers that `fetch` is given, or
        views: with K > 0 by numbers drawn once, so that each image has K changed versions that take turns; version k of
            image i has the number k * N + i.
        seed: of those versions.
    """

    after = None

    def __init__(self, model: Model, split: Split, jitter: Jitter | None = None, views: int = 0, seed: int = 0):
        self.model, self.split, self.jitter = model, split, jitter
        self.views = max(1, views)
        self.count = len(split) * self.views
        self.note = ""
        self._fixed = jitter.draw(self.count, torch.Generator().manual_seed(seed)) if views else None

    def noted(self, note: str) -> "FreshExamples":
        """The same, with a word on why nothing is kept."""
        self.note = note
        return self

    def fetch(self, indices: Tensor, uniform: Tensor | None = None, epoch: int = 0) -> tuple[State, Tensor]:
        """A batch: its state as the first stage takes it, and its targets.

        Args:
            uniform: what `Jitter.draw` gave for these examples.
            epoch: whose turn among the K versions it is.
        """
        return self.version(indices + len(self.split) * (epoch % self.views), uniform)

    def version(self, numbers: Tensor, uniform: Tensor | None = None) -> tuple[State, Tensor]:
        """As `fetch`, by the numbers of versions."""
        indices = numbers % len(self.split)
        inputs, labels = self.split.inputs[indices], self.split.labels[indices]
        uniform = self._fixed[:, numbers] if self._fixed is not None else uniform
        is_raw = isinstance(inputs, Tensor)
        if uniform is not None and is_raw:
            inputs = self.jitter.apply(inputs / 255 if inputs.dtype == torch.uint8 else inputs, uniform)
        state, targets = self.model.kind.prepare(self.model.backbone, inputs, labels)
        if uniform is not None and not is_raw:
            state = self.jitter.apply(state, uniform)  # pictures of any size are changed once they have one size
        return state, targets


class KeptExamples:
    """Examples out of a store, at the freeze boundary; with K views an epoch takes the next version of each."""

    def __init__(self, store, after: str | None, count: int, views: int, note: str):
        self.store, self.after, self.count, self.views, self.note = store, after, count, max(1, views), note

    def fetch(self, indices: Tensor, uniform: Tensor | None = None, epoch: int = 0) -> tuple[State, Tensor]:
        """A batch: its state behind the stage `after`, and its targets."""
        return unpacked(self.store.fetch(indices + self.count * (epoch % self.views)))


def packed(state: State, targets: Tensor | None = None, targets_are: str = "examples") -> dict[str, Tensor]:
    """A state and its targets as one dictionary of tensors, as stores keep them.

    Args:
        targets_are: as a kind of task says (`tlkit.kinds`).
    """
    batch = {"features": state} if isinstance(state, Tensor) else dict(state)
    return batch if targets is None else {**batch, f"targets of {targets_are}": targets}


def unpacked(batch: dict[str, Tensor]) -> tuple[State, Tensor]:
    """The state and the targets that were packed."""
    state = {name: values for name, values in batch.items() if not name.startswith("targets of ")}
    targets = next(values for name, values in batch.items() if name.startswith("targets of "))
    return state["features"] if "features" in state else state, targets
