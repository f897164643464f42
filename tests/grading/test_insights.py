"""`tlkit insights`: what the page and the CSV files say is what the records hold, and nothing in them is executed."""

import csv
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.grading.classes import ASSIGNMENT, QUICK, class_of, record_of, write_class
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise
from tlkit.grading.cohort.discrimination import discrimination
from tlkit.grading.cohort.insights import write_insights
from tlkit.grading.cohort.markup import html
from tlkit.grading.cohort.page import insights_page
from tlkit.grading.cohort.self_reported import self_reported
from tlkit.grading.cohort.summary import next_step, summarise
from tlkit.grading.cohort.tables import csv_text, plain_cell
from tlkit.grading.records import FAILED, record_path, write_record
from tlkit.grading.verdict import Diagnosis, Outcome

PAIRED = find_exercise("01.paired_gain")


@pytest.fixture(scope="module")
def records():
    return class_of(30)


@pytest.fixture(scope="module")
def summary(records):
    return summarise(records)


def report_progress(root, student, exercises, assignment=ASSIGNMENT):
    path = root / "submitted" / student / assignment / "progress.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = {name: {"tries": tries, "hints_shown": hints, "points": 1.0, "max_points": 2.0} for name, (tries, hints) in exercises.items()}
    path.write_text(json.dumps({"version": 1, "exercises": entries}))
    return path


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# what is counted

def test_misconceptions_are_counted_by_exercise_and_learner(records, summary):
    counted = {(m.exercise_id, m.name, student) for m in summary.mistakes for student in m.learners}
    due = {(v.exercise_id, v.diagnosis.name, record.student) for record in records for v in record.verdicts if v.diagnosis}
    assert {each for each in counted if each[0] != "01.quiz"} == due and len(due) > 20


def test_a_known_misconception_is_told_from_a_general_diagnosis():
    def returns_nothing(transfer, scratch):
        transfer.mean()

    known = record_of("ann", {PAIRED.id: PAIRED.misconceptions[0].answer})
    general = record_of("ben", {PAIRED.id: returns_nothing})
    found = {m.learners[0]: m.known for m in summarise([known, general]).mistakes if m.exercise_id == PAIRED.id}
    assert found == {"ann": True, "ben": False}


def test_each_learners_own_mistakes_are_on_the_page(records, summary):
    learner = next(each for each in summary.learners if each.mistakes)
    record = next(record for record in records if record.student == learner.student)
    due = [f"{v.exercise_id}: {v.diagnosis.name}" for v in record.verdicts if v.diagnosis]
    assert [each for each in learner.mistakes if not each.startswith("01.quiz")] == due
    page = insights_page("Class", summary).partition("What each learner should look at next")[2]
    assert all(html(mistake) in page for mistake in learner.mistakes)


def test_wrong_choices_of_a_quiz_are_counted(records, summary):
    quiz = next(exercise for exercise in summary.exercises if exercise.id == "01.quiz")
    notes = [note for record in records for v in record.verdicts if v.exercise_id == "01.quiz" for note in v.notes]
    assert sum(len(m.learners) for m in quiz.mistakes) == sum("△ not yet" in note for note in notes) > 0
    assert all(m.known and re.fullmatch(r"question \d, answer [a-h]", m.name) and m.why for m in quiz.mistakes)


def test_outcomes_and_points_are_those_of_the_records(records, summary):
    for exercise in summary.exercises:
        verdicts = [v for record in records for v in record.verdicts if v.exercise_id == exercise.id]
        assert sum(exercise.outcomes.values()) == len(records)
        assert exercise.mean_share == pytest.approx(np.mean([v.points for v in verdicts]) / verdicts[0].max_points)
    assert [exercise.id for exercise in summary.exercises] == list(QUICK)


def test_work_without_a_grade_counts_nowhere_and_is_named(records):
    failed = replace(records[0], student="zed", outcome=FAILED, reason="the sandbox did not start")
    found = summarise([*records, failed])
    assert "zed" not in {learner.student for learner in found.learners} and found.not_graded == (failed,)
    assert "the sandbox did not start" in insights_page("Class", found)


# discrimination

def test_the_index_is_the_correlation_with_the_rest_and_its_interval_fishers(summary, records):
    totals = np.array([[v.points for v in record.verdicts] for record in records])
    for column, exercise in enumerate(summary.exercises):
        x, y = totals[:, column], np.delete(totals, column, axis=1).sum(axis=1)
        r = ((x - x.mean()) * (y - y.mean())).sum() / math.sqrt(((x - x.mean()) ** 2).sum() * ((y - y.mean()) ** 2).sum())
        half = 1.959963984540054 / math.sqrt(len(records) - 3)
        found = exercise.discrimination
        assert (found.index, found.low, found.high) == pytest.approx((r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))
        assert found.learners == 30


