"""The one writer of nbgrader's gradebook: points of checks go in, what a person has written stays."""

import logging
import os
import sys
import warnings
from datetime import datetime
from pathlib import Path

import nbformat
from nbgrader.api import Assignment, Gradebook, MissingEntry, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import SaveCells
from sqlalchemy.exc import SAWarning

from tlkit.grading.classwork.course import Course, Handed
from tlkit.grading.classwork.marking import Marked


class GradebookWriter:
    """Writes what was found into the course's gradebook; use it as a context."""

    def __init__(self, course: Course):
        self.course = course
        self.url = course.directories.db_url

    def __enter__(self) -> "GradebookWriter":
        before = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
        try:  # a new gradebook calls `alembic` by its name
            self.gradebook = Gradebook(self.url, self.course.directories.course_id)
        finally:
            os.environ["PATH"] = before
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def add_assignment(self, name: str, notebooks: list[Path]) -> None:
        """Make an assignment known, as `nbgrader generate_assignment` does, where it is not."""
        self.gradebook.update_or_create_assignment(name)
        for path in notebooks:
            try:
                self.gradebook.find_notebook(path.stem, name)
            except MissingEntry:
                saving = SaveCells()
                saving.log.setLevel(logging.WARNING)
                saving.preprocess(nbformat.read(path, as_version=4), {"nbgrader": {
                    "notebook": path.stem, "assignment": name, "db_url": self.url}})
        self.gradebook.db.expire_all()

    def tests(self, assignment: str, notebook: str) -> dict[str, str]:
        """The text of every graded code cell by its grade_id, hidden tests included."""
        found = self.gradebook.find_notebook(notebook, assignment)
        graded = {cell.name for cell in found.grade_cells if cell.cell_type == "code"}
        answers = {cell.name for cell in found.solution_cells}
        return {cell.name: cell.source for cell in found.source_cells if cell.name in graded - answers and cell.source}

    def submissions(self) -> set[tuple[str, str, str]]:
        """(student, assignment, notebook) of everything that it has grades of."""
        rows = self.gradebook.db.query(SubmittedAssignment.student_id, Assignment.name, Notebook.name).select_from(SubmittedNotebook).join(
            SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id).join(
            Notebook, SubmittedNotebook.notebook_id == Notebook.id).join(Assignment, Notebook.assignment_id == Assignment.id)
        return {tuple(row) for row in rows}

    def write(self, handed: Handed, marked: Marked, submitted_at: datetime | None) -> None:
        """Write the points of one notebook; a second time changes nothing."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own relations
            self._write(handed, marked, submitted_at)

    def _write(self, handed: Handed, marked: Marked, submitted_at: datetime | None) -> None:
        book = self.gradebook
        book.update_or_create_student(handed.student)
        more = {} if submitted_at is None else {"timestamp": submitted_at.astimezone().isoformat()}
        book.update_or_create_submission(handed.assignment, handed.student, **more)
        notebook = book.find_submission_notebook(handed.notebook, handed.assignment, handed.student)
        found = {score["grade_id"]: score["points"] for score in marked.scores}
        for grade in notebook.grades:
            points = found.get(grade.name)
            is_by_hand = grade.name in found and points is None
            if is_by_hand and (grade.name in marked.unanswered or marked.outcome != "graded"):
                points = 0.0
            grade.auto_score = points if is_by_hand else float(points or 0.0)
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        for comment in notebook.comments:
            comment.auto_comment = "No response." if comment.name in marked.unanswered else None
        book.db.commit()

    def export(self, path: Path) -> None:
        """Write all grades as nbgrader's CSV."""
        exporter = CsvExportPlugin()
        exporter.to = str(path)
        exporter.log.setLevel(logging.WARNING)
        exporter.export(self.gradebook)
