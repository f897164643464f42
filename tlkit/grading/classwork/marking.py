"""Grade one notebook: plain data in, plain data out, so that it can be done in any process on any machine."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat import NotebookNode

from tlkit.errors import TlkitError
from tlkit.grading.feedback import feedback_page
from tlkit.grading.harmless import make_harmless
from tlkit.grading.kernel import Limits
from tlkit.grading.rebuild import add_notes, grade_id, name_of, rebuild
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.score import Score, printable, scores
from tlkit.grading.submission import Submission, require_gradable, submission_of
from tlkit.grading.two_kernels import Grading, TwoKernels
from tlkit.grading.warm.parents import WarmParents

MAX_REFUSALS = 500
@dataclass
class Job:
    """One notebook to grade.

    Args:
        content: what was handed in; None where that cannot be graded, for the reason `refused`.
        released: the released notebook, as JSON text.
        files: the release's other files, by name.
        seeds: exercise's id -> seeds of hidden cases.
        options: what differs from Limits, Allowance and the seconds for a notebook.
    """

    student: str
    assignment: str
    notebook: str
    content: bytes | None
    released: str
    files: dict[str, bytes] = field(default_factory=dict)
    refused: str = ""
    notes: list[str] = field(default_factory=list)
    seeds: dict[str, list[int]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Marked:
    """What grading a notebook brought, as plain data: fields of the record, the graded notebook and the page."""

    outcome: str
    reason: str = ""
    release: str = ""
    scores: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cell_seconds: float = 0.0
    notebook: str = ""
    page: str = ""
    limits_by: str = ""


def mark(job: Job, parents: WarmParents) -> Marked:
    """Grade a notebook. What is wrong with a submission is an outcome, not an error.

    Raises:
        TlkitError: grading itself is not possible, since no kernel starts.
    """
    started = time.perf_counter()
    released = nbformat.reads(job.released, as_version=4)
    marked = Marked("graded", release=str(released.metadata.get("tlkit", {}).get("release", "")), notes=list(job.notes),
                    limits_by=parents.limits_by)
    try:
        submission = _read(job)
    except TlkitError as error:
        marked.outcome, marked.reason = "refused", printable(str(error))[:MAX_REFUSALS]
        submission = Submission(())
    notebook, notes = rebuild(released, submission)
    if marked.outcome == "graded":
        marked.notes += notes
        if submission.release and submission.release != marked.release:
            marked.notes.append(f"made from release {submission.release[:40]!r}, which is not here; graded by {marked.release}")
        grading = _run(job, notebook, parents)
        marked.verdicts, marked.cell_seconds = grading.verdicts, round(grading.cell_seconds, 3)
        marked.notes += [f"{name_of(notebook.cells[index])}: {remark}" for index, remark in sorted(grading.remarks.items())]
        marked.scores = [asdict(score) for score in scores(notebook, grading.remarks, grading.points)]
        marked.unanswered = _unanswered(notebook, released)
    else:
        marked.scores = [asdict(Score(score.grade_id, 0.0, score.max_points, marked.reason))
                         for score in scores(notebook, {}, {})]
    marked.notes += make_harmless(notebook, released)
    marked.notes = [printable(note).replace("\n", " ")[:500] for note in marked.notes[:100]]
    _finish(job, notebook, marked)
    marked.seconds = round(time.perf_counter() - started, 3)
    return marked


def _read(job: Job) -> Submission:
    if job.content is None:
        raise TlkitError(job.refused)
    try:
        content = json.loads(job.content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise TlkitError(f"its content is not JSON ({str(error)[:100]})") from error
    if not isinstance(content, dict):
        raise TlkitError("its content is JSON and no notebook")
    submission = submission_of(content)
    require_gradable(submission)
    return submission


def _run(job: Job, notebook: NotebookNode, parents: WarmParents) -> Grading:
    options = dict(job.options)
    seconds = options.pop("notebook_seconds", 600)
    options.pop("feedback", None)
    allowance = Allowance(**{name: options.pop(name) for name in list(options) if hasattr(Allowance, name)})
    with TemporaryDirectory(prefix="tlkit-grade-", dir=parents.folder) as folder:
        for name, content in job.files.items():
            (Path(folder) / Path(name).name).write_bytes(content)
        return TwoKernels(parents, notebook, Path(folder), job.seeds, Limits(**options), allowance, seconds).run()


def _unanswered(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """The grade_ids of answers that are as they were released."""
    sources = {grade_id(cell): cell.source for cell in released.cells if grade_id(cell)}
    return [grade_id(cell) for cell in notebook.cells
            if cell.metadata.get("nbgrader", {}).get("solution") and cell.source == sources.get(grade_id(cell))]


def _finish(job: Job, notebook: NotebookNode, marked: Marked) -> None:
    """The graded notebook for the formgrader, and the page for the learner."""
    lines = [f"Not graded: {marked.reason}."] if marked.reason else []
    lines += marked.notes
    if lines:
        add_notes(notebook, map(_as_text, lines))
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    if job.options.get("feedback", True):
        marked.page = feedback_page(notebook, [Score(**score) for score in marked.scores], job.notebook)
    marked.notebook = nbformat.writes(notebook)


def _as_text(line: str) -> str:
    """A line for markdown, in which nothing means anything."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>()#+!|&" else character for character in line)
