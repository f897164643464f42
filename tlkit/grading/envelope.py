"""The one file that a learner hands in where there is no server: a sheet of what is in it, then the files, a line each.

The first line is the sheet, as JSON; each further line is the content of one file, as a JSON text. Nothing in it is packed
or compressed, and names are names, not paths: such a file cannot grow when it is read, nor say where it wants to be written.
The checksums find damage. They do not prove who made it: whoever edits a file can compute them again.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlkit.errors import TlkitError
from tlkit.files import write_text

SUFFIX = ".tlkit"
FORMAT = 1
MAX_BYTES = 100_000_000  # of the whole; a notebook is refused at 20 MB, and escapes make its text longer
MAX_SHEET = 200_000
MAX_FILES = 20
STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
"""A learner's id: it is the name of a folder later on."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Envelope:
    """What was handed in.

    Args:
        student: who says to have made it.
        unit: the unit's folder, e.g. "01_why_transfer".
        made_at: when, by the clock of the machine that made it.
        files: name -> content.
        environment: versions of what it was made with.
    """

    student: str
    unit: str
    made_at: datetime
    files: Mapping[str, str]
    environment: Mapping[str, Any] = field(default_factory=dict)


def require_student(student: str) -> str:
    """The id, if a folder can have that name.

    Raises:
        TlkitError: it cannot.
    """
    if not STUDENT.fullmatch(student) or student.endswith("."):
        raise TlkitError(f"{student[:80]!r} is no learner's id: up to 64 letters, digits and . _ @ + -, beginning with a letter or "
                         "digit; take the name that your instructor has you under")
    return student


def write_envelope(path: Path, envelope: Envelope) -> None:
    """Write the file, in one step.

    Raises:
        TlkitError: it cannot be written.
    """
    sheet = {
        "tlkit_submission": FORMAT, "student": envelope.student, "unit": envelope.unit,
        "made_at": envelope.made_at.astimezone(UTC).isoformat(timespec="seconds"), "environment": dict(envelope.environment),
        "files": [{"name": name, "sha256": _digest(text)} for name, text in envelope.files.items()],
    }
    lines = [json.dumps(sheet | {"sha256": _digest(_canonical(sheet))}), *map(json.dumps, envelope.files.values())]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise TlkitError(f"{path} cannot be written: {error.strerror or error}; --to names another folder") from error


def read_envelope(path: Path) -> Envelope:
    """Read a file that somebody else made.

    Raises:
        TlkitError: it is no plain file, too large, nothing that `tlkit submit` made, of a later format, cut off or changed.
    """
    lines = _read(path).splitlines()
    sheet = _sheet(path, lines[0] if lines else b"")
    names = [entry["name"] for entry in sheet["files"]]
    if len(lines) - 1 != len(names):
        raise TlkitError(f"{path.name} is cut off or damaged: {len(names)} files are due in it, and {len(lines) - 1} are there; "
                         "ask for it again")
    files = {}
    for entry, line in zip(sheet["files"], lines[1:]):
        try:
            text = json.loads(line) if line.startswith(b'"') else None
        except ValueError:
            text = None
        if not isinstance(text, str) or _digest(text) != entry["sha256"]:
            raise TlkitError(f"{path.name} was changed or damaged after it was made: {entry['name']} in it is not what its checksum "
                             "says; ask for it again")
        files[entry["name"]] = text
    try:
        made_at = datetime.fromisoformat(sheet["made_at"])
        if made_at.tzinfo is None or not 1971 <= made_at.year <= 9000:
            raise ValueError(made_at)
    except ValueError:
        raise TlkitError(f"{path.name} says no time at which it was made, but {sheet['made_at'][:40]!r}") from None
    environment = sheet["environment"] if isinstance(sheet["environment"], dict) else {}
    return Envelope(require_student(sheet["student"]), sheet["unit"], made_at, files, environment)


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        reason = "it is a link to another file" if path.is_symlink() else error.strerror or error
        raise TlkitError(f"{path.name} is not read: {reason}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise TlkitError(f"{path.name} is not read: it is no plain file")
    with os.fdopen(handle, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TlkitError(f"{path.name} is not read: it has more than {MAX_BYTES / 1e6:g} MB")
    return content


def _sheet(path: Path, line: bytes) -> dict[str, Any]:
    """The first line, if it is a sheet and whole."""
    foreign = TlkitError(f"{path.name} is no file that `tlkit submit` made, or its beginning is broken; ask for it again")
    if not line.startswith(b'{"tlkit_submission"') or len(line) > MAX_SHEET:
        raise foreign
    try:
        sheet = json.loads(line)
    except (ValueError, RecursionError):
        raise foreign from None
    if sheet.get("tlkit_submission") != FORMAT:
        raise TlkitError(f"{path.name} was made by another version of tlkit: its format is {str(sheet['tlkit_submission'])[:20]}, and "
                         f"{FORMAT} is read here")
    checksum, files = sheet.pop("sha256", None), sheet.get("files")
    is_whole = all(isinstance(sheet.get(name), str) for name in ("student", "unit", "made_at")) and isinstance(files, list)
    if not is_whole or "environment" not in sheet or not 1 <= len(files) <= MAX_FILES:
        raise foreign
    for entry in files:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("name", "sha256")):
            raise foreign
        if not _NAME.fullmatch(entry["name"]):
            raise TlkitError(f"{path.name} is refused: {entry['name'][:60]!r} in it is no plain name of a file")
    if len({entry["name"] for entry in files}) < len(files):
        raise TlkitError(f"{path.name} is refused: two files in it have the same name")
    if checksum != _digest(_canonical(sheet)):
        raise TlkitError(f"{path.name} was changed or damaged after it was made: its first line is not what its checksum says; "
                         "ask for it again")
    return sheet


def _canonical(sheet: Mapping[str, Any]) -> str:
    return json.dumps(sheet, sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
