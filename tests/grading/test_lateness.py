"""A late policy and extensions from a CSV: what they cost, and what of them cannot be meant."""

from datetime import datetime, timedelta

import pytest
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import AssignLatePenalties
from typer.testing import CliRunner

from tests.grading.gradebooks import UNIT, hand_in, make_gradebook, with_gradebook
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.grading.cohort.lateness import DAY, LatePolicy, late_in_words, policy_for, read_extensions, read_policies
from tlkit.grading.cohort.penalties import LatePolicyPlugin, apply_lateness
from tlkit.grading.cohort.times import parse_time

POLICY = "assignment,due,grace_minutes,percent_per_day,at_most_percent,closes_after_days\n" \
         f"{UNIT},2026-03-01T23:59+01:00,15,10,40,7\n"
DUE = datetime(2026, 3, 1, 22, 59)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return tmp_path_factory.mktemp("gradebook")


@pytest.fixture
def course(tmp_path, template):
    """ann in time, ben 26 hours late, cem has handed in nothing."""
    make_gradebook(tmp_path, template)
    hand_in(tmp_path, "ann", 4, "2026-03-01 20:00:00")
    hand_in(tmp_path, "ben", 4, "2026-03-03 00:59:00", explained=1)
    (tmp_path / "late.csv").write_text(POLICY)
    (tmp_path / "more.csv").write_text("student,assignment,until,hours,reason\n")
    return tmp_path


def apply(course, write=True):
    return apply_lateness(course, course / "late.csv", course / "more.csv", write=write)


def penalty(course, student):
    return with_gradebook(course, lambda gradebook: gradebook.find_submission(UNIT, student).late_submission_penalty)


def extend(course, rows):
    (course / "more.csv").write_text(f"student,assignment,until,hours,reason\n{rows}\n")


@pytest.mark.parametrize(("seconds", "share"), [
    (0, 0), (15 * 60, 0), (15 * 60 + 1, 0.1), (DAY, 0.1), (DAY + 1, 0.2), (4 * DAY, 0.4), (6 * DAY, 0.4), (7 * DAY, 0.4),
    (7 * DAY + 1, 1)])
def test_each_day_that_has_begun_costs_up_to_a_cap_and_then_it_is_closed(seconds, share):
    rule = LatePolicy("x", grace_minutes=15, percent_per_day=10, at_most_percent=40, closes_after_days=7)
    assert rule.share_lost(seconds) == pytest.approx(share)


def test_a_penalty_is_a_share_of_the_points_at_that_time(course):
    late, notes = apply(course)
    assert [(each.student, each.seconds, each.share_lost) for each in late] == [("ben", 26 * 3600, 0.2)]
    assert penalty(course, "ben") == pytest.approx(0.2 * 5) and penalty(course, "ann") == 0 and notes == []
    hand_in(course, "ben", 4, "2026-03-03 00:59:00", explained=2)
    apply(course)
    assert penalty(course, "ben") == pytest.approx(0.2 * 6)


def test_showing_changes_nothing(course):
    late, _ = apply(course, write=False)
    assert late and penalty(course, "ben") == 0
    assert with_gradebook(course, lambda gradebook: gradebook.find_assignment(UNIT).duedate) is None


def test_what_is_due_is_kept_in_utc(course):
    apply(course)
    assert with_gradebook(course, lambda gradebook: gradebook.find_assignment(UNIT).duedate) == DUE


@pytest.mark.parametrize(("row", "share"), [
    (f"ben,{UNIT},,26,ill", 0), (f"ben,{UNIT},,25,ill", 0.1), (f"ben,{UNIT},2026-03-03T01:59+01:00,,", 0),
    (f"ben,{UNIT},2026-03-02T23:59 Europe/Berlin,,", 0.1)])
def test_an_extension_counts_from_what_is_due(row, share, course):
    extend(course, row)
    late, _ = apply(course)
    assert penalty(course, "ben") == pytest.approx(share * 5)
    assert [each.extended for each in late] == [True] * (share > 0)


def test_an_extension_that_is_dropped_from_the_file_is_kept_and_named(course):
    extend(course, f"ben,{UNIT},,48,")
    apply(course)
    extend(course, "")
    late, notes = apply(course)
    assert late == [] and "that no file names are kept" in notes[0] and "ben" in notes[0]


