"""`tlkit regrade`: grade again after a unit was mended, see who changes by how much, and only then write it down.

Everything is graded in a folder of its own below the course's root, by the release that is there now, so that nothing is
changed until somebody has seen the changes. What a person gave, points and comments, is not touched at all.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tlkit.course.units import release_of
from tlkit.errors import TlkitError
from tlkit.grading.cohort.gradebook import course_directory, find_assignment, open_gradebook, submitted_folder
from tlkit.grading.records import Record, read_records
from tlkit.grading.secret import ELSEWHERE, secret_path

ASIDE = "regrading"
_CONFIG = ('c = get_config()\nc.CourseDirectory.course_id = {!r}\nc.CourseDirectory.submitted_directory = "submitted"\n'
           'c.CourseDirectory.release_directory = "course"\n')

Grade = Callable[[Path, str], None]
"""(a course's root, assignment): grades what lies there in submitted/ and leaves records in graded/, notebooks in autograded/."""


@dataclass(frozen=True)
class Change:
    """One notebook, before and after.

    Args:
        cells: grade_id -> (points before, points after), of those that differ; None where there was no such cell.
        note: what else an instructor should know of it, or "".
    """

    before: Record
    after: Record
    cells: dict[str, tuple[float | None, float | None]]
    note: str = ""

    @property
    def difference(self) -> float:
        return self.after.points - self.before.points

    def __str__(self) -> str:
        cells = ", ".join(f"{name} {_points(was)} -> {_points(now)}" for name, (was, now) in self.cells.items())
        outcome = "" if self.before.outcome == self.after.outcome else f"; {self.before.outcome} before, {self.after.outcome} now"
        why = f" ({self.after.reason})" if self.after.reason else ""
        return (f"{self.after.student}  {self.after.notebook}  {self.before.points:.4g} -> {self.after.points:.4g} points "
                f"({self.difference:+.4g}){': ' + cells if cells else ''}{outcome}{why}{'; ' + self.note if self.note else ''}")


def regrade(root: Path, assignment: str, grade: Grade, release: str | None = None) -> tuple[list[Change], list[str]]:
    """Grade every notebook of an assignment again that has a record, aside; nothing in the course changes.

    Args:
        release: the id of a release that was kept; the one that is there now where none is given.
    Returns:
        What differs, one for each notebook that does, and sentences on what an instructor should know.
    Raises:
        TlkitError: no record or release of the assignment, a damaged record, or a gradebook that knows other cells.
    """
    root = Path(root).resolve()
    known, faults = read_records(root, assignment)
    if faults:
        raise TlkitError(faults[0])
    if not known:
        raise TlkitError(f"nothing of {assignment!r} has been graded yet, so there is nothing to grade again")
    folder = _release(root, assignment, release)
    _refuse_other_cells(root, assignment, folder)
    aside = _prepare(root, assignment, folder, {record.student for record in known})
    with _secret_of(root):
        grade(aside, assignment)
    return compare_records(root, assignment)


def regrade_class(root: Path, assignment: str, release: str | None = None, jobs: int = 2,
                  sandboxed: bool = True) -> tuple[list[Change], list[str]]:
    """`regrade` by the grading of a class: answers walled in, beside each other, from warm kernels."""
    from tlkit.grading.classwork.grade_class import grade_class, require_sandbox

    require_sandbox(sandboxed)
    return regrade(root, assignment, lambda folder, name: grade_class(folder, name, jobs, sandboxed), release)


def compare_records(root: Path, assignment: str) -> tuple[list[Change], list[str]]:
    """What differs between the records of the course and those that were made aside."""
    root = Path(root).resolve()
    before = {record.key: record for record in read_records(root, assignment)[0]}
    now, faults = read_records(root / ASIDE, assignment)
    if faults:
        raise TlkitError(faults[0])
    after = {record.key: record for record in now}
    missing = sorted(before.keys() - after.keys())
    notes = [f"{', '.join(key[::2])} was graded before and is not handed in any more; its points stay" for key in missing]
    changes = [_change(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    return [change for change in changes if change.cells or change.note or change.before.outcome != change.after.outcome], notes


def _change(before: Record, after: Record) -> Change:
    was, now = ({score.grade_id: score.points for score in record.scores} for record in (before, after))
    cells = {name: (was.get(name), now.get(name)) for name in {**was, **now}
             if (was.get(name) is None) != (now.get(name) is None) or abs((was.get(name) or 0) - (now.get(name) or 0)) > 1e-9}
    anew = before.content_sha256 != after.content_sha256
    return Change(before, after, cells, "it was handed in anew since it was graded" if anew else "")


def _release(root: Path, assignment: str, release: str | None) -> Path:
    """The folder of the release to grade by."""
    course = course_directory(root)
    current = Path(course.format_path(course.release_directory, ".", assignment)).resolve()
    notebooks = sorted(current.glob("*.ipynb"))
    kept = root / "releases" / assignment
    if release is None or (notebooks and release_of(notebooks[0]) == release):
        if not notebooks:
            raise TlkitError(f"{current} holds no release of {assignment!r} any more; `nbgrader generate_assignment {assignment}` makes it")
        return current
    if "/" in release or not sorted((kept / release).glob("*.ipynb")):
        here = sorted({release_of(path) for path in notebooks} | {path.name for path in kept.glob("[!.]*") if path.is_dir()})
        raise TlkitError(f"the release {release!r} of {assignment} does not exist any more; those that do: {', '.join(here) or 'none'}")
    return kept / release


def _refuse_other_cells(root: Path, assignment: str, release: Path) -> None:
    """See that the gradebook knows the release's graded cells, with its points."""
    with open_gradebook(root) as gradebook:
        find_assignment(gradebook, assignment)
        for path in sorted(release.glob("*.ipynb")):
            cells = [cell.metadata.nbgrader for cell in nbformat.read(path, as_version=4).cells if cell.metadata.get("nbgrader", {}).get("grade")]
            due = {nbgrader.grade_id: float(nbgrader.points) for nbgrader in cells}
            notebook = next((each for each in find_assignment(gradebook, assignment).notebooks if each.name == path.stem), None)
            known = {cell.name: float(cell.max_score) for cell in notebook.grade_cells} if notebook else {}
            for name in sorted(due.keys() | known.keys()):
                if due.get(name) != known.get(name):
                    raise TlkitError(f"{name} is worth {_points(due.get(name))} in the release and {_points(known.get(name))} in the "
                                     f"gradebook; `nbgrader generate_assignment {assignment}` tells the gradebook of it")


def _prepare(root: Path, assignment: str, release: Path, students: set[str]) -> Path:
    """A course's root aside: the release, and what these students handed in."""
    aside, course = root / ASIDE, course_directory(root)
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "submitted").mkdir(parents=True)
    (aside / "nbgrader_config.py").write_text(_CONFIG.format(course.course_id), encoding="utf-8")
    shutil.copytree(release, aside / "course" / assignment)
    for student in sorted(students):
        source = submitted_folder(course, student, assignment)
        if source.is_dir():
            shutil.copytree(source, aside / "submitted" / student / assignment, symlinks=True, copy_function=_link)
    return aside


def _link(source: str, target: str) -> None:
    """The same file under another name; a copy where file systems do not do that. Links stay links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


@contextlib.contextmanager
def _secret_of(root: Path) -> Iterator[None]:
    """The course's secret, so that hidden cases stay the same, also where grading takes another root."""
    before, path = os.environ.get(ELSEWHERE), secret_path(root)
    if path.exists():
        os.environ[ELSEWHERE] = str(path.resolve())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(ELSEWHERE, None)
        else:
            os.environ[ELSEWHERE] = before


def _points(points: float | None) -> str:
    return "no points" if points is None else f"{points:.4g}"
