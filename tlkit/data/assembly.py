"""From examples as they were found to a task: classes numbered, splits cut, what is odd said.

Axes: N examples.
"""

import numpy as np
import torch

from tlkit.data.folders import class_numbers
from tlkit.data.inputs import Inputs
from tlkit.data.reading import Reading, few
from tlkit.data.splitting import cut
from tlkit.data.task import Split, Task, bio_tags
from tlkit.errors import TlkitError

_SPLITS = ("train", "val", "test")


def to_task(reading: Reading, name: str, shares: dict[str, float], seed: int, **about) -> Task:
    """A reading as a task: classes are numbered, and splits that are missing are cut from train.

    Raises:
        TlkitError: one class only, or a class that train does not have.
    """
    notes = list(reading.notes)
    classes = reading.classes or _classes_of(reading)
    if reading.kind == "classification" and len(classes) < 2:
        raise TlkitError(f"{name} has one class only ({classes[0]!r}), and there is nothing to tell apart")
    labels = _encode(reading, classes)
    parts = _parts(reading, labels, shares, seed, notes)
    splits = {split: _split(split, reading, labels, classes, parts[split]) for split in _SPLITS}
    notes += class_notes(reading.kind, splits)
    facts = {
        "licence": "your own data; its licence is yours to know",
        "source": name,
        "citation": "none",
        "description": f"{reading.kind} of your own",
        **about,
    }
    return Task(name, reading.kind, reading.modality, splits["train"].classes, **splits, **facts, notes=tuple(notes))


def _classes_of(reading: Reading) -> tuple[str, ...]:
    if reading.kind in ("regression", "generation"):
        return ()
    known = getattr(reading.labels, "known", None)
    if known is not None:
        return tuple(sorted(set(known)))
    if reading.kind == "classification":
        return tuple(sorted(set(reading.labels)))
    names = {name for label in reading.labels for name in label}
    if reading.kind == "token classification":
        return bio_tags(tuple(sorted({name[2:] for name in names if name != "O"})))
    return tuple(sorted(names))


def _encode(reading: Reading, classes: tuple[str, ...]):
    """Labels as a task has them, for all examples together."""
    if reading.kind == "classification":
        return torch.from_numpy(class_numbers(reading.labels, classes))
    if reading.kind == "regression":
        return torch.tensor(reading.labels, dtype=torch.float32)
    if reading.kind == "generation":
        return Inputs(reading.labels)
    number_of = {name: number for number, name in enumerate(classes)}
    if reading.kind == "multi-label":
        matrix = torch.zeros(len(reading.labels), len(classes))
        for row, names in enumerate(reading.labels):
            matrix[row, [number_of[name] for name in names]] = 1
        return matrix
    return Inputs([torch.tensor([number_of[tag] for tag in tags]) for tags in reading.labels])


def _parts(reading: Reading, labels, shares: dict[str, float], seed: int, notes: list[str]) -> dict[str, np.ndarray]:
    """Indices of each split: those that were found, and what is missing cut from train."""
    count = len(reading.inputs)
    if reading.splits is None:
        train, found = np.arange(count), {}
    else:
        names = np.fromiter((_SPLITS.index(split) for split in reading.splits), np.int8, count)
        found = {split: np.flatnonzero(names == number) for number, split in enumerate(_SPLITS)}
        found = {split: indices for split, indices in found.items() if len(indices)}
        if "train" not in found:
            raise TlkitError(f"there are examples for {', '.join(found)} and none for train")
        train = found.pop("train")
    missing = {split: share for split, share in shares.items() if split not in found}
    if not missing:
        return {"train": train, **found}
    strata = labels[train].tolist() if reading.kind == "classification" else [0] * len(train)
    cuts = cut(strata, (_key(reading, int(index)) for index in train), missing, seed)
    notes.append(
        f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} cut from the rest with split_seed={seed}"
    )
    empty = {split: np.array([], np.int64) for split in _SPLITS}
    return {**empty, **found, **{split: train[indices] for split, indices in cuts.items()}}


def _key(reading: Reading, index: int) -> str:
    """What decides the split of an example: its group, its file's name, or its content."""
    if reading.groups is not None:
        return reading.groups[index]
    return reading.inputs.name(index) if hasattr(reading.inputs, "name") else str(reading.inputs[index])


def _split(name: str, reading: Reading, labels, classes: tuple[str, ...], indices: np.ndarray) -> Split:
    chosen = torch.from_numpy(indices)
    groups = None
    if reading.groups is not None and reading.modality == "sound":
        groups = np.array(reading.groups)[indices]
    return Split(name, Inputs(reading.inputs, indices), labels[chosen], classes, reading.kind, reading.modality, groups)


def class_notes(kind: str, splits: dict[str, Split]) -> list[str]:
    """Classes that some split lacks, and those with one example."""
    if kind not in ("classification", "multi-label", "token classification"):
        return []
    counts = {name: split.class_counts for name, split in splits.items()}
    notes = []
    names = list(counts["train"])
    if absent := [name for name in names if not counts["train"][name]]:
        notes.append(f"no training example of {few([repr(name) for name in absent])}: it stands in val or test alone")
    if single := [name for name in names if sum(counts[split][name] for split in counts) == 1]:
        notes.append(f"one example in all of {few([repr(name) for name in single])}")
    for split in ("val", "test"):
        if absent := [name for name in names if not counts[split][name] and len(splits[split])]:
            notes.append(f"{split} has no example of {few([repr(name) for name in absent])}")
    return notes