def test_an_extension_for_work_that_is_still_to_come_is_named_and_makes_no_submission(course):
    extend(course, f"cem,{UNIT},,48,")
    _, notes = apply(course)
    assert "cem has handed in nothing" in notes[0]
    with pytest.raises(MissingEntry):
        with_gradebook(course, lambda gradebook: gradebook.find_submission(UNIT, "cem"))


def test_work_without_a_time_counts_as_in_time_and_is_named(course):
    hand_in(course, "cem", 3)
    _, notes = apply(course)
    assert "nobody knows when" in notes[0] and "cem" in notes[0]


def test_a_policy_for_all_others_leaves_what_is_due_to_the_gradebook(course):
    (course / "late.csv").write_text("assignment,percent_per_day\n*,50\n")
    with pytest.raises(TlkitError, match="is due at no time"):
        apply(course)
    with_gradebook(course, lambda gradebook: setattr(gradebook.find_assignment(UNIT), "duedate", DUE))
    late, _ = apply(course)
    assert late[0].share_lost == 1.0


def test_an_assignment_without_a_policy_is_named(tmp_path, template):
    make_gradebook(tmp_path, template, assignments=(UNIT, "02_next"))
    (tmp_path / "late.csv").write_text(POLICY)
    assert "02_next has no row" in apply_lateness(tmp_path, tmp_path / "late.csv")[1][0]
    assert apply_lateness(tmp_path, tmp_path / "late.csv", assignment=UNIT)[1] == []


HEAD = "assignment,due,percent_per_day,grace_minutes\n"
BAD_POLICIES = {
    "no zone": (HEAD + f"{UNIT},2026-03-01 23:59,10,", "line 2: what is due is '2026-03-01 23:59', which has no time zone; write"),
    "no time": (HEAD + f"{UNIT},tomorrow,10,", "which is no time; write"),
    "an unknown zone": (HEAD + f"{UNIT},2026-03-01 23:59 Europe/Atlantis,10,", "'Europe/Atlantis', which is not known here"),
    "a time that clocks skip": (HEAD + f"{UNIT},2026-03-29 02:30 Europe/Berlin,10,", "a time that clocks skip"),
    "no number": (HEAD + f"{UNIT},,ten,", "percent_per_day is 'ten', which is no number"),
    "not finite": (HEAD + f"{UNIT},,nan,", "percent_per_day is nan"),
    "too much": (HEAD + f"{UNIT},,110,", "percent_per_day is 110; 0 to 100 is due"),
    "negative": (HEAD + f"{UNIT},,10,-5", "grace_minutes is -5; 0 or more is due"),
    "twice": (HEAD + f"{UNIT},,10,\n{UNIT},,20,", "line 3: there is a policy for 01_small above already"),
    "an unknown assignment": (HEAD + "77_none,,10,", "late.csv: the gradebook knows no assignment '77_none'; it knows 01_small"),
    "an unknown column": ("assignment,percent_per_day,percent_per_hour\nx,1,2", "a column 'percent_per_hour'"),
    "a column is missing": ("assignment,due\nx,", "has no column 'percent_per_day'"),
    "one due for all": (HEAD + "*,2026-03-01T23:59Z,10,", "one due time for all"),
    "empty": ("", "has no column 'assignment'; its columns are none"),
    "no row": (HEAD, "holds no policy"),
    "too many cells": (HEAD + "x,,10,5,6", "line 2: it has more cells"),
    "no name": (HEAD + ",,10,", "line 2: assignment is empty"),
}


@pytest.mark.parametrize("what", BAD_POLICIES)
def test_a_policy_that_cannot_be_meant_is_one_sentence_and_changes_nothing(what, course):
    text, passage = BAD_POLICIES[what]
    (course / "late.csv").write_text(text)
    with pytest.raises(TlkitError) as error:
        apply(course)
    assert passage in str(error.value) and "\n" not in str(error.value)
    assert penalty(course, "ben") == 0


