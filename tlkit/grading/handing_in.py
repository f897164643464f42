"""`tlkit submit`: a learner's unit, looked over and put into one file to hand in, with no server and no network."""

import ast
import importlib.metadata
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from tlkit.course.units import Unit, find_unit, read_object
from tlkit.course.workspace import work_folder
from tlkit.errors import TlkitError
from tlkit.grading import progress
from tlkit.grading.classwork.intake import MAX_BYTES
from tlkit.grading.envelope import SUFFIX, Envelope, require_student, write_envelope
from tlkit.grading.submission import Submission, read_submission, require_gradable, submission_of

FOLDER = "handed_in"
_PACKAGES = ("tlkit", "torch", "torchvision", "transformers", "numpy", "scikit-learn", "jupyterlab", "nbgrader")


@dataclass(frozen=True)
class HandedIn:
    """The file, and what the learner should know of what is in it, a line each."""

    path: Path
    notes: tuple[str, ...]


def submit(name: str, student: str, to: Path | None = None, work: Path | None = None, released: Path | None = None) -> HandedIn:
    """Look a unit's notebooks over and write them into one file; nothing of the learner's is changed.

    Args:
        name: the unit.
        student: the learner's id, as the instructor has it.
        to: the folder for the file; `handed_in/` beside the units where none is given.
    Raises:
        TlkitError: no such unit or id, no copy of it, a copy that is no notebook of the unit or is too large, or a folder that
            cannot be written.
    """
    require_student(student)
    work, unit = work or work_folder(), find_unit(name, released)
    files, notes = {}, []
    for original in unit.notebooks:
        path = work / unit.name / original.name
        if not path.exists():
            raise TlkitError(f"{path} is missing, so there is nothing to hand in; `tlkit lab {unit.number}` makes your copy")
        handed = read_submission(path, MAX_BYTES)
        try:
            require_gradable(handed)
        except TlkitError as error:
            raise TlkitError(f"{path} cannot be graded: {error}") from error
        notes += _looked_over(path, handed, submission_of(read_object(original)), unit)
        files[path.name] = path.read_text(encoding="utf-8-sig")
    if entries := {key: entry for key, entry in progress.read(work).items() if key.split(".")[0] == unit.number}:
        files[progress.NAME] = json.dumps({"version": 1, "exercises": entries}, indent=1) + "\n"
    now = datetime.now(UTC)
    path = (to or work / FOLDER) / f"{unit.name}.{student}.{now:%Y-%m-%dT%H%M%SZ}{SUFFIX}"
    if path.exists():
        raise TlkitError(f"{path} is there already, made a moment ago; hand that in")
    write_envelope(path, Envelope(student, unit.name, now, files, environment()))
    return HandedIn(path, tuple(notes))


def environment() -> dict[str, str]:
    """Versions of Python, the system and the packages that matter, as they are installed."""
    found = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _looked_over(path: Path, handed: Submission, original: Submission, unit: Unit) -> list[str]:
    """What is missing, not begun or no Python in a notebook; when it was saved."""
    there = {cell.grade_id: cell for cell in handed.cells if cell.grade_id}
    answers = [cell for cell in original.cells if cell.grade_id and cell.flags["solution"]]
    if not any(cell.grade_id in there for cell in answers):
        raise TlkitError(f"{path} is no notebook of {unit.name}: none of its answers' cells is there; `tlkit reset {unit.number}` "
                         "keeps it under another name and starts afresh")
    missing = [cell.grade_id for cell in answers if cell.grade_id not in there]
    open_ = [cell.grade_id for cell in answers if cell.grade_id in there and there[cell.grade_id].source.strip() == cell.source.strip()]
    broken = [cell.grade_id for cell in answers if cell.cell_type == "code" and cell.grade_id in there
              and not _is_python(there[cell.grade_id].source)]
    saved = datetime.fromtimestamp(path.stat().st_mtime)
    begun = len(answers) - len(missing) - len(open_)
    notes = [f"{path.name}: {begun} of {len(answers)} answers are begun; as saved on {saved:%Y-%m-%d} at {saved:%H:%M:%S}"]
    for what, names in (("not begun", open_), ("no longer in the notebook", missing), ("not Python, so worth nothing as they are", broken)):
        if names:
            notes.append(f"{path.name}: {what}: {', '.join(names)}")
    return notes


def _is_python(source: str) -> bool:
    try:
        compile(TransformerManager().transform_cell(source), "<answer>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
