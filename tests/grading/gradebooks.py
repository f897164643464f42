"""A course's gradebook, made with nbgrader's own API, for tests of what is done with it."""

import os
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

from nbgrader.api import Gradebook

CELLS = {"01-tuned_baseline-check": 2.0, "01-paired_gain-check": 2.0, "01-quiz-check": 5.0, "01-explain": 2.0}
UNIT = "01_small"


@cache
def _empty(folder: Path) -> Path:
    """An empty gradebook, made once: nbgrader starts another program for it."""
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "tlkit").close()
    finally:
        os.environ["PATH"] = before
    return folder / "gradebook.db"


def make_gradebook(root: Path, template: Path, students: tuple[str, ...] = ("ann", "ben", "cem"), assignments: tuple[str, ...] = (UNIT,)) -> Path:
    """A gradebook in `root` that knows the small unit and some students."""
    shutil.copyfile(_empty(template), root / "gradebook.db")
    (root / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "tlkit"\n')

    def fill(gradebook: Gradebook) -> None:
        for name in assignments:
            gradebook.add_assignment(name)
            gradebook.add_notebook(name, name)
            for cell, points in CELLS.items():
                kind = "markdown" if cell == "01-explain" else "code"
                gradebook.add_grade_cell(cell, name, name, max_score=points, cell_type=kind)
                gradebook.add_source_cell(cell, name, name, cell_type=kind, source="", locked=kind == "code")
            gradebook.add_solution_cell("01-explain", name, name)
        for student in students:
            gradebook.add_student(student, first_name=student.title(), last_name="Müller", email=f"{student}@example.org")

    with_gradebook(root, fill)
    return root


def with_gradebook(root: Path, do: Callable):
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "tlkit") as gradebook:
        found = do(gradebook)
        gradebook.db.commit()
        return found


def hand_in(root: Path, student: str, points: float, at: str | None = None, explained: float | None = None, assignment: str = UNIT) -> None:
    """A submission with these points for its quiz and, from a person, for its text."""
    def write(gradebook: Gradebook) -> None:
        more = {"timestamp": datetime.fromisoformat(at)} if at else {}
        gradebook.update_or_create_submission(assignment, student, **more)
        for cell in CELLS:
            grade = gradebook.find_grade(cell, assignment, assignment, student)
            if cell == "01-explain":
                grade.auto_score, grade.manual_score, grade.needs_manual_grade = None, explained, explained is None
            else:
                grade.auto_score, grade.needs_manual_grade = (points if cell == "01-quiz-check" else 0.0), False

    with_gradebook(root, write)