BAD_EXTENSIONS = {
    "an unknown student": (f"zoe,{UNIT},,24,", "more.csv, line 2: the gradebook knows no student 'zoe'"),
    "an unknown assignment": ("ben,77_none,,24,", "line 2: the gradebook knows no assignment '77_none'"),
    "no zone": (f"ben,{UNIT},2026-03-02 12:00,,", "line 2: until is '2026-03-02 12:00', which has no time zone"),
    "both": (f"ben,{UNIT},2026-03-02T12:00Z,24,", "exactly one of until and hours"),
    "neither": (f"ben,{UNIT},,,", "exactly one of until and hours"),
    "twice": (f"ben,{UNIT},,24,\nben,{UNIT},,48,", "line 3: ben has an extension for 01_small already, in"),
    "before what is due": (f"ben,{UNIT},2026-02-01T12:00Z,,", "which is before 01_small is due for everybody"),
    "negative": (f"ben,{UNIT},,-3,", "hours is -3"),
    "no student": (f",{UNIT},,24,", "student is empty"),
}


@pytest.mark.parametrize("what", BAD_EXTENSIONS)
def test_an_extension_that_cannot_be_meant_is_one_sentence_and_changes_nothing(what, course):
    rows, passage = BAD_EXTENSIONS[what]
    extend(course, rows)
    with pytest.raises(TlkitError) as error:
        apply(course)
    assert passage in str(error.value) and "\n" not in str(error.value)
    assert penalty(course, "ben") == 0


def test_files_that_are_not_there_or_no_text_are_one_sentence(course):
    with pytest.raises(TlkitError, match="none.csv cannot be read"):
        read_policies(course / "none.csv")
    (course / "late.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TlkitError, match="no CSV in UTF-8"):
        read_policies(course / "late.csv")


def test_a_file_from_a_spreadsheet_can_be_read(course):
    (course / "more.csv").write_bytes("\ufeffstudent, assignment ,hours\r\n ben , 01_small ,24\r\n".encode())
    assert [(each.student, each.assignment, each.hours) for each in read_extensions(course / "more.csv")] == [("ben", UNIT, 24)]


def test_a_course_without_a_gradebook_is_one_sentence(tmp_path):
    (tmp_path / "late.csv").write_text(POLICY)
    with pytest.raises(TlkitError, match="the course has no gradebook yet"):
        apply_lateness(tmp_path, tmp_path / "late.csv")
    assert not (tmp_path / "gradebook.db").exists()


@pytest.mark.parametrize(("text", "utc"), [
    ("2026-03-01T23:59+01:00", DUE), ("2026-03-01T22:59Z", DUE), ("2026-03-01 23:59 Europe/Berlin", DUE), ("2026-03-01 22:59 UTC", DUE),
    ("2026-07-01 23:59 Europe/Berlin", datetime(2026, 7, 1, 21, 59)), ("2026-10-25 02:30 Europe/Berlin", datetime(2026, 10, 25, 1, 30))])
def test_times_with_an_offset_or_a_named_zone_are_understood(text, utc):
    assert parse_time(text, "it") == utc


def test_late_is_said_as_people_say_it():
    assert late_in_words(26 * 3600) == "1 day 2 hours" and late_in_words(30) == "1 minute"
    assert late_in_words(timedelta(days=2, minutes=1).total_seconds()) == "2 days 1 minute"


def test_the_same_policy_is_a_plug_in_of_nbgrader(course):
    plugin = LatePolicyPlugin(policy=str(course / "late.csv"))
    assert plugin.late_submission_penalty("ben", 5.0, 26 * 3600) is None  # it knows no assignment, and there is no row for all
    step = AssignLatePenalties(plugin_class=LatePolicyPlugin)
    step.assignment_id = UNIT
    step.init_plugin()
    step.plugin_inst.policy = str(course / "late.csv")
    assert step.plugin_inst.late_submission_penalty("ben", 5.0, 26 * 3600) == pytest.approx(1.0)


def test_the_command_shows_and_then_applies(course):
    arguments = ["late", "--root", str(course), "--policy", str(course / "late.csv")]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0 and "ben  late by 1 day 2 hours: -1 points (20%)" in shown.stdout and "--apply" in shown.stdout
    assert penalty(course, "ben") == 0
    applied = CliRunner().invoke(app, [*arguments, "--apply"])
    assert applied.exit_code == 0 and penalty(course, "ben") == pytest.approx(1.0)


def test_the_policy_of_its_own_comes_before_the_one_for_all():
    own, others = LatePolicy("a"), LatePolicy("*")
    assert policy_for({"a": own, "*": others}, "a") is own and policy_for({"a": own, "*": others}, "b") is others
    assert policy_for({"a": own}, "b") is None
