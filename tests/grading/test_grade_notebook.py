"""`tlkit grade`: one's own notebook, and everything that may be wrong with it."""

import json
import os
import re

import pytest
from nbformat import v4
from typer.testing import CliRunner

from tests.grading.conftest import POINTS, STUBS, change
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.grading.feedback import feedback_page
from tlkit.grading.kernel import Limits
from tlkit.grading.notebook import grade_notebook, print_result
from tlkit.grading.submission import read_submission

SHORT = Limits(cell_seconds=3, grace_seconds=2, sent_bytes=2_000_000)


def grade(notebook, released, **more):
    """Grade, and see that the file is as it was."""
    before, stamp = notebook.read_bytes(), notebook.stat().st_mtime_ns
    result = grade_notebook(notebook, released=released, limits=SHORT, **more)
    assert notebook.read_bytes() == before and notebook.stat().st_mtime_ns == stamp
    return result


def points(result) -> dict[str, float]:
    return {score.grade_id: score.points for score in result.scores if score.points is not None}


def set_source(name: str, source: str):
    return lambda content, cells: cells[name].update(source=source)


def test_right_answers_earn_all_that_a_machine_gives(notebook, released):
    result = grade(notebook, released)
    assert points(result) == POINTS and result.notes == ()
    assert (result.points, result.max_points, result.hand_graded_points) == (9, 9, 2)
    by_id = {score.grade_id: score for score in result.scores}
    assert by_id["01-explain"].said == "a person grades this"
    assert "right, 2 of 2 points" in by_id["01-paired_gain-check"].said


def test_stubs_earn_nothing_and_are_called_not_attempted(notebook, released):
    change(notebook, lambda content, cells: [cells[name].update(source=stub) for name, stub in STUBS.items()])
    result = grade(notebook, released)
    assert set(points(result).values()) == {0}
    assert all("not attempted" in score.said for score in result.scores if score.points is not None)


def test_a_wrong_answer_is_diagnosed_and_costs_only_itself(notebook, released):
    change(notebook, set_source("01-paired_gain", "def paired_gain(transfer, scratch):\n"
                                "    difference = transfer - scratch\n    return difference.mean(), difference.std()"))
    result = grade(notebook, released)
    assert points(result)["01-paired_gain-check"] < 2 and result.points >= 7
    said = next(score.said for score in result.scores if score.grade_id == "01-paired_gain-check")
    assert "not yet" in said and "Looks like: " in said and "Expected: " in said


def test_part_of_a_quiz_earns_its_part(notebook, released):
    change(notebook, set_source("01-quiz", 'answers = ["b", "a", ..., ..., ...]'))
    assert points(grade(notebook, released))["01-quiz-check"] == 2


def test_the_page_shows_the_points_and_runs_no_script_of_anybody(notebook, released, tmp_path):
    script = "<script>alert('from the learner')</script><img src=x onerror=alert(1)>"

    def edit(content, cells):
        cells["01-explain"]["source"] = f"My answer. {script} [x](javascript:alert(2))"
        cells["01-quiz"]["source"] += (
            f"\nfrom IPython.display import HTML, Javascript, display\ndisplay(HTML({script!r}), Javascript('alert(3)'))"
            "\ndisplay({'image/png': 'AAAA'}, raw=True, metadata={'image/png': {'width': '1 onload=alert(4)'}})")

    change(notebook, edit)
    result = grade(notebook, released, out=tmp_path / "pages")
    assert result.page == tmp_path / "pages" / "01_small.html"
    page = result.page.read_text(encoding="utf-8")
    assert "Score: 9.0 / 9.0" in page and "A person grades this" in page and "My answer." in page
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)
    assert not [tag for tag in tags if re.search(r"\son\w+\s*=|javascript:", tag)]
    scripts = re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL)
    assert not [text for text in scripts if "alert" in text]
    assert 'class="tlkit-card"' in page and "border-left" in page


def test_half_a_character_in_an_output_does_not_cost_the_page():
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1", outputs=[v4.new_output("stream", text="\ud800")])])
    assert b"01_small" in feedback_page(notebook, [], "01_small").encode("utf-8")


