"""Grading again: who changes by how much is seen first, and what people gave stays."""

import dataclasses
import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from tests.grading.conftest import ANSWERS, change
from tests.grading.gradebooks import UNIT, hand_in, make_gradebook, with_gradebook
from tests.grading.in_process import grade_folder
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise, why_transfer
from tlkit.grading import trial
from tlkit.grading.cohort import regrade_apply
from tlkit.grading.cohort.regrade import ASIDE, regrade
from tlkit.grading.cohort.regrade_apply import apply_regrade
from tlkit.grading.records import FAILED, GRADED, REFUSED, find_record, read_records, record_path, write_record
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.secret import ELSEWHERE, make_secret, read_secret

POPULATION = ("def paired_gain(transfer, scratch):\n    difference = transfer - scratch\n"
              "    return difference.mean(), difference.std() / np.sqrt(len(difference))")
RIGHT, WRONG = ANSWERS, ANSWERS | {"01-paired_gain": POPULATION}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return tmp_path_factory.mktemp("gradebook")


@pytest.fixture
def course(tmp_path, released, template):
    """ann is right, ben and cem mistake a deviation; all are graded, and a person gave ben points and a comment."""
    shutil.copytree(released, tmp_path / "course")
    make_gradebook(tmp_path, template)
    (tmp_path / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "tlkit"\nc.CourseDirectory.release_directory = "course"\n')
    for student, sources in (("ann", RIGHT), ("ben", WRONG), ("cem", WRONG)):
        path = tmp_path / "submitted" / student / UNIT / f"{UNIT}.ipynb"
        path.parent.mkdir(parents=True)
        shutil.copyfile(released / UNIT / f"{UNIT}.ipynb", path)
        change(path, lambda content, cells, sources=sources: [cells[name].update(source=text) for name, text in sources.items()])
        hand_in(tmp_path, student, 5, explained=1)
    grade_folder(tmp_path, UNIT)

    def by_hand(gradebook):
        for record in read_records(tmp_path)[0]:
            for score in record.scores:
                if score.points is not None:
                    gradebook.find_grade(score.grade_id, UNIT, UNIT, record.student).auto_score = score.points
        gradebook.find_grade("01-paired_gain-check", UNIT, UNIT, "ben").manual_score = 1.5
        gradebook.find_grade("01-quiz-check", UNIT, UNIT, "ben").extra_credit = 0.25
        gradebook.find_comment("01-explain", UNIT, UNIT, "ben").manual_comment = "Well asked."

    with_gradebook(tmp_path, by_hand)
    return tmp_path


@pytest.fixture
def mended(monkeypatch):
    """The exercise as an instructor mends it: the population's deviation is what it asks for now."""
    new = dataclasses.replace(find_exercise("01.paired_gain"), reference="tests.grading.test_regrade:population_gain", misconceptions=())
    records = tuple(new if record.id == new.id else record for record in why_transfer.EXERCISES)
    monkeypatch.setattr(why_transfer, "EXERCISES", records)
    trial.forget()
    yield
    trial.forget()


def population_gain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std() / len(difference) ** 0.5


def state(course):
    """Everything in the course but what is aside, and what the gradebook holds."""
    files = {path.relative_to(course): path.read_bytes() for path in sorted(course.rglob("*"))
             if path.is_file() and ASIDE not in path.parts and path.suffix != ".db" and path.name != ".lock"}
    return files, with_gradebook(course, lambda gradebook: sorted(
        (student, grade.name, grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
        for student in ("ann", "ben", "cem") for grade in gradebook.find_submission_notebook(UNIT, UNIT, student).grades))


def grades(course, student):
    return with_gradebook(course, lambda gradebook: {grade.name: grade.to_dict() for grade in
                                                     gradebook.find_submission_notebook(UNIT, UNIT, student).grades})


def test_without_a_change_nothing_changes(course):
    assert regrade(course, UNIT, grade_folder) == ([], [])


def test_who_changes_by_how_much_is_seen_before_anything_is_written(course, mended):
    before = state(course)
    changes, notes = regrade(course, UNIT, grade_folder)
    by_student = {c.after.student: c for c in changes}
    assert by_student["ann"].difference < 0 < by_student["ben"].difference and set(by_student["ben"].cells) == {"01-paired_gain-check"}
    assert by_student["ben"].cells["01-paired_gain-check"][1] == 2.0
    assert "ben  01_small  " in str(by_student["ben"]) and "01-paired_gain-check " in str(by_student["ben"])
    assert notes == [] and state(course) == before


def test_applying_writes_points_and_keeps_what_people_gave(course, mended):
    regrade(course, UNIT, grade_folder)
    kept = grades(course, "ben")
    written, notes = apply_regrade(course, UNIT)
    now = grades(course, "ben")
    assert written == 3 and now["01-paired_gain-check"]["auto_score"] == 2.0
    for name in kept:
        assert (now[name]["manual_score"], now[name]["extra_credit"]) == (kept[name]["manual_score"], kept[name]["extra_credit"])
    assert now["01-paired_gain-check"]["needs_manual_grade"] and "a person gave" in notes[1]
    assert not grades(course, "cem")["01-paired_gain-check"]["needs_manual_grade"]
    assert now["01-explain"] == kept["01-explain"]
    comment = with_gradebook(course, lambda gradebook: gradebook.find_comment("01-explain", UNIT, UNIT, "ben").manual_comment)
    assert comment == "Well asked."
    assert find_record(course, "cem", UNIT, UNIT).points == 9 and not (course / ASIDE).exists()
    assert regrade(course, UNIT, grade_folder) == ([], [])


def test_applying_may_be_stopped_and_done_again(course, mended, monkeypatch):
    regrade(course, UNIT, grade_folder)
    write, count = regrade_apply.write_record, []

    def stop_at_the_second(root, record):
        count.append(record)
        if len(count) == 2:
            raise KeyboardInterrupt
        return write(root, record)

    monkeypatch.setattr(regrade_apply, "write_record", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        apply_regrade(course, UNIT)
    monkeypatch.setattr(regrade_apply, "write_record", write)
    assert find_record(course, "cem", UNIT, UNIT).points < 9
    apply_regrade(course, UNIT)
    for student, points in (("ann", 7.0), ("ben", 9.0), ("cem", 9.0)):
        assert find_record(course, student, UNIT, UNIT).points == points
        assert grades(course, student)["01-paired_gain-check"]["auto_score"] == find_record(course, student, UNIT, UNIT).verdicts[1].points


def test_what_was_handed_in_anew_is_named_and_not_applied_unseen(course):
    path = course / "submitted" / "ann" / UNIT / f"{UNIT}.ipynb"
    change(path, lambda content, cells: cells["01-paired_gain"].update(source=POPULATION))
    changes, _ = regrade(course, UNIT, grade_folder)
    assert [c.after.student for c in changes] == ["ann"] and "handed in anew" in changes[0].note
    change(path, lambda content, cells: cells["01-paired_gain"].update(source=RIGHT["01-paired_gain"]))
    before = state(course)
    with pytest.raises(TlkitError, match="handed in anew since it was graded aside"):
        apply_regrade(course, UNIT)
    assert state(course) == before


def test_the_class_s_secret_is_the_same_aside(course):
    make_secret(course)
    seen = []
    regrade(course, UNIT, lambda root, assignment: (seen.append(read_secret(root).seeds("01.sample")), grade_folder(root, assignment)))
    assert seen == [read_secret(course).seeds("01.sample")]
    assert ELSEWHERE not in os.environ


def test_a_link_stays_a_link_and_is_not_followed(course):
    secret = course / "solutions.txt"
    secret.write_text("answers")
    (course / "submitted" / "ann" / UNIT / "look.txt").symlink_to(secret)
    regrade(course, UNIT, grade_folder)
    assert (course / ASIDE / "submitted" / "ann" / UNIT / "look.txt").is_symlink()


def refuse(root, assignment):
    """A grader that refuses ann's notebook and fails at ben's."""
    grade_folder(root, assignment)
    for student, outcome in (("ann", REFUSED), ("ben", FAILED)):
        record = find_record(root, student, UNIT, UNIT)
        write_record(root, dataclasses.replace(record, outcome=outcome, reason="the disk was full", scores=(), verdicts=()))


def test_a_refused_notebook_loses_its_points_and_a_failure_of_grading_costs_nobody_any(course):
    kept = grades(course, "ben")
    changes, _ = regrade(course, UNIT, refuse)
    assert {c.after.student: c.difference for c in changes}["ann"] == -9 and "graded before, refused now (the disk was full)" in str(changes[0])
    written, notes = apply_regrade(course, UNIT)
    assert written == 2 and "ben: grading itself went wrong (the disk was full)" in notes[1]
    assert {grade["auto_score"] for grade in grades(course, "ann").values()} == {0}
    assert grades(course, "ann")["01-explain"]["manual_score"] == 1
    assert grades(course, "ben") == kept and find_record(course, "ben", UNIT, UNIT).outcome == GRADED


def test_work_that_is_gone_keeps_its_points(course):
    shutil.rmtree(course / "submitted" / "cem")
    changes, notes = regrade(course, UNIT, grade_folder)
    assert changes == [] and "cem, 01_small was graded before and is not handed in any more" in notes[0]
    apply_regrade(course, UNIT)
    assert find_record(course, "cem", UNIT, UNIT) is not None


def test_a_kept_release_can_be_named(course):
    kept = course / "releases" / UNIT / "oldrelease12"
    shutil.copytree(course / "course" / UNIT, kept)
    change(kept / f"{UNIT}.ipynb", lambda content, cells: content["metadata"]["tlkit"].update(release="oldrelease12"))
    regrade(course, UNIT, grade_folder, "oldrelease12")
    assert find_record(course / ASIDE, "ann", UNIT, UNIT).release == "oldrelease12"
    regrade(course, UNIT, grade_folder, "0123456789ab")
    assert find_record(course / ASIDE, "ann", UNIT, UNIT).release == "0123456789ab"


def raise_points(course):
    change(course / "course" / UNIT / f"{UNIT}.ipynb", lambda content, cells: cells["01-quiz-check"]["metadata"]["nbgrader"].update(points=7))


def add_cell(course):
    def edit(content, cells):
        more = json.loads(json.dumps(cells["01-quiz-check"]))
        more["metadata"]["nbgrader"]["grade_id"] = more["id"] = "01-new-check"
        content["cells"].append(more)

    change(course / "course" / UNIT / f"{UNIT}.ipynb", edit)


UNFIT = {
    "no record": (lambda course: shutil.rmtree(course / "graded"), None, "nothing of '01_small' has been graded yet"),
    "a damaged record": (lambda course: record_path(course, "ann", UNIT, UNIT).write_text("{"), None, "is damaged"),
    "no release": (lambda course: shutil.rmtree(course / "course"), None, "holds no release of '01_small' any more"),
    "a release that is gone": (lambda course: None, "ffffffffffff", "the release 'ffffffffffff' of 01_small does not exist any more; those that do: 0123456789ab"),
    "a release elsewhere": (lambda course: None, "../../course/01_small", "does not exist any more"),
    "other points": (raise_points, None, "01-quiz-check is worth 7 in the release and 5 in the gradebook; `nbgrader generate_assignment"),
    "other cells": (add_cell, None, "01-new-check is worth 5 in the release and no points in the gradebook"),
    "no gradebook": (lambda course: (course / "gradebook.db").unlink(), None, "no gradebook yet"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_cannot_be_graded_again_is_one_sentence(what, course):
    damage, release, passage = UNFIT[what]
    damage(course)
    with pytest.raises(TlkitError) as error:
        regrade(course, UNIT, grade_folder, release)
    assert passage in str(error.value) and "\n" not in str(error.value)


def test_nothing_is_applied_that_was_not_seen(course):
    with pytest.raises(TlkitError, match="holds nothing of '01_small'"):
        apply_regrade(course, UNIT)


def test_the_gradebook_has_one_writer(course, mended):
    import filelock

    regrade(course, UNIT, grade_folder)
    with filelock.FileLock(course / "graded" / ".lock"), pytest.raises(TlkitError, match="is being graded at this moment"):
        apply_regrade(course, UNIT)


@pytest.mark.slow
def test_the_command_grades_again_in_the_sandbox_with_the_same_points(course):
    reason = bubblewrap.why_not()
    if reason:
        pytest.skip(reason)
    raised = WRONG | {"01-paired_gain": RIGHT["01-paired_gain"]}
    path = course / "submitted" / "cem" / UNIT / f"{UNIT}.ipynb"
    change(path, lambda content, cells: [cells[name].update(source=text) for name, text in raised.items()])
    shown = CliRunner().invoke(app, ["regrade", UNIT, "--root", str(course)])
    assert shown.exit_code == 0 and "1 notebooks differ; nothing is changed yet" in shown.stdout, shown.output
    assert "cem  01_small  " in shown.stdout and "handed in anew" in shown.stdout
    applied = CliRunner().invoke(app, ["regrade", UNIT, "--root", str(course), "--apply"])
    assert applied.exit_code == 0 and "3 notebooks written" in applied.stdout
    assert grades(course, "cem")["01-paired_gain-check"]["auto_score"] == 2.0
