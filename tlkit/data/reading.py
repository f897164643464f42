"""What every reader of your own data needs: text out of bytes, names of classes, and a list of what was repaired."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlkit.errors import TlkitError

SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test",
    "testing": "test",
}  # fmt: skip


@dataclass
class Reading:
    """Examples as they were found, before they are cut into splits.

    Args:
        kind, modality: as for `Task`.
        inputs: has a length and gives the input of a number.
        labels: one an example: the name of a class, a set of names, a number, a list of tags, or a text.
        splits: the split that each example was found in; None where the data has no splits.
        groups: what must stay in one split, as text; None lets each example go where it may.
        notes: what was repaired or guessed, each with its count.
        classes: in their order; None means sorted by name.
    """

    kind: str
    modality: str
    inputs: Sequence
    labels: Sequence
    splits: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)
    classes: tuple[str, ...] | None = None


def read_text(path: Path) -> tuple[str, list[str]]:
    """A file's text, and what had to be done to read it.

    UTF-8 with or without BOM, UTF-16 with BOM, and else Windows' Latin-1; NUL bytes are taken out.

    Raises:
        TlkitError: the file cannot be read, is empty, or is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TlkitError(f"{path} cannot be read: {error.strerror}") from error
    if not content.strip():
        raise TlkitError(f"{path} is empty")
    notes = []
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
        notes.append(f"{path.name} is UTF-16; it was read as such")
    else:
        if content.startswith(b"\xef\xbb\xbf"):
            notes.append(f"{path.name} begins with a byte order mark; it was left out")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if content.count(b"\0") > len(content) / 10:
                raise TlkitError(
                    f"{path} is no text: {content.count(0):,} of its {len(content):,} bytes are NUL"
                ) from error
            lines = content[: error.start].count(b"\n") + 1
            text = content.decode("cp1252", errors="replace")
            notes.append(f"{path.name} is not UTF-8 (line {lines}); it was read as Latin-1 (Windows-1252)")
    if nuls := text.count("\0"):
        if nuls > len(text) / 10:
            raise TlkitError(f"{path} is no text: {nuls:,} of its {len(text):,} characters are NUL")
        text = text.replace("\0", "")
        notes.append(f"{nuls} NUL characters in {path.name} were taken out")
    return text, notes


def merge_spellings(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of classes with those merged that differ only in spaces or case; the most frequent spelling stays."""
    counts = Counter(names)
    best: dict[str, str] = {}
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(_plain(name), " ".join(name.split()))
    changed = Counter({name: count for name, count in counts.items() if best[_plain(name)] != name})
    if not changed:
        return list(names), []
    shown = ", ".join(f"{name!r} to {best[_plain(name)]!r}" for name in sorted(changed)[:3])
    note = f"{sum(changed.values())} labels differed from others in spaces or case alone and were merged: {shown}"
    return [best[_plain(name)] for name in names], [note + (", ..." if len(changed) > 3 else "")]


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def few(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
