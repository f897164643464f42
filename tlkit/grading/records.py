"""What grading found, one JSON file a graded notebook: the gradebook, the class report and a later regrade read it.

A record lies at `<course root>/graded/<student>/<assignment>/<notebook>.json`. It is written aside and put in place in one
step, so that it is there whole or not at all: whoever grades a class and is stopped goes on with what has no record.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from tlkit.errors import TlkitError
from tlkit.files import write_text
from tlkit.grading.score import Score, points_earned, points_possible
from tlkit.grading.verdict import Diagnosis, FailingCase, Outcome, Verdict

FOLDER = "graded"
VERSION = 1
MAX_HASHED = 64 << 20
GRADED, REFUSED, FAILED = "graded", "refused", "failed"
OUTCOMES = (GRADED, REFUSED, FAILED)


@dataclass(frozen=True)
class Record:
    """What grading found in one submitted notebook.

    Args:
        student, assignment, notebook: as nbgrader names them; each is the name of a folder or file.
        release: the release id of the notebook that it was graded by, "" where it came to no grading.
        submitted_at: when it was handed in, as ISO 8601 with a time zone; "" where that is not known.
        content_sha256: of the submitted file, in hex; "" where it could not be read.
        outcome: GRADED; REFUSED (the submission is nothing that can be graded); FAILED (grading itself went wrong).
        reason: one sentence for an outcome other than GRADED, else "".
        scores: of every graded cell, in order; what a person gives has no points.
        verdicts: what each check found, in order; the same points, and why, as the learner may read it.
        notes: what the instructor should know, one line each.
        seconds: that grading took.
        cell_seconds: of them, what its cells took.
    """

    student: str
    assignment: str
    notebook: str
    release: str = ""
    submitted_at: str = ""
    content_sha256: str = ""
    outcome: str = GRADED
    reason: str = ""
    scores: tuple[Score, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    cell_seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.student, self.assignment, self.notebook

    @property
    def points(self) -> float:
        """The points that grading by machine gave."""
        return points_earned(self.scores)

    @property
    def max_points(self) -> float:
        """The points that grading by machine can give."""
        return points_possible(self.scores)


def content_sha256(path: Path) -> str:
    """The sha256 of a submitted file's content, in hex; "" for a link, or where there is no file that can be read.

    Of a file that is too large to be graded, only size and time count.
    """
    if path.is_symlink() or not path.is_file():
        return ""
    try:
        status = path.stat()
        if status.st_size > MAX_HASHED:
            return hashlib.sha256(f"{status.st_size} bytes of {status.st_mtime_ns}".encode()).hexdigest()
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


@contextlib.contextmanager
def one_writer(root: Path, when: str) -> Iterator[None]:
    """Nobody else writes records and gradebook of the course in `root` as long as the block lasts.

    Raises:
        TlkitError: somebody does; `when` ends the words "is being graded".
    """
    lock = filelock.FileLock(root / FOLDER / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise TlkitError(f"{root} is being graded {when}; the gradebook has one writer at a time") from None
    try:
        yield
    finally:
        lock.release()


def record_path(root: Path, student: str, assignment: str, notebook: str) -> Path:
    """Where the record of a notebook lies.

    Args:
        root: the course's root folder.
    Raises:
        TlkitError: one of the names is not the name of a folder or file.
    """
    for what, name in (("student", student), ("assignment", assignment), ("notebook", notebook)):
        _refuse_path(what, name)
    return Path(root) / FOLDER / student / assignment / f"{notebook}.json"


def write_record(root: Path, record: Record) -> Path:
    """Write a record in its place, over an earlier one of the same notebook.

    Raises:
        TlkitError: the record cannot be read back as it is, or the folder cannot be written.
    """
    path = record_path(root, *record.key)
    text = json.dumps(as_json(record), indent=1) + "\n"
    from_json(json.loads(text), str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise TlkitError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        TlkitError: there is none, or it is damaged; the message says what is wrong with it.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TlkitError(f"the record {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise TlkitError(_damaged(str(path), f"it is not JSON ({error})")) from error
    record = from_json(content, str(path))
    if record.key != (path.parents[1].name, path.parent.name, path.stem):
        raise TlkitError(_damaged(str(path), "it says that it is of " + ", ".join(record.key)))
    return record


def find_record(root: Path, student: str, assignment: str, notebook: str) -> Record | None:
    """The record of a notebook, or None where there is none yet.

    Raises:
        TlkitError: it is damaged.
    """
    path = record_path(root, student, assignment, notebook)
    return read_record(path) if path.is_file() else None


def read_records(root: Path, assignment: str | None = None) -> tuple[list[Record], list[str]]:
    """Every record of a course, or of one assignment, by student, assignment and notebook.

    Returns:
        The records, and one sentence for each that is damaged.
    """
    found, faults = [], []
    for path in _paths(Path(root) / FOLDER):
        if assignment is None or path.parent.name == assignment:
            try:
                found.append(read_record(path))
            except TlkitError as error:
                faults.append(str(error))
    return found, faults


def as_json(record: Record) -> dict[str, Any]:
    """A record as plain data for JSON."""
    content = {"version": VERSION} | dataclasses.asdict(record)
    for verdict in content["verdicts"]:
        verdict["outcome"] = verdict["outcome"].value
    return content


def from_json(content: Any, name: str = "the record") -> Record:
    """The record that `as_json` wrote.

    Raises:
        TlkitError: the content is none; the message says what is wrong with it.
    """
    try:
        return _record(content)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise TlkitError(_damaged(name, what)) from error


def _record(content: Any) -> Record:
    fields = _fields(Record, content, extra={"version"})
    if fields.pop("version") != VERSION:
        raise ValueError(f"its version is {content['version']!r}, and this tlkit reads version {VERSION}")
    for what in ("student", "assignment", "notebook"):
        _refuse_path(what, fields[what])
    if fields["outcome"] not in OUTCOMES:
        raise ValueError(f"its outcome is {fields['outcome']!r}; one of {', '.join(OUTCOMES)} is due")
    if fields["submitted_at"] and datetime.fromisoformat(fields["submitted_at"]).tzinfo is None:
        raise ValueError(f"its time {fields['submitted_at']!r} has no time zone")
    scores = tuple(Score(**_fields(Score, score)) for score in fields.pop("scores"))
    verdicts = tuple(map(_verdict, fields.pop("verdicts")))
    return Record(**fields | {"scores": scores, "verdicts": verdicts, "notes": tuple(fields["notes"])})


def _verdict(content: Any) -> Verdict:
    fields = _fields(Verdict, content)
    fields["outcome"] = Outcome(fields["outcome"])
    if not all(type(passed) is bool for passed in fields["groups"].values()):
        raise ValueError("the case groups of a verdict are neither passed nor failed")
    for name, made in (("failing", FailingCase), ("diagnosis", Diagnosis)):
        if fields[name] is not None:
            fields[name] = made(**_fields(made, fields[name]))
    return Verdict(**fields | {"notes": tuple(fields["notes"]), "waiting": tuple(fields.get("waiting", ()))})


_PLAIN = {str: (str,), float: (int, float), float | None: (int, float, type(None))}


def _fields(made: type, content: Any, extra: frozenset | set = frozenset()) -> dict[str, Any]:
    """The fields of a dataclass from a JSON object that has exactly these, each of its type, numbers finite."""
    if type(content) is not dict:
        raise TypeError(f"{made.__name__.lower()} is no object with fields")
    due = {field.name: field.type for field in dataclasses.fields(made)}
    for name in (*due, *extra):
        if name not in content:
            raise KeyError(name)
    if set(content) - set(due) - set(extra):
        raise ValueError(f"it has a field {sorted(set(content) - set(due) - set(extra))[0]!r}, which is not known here")
    for name, kind in due.items():
        value = content[name]
        if kind in _PLAIN and type(value) not in _PLAIN[kind]:
            raise TypeError(f"{name} is {type(value).__name__} where {getattr(kind, '__name__', 'number')} is due")
        if kind == tuple[str, ...] and not (type(value) is list and all(type(item) is str for item in value)):
            raise TypeError(f"{name} is no list of texts")
        if type(value) is float and not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    return dict(content)


def _refuse_path(what: str, name: str) -> None:
    if not name or name in (".", "..") or any(character in name for character in "/\\\0"):
        raise TlkitError(f"the {what} {name!r} is not the name of a folder or file")


def _damaged(name: str, what: str) -> str:
    return f"{name} is damaged: {what}; delete it and grade again"


def _paths(folder: Path) -> Iterator[Path]:
    """The records in a folder; what is written aside has a name that begins with a dot."""
    return iter(sorted(path for path in folder.glob("*/*/*.json") if not path.name.startswith(".")))
