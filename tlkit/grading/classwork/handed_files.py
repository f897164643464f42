"""A folder of files that `tlkit submit` made, put where nbgrader keeps submissions. The files themselves are only read.

Nothing is lost: of several files by one learner the latest counts and the others stay where they are; a submission that a
later file replaces is moved to `replaced/`; what came some other way is never replaced.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tlkit.errors import TlkitError
from tlkit.files import write_text
from tlkit.grading import progress
from tlkit.grading.classwork.course import CONFIGURATION, course_directory, releases_of
from tlkit.grading.classwork.intake import TIMESTAMP
from tlkit.grading.envelope import SUFFIX, Envelope, read_envelope
from tlkit.grading.records import FOLDER, one_writer
from tlkit.grading.submission import submission_of

SLIP = ".handed-in.json"
"""Beside the notebooks of a submission that came as a file: which one, when it was made, and with what."""
REPLACED = "replaced"
_AHEAD = timedelta(hours=24)


@dataclass(frozen=True)
class _Read:
    path: Path
    envelope: Envelope
    sha256: str


def files_in(folder: Path) -> list[Path]:
    """The files of a folder, and those one folder further down (Moodle makes a folder for each learner)."""
    return sorted(path for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}") for path in Path(folder).glob(pattern)
                  if path.parent.name != "work")


def gather(folder: Path) -> tuple[Path, list[str]]:
    """The folder to grade: where the files of `folder` hold submissions, they are put in place first.

    The course is the folder or its parent, whichever has an nbgrader_config.py; else the folder becomes one.

    Returns:
        The folder, and one sentence for each file that is not used.
    Raises:
        TlkitError: there are files, and not one submission has come of them or was there.
    """
    if not files_in(folder):
        return folder, []
    folder = Path(folder).resolve()
    root = next((path for path in (folder, folder.parent) if (path / CONFIGURATION).exists()), folder)
    directories = course_directory(root)
    submitted = root / directories.submitted_directory
    notes = take_in_files(folder, releases_of(root / directories.release_directory), root, submitted)
    if not any(submitted.glob("*/*/*.ipynb")):
        raise TlkitError(". ".join(notes))
    return root if (root / CONFIGURATION).exists() else submitted, notes


def take_in_files(folder: Path, releases: dict[str, list[Path]], root: Path, submitted: Path) -> list[str]:
    """Put what the files of a folder hold into `submitted`, as STUDENT/UNIT/NOTEBOOK.

    Args:
        releases: unit -> its released notebooks; what is of no unit here is not taken.
        root: the course's root.
    Returns:
        One sentence for each file that is not used, and why.
    """
    notes: list[str] = []
    by_learner: dict[tuple[str, str], list[_Read]] = {}
    for path in files_in(folder):
        try:
            envelope = read_envelope(path)
            _require_of_this_course(path, envelope, releases)
        except TlkitError as error:
            notes.append(f"{error}; nothing of it is graded")
            continue
        if envelope.made_at > datetime.now(UTC) + _AHEAD:
            notes.append(f"{path.name} says that it was made on {envelope.made_at:%Y-%m-%d}, which is still to come; it is taken all "
                         "the same")
        read = _Read(path, envelope, hashlib.sha256(path.read_bytes()).hexdigest())
        by_learner.setdefault((envelope.student, envelope.unit), []).append(read)
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    with one_writer(root, "already"):
        for (student, unit), found in sorted(by_learner.items()):
            found.sort(key=lambda read: (read.envelope.made_at, read.path.name))
            distinct = {read.sha256 for read in found}
            if len(distinct) > 1:
                others = ", ".join(read.path.name for read in found[:-1] if read.sha256 != found[-1].sha256)
                notes.append(f"{student} handed in {unit} {len(distinct)} times; the latest, {found[-1].path.name}, counts, and "
                             f"{others} stays where it is")
            try:
                notes += _place(found[-1], submitted / student / unit, root)
            except OSError as error:
                notes.append(f"{found[-1].path.name} is not taken in: {error.filename or submitted}: {error.strerror or error}")
    return notes


def _require_of_this_course(path: Path, envelope: Envelope, releases: dict[str, list[Path]]) -> None:
    if envelope.unit not in releases:
        raise TlkitError(f"{path.name} is of another course: there is no unit {envelope.unit[:60]!r} here, only "
                         f"{', '.join(releases) or 'none'}")
    originals = {notebook.name: notebook for notebook in releases[envelope.unit]}
    for name, text in envelope.files.items():
        if name == progress.NAME:
            continue
        if name not in originals:
            raise TlkitError(f"{path.name} is refused: {name!r} in it is no notebook of {envelope.unit}, which has {', '.join(originals)}")
        due = _grade_ids(originals[name].read_text(encoding="utf-8"))
        found = _grade_ids(text)
        if found is not None and due and not found & due:
            raise TlkitError(f"{path.name} is of another course: none of the answers of {envelope.unit} is in it")


def _grade_ids(text: str) -> set[str] | None:
    """The grade_ids in a notebook's text; None where it is no notebook, which grading says itself."""
    try:
        content = json.loads(text)
        return {cell.grade_id for cell in submission_of(content).cells if cell.grade_id} if isinstance(content, dict) else None
    except (ValueError, RecursionError, MemoryError):  # TlkitError is a ValueError
        return None


def _place(read: _Read, target: Path, root: Path) -> list[str]:
    """Write one submission, whole or not at all."""
    if target.is_symlink() or target.parent.is_symlink():
        return [f"{read.path.name} is not taken in: {target} is a link to somewhere else"]
    if target.exists():
        slip = _slip(target)
        if slip is None:
            return [f"{read.path.name} is not taken in: a submission that came some other way is in {target}; remove that, or the file"]
        if slip.get("sha256") == read.sha256:
            return []
        if datetime.fromisoformat(slip["made_at"]) > read.envelope.made_at:
            return [f"{read.path.name} is not taken in: a later one by {read.envelope.student}, {slip.get('file')}, is graded already"]
    aside = target.with_name(f".{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, text in read.envelope.files.items():
        (aside / name).write_bytes(text.encode("utf-8", "replace"))
    made_at = read.envelope.made_at.astimezone(UTC)
    write_text(aside / TIMESTAMP, f"{made_at:%Y-%m-%d %H:%M:%S} UTC\n")
    write_text(aside / SLIP, json.dumps({"file": read.path.name, "sha256": read.sha256, "made_at": made_at.isoformat(),
                                         "environment": dict(read.envelope.environment)}, indent=1) + "\n")
    if target.exists():
        kept = root / REPLACED / read.envelope.student / f"{target.name}.{datetime.now():%Y-%m-%dT%H%M%S%f}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        target.rename(kept)
    aside.rename(target)
    return []


def _slip(folder: Path) -> dict | None:
    try:
        slip = json.loads((folder / SLIP).read_text(encoding="utf-8"))
        datetime.fromisoformat(slip["made_at"])
        return slip
    except (OSError, ValueError, KeyError, TypeError):
        return None