def test_feedback_stands_beside_the_notebook_where_no_folder_is_named(notebook, released):
    assert grade(notebook, released).page == notebook.parent / "feedback" / "01_small.html"


def test_a_page_that_cannot_be_written_does_not_cost_the_grade(notebook, released, tmp_path):
    (tmp_path / "file").write_text("")
    result = grade(notebook, released, out=tmp_path / "file")
    assert result.points == 9 and result.page is None and "--out" in result.notes[-1]


def test_code_runs_in_a_folder_of_its_own_with_the_units_files(notebook, released):
    (released / "01_small" / "data.txt").write_text("from the unit")
    change(notebook, set_source("01-quiz", 'open("left.txt", "w").write("x")\nassert open("data.txt").read() == "from the '
                                'unit"\nanswers = ["b", "a", "b", "b", "c"]'))
    assert grade(notebook, released).points == 9
    assert sorted(path.name for path in notebook.parent.iterdir()) == ["01_small.ipynb", "feedback"]


def damage_cells(content, cells):
    content["cells"] = [cell for cell in content["cells"] if cell["id"] != "01-quiz-check"]
    content["cells"].append(cells["01-paired_gain-check"] | {"id": "again"})
    cells["01-tuned_baseline-check"]["source"] = "100.0"


def raise_points(content, cells):
    cells["01-quiz-check"]["metadata"]["nbgrader"]["points"] = 1000


def flip_flags(content, cells):
    cells["01-quiz"]["metadata"]["nbgrader"]["solution"] = False
    cells["01-quiz-check"]["metadata"]["nbgrader"].update(solution=True, schema_version=99)


def drop_answer(content, cells):
    content["cells"].remove(cells["01-quiz"])


def double_answer(content, cells):
    content["cells"].append(cells["01-quiz"] | {"id": "again", "source": 'answers = ["a", "a", "b", "b", "c"]'})


def change_types(content, cells):
    for name in ("01-quiz", "01-quiz-check"):
        cells[name]["cell_type"] = "markdown"
        del cells[name]["outputs"], cells[name]["execution_count"]


def to_format_3(content, cells):
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    content.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": content.pop("cells")}])


def skip_checks(content, cells):
    for name in ("01-quiz", "01-paired_gain", "01-tuned_baseline"):
        cells[name]["source"] = STUBS[name]
        cells[f"{name}-check"]["metadata"]["tags"] = ["demo", "skip-execution"]


# what is wrong -> how it is done, the points that are left, a passage of the one note (None: nothing need be said)
GRADED = {
    "checks deleted, doubled, edited": (damage_cells, 9, "01-tuned_baseline-check is not as it was released"),
    "points raised": (raise_points, 9, "01-quiz-check is not as it was released"),
    "flags flipped, schema_version 99": (flip_flags, 9, None),
    "answer deleted": (drop_answer, 4, "the answer 01-quiz is missing"),
    "answer doubled": (double_answer, 8, "the answer 01-quiz stands 2 times"),
    "cell types changed": (change_types, 9, "the answer 01-quiz is a markdown cell"),
    "checks tagged to be skipped": (skip_checks, 0, None),
    "unknown kernel": (lambda content, cells: content["metadata"]["kernelspec"].update(name="no-such-kernel"), 9, None),
    "format 3": (to_format_3, 9, None),
    "format 99": (lambda content, cells: content.update(nbformat=99), 9, None),
    "older release": (lambda content, cells: content["metadata"]["tlkit"].update(release="ffffffffffff"), 9,
                      "of another release (ffffffffffff)"),
    "an answer that never ends": (set_source("01-paired_gain", "while True: pass"), 7, "01-paired_gain: this cell had not"),
    "an answer that cannot be interrupted": (
        set_source("01-paired_gain", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"),
        7, "01-paired_gain: this cell had not finished after 3 s and could not be interrupted"),
    "an answer that prints without end": (
        set_source("01-paired_gain", "while True: print('y' * 10_000)"), 7, "01-paired_gain: "),
    "an answer that kills its kernel": (set_source("01-paired_gain", "import os; os._exit(0)"), 7,
                                        "01-paired_gain: the kernel died while this cell ran"),
    "a function that kills its kernel when checked": (
        set_source("01-paired_gain", "import os, signal\ndef paired_gain(transfer, scratch):\n    os.kill(os.getpid(), 9)"),
        7, "01-paired_gain-check: the kernel died while this cell ran"),
}


@pytest.mark.parametrize("what", GRADED)
def test_the_rest_is_graded_whatever_is_wrong(what, notebook, released, capsys):
    edit, left, note = GRADED[what]
    change(notebook, edit)
    result = grade(notebook, released)
    assert result.points == left and result.max_points == 9
    assert note is None or any(note in line for line in result.notes), result.notes
    assert all("\n" not in line for line in result.notes)
    print_result(result)
    assert f"{left} of 9 points; a person gives up to 2 more" in capsys.readouterr().out


def a_link(notebook):
    notebook.rename(notebook.with_name("real.ipynb"))
    notebook.symlink_to(notebook.with_name("real.ipynb"))


def a_folder(notebook):
    notebook.unlink()
    notebook.mkdir()


def another_course(notebook):
    notebook.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "1", "metadata": {}}], "metadata": {}}))


