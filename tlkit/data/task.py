"""What is learned: a task, and the splits that it is learned and judged on.

Axes: N examples, C channels, H height, W width.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from tlkit.data.sampling import stratified_sample
from tlkit.errors import TlkitError


@dataclass(frozen=True, eq=False)
class Split:
    """Examples and their labels, in a fixed order.

    Args:
        name: "train", "val" or "test".
        inputs: float32 (N, C, H, W) for images.
        labels: int64 (N,), indices into `classes`.
        classes: the names of the classes, in the order of their indices.
    """

    name: str
    inputs: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inputs[index], self.labels[index]

    @property
    def class_counts(self) -> dict[str, int]:
        """How many examples each class has."""
        counts = torch.bincount(self.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))

    def select(self, indices) -> "Split":
        """The examples at `indices`, in that order, as a split of the same name."""
        indices = torch.as_tensor(np.asarray(indices))
        return replace(self, inputs=self.inputs[indices], labels=self.labels[indices])

    def describe(self) -> str:
        """One line: how many examples, of what shape, and the smallest and largest class."""
        counts = self.class_counts.values()
        shape = " x ".join(str(size) for size in self.inputs.shape[1:])
        return f"{self.name}: {len(self)} examples of {shape}, {min(counts)} to {max(counts)} of each class"


@dataclass(frozen=True, eq=False)
class Task:
    """A data set with a question: inputs, labels, three splits, and where it all comes from."""

    name: str
    kind: str
    modality: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    licence: str
    source: str
    citation: str
    description: str

    def with_labels_per_class(self, labels_per_class: int, seed: int = 0) -> "Task":
        """The same task with only `labels_per_class` training examples of each class; val and test stay whole.

        Raises:
            TlkitError: a class has fewer training examples than asked for.
        """
        for name, count in self.train.class_counts.items():
            if labels_per_class > count:
                raise TlkitError(
                    f"labels_per_class={labels_per_class} but class {name!r} has only {count} training examples; "
                    f"ask for {count} or fewer"
                )
        drawn = stratified_sample(self.train.labels.numpy(), labels_per_class, seed)
        return replace(self, train=self.train.select(drawn))

    def describe(self) -> str:
        """What the task is, its splits, and its source and licence, as text."""
        lines = [f"{self.name}: {self.description}", f"{self.kind} of {self.modality}s, {len(self.classes)} classes"]
        lines += [f"  {split.describe()}" for split in (self.train, self.val, self.test)]
        lines += [f"source: {self.source}", f"licence: {self.licence}", f"cite: {self.citation}"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.describe()
