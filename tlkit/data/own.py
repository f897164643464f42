"""Your own data as a task: a folder of class folders, a table of texts, CoNLL columns, wav files, an npz.

load_task("photos/")                               # photos/cat/1.jpg, ... or photos/train/cat/1.jpg, ...
load_task("tickets.csv", text="body", label="queue")
load_task("corpus/")                               # corpus/train.conll, corpus/dev.conll, corpus/test.conll
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tlkit.data.assembly import class_notes, to_task
from tlkit.data.conll import read_conll
from tlkit.data.folders import read_folder
from tlkit.data.npz import read_npz
from tlkit.data.reading import SPLIT_NAMES, Reading
from tlkit.data.tables import read_table
from tlkit.data.task import KINDS, Split, Task
from tlkit.errors import TlkitError

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
_CONLL = (".conll", ".bio", ".iob", ".iob2", ".annotated", ".conll03")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


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
    """Read your own data, of whatever layout it is, and say in `notes` what was guessed or repaired; `source` is its path from the root.

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
        raise TlkitError(
            f"target={target!r} is for data that answers several questions; choose a column with label=..."
        )
    if kind is not None and kind not in KINDS:
        raise TlkitError(f"kind={kind!r} must be one of {', '.join(KINDS)}")
    if not (val_share >= 0 and test_share >= 0 and val_share + test_share < 1):
        raise TlkitError(
            f"val_share={val_share} and test_share={test_share} must be 0 or more, and less than 1 together"
        )
    if path.suffix.lower() == ".npz":
        return read_arrays(path, source=str(path.absolute()))
    reading = _read_any(path, text, label, kind)
    if kind is not None and reading.kind != kind:
        raise TlkitError(f"{path} holds {reading.kind} and not {kind}")
    return to_task(reading, path.name, {"val": val_share, "test": test_share}, split_seed, source=str(path.absolute()))


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
    raise TlkitError(
        f"{path} is of no kind that can be read: a folder, {', '.join((*_TABLES, *_CONLL, '.txt', '.npz'))}"
    )


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
    return replace(task, notes=(*task.notes, *class_notes(kind, splits)))
