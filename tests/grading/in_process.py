"""A grader for tests: answers run in this very process, and the engine judges them. For answers of our own only."""

from pathlib import Path

import nbformat

from tlkit.grading.card import as_text
from tlkit.grading.check import verdict_on
from tlkit.grading.rebuild import grade_id, is_check, is_demo, is_hand_graded, rebuild
from tlkit.grading.records import REFUSED, Record, content_sha256, write_record
from tlkit.grading.score import Score
from tlkit.grading.submission import read_submission
from tlkit.errors import TlkitError


def grade_folder(root: Path, assignment: str, release: str = "course") -> None:
    """Grade what lies in `root/submitted` and leave records, and notebooks in autograded/."""
    for path in sorted((root / "submitted").glob(f"*/{assignment}/*.ipynb")):
        student = path.parents[1].name
        try:
            record = _grade(path, student, root / release / assignment / path.name, root / "autograded" / student / assignment)
        except TlkitError as error:
            record = Record(student, assignment, path.stem, outcome=REFUSED, reason=str(error))
        write_record(root, record)


def _grade(path: Path, student: str, released: Path, autograded: Path) -> Record:
    original = nbformat.read(released, as_version=4)
    notebook, notes = rebuild(original, read_submission(path))
    namespace: dict = {"__name__": "__main__"}
    verdicts, scores = [], []
    for cell in notebook.cells:
        if is_check(cell):
            verdict = verdict_on(cell.source.split('"')[1], namespace)
            verdicts.append(verdict)
            scores.append(Score(grade_id(cell), verdict.points, float(cell.metadata.nbgrader.points), as_text(verdict)))
        elif is_hand_graded(cell):
            scores.append(Score(grade_id(cell), None, float(cell.metadata.nbgrader.points), "a person grades this"))
        elif cell.cell_type == "code" and not is_demo(cell):
            exec(compile(cell.source, f"<{student}>", "exec"), namespace)
    autograded.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, autograded / path.name)
    return Record(student, path.parent.name, path.stem, original.metadata.tlkit.release, "", content_sha256(path),
                  scores=tuple(scores), verdicts=tuple(verdicts), notes=tuple(notes))
