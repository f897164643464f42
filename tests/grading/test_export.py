"""Grades as a CSV for other systems, by a map of columns."""

import csv
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.grading.gradebooks import UNIT, hand_in, make_gradebook, with_gradebook
from tlkit.cli import app
from tlkit.course.lab import lab_environment
from tlkit.errors import TlkitError
from tlkit.grading.cohort.export import export_grades


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return tmp_path_factory.mktemp("gradebook")


@pytest.fixture
def course(tmp_path, template):
    """ann has 4 + 1 points less 0.5, ben 3 and waits for a person, cem has handed in nothing."""
    make_gradebook(tmp_path, template)
    hand_in(tmp_path, "ann", 4, "2026-03-01 20:00:00", explained=1)
    hand_in(tmp_path, "ben", 3)

    def more(gradebook):
        gradebook.find_submission_notebook(UNIT, UNIT, "ann").late_submission_penalty = 0.5
        gradebook.find_student("ann").lms_user_id = "4711"

    with_gradebook(tmp_path, more)
    return tmp_path


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_columns_and_the_points_possible(course):
    notes = export_grades(course, course / "out.csv", "canvas")
    assert rows(course / "out.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", UNIT],
        ["    Points Possible", "", "", "", "", "11.0"],
        ["Müller, Ann", "4711", "", "ann", "", "4.5"], ["Müller, Ben", "", "", "ben", "", "3.0"], ["Müller, Cem", "", "", "cem", "", ""]]
    assert notes == [f"{UNIT}: points from a person are still due for 1 (ben)",
                     "2 students have no lms_user_id (ben, cem); `nbgrader db student import` takes one"]


def test_moodle_gets_who_and_the_grades(course):
    export_grades(course, course / "out.csv", "moodle")
    assert rows(course / "out.csv")[:2] == [["ID number", "First name", "Last name", "Email address", UNIT],
                                            ["ann", "Ann", "Müller", "ann@example.org", "4.5"]]


def test_plain_shows_what_lateness_cost(course):
    export_grades(course, course / "out.csv")
    assert rows(course / "out.csv")[1] == ["ann", "Müller", "Ann", "4.5", "0.5", "11.0"]


def test_a_course_may_write_its_own_map(course):
    (course / "map.csv").write_text(f"column,value\nWer,\"{{last_name}}, {{first_name}} ({{student_id}})\"\nNote,{{percent:{UNIT}}}\n"
                                    f"Roh,{{raw_score:{UNIT}}}\nWann,{{submitted:{UNIT}}}\nText,{{score:{UNIT}}} von {{max_score:{UNIT}}}\nFest,x\n")
    export_grades(course, course / "out.csv", columns=course / "map.csv")
    assert rows(course / "out.csv")[:2] == [
        ["Wer", "Note", "Roh", "Wann", "Text", "Fest"],
        ["Müller, Ann (ann)", "40.9091", "5.0", "2026-03-01T20:00:00Z", "4.5 von 11", "x"]]


def test_canvas_takes_a_map_and_keeps_its_second_row(course):
    (course / "map.csv").write_text(f"column,value\nStudent,{{last_name}}\nWhy (12),{{score:{UNIT}}}\n")
    export_grades(course, course / "out.csv", "canvas", course / "map.csv")
    assert rows(course / "out.csv")[1] == ["    Points Possible", "11.0"]


def test_work_that_is_missing_is_empty_or_zero(course):
    export_grades(course, course / "out.csv", "moodle", missing="0")
    assert rows(course / "out.csv")[3][-1] == "0.0"
    export_grades(course, course / "out.csv", "moodle")
    assert rows(course / "out.csv")[3][-1] == ""


def test_a_penalty_takes_no_more_than_there_is(course):
    with_gradebook(course, lambda g: setattr(g.find_submission_notebook(UNIT, UNIT, "ann"), "late_submission_penalty", 99))
    export_grades(course, course / "out.csv", "moodle")
    assert rows(course / "out.csv")[1][-1] == "0.0"


def test_names_are_no_formulas(course):
    with_gradebook(course, lambda g: setattr(g.find_student("ann"), "last_name", "=HYPERLINK(\"http://x\")"))
    export_grades(course, course / "out.csv", "canvas")
    assert rows(course / "out.csv")[2][0] == "'=HYPERLINK(\"http://x\"), Ann"


BAD_MAPS = {
    "an unknown field": ("column,value\nx,{nick}\n", "line 2: there is no field {nick}"),
    "a field of an assignment without one": ("column,value\nx,{score}\n", "there is no field {score}"),
    "an unknown field of an assignment": (f"column,value\nx,{{grade:{UNIT}}}\n", f"there is no field {{grade:{UNIT}}}"),
    "an unknown assignment": ("column,value\nx,{score:77_none}\n", "map.csv: the gradebook knows no assignment '77_none'"),
    "a reach into an object": ("column,value\nx,{student_id.__class__}\n", "has braces that are no field"),
    "twice": ("column,value\nx,1\nx,2\n", "line 3: there is a column 'x' above already"),
    "no heading": ("column,value\n,1\n", "line 2: column is empty"),
    "no column": ("column,value\n", "names no column"),
    "another file": ("a,b\n1,2\n", "has no column 'column'"),
}


@pytest.mark.parametrize("what", BAD_MAPS)
def test_a_map_that_cannot_be_meant_is_one_sentence(what, course):
    text, passage = BAD_MAPS[what]
    (course / "map.csv").write_text(text)
    with pytest.raises(TlkitError) as error:
        export_grades(course, course / "out.csv", columns=course / "map.csv")
    assert passage in str(error.value) and "\n" not in str(error.value)
    assert not (course / "out.csv").exists()


def test_a_layout_or_assignment_that_is_not_there_is_one_sentence(course):
    with pytest.raises(TlkitError, match="no layout 'ilias'; there are canvas, moodle, plain"):
        export_grades(course, course / "out.csv", "ilias")
    with pytest.raises(TlkitError, match="knows no assignment '77'"):
        export_grades(course, course / "out.csv", assignments=["77"])


def test_the_command_writes_the_file(course):
    result = CliRunner().invoke(app, ["export", "--root", str(course), "--to", str(course / "out.csv"), "--for", "canvas", UNIT])
    assert result.exit_code == 0 and "still due" in result.stdout and len(rows(course / "out.csv")) == 5


def test_nbgraders_own_export_takes_it_as_a_plug_in(course):
    command = [sys.executable, "-m", "nbgrader", "export", "--exporter", "tlkit.grading.cohort.export.ColumnsExportPlugin",
               "--ColumnsExportPlugin.layout=moodle", "--to", "out.csv"]
    done = subprocess.run(command, cwd=course, env=lab_environment() | {"HOME": str(course)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert rows(course / "out.csv")[1] == ["ann", "Ann", "Müller", "ann@example.org", "4.5"]


def test_who_has_no_name_is_called_by_their_id(course):
    with_gradebook(course, lambda g: [setattr(g.find_student("ann"), name, None) for name in ("first_name", "last_name")])
    with_gradebook(course, lambda g: setattr(g.find_student("ben"), "last_name", None))
    export_grades(course, course / "out.csv", "canvas")
    assert [row[0] for row in rows(course / "out.csv")[2:]] == ["ann", "Ben", "Müller, Cem"]
