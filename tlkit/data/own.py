"""Your own data as a task: a folder of class folders, a table of texts, CoNLL columns, wav files, an npz.

    load_task("photos/")                               # photos/cat/1.jpg, ... or photos/train/cat/1.jpg, ...
    load_task("tickets.csv", text="body", label="queue")
    load_task("corpus/")                               # corpus/train.conll, corpus/dev.conll, corpus/test.conll
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tlkit.data.conll import read_conll
from tlkit.data.folders import class_numbers, read_folder
from tlkit.data.inputs import Inputs
from tlkit.data.npz import read_npz
from tlkit.data.reading import SPLIT_NAMES, Reading, few
from tlkit.data.splitting import cut
from tlkit.data.tables import read_table
from tlkit.data.task import KINDS, Split, Task, bio_tags
from tlkit.errors import TlkitError

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
_CONLL = (".conll", ".bio", ".iob", ".iob2", ".annotated", ".conll03")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_SPLITS = ("train", "val", "test")


def read_own(
    path: Path,
    target: str | None = None,
    text: str | None = None,
    label: str | None = None,
    kind: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
    split_seed: int = 0,
) -> Task:
    """Read your own data, of whatever layout it is, and say in `notes` what was guessed or repaired.

    Args:
        path: a file or a folder.
        target: not for your own data, which asks one question.
        text, label: columns of a table; guessed where not given.
        kind: of the task; guessed where not given.
        val_share, test_share: what is cut from data that comes without these splits.
        split_seed: another seed cuts otherwise; the same gives the same cut on every machine.
    Raises:
        TlkitError: the data is damaged, or is of a layout that is not known.
    """
    if target is not None:
        raise TlkitError(f"target={target!r} is for data that answers several questions; choose a column with label=...")
    if kind is not None and kind not in KINDS:
        raise TlkitError(f"kind={kind!r} must be one of {', '.join(KINDS)}")
    if not (0 <= val_share and 0 <= test_share and val_share + test_share < 1):
        raise TlkitError(f"val_share={val_share} and test_share={test_share} must be 0 or more, and less than 1 together")
    if path.suffix.lower() == ".npz":
        return read_arrays(path)
    reading = _read_any(path, text, label, kind)
    if kind is not None and reading.kind != kind:
        raise TlkitError(f"{path} holds {reading.kind} and not {kind}")
    return to_task(reading, path.name, {"val": val_share, "test": test_share}, split_seed)


def _read_any(path: Path, text: str | None, label: str | None, kind: str | None) -> Reading:
    if path.is_dir():
        files = _files_of_splits(path)
        if files:
            return _joined({split: _read_file(file, text, label, kind) for split, file in files.items()}, files)
        return read_folder(path)
    return _read_file(path, text, label, kind)


def _read_file(path: Path, text: str | None, label: str | None, kind: str | None) -> Reading:
    ending = path.suffix.lower()
    if ending in _TABLES:
        return read_table(path, text, label, kind)
    if ending in _CONLL:
        return read_conll(path)
    if ending == ".txt":
        return read_conll(path) if kind in (None, "token classification") else read_table(path, text, label, kind)
    if ending in _ARCHIVES:
        raise TlkitError(f"{path} is an archive; unpack it and give its folder")
    raise TlkitError(f"{path} is of no kind that can be read: a folder, {', '.join((*_TABLES, *_CONLL, '.txt', '.npz'))}")


def _files_of_splits(folder: Path) -> dict[str, Path]:
    """The tables or CoNLL files of a folder by the split that their names speak of, such as corpus.dev.conll."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and file.suffix.lower() in (*_TABLES, *_CONLL)]
    by_split: dict[str, Path] = {}
    for file in files:
        words = file.name.casefold().replace("-", ".").replace("_", ".").split(".")
        named = [SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES]
        named = named or [split for word, split in SPLIT_NAMES.items() if word in file.name.casefold()]
        if not named:
            if len(files) == 1:
                named = ["train"]
            else:
                raise TlkitError(f"{file} does not say in its name whether it is train, val or test")
        if named[0] in by_split:
            raise TlkitError(f"{by_split[named[0]]} and {file} are both {named[0]} by their names")
        by_split[named[0]] = file
    if by_split and "train" not in by_split:
        raise TlkitError(f"{folder} has files for {', '.join(by_split)} and none for train")
    return by_split


def _joined(readings: dict[str, Reading], files: dict[str, Path]) -> Reading:
    """Readings of several files as one, each example in the split of its file."""
    first = readings["train"]
    if odd := [split for split, reading in readings.items() if reading.kind != first.kind]:
        raise TlkitError(f"{files[odd[0]]} holds {readings[odd[0]].kind} and {files['train']} {first.kind}")
    if list(readings) == ["train"]:
        return first
    return Reading(
        first.kind,
        first.modality,
        [one for reading in readings.values() for one in reading.inputs],
        [label for reading in readings.values() for label in reading.labels],
        [split for split, reading in readings.items() for _ in reading.inputs],
        [group for reading in readings.values() for group in reading.groups] if first.groups else None,
        list(dict.fromkeys(note for reading in readings.values() for note in reading.notes)),
    )


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
    notes += _class_notes(reading.kind, splits)
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
    notes.append(f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} cut from the rest with split_seed={seed}")
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


def _class_notes(kind: str, splits: dict[str, Split]) -> list[str]:
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


def read_arrays(path: Path, names: Sequence[str] | None = None, **about) -> Task:
    """An npz in MedMNIST's layout; its images stay in memory as uint8 (N, C, H, W)."""
    read = read_npz(path)
    if len(read) < 3:
        raise TlkitError(f"{path} has {', '.join(read)}, and should have train, val and test")
    labels = {split: values for split, (_, values) in read.items()}
    several = labels["train"].ndim == 2
    count = labels["train"].shape[1] if several else 1 + max(int(values.max(initial=0)) for values in labels.values())
    classes = tuple(names or (str(number) for number in range(count)))
    if len(classes) < count:
        raise TlkitError(f"{path} has labels up to {count - 1}, and only {len(classes)} classes are named")
    kind = "multi-label" if several else "classification"
    splits = {
        split: Split(split, torch.from_numpy(images), torch.from_numpy(values), classes, kind, "image")
        for split, (images, values) in read.items()
    }
    facts = {
        "name": path.name,
        "licence": "your own data; its licence is yours to know",
        "source": path.name,
        "citation": "none",
        "description": "images of your own",
        **about,
    }
    task = Task(kind=kind, modality="image", classes=classes, **splits, **facts)
    return replace(task, notes=(*task.notes, *_class_notes(kind, splits)))