@pytest.mark.parametrize(("points", "rest", "words"), [
    ([1.0] * 9, list(range(9)), "too few learners"),
    ([1.0] * 12, list(range(12)), "tells nobody apart"),
    (list(range(12)), [3.0] * 12, "not defined"),
    ([0, 1] * 60, list(range(120)), "hardly tells learners apart"),
    ([0, 1] * 6, [3, 2, 1, 3, 2, 1, 1, 2, 3, 1, 2, 3], "may hardly tell"),
    (list(range(12)), list(range(12)), "tells learners apart"),
])
def test_what_follows_from_an_index_is_said_in_words(points, rest, words):
    found = discrimination(points, rest)
    assert found.words.startswith(words) and found.learners == len(points)
    assert (found.index is None) == (words.startswith(("too few", "tells nobody", "not defined")))


# what is next

def test_the_first_gap_is_next_and_what_was_tried_comes_before_what_was_not():
    record = record_of("ann", {"01.labels_needed": find_exercise("01.labels_needed").misconceptions[0].answer,
                               PAIRED.id: PAIRED.misconceptions[0].answer})
    step = next_step(record.verdicts)
    assert step.exercise_id == PAIRED.id and step.outcome is Outcome.NOT_YET
    assert (step.diagnosis, step.hint) == (PAIRED.misconceptions[0].name, PAIRED.misconceptions[0].hint)
    begun = next_step(record_of("ben", {}).verdicts)
    assert begun.exercise_id == "01.tuned_baseline" and begun.outcome is Outcome.NOT_ATTEMPTED


def test_whoever_has_all_right_has_nothing_next(records):
    right = tuple(replace(v, outcome=Outcome.RIGHT) for v in records[0].verdicts)
    assert next_step(right) is None
    assert "nothing: every check says right" in insights_page("Class", summarise([replace(records[0], verdicts=right)]))


# self-reported

def test_tries_are_there_only_for_those_who_hand_them_in_and_are_marked(records, tmp_path):
    report_progress(tmp_path, records[3].student, {PAIRED.id: (4, 2), "99.other": (1, 0)})
    tries, notes = self_reported(tmp_path, records)
    assert [(t.student, t.exercise_id, t.tries, t.hints_shown) for t in tries] == [(records[3].student, PAIRED.id, 4, 2)]
    assert notes == []
    with_tries, without = (insights_page("Class", summarise(records), found) for found in (tries, ()))
    assert "Tries and hints (self-reported)" in with_tries and "self-reported" not in without.partition("<body>")[2]


def test_a_progress_file_that_is_none_is_left_as_it_is_and_named(records, tmp_path):
    bad = report_progress(tmp_path, records[0].student, {})
    bad.write_text('{"exercises": {"01.quiz": {"tries": "many"}}}')
    link = report_progress(tmp_path, records[1].student, {})
    link.unlink()
    link.symlink_to(bad)
    large = report_progress(tmp_path, records[2].student, {})
    large.write_text(" " * 1_000_001)
    report_progress(tmp_path, records[3].student, {PAIRED.id: (10**9, 0), "01.quiz": (-1, 0)})
    tries, notes = self_reported(tmp_path, records)
    assert tries == [] and len(notes) == 3
    assert "no progress file" in notes[0] and "no plain file" in notes[1] and "larger than" in notes[2]
    assert sorted(p.name for p in bad.parent.iterdir()) == ["progress.json"]


# files

def test_the_command_writes_a_page_and_tables(tmp_path):
    records = write_class(tmp_path, 12)
    report_progress(tmp_path, records[0].student, {PAIRED.id: (3, 1)})
    result = CliRunner().invoke(app, ["insights", "--root", str(tmp_path)])
    assert result.exit_code == 0, result.output
    out = tmp_path / "insights"
    assert sorted(path.name for path in out.iterdir()) == ["exercises.csv", "insights.html", "learners.csv", "misconceptions.csv"]
    learners = {row["learner"]: row for row in rows_of(out / "learners.csv")}
    assert set(learners) == {record.student for record in records}
    for record in records:
        assert float(learners[record.student]["points"]) == pytest.approx(record.points)
    assert learners[records[0].student][f"self_reported_tries_{PAIRED.id}"] == "3"
    assert learners[records[1].student][f"self_reported_tries_{PAIRED.id}"] == ""
    wrong = [v for record in records for v in record.verdicts if v.diagnosis]
    assert len([row for row in rows_of(out / "misconceptions.csv") if row["exercise"] != "01.quiz"]) == len(wrong)
    assert len(rows_of(out / "exercises.csv")) == len(QUICK)


