"""A class from release to export: nbgrader's own commands, a real exchange folder, four learners."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from tests.grading.classwork.conftest import needs_sandbox
from tlkit.course.build import build
from tlkit.course.lab import lab_environment

pytestmark = pytest.mark.slow  # many processes of nbgrader; what it makes of our grades is asked in process elsewhere

PROJECT = Path(__file__).parents[2]
UNIT = "01_why_transfer"
HALF = {"01-sample", "01-paired_gain", "01-labels_needed", "01-quiz"}
EXPLANATION = "Was scratch tuned as well? If not, part of the gain is tuning. <script>alert('explain')</script>"


class Place:
    """A folder in which somebody gives nbgrader's commands."""

    def __init__(self, folder: Path, config: str):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")

    def nbgrader(self, *arguments: str) -> str:
        """What the command said."""
        environment = lab_environment() | {"HOME": str(self.folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=self.folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        assert done.returncode == 0, done.stdout
        return done.stdout


def answers(source: Path) -> dict[str, str]:
    """The answers in a source notebook, by grade_id."""
    cells = nbformat.read(source, as_version=4).cells
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


def write_answers(notebook: Path, chosen: dict[str, str]) -> None:
    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        cell.source = chosen.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    nbformat.write(content, notebook)


def show_a_script(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell("from IPython.display import HTML  # an own cell\nHTML('<script>alert(1)</script>')", id="mine"))
    nbformat.write(content, notebook)


def tamper(notebook: Path) -> None:
    """Nothing answered, and everything done to the notebook's structure that might earn points."""
    content = nbformat.read(notebook, as_version=4)
    content.metadata.kernelspec.name = "no-such-kernel"
    for cell in content.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("grade") and not nbgrader.get("solution"):
            cell.metadata.tags = ["demo", "skip-execution"]
            nbgrader |= {"points": 100, "schema_version": 99, "solution": nbgrader["grade_id"] == "01-quiz-check"}
            cell.source = "100.0"
    content.cells = [cell for cell in content.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "01-probe-check"]
    content.cells.append(nbformat.from_dict({**content.cells[-1], "id": "again"}))
    nbformat.write(content, notebook)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Place:
    """A course in which ann, ben, cem and dan have got their feedback."""
    needs_sandbox()
    root = tmp_path_factory.mktemp("class")
    exchange = root / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    config = (PROJECT / "nbgrader_config.py").read_text(encoding="utf-8")
    course = Place(root / "course", f"{config}\nc.Exchange.root = {str(exchange)!r}\n")
    shutil.copytree(PROJECT / "solutions" / UNIT, course.folder / "solutions" / UNIT,
                    ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    build(course.folder)
    course.nbgrader("generate_assignment", UNIT)
    course.nbgrader("release_assignment", UNIT)
    solved = answers(course.folder / "solutions" / UNIT / f"{UNIT}.ipynb") | {"01-explain": EXPLANATION}
    half = {grade_id: source for grade_id, source in solved.items() if grade_id in HALF}
    learners = {}
    for name in ("ann", "ben", "cem", "dan"):
        learners[name] = learner = Place(root / name, "c = get_config()\nc.CourseDirectory.course_id = 'tlkit'\n"
                                         f"c.CourseDirectory.student_id = {name!r}\nc.Exchange.root = {str(exchange)!r}\n"
                                         f"c.Exchange.cache = {str(root / name / 'cache')!r}\n")
        if name == "ann":
            assert UNIT in learner.nbgrader("list")
            learner.nbgrader("fetch_assignment", UNIT)
        else:  # the same files, fetched once
            shutil.copytree(root / "ann" / UNIT, learner.folder / UNIT)
    write_answers(root / "ann" / UNIT / f"{UNIT}.ipynb", solved)
    show_a_script(root / "ann" / UNIT / f"{UNIT}.ipynb")
    write_answers(root / "ben" / UNIT / f"{UNIT}.ipynb", half)
    shutil.copyfile(course.folder / "course" / UNIT / f"{UNIT}.ipynb", root / "cem" / UNIT / f"{UNIT}.ipynb")
    tamper(root / "dan" / UNIT / f"{UNIT}.ipynb")
    for learner in learners.values():
        learner.nbgrader("submit", UNIT)
    course.nbgrader("collect", UNIT)
    course.nbgrader("autograde", UNIT)
    course.nbgrader("generate_feedback", UNIT)
    course.nbgrader("release_feedback", UNIT)
    learners["ann"].nbgrader("fetch_feedback", UNIT)
    course.nbgrader("export")
    course.learners = learners
    return course


def automatic(course: Place, name: str) -> dict[str, float]:
    """The points that grading by machine gave, by grade_id; what a person grades is left out."""
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        grades = gradebook.find_submission_notebook(UNIT, UNIT, name).grades
        return {grade.name: grade.auto_score for grade in grades if grade.name != "01-explain"}


def due(course: Place) -> dict[str, float]:
    cells = nbformat.read(course.folder / "course" / UNIT / f"{UNIT}.ipynb", as_version=4).cells
    graded = [cell.metadata.nbgrader for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {nbgrader.grade_id: nbgrader.points for nbgrader in graded if not nbgrader.solution}


def test_the_solution_earns_every_point(course):
    assert automatic(course, "ann") == due(course)


def test_half_of_the_answers_earn_what_they_are_worth(course):
    expected = {name: points if name.removesuffix("-check") in HALF else 0 for name, points in due(course).items()}
    assert automatic(course, "ben") == expected
    assert sum(expected.values()) == 13


def test_the_untouched_notebook_earns_nothing_and_fails_nowhere(course):
    assert set(automatic(course, "cem").values()) == {0}
    graded = nbformat.read(course.folder / "autograded" / "cem" / UNIT / f"{UNIT}.ipynb", as_version=4)
    outputs = [output for cell in graded.cells for output in cell.get("outputs", [])]
    assert len(outputs) > len(due(course))
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


def test_a_tampered_structure_earns_nothing(course):
    assert automatic(course, "dan") == dict.fromkeys(due(course), 0)
    graded = nbformat.read(course.folder / "autograded" / "dan" / UNIT / f"{UNIT}.ipynb", as_version=4)
    assert graded.cells[0].source.startswith("**Read before grading**")
    assert "01-probe-check is missing" in graded.cells[0].source


def test_a_person_is_asked_for_what_a_person_grades(course):
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        waiting = {name: gradebook.find_grade("01-explain", UNIT, UNIT, name).needs_manual_grade for name in ("ann", "cem")}
    assert waiting == {"ann": True, "cem": False}


def test_cells_that_demonstrate_are_not_run(course):
    graded = nbformat.read(course.folder / "autograded" / "ann" / UNIT / f"{UNIT}.ipynb", as_version=4)
    demos = [cell for cell in graded.cells if "demo" in cell.metadata.get("tags", [])]
    checks = [cell for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith("-check")]
    assert demos and not any(cell.outputs for cell in demos)
    assert checks and all(cell.outputs for cell in checks)


def test_feedback_reaches_the_learner_without_scripts_of_anybody(course):
    page = course.learners["ann"].folder / UNIT / "feedback"
    text = next(page.rglob(f"{UNIT}.html")).read_text(encoding="utf-8")
    assert "01.sample" in text and "right, 3 of 3 points" in text
    assert "part of the gain is tuning" in text
    assert "<script>alert('explain')" not in text


def test_graded_notebooks_hold_no_script_of_a_learners(course):
    """The formgrader shows them as they are."""
    graded = nbformat.read(course.folder / "autograded" / "ann" / UNIT / f"{UNIT}.ipynb", as_version=4)
    text = next(cell.source for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "01-explain")
    assert text.startswith("(shown as it was typed") and f"```text\n{EXPLANATION}\n```" in text
    own = next(cell for cell in graded.cells if "an own cell" in cell.source)
    assert "text/plain" in str(own.outputs) and "<script>" not in str(own.outputs)


def test_the_export_has_a_line_for_each_learner(course):
    with open(course.folder / "grades.csv", newline="", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: float(row["score"]) for name, row in rows.items()} == {
        "ann": sum(due(course).values()), "ben": 13, "cem": 0, "dan": 0}


def test_validate_says_what_is_not_yet_right(course):
    untouched = course.learners["cem"].nbgrader("validate", f"{UNIT}/{UNIT}.ipynb")
    assert f"VALIDATION FAILED ON {len(due(course)) + 1} CELL(S)" in untouched  # the checks, and the text
    assert untouched.count("not attempted") == len(due(course))


def test_validate_is_content_with_the_solution(course):
    assert "Success! Your notebook passes all the tests." in course.learners["ann"].nbgrader("validate", f"{UNIT}/{UNIT}.ipynb")
