"""Grade a notebook of one's own: what it earns, what each check says of it, and a page to read."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tlkit.files import write_text
from tlkit.grading.execute import execute
from tlkit.grading.feedback import feedback_page
from tlkit.grading.kernel import Limits
from tlkit.grading.rebuild import name_of, rebuild
from tlkit.grading.score import Score, points_earned, points_possible, printable, scores
from tlkit.grading.submission import MAX_BYTES, Submission, read_submission, released_notebook


@dataclass(frozen=True)
class Result:
    """A graded notebook.

    Args:
        name, release: of the released notebook that it was graded as.
        scores: of every graded cell, in order.
        notes: what the learner should know, one line each.
        page: the feedback, where it could be written.
    """

    name: str
    release: str
    scores: tuple[Score, ...]
    notes: tuple[str, ...]
    page: Path | None

    @property
    def points(self) -> float:
        """The points earned, without what a person grades."""
        return points_earned(self.scores)

    @property
    def max_points(self) -> float:
        """The points that can be earned, without what a person grades."""
        return points_possible(self.scores)

    @property
    def hand_graded_points(self) -> float:
        """The points that a person gives."""
        return sum(score.max_points for score in self.scores if score.points is None)


def grade_notebook(path: Path, out: Path | None = None, released: Path | None = None, limits: Limits = Limits(),
                   max_bytes: int = MAX_BYTES) -> Result:
    """Grade a learner's notebook; the file is only read, and its code runs in a temporary folder.

    The code runs with the rights of whoever calls this: it is for one's own work, not for that of others.

    Args:
        out: the folder for the feedback; `feedback/` beside the notebook where none is given.
        released: the folder of released units; found by itself where none is given.
    Raises:
        TlkitError: no notebook that can be graded, or no kernel to run it.
    """
    path = Path(path)
    submission = read_submission(path, max_bytes)
    source = released_notebook(submission, str(path), released)
    original = nbformat.read(source, as_version=4)
    notebook, notes = rebuild(original, submission)
    notes = _remarks_on_release(submission, original) + notes
    with tempfile.TemporaryDirectory(prefix="tlkit-grade-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / source.parent.name
        shutil.copytree(source.parent, folder, ignore=shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints"))
        remarks = execute(notebook, folder, limits)
    notes += [f"{name_of(notebook.cells[index])}: {remark}" for index, remark in remarks.items()]
    found = scores(notebook, remarks)
    page = (out or path.parent / "feedback") / f"{source.stem}.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, feedback_page(notebook, found, source.stem))
    except OSError as error:
        notes.append(f"{page} could not be written ({error.strerror or error}); name another folder with --out")
        page = None
    return Result(source.stem, str(original.metadata.get("tlkit", {}).get("release", "")), tuple(found), tuple(notes), page)


def print_result(result: Result) -> None:
    """Print what each check said, the points, and where the feedback is."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # consoles that know no check mark
    print(f"{result.name}, release {result.release}\n")
    for score in result.scores:
        points = f"{score.max_points:g} points" if score.points is None else f"{score.points:g} of {score.max_points:g}"
        print(f"{score.grade_id}: {points}")
        print("\n".join(f"    {line}" for line in score.said.splitlines()) + "\n")
    for note in result.notes:
        print(f"Note: {printable(note)}")
    print(f"{result.points:g} of {result.max_points:g} points" + (
        f"; a person gives up to {result.hand_graded_points:g} more" if result.hand_graded_points else ""))
    if result.page:
        print(f"Feedback: {result.page}")


def _remarks_on_release(submission: Submission, released: NotebookNode) -> list[str]:
    release = str(released.metadata.get("tlkit", {}).get("release", ""))
    if submission.release == release:
        return []
    unit = str(released.metadata.get("tlkit", {}).get("unit", ""))
    return [f"your notebook is of another release ({submission.release[:40] or 'none'}) than the one it is graded by "
            f"({release}); `tlkit update {unit.split('_')[0]} --carry-answers` puts the new one beside yours"]