def test_one_assignment_can_be_looked_at_alone(records, tmp_path):
    write_record(tmp_path, records[0])
    write_record(tmp_path, replace(records[1], assignment="02_next", notebook="02_next"))
    paths, _ = write_insights(tmp_path, "02_next", tmp_path / "elsewhere")
    assert [row["learner"] for row in rows_of(tmp_path / "elsewhere" / "learners.csv")] == [records[1].student]
    with pytest.raises(TlkitError, match=f"no record of 09 .*records of {ASSIGNMENT}, 02_next"):
        write_insights(tmp_path, "09")


def test_a_damaged_record_is_named_and_the_rest_counts(records, tmp_path):
    write_record(tmp_path, records[0])
    write_record(tmp_path, records[1])
    record_path(tmp_path, records[1].student, ASSIGNMENT, ASSIGNMENT).write_text("{")
    _, notes = write_insights(tmp_path)
    assert len(notes) == 1 and "is damaged" in notes[0]
    assert "is damaged" in (tmp_path / "insights" / "insights.html").read_text(encoding="utf-8")


def test_a_course_without_records_is_one_sentence(tmp_path):
    result = CliRunner().invoke(app, ["insights", "--root", str(tmp_path)])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and "holds no record" in result.stderr


def test_exercises_that_are_gone_are_still_reported(records):
    old = replace(records[0], verdicts=tuple(replace(v, exercise_id=v.exercise_id.replace("01.", "77.")) for v in records[0].verdicts))
    assert "77.paired_gain" in insights_page("Class", summarise([old]))


# nothing in it is executed

HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "$\\frac{", "=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)",
           "\ud800 half", "a" * 5000, "\x1b[31m", "`<b>`"]


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        for name, value in attrs:
            assert name not in ("src", "href") or value.startswith("data:image/png;base64,")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_learners_wrote_stays_text_on_the_page_and_in_the_tables(text, records, tmp_path):
    wrong = next(record for record in records if record.verdicts[1].outcome is Outcome.NOT_YET)
    verdict = replace(wrong.verdicts[1], diagnosis=Diagnosis(text, text, text))
    hostile = replace(wrong, student=text.replace("/", "")[:200], verdicts=(wrong.verdicts[0], verdict, *wrong.verdicts[2:]))
    out = [*write_insights_of([hostile, *records[:3]], tmp_path)]
    page = out[0].read_text(encoding="utf-8")
    parser = Tags()
    parser.feed(page)
    assert not parser.tags & {"script", "iframe", "object", "embed", "form", "link", "b"}
    assert not {name for name in parser.attributes if name.startswith("on")}
    for path in out[1:]:
        for row in rows_of(path):
            for value in row.values():
                assert re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value) or not value.lstrip().startswith(tuple("=+-@"))
                assert value.isprintable()


def write_insights_of(records, root):
    from unittest.mock import patch

    from tlkit.grading.cohort import insights

    with patch.object(insights, "read_records", lambda *_: (records, [])):  # names that no file system would take
        return write_insights(root)[0]


@pytest.mark.parametrize(("value", "cell"), [
    ("=1+1", "'=1+1"), ("  =1", "'  =1"), ("+a", "'+a"), ("-a", "'-a"), ("@a", "'@a"), ("＝1", "'＝1"), ("|calc", "'|calc"),
    ("\t=1", "' =1"), ("\r=1", "' =1"), ("a=1", "a=1"), (-1.5, -1.5), (0, 0), (None, ""), ("ü", "ü"), (True, "True")])
def test_a_cell_is_no_formula(value, cell):
    assert plain_cell(value) == cell


def test_headers_are_cells_too():
    assert csv_text(["=x", "y"], [["a,b", "q\"q"]]) == "'=x,y\n\"a,b\",\"q\"\"q\"\n"


def test_every_picture_has_words(records, summary, tmp_path):
    report_progress(tmp_path, records[3].student, {PAIRED.id: (4, 2)})
    page = insights_page("Class", summary, self_reported(tmp_path, records)[0])
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 5 and all(len(re.search(r'alt="([^"]+)"', image)[1]) > 40 for image in images)
    assert "http" not in re.sub(r'http-equiv|src="data:[^"]+"', "", page)


def test_the_page_of_a_single_learner_can_be_drawn():
    assert "too few learners" in insights_page("Class", summarise([record_of("ann", {})]))


def test_a_file_that_cannot_be_written_is_one_sentence(records, tmp_path):
    write_record(tmp_path, records[0])
    (tmp_path / "insights").write_text("a file where the folder should be")
    with pytest.raises(TlkitError, match="cannot be written: ") as error:
        write_insights(tmp_path)
    assert "\n" not in str(error.value)
