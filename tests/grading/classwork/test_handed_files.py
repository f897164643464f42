"""A folder of files that `tlkit submit` made, graded: from the learner's copy to points, and what is done with odd ones."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.grading.classwork.conftest import RIGHT, SHORT, WORTH, hand_in, needs_sandbox, submission
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.grading.classwork.grade_class import grade_class
from tlkit.grading.classwork.handed_files import SLIP, gather
from tlkit.grading.envelope import Envelope, write_envelope
from tlkit.grading.handing_in import submit

MORNING = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def inbox(course):
    folder = course / "inbox"
    folder.mkdir()
    return folder


def sealed(folder, name, release, student, *, answers=RIGHT, unit="01_small", made_at=MORNING, files=None):
    content = {"01_small.ipynb": json.dumps(submission(release, answers))} if files is None else files
    write_envelope(folder / name, Envelope(student, unit, made_at, content, {"python": "3.11"}))
    return folder / name


def handed(course, student):
    return json.loads((course / "submitted" / student / "01_small" / "01_small.ipynb").read_text())


def test_from_a_learners_copy_to_points(course, inbox, release, tmp_path):
    needs_sandbox()
    for student, answers in (("ann", RIGHT), ("ben", {})):
        work = tmp_path / student / "work" / "01_small"
        work.mkdir(parents=True)
        (work / "01_small.ipynb").write_text(json.dumps(submission(release, answers)))
        submit("01", student, to=inbox, work=work.parent, released=course / "course")
    summary = grade_class(inbox, options=SHORT, quiet=True)
    assert {record.student: record.points for record in summary.records} == {"ann": WORTH, "ben": 0}
    assert summary.notes == [] and (course / "grades.csv").exists()
    assert all(abs(datetime.now(UTC) - datetime.fromisoformat(record.submitted_at)) < timedelta(hours=1) for record in summary.records)
    assert grade_class(inbox, options=SHORT, quiet=True).graded_now == 0


def test_a_folder_without_a_course_becomes_one(release, tmp_path, monkeypatch):
    monkeypatch.setattr("tlkit.grading.classwork.course.released_folder", lambda: release.parents[1])
    sealed(tmp_path, "ann.tlkit", release, "ann")
    (tmp_path / "moodle" ).mkdir()
    sealed(tmp_path / "moodle", "ben.tlkit", release, "ben")
    folder, notes = gather(tmp_path)
    assert folder == tmp_path / "submitted" and notes == []
    assert {path.name for path in folder.iterdir()} == {"ann", "ben"}


def test_of_two_files_by_one_learner_the_later_counts_and_both_stay(course, inbox, release):
    sealed(inbox, "a_later.tlkit", release, "ann", made_at=MORNING + timedelta(hours=1))
    first = sealed(inbox, "b_earlier.tlkit", release, "ann", answers={})
    kept = first.read_bytes()
    _, notes = gather(inbox)
    assert notes == ["ann handed in 01_small 2 times; the latest, a_later.tlkit, counts, and b_earlier.tlkit stays where it is"]
    assert handed(course, "ann") == submission(release, RIGHT) and first.read_bytes() == kept


def test_the_same_file_twice_is_one(course, inbox, release):
    path = sealed(inbox, "a.tlkit", release, "ann")
    (inbox / "copy of a.tlkit").write_bytes(path.read_bytes())
    assert gather(inbox)[1] == [] == gather(inbox)[1]


def test_a_later_file_replaces_what_came_of_an_earlier_one_which_is_kept(course, inbox, release):
    sealed(inbox, "a.tlkit", release, "ann", answers={})
    gather(inbox)
    (inbox / "a.tlkit").unlink()
    sealed(inbox, "b.tlkit", release, "ann", made_at=MORNING + timedelta(hours=1))
    assert gather(inbox)[1] == []
    assert handed(course, "ann") == submission(release, RIGHT)
    (old,) = (course / "replaced" / "ann").iterdir()
    assert json.loads((old / "01_small.ipynb").read_text()) == submission(release, {})
    (inbox / "b.tlkit").unlink()
    sealed(inbox, "c.tlkit", release, "ann", answers={})
    assert gather(inbox)[1] == ["c.tlkit is not taken in: a later one by ann, b.tlkit, is graded already"]
    assert handed(course, "ann") == submission(release, RIGHT)


def test_what_came_through_the_exchange_is_never_replaced(course, inbox, release):
    path = hand_in(course, "ann", submission(release, {}))
    before = path.read_bytes()
    sealed(inbox, "a.tlkit", release, "ann")
    _, (note,) = gather(inbox)
    assert "a submission that came some other way is in" in note and path.read_bytes() == before


def test_broken_foreign_and_forged_files_are_named_and_the_rest_is_taken(course, inbox, release):
    sealed(inbox, "good.tlkit", release, "ann")
    sealed(inbox, "another_unit.tlkit", release, "ben", unit="77_other")
    sealed(inbox, "another_course.tlkit", release, "cem", files={"01_small.ipynb": '{"cells": [], "metadata": {}}'})
    sealed(inbox, "more.tlkit", release, "dee", files={"01_small.ipynb": "{}", "evil.py": "import os"})
    sealed(inbox, "path.tlkit", release, "eve", unit="../../x")
    (inbox / "noise.tlkit").write_bytes(bytes(range(256)))
    (inbox / "link.tlkit").symlink_to("/etc/passwd")
    _, notes = gather(inbox)
    said = dict(note.split(" ", 1) for note in notes)
    assert "of another course: there is no unit '77_other' here, only 01_small" in said["another_unit.tlkit"]
    assert "of another course: none of the answers of 01_small is in it" in said["another_course.tlkit"]
    assert "'evil.py' in it is no notebook of 01_small" in said["more.tlkit"]
    assert "there is no unit '../../x' here" in said["path.tlkit"]
    assert "is no file that `tlkit submit` made" in said["noise.tlkit"] and "link to another file" in said["link.tlkit"]
    assert len(notes) == 6 and all("\n" not in note and note.endswith("nothing of it is graded") for note in notes)
    assert {path.name for path in (course / "submitted").iterdir()} == {"ann"}
    assert {path.name for path in (course / "submitted" / "ann" / "01_small").iterdir()} == {"01_small.ipynb", "timestamp.txt", SLIP}
    assert len(list(inbox.iterdir())) == 7


@pytest.mark.slow
def test_a_notebook_that_is_none_is_taken_so_that_its_learner_gets_an_answer(course, inbox, release):
    needs_sandbox()
    sealed(inbox, "a.tlkit", release, "ann", files={"01_small.ipynb": "no notebook"})
    (record,) = grade_class(inbox, options=SHORT, quiet=True).records
    assert record.outcome == "refused" and "not JSON" in record.reason


def test_where_nothing_can_be_used_the_command_says_why_in_one_line(inbox):
    (inbox / "noise.tlkit").write_text("noise")
    with pytest.raises(TlkitError, match="noise.tlkit is no file that `tlkit submit` made"):
        gather(inbox)
    done = CliRunner().invoke(app, ["grade", str(inbox)])
    assert done.exit_code == 1


def test_a_clock_that_is_ahead_is_told(course, inbox, release):
    sealed(inbox, "a.tlkit", release, "ann", made_at=datetime.now(UTC) + timedelta(days=400))
    _, (note,) = gather(inbox)
    assert "which is still to come; it is taken all the same" in note and handed(course, "ann")


def test_a_folder_that_is_a_link_is_not_written_through(course, inbox, release, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (course / "submitted").mkdir()
    (course / "submitted" / "ann").symlink_to(tmp_path / "elsewhere")
    sealed(inbox, "a.tlkit", release, "ann")
    sealed(inbox, "b.tlkit", release, "ben")
    _, (note,) = gather(inbox)
    assert "is a link to somewhere else" in note and list((tmp_path / "elsewhere").iterdir()) == []
