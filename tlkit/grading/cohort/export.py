"""`tlkit export`: the gradebook's grades as a CSV for Canvas, Moodle or another system, by a map of columns."""

from collections.abc import Sequence
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin
from traitlets import Enum, Unicode

from tlkit.errors import TlkitError
from tlkit.grading.cohort.columns import LAYOUTS, OF_ASSIGNMENT, Column, read_columns
from tlkit.grading.cohort.gradebook import find_assignment, open_gradebook
from tlkit.grading.cohort.tables import write_csv

Values = dict[tuple[str, str], str | float]


def export_grades(root: Path, to: Path, layout: str = "plain", columns: Path | None = None, assignments: Sequence[str] = (),
                  missing: str = "") -> list[str]:
    """Write the grades of a course as a CSV, one row a student.

    Args:
        root: the course's root, with its gradebook.
        layout: "canvas" (with Canvas's second row of points possible), "moodle" or "plain".
        columns: a column map of the course's own, in place of the layout's columns.
        assignments: which ones, in this order; all in the gradebook where none is given.
        missing: what stands for the score of work that was not handed in: nothing, or "0".
    Returns:
        Sentences on what an instructor should know, as grades that still wait for a person.
    Raises:
        TlkitError: no such layout, assignment or field, or the file cannot be written.
    """
    if layout not in LAYOUTS:
        raise TlkitError(f"there is no layout {layout!r}; there are {', '.join(LAYOUTS)}")
    with open_gradebook(root) as gradebook:
        header, rows, notes = grade_rows(gradebook, layout, columns, assignments, missing)
    write_csv(to, header, rows)
    return notes


def grade_rows(gradebook: Gradebook, layout: str, columns: Path | None, assignments: Sequence[str],
               missing: str) -> tuple[list[str], list[list], list[str]]:
    """The header, the rows and what an instructor should know."""
    wanted = [find_assignment(gradebook, name) for name in assignments] or list(gradebook.assignments)
    chosen = read_columns(columns) if columns else LAYOUTS[layout]([assignment.name for assignment in wanted])
    used = {assignment for column in chosen for _, assignment in column.fields() if assignment}
    known = {assignment.name: assignment for assignment in wanted}
    known |= {name: find_assignment(gradebook, name, str(columns or "")) for name in used - set(known)}
    rows = [_points_possible(chosen, known)] if layout == "canvas" else []
    notes, waiting = [], set()
    for student in sorted(gradebook.students, key=lambda student: student.id):
        values = _of_student(student)
        for name in used:
            of_work, waits = _of_work(gradebook, known[name], student, missing)
            values |= of_work
            waiting |= {(name, student.id)} if waits else set()
        rows.append([column.filled(values) for column in chosen])
    for name in sorted({name for name, _ in waiting}):
        who = sorted(student for assignment, student in waiting if assignment == name)
        notes.append(f"{name}: points from a person are still due for {len(who)} ({', '.join(who[:5])}{', ...' if len(who) > 5 else ''})")
    if any(field == "lms_user_id" for column in chosen for field, _ in column.fields()):
        without = sorted(student.id for student in gradebook.students if not student.lms_user_id)
        if without:
            notes.append(f"{len(without)} students have no lms_user_id ({', '.join(without[:5])}{', ...' if len(without) > 5 else ''}); "
                         "`nbgrader db student import` takes one")
    return [column.name for column in chosen], rows, notes


def _of_student(student: Student) -> Values:
    name = ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id
    found = {"student_id": student.id, "name": name, "first_name": student.first_name, "last_name": student.last_name,
             "email": student.email, "lms_user_id": student.lms_user_id}
    return {(field, ""): value or "" for field, value in found.items()}


def _of_work(gradebook: Gradebook, assignment: Assignment, student: Student, missing: str) -> tuple[Values, bool]:
    """One student's fields of an assignment, and whether a person has still to give points."""
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        nothing = float(missing) if missing else ""
        found = dict.fromkeys(OF_ASSIGNMENT, "") | {
            "score": nothing, "raw_score": nothing, "percent": nothing, "max_score": float(assignment.max_score)}
        return {(name, assignment.name): value for name, value in found.items()}, False
    raw, penalty, most = float(submission.score), float(submission.late_submission_penalty or 0), float(assignment.max_score)
    score = max(0.0, raw - penalty)
    found = {"score": round(score, 4), "raw_score": round(raw, 4), "penalty": round(penalty, 4), "max_score": most,
             "percent": round(100 * score / most, 4) if most else "",
             "submitted": f"{submission.timestamp.isoformat()}Z" if submission.timestamp else ""}
    return {(name, assignment.name): value for name, value in found.items()}, bool(submission.needs_manual_grade)


def _points_possible(columns: Sequence[Column], assignments: dict[str, Assignment]) -> list[str | float]:
    """Canvas's second row."""
    row: list[str | float] = []
    for number, column in enumerate(columns):
        graded = [assignment for field, assignment in column.fields() if field in ("score", "raw_score")]
        row.append(float(assignments[graded[0]].max_score) if graded else "    Points Possible" if number == 0 else "")
    return row


class ColumnsExportPlugin(ExportPlugin):
    """The same for `nbgrader export --exporter tlkit.grading.cohort.export.ColumnsExportPlugin`."""

    layout = Enum(tuple(LAYOUTS), "plain", help="For which system.").tag(config=True)
    columns = Unicode("", help="A column map of the course's own.").tag(config=True)
    missing = Enum(("", "0"), "", help="What stands for the score of work that was not handed in.").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        header, rows, notes = grade_rows(gradebook, self.layout, Path(self.columns) if self.columns else None,
                                         [str(name) for name in self.assignment], self.missing)
        write_csv(Path(self.to or "grades.csv"), header, rows)
        for note in notes:
            self.log.warning(note)
