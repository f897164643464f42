"""`tlkit grade FOLDER`: points, gradebook, feedback; refusals; what is done again and what is not; killed and gone on."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from tests.grading.classwork.conftest import POINTS, RIGHT, SHORT, WORTH, WRONG, hand_in, needs_sandbox, submission
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.grading.classwork.course import Course
from tlkit.grading.classwork.grade_class import _Maker, grade_class
from tlkit.grading.records import read_record, record_path
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.warm import parents

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def handed_in(course, release):
    needs_sandbox()
    hand_in(course, "ann", submission(release, RIGHT))
    hand_in(course, "bob", submission(release, WRONG))
    hand_in(course, "cem", b"{ no notebook")
    path = hand_in(course, "dee", submission(release, RIGHT))
    path.rename(path.with_name("real.ipynb"))
    path.symlink_to(path.with_name("real.ipynb"))
    hand_in(course, "eve", submission(release, RIGHT)).with_name("leak.txt").symlink_to("/etc/passwd")
    return course


def run(course, **more):
    return grade_class(course, jobs=2, options=SHORT, quiet=True, **more)


def points_in_gradebook(course) -> dict[str, dict[str, tuple]]:
    rows = sqlite3.connect(course / "gradebook.db").execute(
        "select s.student_id, b.name, g.auto_score, g.needs_manual_grade from grade g join base_cell b on g.cell_id = b.id "
        "join submitted_notebook n on g.notebook_id = n.id join submitted_assignment s on n.assignment_id = s.id").fetchall()
    found: dict = {}
    for student, name, points, by_hand in rows:
        found.setdefault(student, {})[name] = points, bool(by_hand)
    return found


def test_a_class_is_graded_as_nbgrader_would_have_it(handed_in):
    summary = run(handed_in)
    by_student = {record.student: record for record in summary.records}
    assert summary.graded_now == 5
    assert by_student["ann"].points == WORTH == by_student["eve"].points and by_student["bob"].points < 1
    assert by_student["cem"].outcome == "refused" and "not JSON" in by_student["cem"].reason
    assert by_student["dee"].outcome == "refused" and "is a link" in by_student["dee"].reason
    assert any("'leak.txt' is a link" in note for note in by_student["eve"].notes)
    assert not list(handed_in.glob("autograded/eve/**/leak.txt")) + list(handed_in.glob("autograded/dee/**/real.ipynb"))
    book = points_in_gradebook(handed_in)
    assert {name: points for name, (points, _) in book["ann"].items() if name != "01-explain"} == POINTS
    assert book["ann"]["01-explain"] == (0.0, False)  # not begun, so there is nothing for a person to grade
    assert all(points == 0 for name, (points, _) in book["cem"].items())
    rows = {row["student_id"]: row for row in csv.DictReader(open(handed_in / "grades.csv"))}
    assert float(rows["ann"]["raw_score"]) == WORTH and float(rows["ann"]["max_score"]) == WORTH + 2
    for student in by_student:
        assert (handed_in / "feedback" / student / "01_small" / "01_small.html").stat().st_size > 10_000
        assert (handed_in / "autograded" / student / "01_small" / "01_small.ipynb").is_file()
    assert "is a link" in (handed_in / "feedback" / "dee" / "01_small" / "01_small.html").read_text()

    # nbgrader itself goes on from here
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-m", "nbgrader", "generate_feedback", "01_small", "--force"], cwd=handed_in,
                          env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Score: 12.0 / 14.0" in (handed_in / "feedback" / "ann" / "01_small" / "01_small.html").read_text()

    # nothing is done twice, but what was handed in anew is
    assert run(handed_in).graded_now == 0
    content = json.loads((handed_in / "submitted/bob/01_small/01_small.ipynb").read_text())
    (handed_in / "submitted/bob/01_small/01_small.ipynb").write_text(json.dumps(content, indent=2))
    with sqlite3.connect(handed_in / "gradebook.db") as book:
        book.execute("update grade set manual_score = 1.5")
    again = run(handed_in)
    assert again.graded_now == 1 and len(again.records) == 5
    assert {row[0] for row in sqlite3.connect(handed_in / "gradebook.db").execute("select manual_score from grade")} == {1.5}


STAMPS = {"words": lambda path: path.write_text("yesterday, I think"), "bytes": lambda path: path.write_bytes(b"\xff\xfe\0"),
          "the year 0": lambda path: path.write_text("0001-01-01 00:00:00 UTC"), "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
          "megabytes": lambda path: path.write_text("2026-11-20 10:00:00 UTC" + " " * 1_000_000),
          "a link": lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "a folder": lambda path: (path.unlink(), path.mkdir())}


@pytest.mark.parametrize("kind", STAMPS)
def test_a_time_that_is_none_is_said_and_stops_nothing(kind, course, release):
    """The file is written on the learner's side."""
    path = hand_in(course, "ann", submission(release, RIGHT))
    STAMPS[kind](path.with_name("timestamp.txt"))
    handed, = Course(course).handed_in()
    assert Course(course).submitted_at(handed) is None
    job = _Maker(Course(course), handed, {}, {}, {})()
    assert any(note.startswith("timestamp.txt says no time") for note in job.notes)


