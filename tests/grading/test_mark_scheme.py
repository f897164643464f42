"""The mark scheme stands beside the answer in the formgrader, and nowhere that a learner looks."""

import json
import shutil
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from tests.grading.gradebooks import UNIT, hand_in, make_gradebook, with_gradebook
from tlkit.course.release import configure
from tlkit.errors import TlkitError
from tlkit.grading.feedback import FeedbackExporter
from tlkit.grading.mark_scheme import mark_schemes

PROJECT = Path(__file__).parents[2]
SCHEME = "One point for tuning, one for luck; *half* without the consequence."
SOURCE = f"""# %% [markdown]
# # 01 Small

# %% [markdown] nbgrader={{"grade": true, "grade_id": "01-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}}
# {SCHEME}
"""
FORMGRADER = {"submission_id": "1", "assignment_id": UNIT, "notebook_id": UNIT, "base_url": "", "index": 0, "total": 1, "student": "ann",
              "last_name": "", "first_name": "", "notebook_path": ""}


@pytest.fixture
def course(tmp_path, released):
    """A course in which ann's text waits for a person."""
    source = tmp_path / "solutions" / UNIT
    source.mkdir(parents=True)
    (source / f"{UNIT}.py").write_text(SOURCE)
    graded = tmp_path / "autograded" / "ann" / UNIT
    graded.mkdir(parents=True)
    content = json.loads((released / UNIT / f"{UNIT}.ipynb").read_text())
    for cell in content["cells"]:
        if cell["id"] == "01-explain":
            cell["source"] = "Was scratch tuned?"
    (graded / f"{UNIT}.ipynb").write_text(json.dumps(content))
    return tmp_path


def page(course, exporter, resources, **more) -> str:
    config = Config(CourseDirectory={"root": str(course)}, **more)
    configure(config)
    notebook = course / "autograded" / "ann" / UNIT / f"{UNIT}.ipynb"
    return exporter(config=config).from_filename(str(notebook), resources=dict(resources))[0]


def test_a_page_of_the_formgrader_shows_it_above_the_answer(course):
    html = page(course, HTMLExporter, FORMGRADER)
    assert "Mark scheme, 2 points" in html and "One point for tuning" in html
    assert html.index("One point for tuning") < html.index("Was scratch tuned?")


def test_feedback_and_other_pages_do_not(course):
    for exporter in (FeedbackExporter, HTMLExporter):
        html = page(course, exporter, {"nbgrader": {"student": "ann", "assignment": UNIT, "notebook": UNIT}})
        assert "Was scratch tuned?" in html and "One point for tuning" not in html and "Mark scheme" not in html


def test_the_graded_notebook_is_only_read(course):
    notebook = course / "autograded" / "ann" / UNIT / f"{UNIT}.ipynb"
    before = notebook.read_bytes()
    page(course, HTMLExporter, FORMGRADER)
    assert notebook.read_bytes() == before and "One point" not in before.decode()


def test_a_source_as_a_notebook_will_do(course):
    folder = course / "solutions" / UNIT
    cell = nbformat.v4.new_markdown_cell(SCHEME, metadata={"nbgrader": {
        "grade": True, "grade_id": "01-explain", "solution": True, "locked": False, "points": 2, "schema_version": 3, "task": False}})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{UNIT}.ipynb")
    (folder / f"{UNIT}.py").unlink()
    assert mark_schemes(folder / UNIT) == {"01-explain": SCHEME}


def test_where_there_is_none_the_page_says_so(course):
    shutil.rmtree(course / "solutions")
    assert "There is none for 01-explain" in page(course, HTMLExporter, FORMGRADER)
    with pytest.raises(TlkitError, match="there is neither"):
        mark_schemes(course / "solutions" / UNIT)


def test_every_question_of_the_course_that_a_person_grades_has_one():
    asked = {path.stem: mark_schemes(path.with_suffix("")) for path in (PROJECT / "solutions").glob("[0-9][0-9]_*/[0-9][0-9]*.py")}
    assert "one point each" in asked["01_why_transfer"]["01-explain"]
    assert all(len(text) > 100 for schemes in asked.values() for text in schemes.values())


@pytest.mark.slow
def test_nbgraders_formgrader_shows_it(course, tmp_path_factory):
    from tests.browser.server import TOKEN
    from tests.grading.server import formgrader

    make_gradebook(course, tmp_path_factory.mktemp("gradebook"))
    hand_in(course, "ann", 3)
    shutil.copyfile(PROJECT / "nbgrader_config.py", course / "nbgrader_config.py")
    notebook = with_gradebook(course, lambda gradebook: gradebook.find_submission_notebook(UNIT, UNIT, "ann").id)
    with formgrader(course) as address:
        html = urllib.request.urlopen(f"{address}/formgrader/submissions/{notebook}/?token={TOKEN}", timeout=60).read().decode()
    assert "One point for tuning" in html and 'id="01-explain"' in html  # beside the field for its points
