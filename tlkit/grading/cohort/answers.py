"""The answers in a course's submitted notebooks, as text, with what the release asks in each."""

from dataclasses import dataclass
from pathlib import Path

from tlkit.course.units import read_object
from tlkit.errors import TlkitError
from tlkit.grading.cohort.gradebook import course_directory, submitted_folder
from tlkit.grading.submission import read_submission, submission_of


@dataclass(frozen=True)
class Answer:
    """What a learner wrote into one answer's cell."""

    student: str
    question: str
    is_code: bool
    source: str


def read_answers(root: Path, assignment: str, released: Path) -> tuple[list[Answer], list[str]]:
    """Every answer to an assignment that somebody began, from what was handed in.

    The files are only read, and nothing in them is run.

    Args:
        released: the folder of the released assignment.
    Returns:
        The answers, and one sentence for each notebook that cannot be read.
    Raises:
        TlkitError: the released assignment has no notebook, or nobody has handed anything in.
    """
    notebooks = sorted(Path(released).glob("*.ipynb"))
    if not notebooks:
        raise TlkitError(f"{released} has no released notebook, so it is not known what of a submission is an answer")
    course = course_directory(root)
    handed_in = {}  # folder -> whose it is
    for path in submitted_folder(course, "x", assignment).parents[1].glob("*"):
        if submitted_folder(course, path.name, assignment).is_dir():
            handed_in[submitted_folder(course, path.name, assignment)] = path.name
    if not handed_in:
        raise TlkitError(f"nobody has handed in {assignment}: there is no folder {submitted_folder(course, '<student>', assignment)}")
    answers, notes = [], []
    for notebook in notebooks:
        asked = _questions(notebook)
        for folder, student in sorted(handed_in.items()):
            path = folder / notebook.name
            if path.is_symlink() or path.exists():
                try:
                    answers += _answers(student, path, asked)
                except TlkitError as error:
                    notes.append(f"{student}: {error}")
    return answers, notes


def _questions(notebook: Path) -> dict[str, tuple[bool, str]]:
    """grade_id -> (whether code is due, the text to start from)."""
    content = read_object(notebook)
    solutions = {nbgrader.get("grade_id") for cell in content["cells"] if (nbgrader := cell["metadata"].get("nbgrader", {})).get("solution")}
    return {cell.grade_id: (cell.cell_type == "code", cell.source) for cell in submission_of(content).cells if cell.grade_id in solutions}


def _answers(student: str, path: Path, asked: dict[str, tuple[bool, str]]) -> list[Answer]:
    found: dict[str, Answer] = {}
    for cell in read_submission(path).cells:
        if cell.grade_id in asked:
            is_code, stub = asked[cell.grade_id]
            if cell.source.strip() and cell.source.strip() != stub.strip():
                found[cell.grade_id] = Answer(student, cell.grade_id, is_code, cell.source)
    return list(found.values())