def test_the_time_that_the_exchange_noted_is_read(course, release):
    hand_in(course, "ann", submission(release, RIGHT))
    handed, = Course(course).handed_in()
    assert Course(course).submitted_at(handed).isoformat() == "2026-11-20T10:00:00+00:00"


def test_a_release_that_was_kept_in_part_is_kept_again(course, monkeypatch, release):
    hand_in(course, "ann", submission(release, RIGHT))
    (course / "course" / "01_small" / "data.csv").write_text("1")

    def full(path, content):
        if path.name == "data.csv":
            raise OSError("killed")
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr("tlkit.grading.classwork.course.write_bytes", full)
        patch.setattr("pathlib.Path.iterdir", lambda self, real=Path.iterdir: iter(sorted(real(self), reverse=True)))
        with pytest.raises(OSError, match="killed"):
            Course(course).keep_releases()
    Course(course).keep_releases()
    kept = course / "releases" / "01_small" / "0123456789ab"
    assert {path.name for path in kept.iterdir()} == {"01_small.ipynb", "data.csv"}
    assert not list(kept.parent.glob(".*"))


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, new, held = (tmp_path / f"tlkit-parents-{name}" for name in ("left", "new", "held"))
    for folder in (left, new, held):
        folder.mkdir()
        (folder / "learners").touch()
    for folder in (left, held):
        os.utime(folder, (0, 0))
    handle = parents._hold(held)
    parents._sweep_after_those_that_were_killed()
    assert (left.exists(), new.exists(), held.exists()) == (False, True, True)
    os.close(handle)


@pytest.mark.slow
def test_a_gradebook_that_was_lost_is_filled_again(course, release):
    needs_sandbox()
    hand_in(course, "ann", submission(release, RIGHT))
    run(course)
    before = points_in_gradebook(course)
    (course / "gradebook.db").unlink()
    assert run(course).graded_now == 1 and points_in_gradebook(course) == before


@pytest.mark.slow
def test_a_text_waits_for_a_person(course, release):
    needs_sandbox()
    hand_in(course, "ann", submission(release, RIGHT | {"01-explain": "Because."}))
    run(course)
    assert points_in_gradebook(course)["ann"]["01-explain"] == (None, True)


def test_without_a_sandbox_other_peoples_work_is_refused(course, release, monkeypatch):
    hand_in(course, "ann", submission(release, RIGHT))
    monkeypatch.setattr(bubblewrap, "why_not", lambda: "bubblewrap is not installed")
    with pytest.raises(TlkitError, match="--no-sandbox.*with your rights.*the gradebook"):
        run(course)
    result = CliRunner().invoke(app, ["grade", str(course)])
    assert result.exit_code == 1 and "bubblewrap is not installed" in result.output
    assert not (course / "graded").exists()


@pytest.mark.slow
def test_no_sandbox_grades_all_the_same_where_it_is_wanted(course, release):
    hand_in(course, "ann", submission(release, RIGHT))
    hand_in(course, "bob", submission(release, RIGHT | {"square": "while True: pass"}))
    summary = run(course, sandboxed=False)
    assert [record.points for record in summary.records] == [WORTH, WORTH - 3]


def test_a_folder_without_submissions_says_how_they_should_lie(tmp_path):
    result = CliRunner().invoke(app, ["grade", str(tmp_path)])
    assert result.exit_code == 1 and "is a folder" in result.output and "STUDENT/ASSIGNMENT" in result.output


@pytest.mark.slow
def test_hidden_tests_of_another_course_count(course, release):
    """The release lacks them; nbgrader keeps them in its gradebook."""
    needs_sandbox()
    hand_in(course, "ann", submission(release, RIGHT | {"square": "def square(x):\n    return 9"}))
    run(course)
    before = read_record(record_path(course, "ann", "01_small", "01_small")).points
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        book.find_source_cell("square-shown", "01_small", "01_small").source = "assert square(3) == 9\nassert square(4) == 16"
        book.db.commit()
    assert run(course, force=True).records[0].points == before - 1


@pytest.mark.slow
def test_a_run_that_was_killed_anywhere_goes_on_to_the_same_result(course, release):
    needs_sandbox()
    for number in range(8):
        hand_in(course, f"s{number}", submission(release, RIGHT if number % 2 else WRONG))
    script = ("import sys\nfrom pathlib import Path\nfrom tests.grading.classwork.test_grade_class import run\n"
              f"run(Path({str(course)!r}))")

    def start():
        return subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, start_new_session=True)

    records = lambda: sorted((course / "graded").glob("*/*/*.json"))  # noqa: E731
    for stop_at in (1, 3, 5):
        process, deadline = start(), time.monotonic() + 300
        while len(records()) < stop_at and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = {path: path.stat().st_mtime_ns for path in records()}
    assert start().wait() == 0
    assert len(records()) == 8 and all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    points = {path.parts[-3]: read_record(path).points for path in records()}
    summary = run(course, force=True)  # in one go
    assert points == {record.student: record.points for record in summary.records}
    assert len(points_in_gradebook(course)) == 8


def test_two_runs_at_a_time_are_refused(handed_in):
    import filelock

    (handed_in / "graded").mkdir()
    with filelock.FileLock(handed_in / "graded" / ".lock"), pytest.raises(TlkitError, match="graded already"):
        run(handed_in)
