"""Examples and their labels, in a fixed order.

Axes: N examples, C classes, channels before height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tlkit.data.inputs import Inputs

KINDS = ("classification", "multi-label", "regression", "token classification", "generation", "speech")
NOUNS = {"image": "images", "text": "texts", "sound": "sounds", "table": "rows"}


@dataclass(frozen=True, eq=False)
class Split:
    """Examples and their labels, in a fixed order.

    Args:
        name: "train", "val" or "test".
        inputs: float32 (N, C, H, W) for images of one size, (N, F) for tables; else `Inputs`, which decode an example
            when it is asked for: a picture, a text, a tuple of words, a `Sound`.
        labels: by kind of task. Classification: int64 (N,), indices into `classes`. Multi-label: float32 (N, C) of 0
            and 1. Regression: float32 (N,). Token classification: `Inputs` of int64 (words,). Speech: `Inputs` of
            int64 (symbols,). Generation: `Inputs` of texts.
        classes: the names of the classes, in the order of their indices; tags (O, B-..., I-...) for tokens.
        kind: one of `KINDS`.
        modality: "image", "text", "sound" or "table".
        groups: what must not be torn apart, such as a patient or a speaker, (N,); None where it is not known.
        sentences: which sentence each example is a part of, in order (`tlkit.windows`), int64 (N,); None where each is a whole.
    """

    name: str
    inputs: torch.Tensor | Inputs
    labels: torch.Tensor | Inputs
    classes: tuple[str, ...]
    kind: str = "classification"
    modality: str = "image"
    groups: np.ndarray | None = None
    sentences: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):
        return self.inputs[index], self.labels[index]

    @property
    def class_counts(self) -> dict[str, int]:
        """How many examples each class has; mentions of each type for tokens; nothing where there are no classes."""
        return dict(zip(names_counted(self.kind, self.classes), self.presence.sum(axis=0).tolist(), strict=True))

    @property
    def presence(self) -> np.ndarray:
        """How often each class occurs in each example, int64 (N, C); for tokens, how many mentions of each type."""
        names = names_counted(self.kind, self.classes)
        counts = np.zeros((len(self), len(names)), np.int64)
        if self.kind == "classification":
            counts[np.arange(len(self)), self.labels.numpy()] = 1
        elif self.kind == "multi-label":
            counts += self.labels.numpy().astype(np.int64)
        elif self.kind == "token classification":
            first = {self.classes.index(f"B-{name}"): column for column, name in enumerate(names)}
            for row, tags in enumerate(self.labels):
                for tag in tags.tolist():
                    if tag in first:
                        counts[row, first[tag]] += 1
        elif self.kind == "speech":
            for row, symbols in enumerate(self.labels):
                np.add.at(counts[row], symbols.numpy(), 1)
        return counts

    def select(self, indices) -> "Split":
        """The examples at `indices`, in that order, as a split of the same name."""
        indices = np.asarray(indices)
        indices = torch.as_tensor(indices if indices.size else indices.astype(np.int64))
        groups, sentences = (None if each is None else each[indices.numpy()] for each in (self.groups, self.sentences))
        return replace(self, inputs=self.inputs[indices], labels=self.labels[indices], groups=groups, sentences=sentences)

    def describe(self) -> str:
        """One line: how many examples, of what shape, and how they spread over the classes."""
        return f"{self.name}: {self.size}, {self.balance}" if self.balance else f"{self.name}: {self.size}"

    @property
    def size(self) -> str:
        """How many examples, of what."""
        if isinstance(self.inputs, torch.Tensor):
            return f"{len(self)} examples of {' x '.join(str(size) for size in self.inputs.shape[1:])}"
        return f"{len(self)} {NOUNS[self.modality]}"

    @property
    def balance(self) -> str:
        """How examples spread over classes, or values over the line; empty where neither makes sense."""
        if self.kind == "regression" and len(self):
            low, mean, high = self.labels.min(), self.labels.mean(), self.labels.max()
            return f"values from {low:.4g} to {high:.4g}, mean {mean:.4g}"
        counts = self.class_counts
        if not counts:
            return ""
        what = {"token classification": "mentions of each type"}.get(self.kind, "of each class")
        if len(counts) <= 6 and len(set(counts.values())) > 1:
            return ", ".join(f"{count} {name}" for name, count in counts.items())
        low, high = min(counts.values()), max(counts.values())
        return f"{low} {what}" if low == high else f"{low} to {high} {what}"


def names_counted(kind: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """What is counted: types of entities for tokens, classes where there are some, else nothing."""
    if kind == "token classification":
        return tuple(name[2:] for name in classes if name.startswith("B-"))
    return classes if kind in ("classification", "multi-label", "speech") else ()


def bio_tags(types: Sequence[str]) -> tuple[str, ...]:
    """The tags of these types in BIO2: O, then B- and I- of each type."""
    return ("O", *(f"{prefix}-{name}" for name in types for prefix in "BI"))
