"""`tlkit grade FOLDER`: every submission of a class, beside each other, and again only what is left or has changed.

Of each notebook the record is written last and in one step. So whatever stops the whole, the next run finds a record and
everything that belongs to it, or no record and grades again.
"""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from tqdm import tqdm

from tlkit.errors import TlkitError
from tlkit.files import write_text
from tlkit.grading.classwork.course import Course, Handed, code_to_run, exercises_checked_in
from tlkit.grading.classwork.gradebook import GradebookWriter
from tlkit.grading.classwork.handed_files import gather
from tlkit.grading.classwork.intake import TIMESTAMP, beside, take_in, time_noted
from tlkit.grading.classwork.marking import Job, Marked
from tlkit.grading.classwork.pool import Pool
from tlkit.grading.rebuild import grade_id, is_check
from tlkit.grading.records import FAILED, FOLDER, Record, content_sha256, from_json, one_writer, read_record, record_path, write_record
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.secret import read_secret
from tlkit.grading.submission import submission_of
from tlkit.grading.warm.parents import WarmParents

NO_SANDBOX = ("without a sandbox, what learners wrote runs with your rights on this machine: it can read and change your "
              "files, the gradebook and other submissions among them, use your network, and go on running afterwards")


@dataclass
class Summary:
    """What a run did.

    Args:
        records: of every notebook that was due, also those that earlier runs had graded.
        graded_now: how many of them this run graded.
        limits_by: what limited memory and processes.
        start_seconds: until the warm parents were ready.
    """

    records: list[Record] = field(default_factory=list)
    graded_now: int = 0
    limits_by: str = ""
    start_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def require_sandbox(sandboxed: bool) -> None:
    """See that other people's work is not run without walls by accident.

    Raises:
        TlkitError: a sandbox is wanted, and there is none here.
    """
    reason = bubblewrap.why_not() if sandboxed else None
    if reason:
        raise TlkitError(f"{reason}, so other people's work is not graded here; with --no-sandbox it is, but {NO_SANDBOX}")


def grade_class(folder: Path, assignment: str | None = None, jobs: int = 2, sandboxed: bool = True, force: bool = False,
                scheduler: str | None = None, options: dict[str, Any] | None = None, quiet: bool = False,
                readable: Iterable[Path] = ()) -> Summary:
    """Grade what a class handed in, as far as it is not graded yet.

    Args:
        folder: the course's root, its folder of submissions, or a folder of files that `tlkit submit` made.
        jobs: how many notebooks are graded at a time.
        sandboxed: whether answers run walled in.
        force: grade also what has been graded.
        scheduler: the address of a dask scheduler whose workers do the grading; "local" starts one here.
        options: what differs from the fields of Limits and Allowance, "notebook_seconds", and "feedback" (bool).
        readable: further folders that answers and checks may read.
    Raises:
        TlkitError: no submissions, no sandbox, or another run is under way.
    """
    require_sandbox(sandboxed)
    folder, unused = gather(folder)
    course, options, summary = Course(folder), options or {}, Summary(notes=unused)
    due = course.handed_in(assignment)
    course.keep_releases()
    secret = read_secret(course.root)
    releases = course.releases()
    checked = [name for chosen in sorted({handed.assignment for handed in due}) for path in releases[chosen]
               for name in exercises_checked_in(path)]
    seeds = {name: [] if secret is None else list(secret.seeds(name)) for name in checked}
    (course.root / FOLDER).mkdir(exist_ok=True)
    with one_writer(course.root, "already"), GradebookWriter(course) as gradebook:
        todo, in_gradebook = [], gradebook.submissions()
        for handed in due:
            known = None if force or handed.key not in in_gradebook else _record_in_place(course, handed)
            if known:
                summary.records.append(known)
            else:
                todo.append(handed)
        if todo:
            for name in sorted({handed.assignment for handed in todo}):
                gradebook.add_assignment(name, course.releases()[name])
            tests = {handed.key[1:]: gradebook.tests(handed.assignment, handed.notebook) for handed in todo}
            makers = [_Maker(course, handed, seeds, options, tests[handed.key[1:]]) for handed in todo]
            with _graders(course, todo, jobs, sandboxed, scheduler, seeds, options, readable, summary) as graders:
                bar = tqdm(total=len(due), initial=len(due) - len(todo), unit="notebook", disable=quiet, file=sys.stderr)
                with bar:
                    for position, marked in graders.map(makers):
                        summary.records.append(_write_down(course, todo[position], marked, gradebook, makers[position]))
                        summary.graded_now += 1
                        if marked.limits_by not in summary.limits_by:  # machines of a scheduler may differ
                            summary.limits_by = ", ".join(filter(None, (summary.limits_by, marked.limits_by)))
                        bar.update()
        gradebook.export(course.root / "grades.csv")
    summary.records.sort(key=lambda record: record.key)
    return summary


