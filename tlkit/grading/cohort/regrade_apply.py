"""The second half of `tlkit regrade`: what was graded aside, and seen, is written down."""

import shutil
from pathlib import Path

from tlkit.errors import TlkitError
from tlkit.files import write_bytes
from tlkit.grading.cohort.gradebook import course_directory, open_gradebook, submitted_folder
from tlkit.grading.cohort.regrade import ASIDE
from tlkit.grading.records import FAILED, REFUSED, Record, content_sha256, one_writer, read_records, write_record


def apply_regrade(root: Path, assignment: str) -> tuple[int, list[str]]:
    """Write down what `regrade` found: points of checks into the gradebook, graded notebooks and records into their place.

    Points, extra points and comments that a person gave stay; where a check's points changed under a person's, nbgrader asks
    for another look. Stopped on its way, it can be run again.

    Returns:
        How many notebooks were written, and sentences on what is left to do.
    Raises:
        TlkitError: nothing was graded aside, or a notebook was handed in anew since.
    """
    root = Path(root).resolve()
    now, faults = read_records(root / ASIDE, assignment)
    if faults or not now:
        raise TlkitError(faults[0] if faults else f"{root / ASIDE} holds nothing of {assignment!r}; `tlkit regrade "
                         f"{assignment}` without --apply shows what would change, and makes it")
    course = course_directory(root)
    for record in now:
        path = submitted_folder(course, record.student, record.assignment) / f"{record.notebook}.ipynb"
        if content_sha256(path) != record.content_sha256:
            raise TlkitError(f"{path} was handed in anew since it was graded aside; run `tlkit regrade {assignment}` again first")
    written, waiting, penalties, failed = 0, 0, False, [record for record in now if record.outcome == FAILED]
    with one_writer(root, "at this moment"), open_gradebook(root) as gradebook:
        for record in now:
            if record in failed:
                continue
            asks, has_penalty = _write_points(gradebook, record)
            waiting, penalties = waiting + asks, penalties or has_penalty
            made = root / ASIDE / "autograded" / record.student / assignment / f"{record.notebook}.ipynb"
            if made.is_file():
                place = Path(course.format_path(course.autograded_directory, record.student, assignment)) / made.name
                place.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(place, made.read_bytes())
            write_record(root, record)
            written += 1
    shutil.rmtree(root / ASIDE)
    notes = [f"`nbgrader generate_feedback {assignment} --force` and `nbgrader release_feedback {assignment} --force` make pages with the new points"]
    notes += [f"{record.student}: grading itself went wrong ({record.reason}), so the points stay as they were" for record in failed]
    if waiting:
        notes.append(f"{waiting} points of checks changed under points that a person gave; those count, and formgrader asks for another look")
    if penalties:
        notes.append("some of it is late: `tlkit late --apply` takes its share of the new points")
    return written, notes


def _write_points(gradebook, record: Record) -> tuple[int, bool]:
    """The points of a record's checks into the gradebook; nothing that a person gave is touched."""
    from nbgrader.api import MissingEntry

    try:
        notebook = gradebook.find_submission_notebook(record.notebook, record.assignment, record.student)
    except MissingEntry as error:
        raise TlkitError(f"the gradebook knows no submission of {record.assignment} by {record.student}; `tlkit grade` or "
                         "`nbgrader autograde` puts it there first") from error
    points, asks = {score.grade_id: score.points for score in record.scores}, 0
    if record.outcome == REFUSED:  # nothing in it can be graded, by hand neither
        points = {grade.name: 0.0 for grade in notebook.grades}
    for grade in notebook.grades:
        if points.get(grade.name) is not None:
            changed = grade.auto_score is None or abs(grade.auto_score - points[grade.name]) > 1e-9
            grade.auto_score = points[grade.name]
            if grade.manual_score is None:
                grade.needs_manual_grade = False
            elif changed:
                grade.needs_manual_grade, asks = True, asks + 1
    gradebook.db.commit()
    return asks, bool(notebook.late_submission_penalty)
