"""What is learned: a task, and the splits that it is learned and judged on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import torch

from tlkit.data.inputs import Inputs
from tlkit.data.sampling import sample_of_every_class, stratified_sample
from tlkit.data.split import KINDS, NOUNS, Split, bio_tags, names_counted
from tlkit.errors import TlkitError

__all__ = ["KINDS", "Split", "Task", "bio_tags"]


@dataclass(frozen=True, eq=False)
class Task:
    """A data set with a question: inputs, labels, three splits, and where it all comes from.

    `notes` says what was repaired or is to be known; `target` says which of a data set's questions is asked.
    """

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
    target: str = ""
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def types(self) -> tuple[str, ...]:
        """The types of entities for a task on tokens; else the classes."""
        return names_counted(self.kind, self.classes)

    def with_labels_per_class(self, labels_per_class: int, seed: int = 0) -> "Task":
        """The same task with few labelled training examples; val and test stay whole.

        With one class an example, exactly `labels_per_class` of each. With several (multi-label, tokens, symbols of
        speech), few examples in which each class occurs at least so often.

        Raises:
            TlkitError: a class has fewer than asked for, or the task has no classes.
        """
        counts = self.train.class_counts
        if not counts:
            raise TlkitError(
                f"{self.name} has no classes to draw labels_per_class={labels_per_class} from; ask for examples=..."
            )
        for name, count in counts.items():
            if labels_per_class > count:
                what = "training examples" if self.kind == "classification" else "occurrences in the training split"
                raise TlkitError(
                    f"labels_per_class={labels_per_class} but class {name!r} has only {count} {what}; "
                    f"ask for {count} or fewer"
                )
        if self.kind == "classification":
            drawn = stratified_sample(self.train.labels.numpy(), labels_per_class, seed)
        else:
            drawn = sample_of_every_class(self.train.presence, labels_per_class, seed)
        return replace(self, train=self.train.select(drawn))

    def with_examples(self, count: int, seed: int = 0) -> "Task":
        """The same task with only `count` training examples, drawn whatever their class; val and test stay whole.

        Raises:
            TlkitError: count is below 1, or more than there are.
        """
        if not 1 <= count <= len(self.train):
            raise TlkitError(
                f"examples={count} must lie between 1 and the {len(self.train)} training examples of {self.name}"
            )
        drawn = np.random.default_rng(seed).choice(len(self.train), size=count, replace=False)
        return replace(self, train=self.train.select(drawn))

    def with_classes(self, classes: Sequence[str]) -> "Task":
        """The same task with only these classes, in this order.

        Examples of other classes go; of a multi-label task other columns go; mentions of other types become O.

        Raises:
            TlkitError: a class that the task does not have, one named twice, or a kind of task without classes.
        """
        classes = tuple(classes)
        if not self.types:
            raise TlkitError(f"{self.name} has no classes to choose from")
        if not classes:
            raise TlkitError(f"name one class or more of {self.name}: {', '.join(self.types)}")
        if unknown := [name for name in classes if name not in self.types]:
            raise TlkitError(f"{self.name} has no class {unknown[0]!r}; classes: {', '.join(self.types)}")
        if len(set(classes)) < len(classes):
            raise TlkitError(f"each class may be named once, and these were: {', '.join(classes)}")
        if self.kind == "speech":
            raise TlkitError(f"{self.name} is a task of sequences, from which no class can be left out")
        kept = {name: _only(split, classes) for name, split in self.splits.items()}
        return replace(self, classes=kept["train"].classes, **kept)

    def describe(self) -> str:
        """What the task is, its splits, and its source and licence, as text."""
        lines = [f"{self.name}: {self.description}", self._headline()]
        lines += [f"  {split.describe()}" for split in self.splits.values()]
        lines += [f"source: {self.source}", f"licence: {self.licence}", f"cite: {self.citation}"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _headline(self) -> str:
        names = (
            f", {len(self.types)} {'types' if self.kind == 'token classification' else 'classes'}" if self.types else ""
        )
        return f"{self.kind} of {NOUNS[self.modality]}{f' by {self.target}' if self.target else ''}{names}"

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{split.name}</th><td>{escape(split.size)}</td>"
            f"<td>{escape(split.balance)}</td></tr>"
            for split in self.splits.values()
        )
        facts = [
            ("source", self.source),
            ("licence", self.licence),
            ("cite", self.citation),
            *(("note", note) for note in self.notes),
        ]
        listed = "".join(f"<li>{name}: {escape(fact)}</li>" for name, fact in facts)
        return (
            f"<table><caption style='text-align:left'>{escape(self.name)}: {escape(self.description)}<br>{escape(self._headline())}"
            "</caption><thead><tr><th scope='col'>split</th><th scope='col'>size</th><th scope='col'>balance</th></tr></thead>"
            f"<tbody>{rows}</tbody></table><ul>{listed}</ul>"
        )


def _only(split: Split, classes: tuple[str, ...]) -> Split:
    """A split with only these classes, in this order."""
    if split.kind == "multi-label":
        columns = [split.classes.index(name) for name in classes]
        return replace(split, labels=split.labels[:, columns], classes=classes)
    if split.kind == "token classification":
        tags = bio_tags(classes)
        new = torch.tensor([tags.index(tag) if tag in tags else 0 for tag in split.classes])
        return replace(split, labels=Inputs([new[labels] for labels in split.labels]), classes=tags)
    new = torch.tensor([classes.index(name) if name in classes else -1 for name in split.classes])
    moved = new[split.labels]
    return replace(split.select(np.flatnonzero(moved.numpy() >= 0)), labels=moved[moved >= 0], classes=classes)