def _record_in_place(course: Course, handed: Handed) -> Record | None:
    """The record of a notebook that is graded, and has not been handed in anew since."""
    path = record_path(course.root, *handed.key)
    if not path.is_file():
        return None
    try:
        record = read_record(path)
    except TlkitError:
        return None  # damaged: graded again
    digest = content_sha256(handed.path)
    return record if record.outcome != FAILED and record.content_sha256 == digest else None


class _Maker:
    """Makes a job when its turn has come, so that few submissions are in memory at a time."""

    def __init__(self, course: Course, handed: Handed, seeds: dict[str, list[int]], options: dict[str, Any],
                 tests: dict[str, str]):
        self.course, self.handed, self.seeds, self.options, self.tests = course, handed, seeds, options, tests
        self.digest = ""

    def __call__(self) -> Job:
        handed, content, refused, notes, release = self.handed, None, "", [], ""
        self.digest = content_sha256(handed.path)
        try:
            content = take_in(handed.path)
            release = _release_named_in(content)
        except TlkitError as error:
            refused = str(error)
        released = self.course.release_for(handed, release)
        if not handed.path.parent.is_symlink() and handed.path.parent.is_dir():
            notes = beside(handed.path.parent, {path.name for path in released.parent.iterdir()})
            try:
                time_noted(handed.path.parent)
            except TlkitError as error:
                notes.append(str(error))
        files = {path.name: path.read_bytes() for path in sorted(released.parent.iterdir())
                 if path.is_file() and path.suffix != ".ipynb" and not path.name.startswith(".")}
        return Job(*handed.key, content, self._with_hidden_tests(released), files, refused, notes, self.seeds, self.options)


    def _with_hidden_tests(self, released: Path) -> str:
        """The released notebook, with the tests that nbgrader took out of it put back from the gradebook."""
        notebook = nbformat.read(released, as_version=4)
        for cell in notebook.cells:
            if is_check(cell) and grade_id(cell) in self.tests and "releases" not in released.parts[-4:-3]:
                cell.source = self.tests[grade_id(cell)]
        return nbformat.writes(notebook)


def _release_named_in(content: bytes) -> str:
    """The release id that a submission names; only a short one of letters and digits is any."""
    with contextlib.suppress(ValueError, RecursionError, TlkitError, MemoryError):
        name = submission_of(json.loads(content.decode("utf-8-sig"))).release
        return name if name.isalnum() and len(name) <= 40 else ""
    return ""


@contextlib.contextmanager
def _graders(course: Course, todo: list[Handed], jobs: int, sandboxed: bool, scheduler: str | None,
             seeds: dict[str, list[int]], options: dict[str, Any], readable: Iterable[Path], summary: Summary) -> Iterator[Any]:
    """What grades jobs: processes of this machine, or the workers of a scheduler."""
    releases = course.releases()
    notebooks = [code_to_run(path) for name in sorted({handed.assignment for handed in todo}) for path in releases[name]]
    seconds = options.get("notebook_seconds", 600)
    if scheduler:
        from tlkit.grading.classwork.distributed import Cluster

        with Cluster(scheduler, jobs, notebooks, sandboxed, seeds, seconds) as cluster:
            yield cluster
        return
    started = time.perf_counter()
    with WarmParents(notebooks, sandboxed, readable) as parents:
        summary.limits_by = parents.limits_by
        pool = Pool(parents, jobs, seconds)
        preparing = threading.Thread(target=lambda: summary.notes.extend(parents.prepare(seeds)), daemon=True)
        preparing.start()  # learners' cells may run meanwhile; the first checks wait for it
        parents.learners_kernel().close()
        summary.start_seconds = time.perf_counter() - started
        try:
            yield pool
            preparing.join()
        finally:
            pool.close()


def _write_down(course: Course, handed: Handed, marked: Marked, gradebook: GradebookWriter, maker: _Maker) -> Record:
    """Everything that comes of one notebook; the record last."""
    submitted_at = course.submitted_at(handed)
    if marked.outcome != FAILED:
        gradebook.write(handed, marked, submitted_at)
        for path, text in ((course.autograded(handed), marked.notebook), (course.feedback(handed), marked.page)):
            if text:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, text)
        if submitted_at:
            write_text(course.autograded(handed).parent / TIMESTAMP, submitted_at.strftime("%Y-%m-%d %H:%M:%S.%f UTC"))
    record = from_json({
        "version": 1, "student": handed.student, "assignment": handed.assignment, "notebook": handed.notebook,
        "release": marked.release, "submitted_at": submitted_at.isoformat() if submitted_at else "",
        "content_sha256": maker.digest, "outcome": marked.outcome, "reason": marked.reason, "scores": marked.scores,
        "verdicts": marked.verdicts, "notes": marked.notes, "seconds": float(marked.seconds),
        "cell_seconds": float(marked.cell_seconds)})
    write_record(course.root, record)
    return record
