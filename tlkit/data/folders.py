"""Folders of pictures or sounds, one folder a class; file names are kept in few bytes.

Axes: N files.
"""

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tlkit.data import pictures, sound
from tlkit.data.reading import SPLIT_NAMES, Reading, few, merge_spellings
from tlkit.errors import TlkitError


class Files(Sequence):
    """Many files below one folder: names in one run of bytes, each decoded when it is asked for.

    Args:
        root: the folder.
        decode: a path -> what is in the file.
    """

    def __init__(self, root: Path, decode: Callable[[Path], object]):
        self.root, self.decode = root, decode
        self._names = bytearray()
        self._ends = array("L")

    def append(self, name: str) -> None:
        """One more file, by its path below the root."""
        self._names += os.fsencode(name)
        self._ends.append(len(self._names))

    def name(self, number: int) -> str:
        """A file's path below the root."""
        start = self._ends[number - 1] if number else 0
        return os.fsdecode(bytes(self._names[start : self._ends[number]]))

    def names(self) -> Iterator[str]:
        """All paths below the root, in order."""
        return (self.name(number) for number in range(len(self)))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int):
        return self.decode(self.root / self.name(number))


class Names(Sequence):
    """One of few names for each of many examples, in two bytes each."""

    def __init__(self, names: Sequence[str], numbers: array):
        self.known, self.numbers = list(names), numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> str:
        return self.known[self.numbers[number]]


def read_folder(root: Path) -> Reading:
    """Pictures or sounds below one folder a class, with or without folders train, val and test above.

    A flat folder of sounds takes the class from what a file's name has before its first "_".

    Raises:
        TlkitError: no pictures or sounds, both, or files outside of any class.
    """
    notes: list[str] = []
    files, owner, left_out = _scan(root, notes)
    if left_out:
        notes.append(
            f"{sum(left_out.values())} files that are neither pictures nor sounds were left out: {few(_counted(left_out))}"
        )
    if not len(files):
        raise TlkitError(f"{root} holds neither pictures ({', '.join(pictures.ENDINGS)}) nor sounds (.wav)")
    folders = owner.known
    by_split = {place: parts for place, parts in ((name, Path(name).parts) for name in folders)}
    has_splits = all(parts and parts[0].casefold() in SPLIT_NAMES for parts in by_split.values())
    depth = 1 if has_splits else 0
    flat = [name for name, parts in by_split.items() if len(parts) <= depth]
    is_sound = files.decode is sound.read_wav
    groups = None
    if flat and len(flat) == len(folders) and is_sound:
        labels, groups = _labels_from_names(files, notes)
    elif flat:
        raise TlkitError(f"{root / flat[0]} holds files outside of any class; put them into one folder a class")
    else:
        names, merged = merge_spellings([by_split[name][depth] for name in folders])
        notes += merged
        labels = Names(names, owner.numbers)
    splits = None
    if has_splits:
        splits = Names([SPLIT_NAMES[by_split[name][0].casefold()] for name in folders], owner.numbers)
    return Reading("classification", "sound" if is_sound else "image", files, labels, splits, groups, notes)


def _scan(root: Path, notes: list[str]) -> tuple[Files, Names, Counter]:
    """All files of the kind that there is, the folder of each, and the endings of those that are left out."""
    found = {"picture": Files(root, pictures.read_picture), "sound": Files(root, sound.read_wav)}
    owners = {"picture": array("H"), "sound": array("H")}
    folders: list[str] = []
    left_out: Counter = Counter()
    skipped = 0
    waiting = [""]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_file()) for entry in os.scandir(root / here)
            )
        except OSError as error:
            raise TlkitError(f"{root / here} cannot be read: {error.strerror}") from error
        number = None
        for name, is_folder, is_file in entries:
            inside = f"{here}/{name}" if here else name
            if name.startswith(".") or name == "__MACOSX":
                skipped += 1
            elif is_folder:
                waiting.append(inside)
            elif is_file:
                ending = os.path.splitext(name)[1].lower()
                kind = "picture" if ending in pictures.ENDINGS else "sound" if ending in sound.ENDINGS else None
                if kind is None:
                    left_out[ending or name] += 1
                    continue
                if number is None:
                    number = len(folders)
                    folders.append(here)
                found[kind].append(inside)
                owners[kind].append(number)
            else:
                left_out["links"] += 1
        waiting.sort(reverse=True)
    if skipped:
        notes.append(f"{skipped} hidden files and folders were left out")
    if len(found["picture"]) and len(found["sound"]):
        raise TlkitError(
            f"{root} holds {len(found['picture']):,} pictures and {len(found['sound']):,} sounds; keep one kind in a folder"
        )
    kind = "sound" if len(found["sound"]) else "picture"
    return found[kind], Names(folders, owners[kind]), left_out


def _labels_from_names(files: Files, notes: list[str]) -> tuple[list[str], list[str] | None]:
    """The class and, where names have three parts, the speaker, out of names such as 7_theo_31.wav."""
    parts = [Path(name).stem.split("_") for name in files.names()]
    if odd := [place for place, one in enumerate(parts) if len(one) < 2]:
        raise TlkitError(
            f"{files.root / files.name(odd[0])} stands in no folder of its class, and its name does not begin with one (class_...wav)"
        )
    notes.append("classes were taken from what file names have before their first '_'")
    if all(len(one) == 3 for one in parts):
        notes.append(
            "what file names have between their first and second '_' was taken as the speaker, who stays in one split"
        )
        return [one[0] for one in parts], [one[1] for one in parts]
    return [one[0] for one in parts], None


def _counted(endings: Counter) -> list[str]:
    return [f"{count} x {ending}" for ending, count in endings.most_common()]


def class_numbers(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The index in `classes` of each label, int64 (N,), without a list of names on the way."""
    if isinstance(labels, Names):
        return encode_labels(labels.known, classes)[np.frombuffer(labels.numbers, np.uint16)]
    return encode_labels(labels, classes)


def encode_labels(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The number of each name: its place in `classes`, which is the order of the head's outputs too. int64 (N,)

    Raises:
        TlkitError: a name that is no class.
    """
    number_of = {name: number for number, name in enumerate(classes)}
    if unknown := [name for name in names if name not in number_of]:
        raise TlkitError(f"{unknown[0]!r} is none of the classes {', '.join(classes)}")
    return np.array([number_of[name] for name in names], np.int64)