# what is wrong -> how it is done, a passage of the line that says so
REFUSED = {
    "not JSON": (lambda path: path.write_text("{not json"), "its content is not JSON"),
    "not text": (lambda path: path.write_bytes(b"\x80\x81\xff" * 100), "its content is not JSON"),
    "too deep": (lambda path: path.write_text("[" * 200_000), "its content is not JSON"),
    "no notebook": (lambda path: path.write_text('{"answer": 42}'), "it has no cells"),
    "a list": (lambda path: path.write_text("[1, 2]"), "is not a notebook"),
    "of no unit of ours": (another_course, "is no notebook of this course"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "a folder": (a_folder, "is a folder"),
    "missing": (lambda path: path.unlink(), "No such file"),
    "a link": (a_link, "is a link to another file"),
    "no plain file": (lambda path: (path.unlink(), os.mkfifo(path)), "no plain file"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_notebook_of_ours_is_one_line_and_no_zero_exit(what, notebook, released, monkeypatch):
    spoil, message = REFUSED[what]
    if what == "no plain file" and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no such files")
    spoil(notebook)
    before = notebook.read_bytes() if notebook.is_file() else None
    monkeypatch.setattr("tlkit.course.units.released_folder", lambda: released)
    done = CliRunner().invoke(app, ["grade", str(notebook)])
    assert done.exit_code == 1 and done.stdout == ""
    assert message in done.stderr and done.stderr.count("\n") == 1 and done.stderr.startswith("tlkit: ")
    assert before is None or notebook.read_bytes() == before
    assert not (notebook.parent / "feedback").exists()


def test_a_huge_file_is_refused_by_its_size(notebook):
    with notebook.open("r+b") as file:
        file.truncate(100_000_000)  # a hole: no disk is filled
    with pytest.raises(TlkitError, match="has 100 MB, and at most 50 are graded; clear the outputs"):
        read_submission(notebook)


def test_a_file_that_may_not_be_read_is_one_line(notebook, monkeypatch):
    """Root may read anything, so the refusal is the system's own, played."""
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(notebook), "read_text", refused)
    with pytest.raises(TlkitError, match="01_small.ipynb cannot be read: Permission denied"):
        read_submission(notebook)


def test_the_command_prints_points_and_where_the_page_is(notebook, released, monkeypatch):
    monkeypatch.setattr("tlkit.course.units.released_folder", lambda: released)
    done = CliRunner().invoke(app, ["grade", str(notebook)])
    assert done.exit_code == 0, done.output
    assert "01-quiz-check: 5 of 5" in done.stdout and "a person grades this" in done.stdout
    assert f"Feedback: {notebook.parent / 'feedback' / '01_small.html'}" in done.stdout
