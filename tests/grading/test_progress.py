"""A learner's progress file: what it keeps, and that nothing wrong with it ever breaks a check."""

import json
import os
import subprocess
import sys

import pytest

from tlkit.grading import progress
from tlkit.grading.progress import note_check, read
from tlkit.grading.verdict import Outcome, Verdict


@pytest.fixture(autouse=True)
def new_session(monkeypatch):
    monkeypatch.setattr(progress, "_tries_of_this_session", {})


def verdict(outcome=Outcome.NOT_YET, points=1.0):
    return Verdict("01.sample", "a title", outcome, points, 3.0)


def test_tries_hints_and_the_best_points_are_kept(tmp_path):
    assert [note_check(verdict(points=p), tmp_path) for p in (1.0, 2.0, 0.5)] == [1, 2, 3]
    entry = read(tmp_path)["01.sample"]
    assert (entry["tries"], entry["hints_shown"], entry["points"], entry["right_since"]) == (3, 2, 2.0, None)
    note_check(verdict(Outcome.RIGHT, 3.0), tmp_path)
    entry = read(tmp_path)["01.sample"]
    assert entry["points"] == 3.0 and entry["right_since"] == entry["last"] and entry["hints_shown"] == 2


def test_an_answer_that_was_not_attempted_is_no_try(tmp_path):
    assert note_check(verdict(Outcome.NOT_ATTEMPTED, 0.0), tmp_path) == 0
    assert not (tmp_path / "progress.json").exists()


def test_tries_are_remembered_over_sessions(tmp_path, monkeypatch):
    note_check(verdict(), tmp_path)
    monkeypatch.setattr(progress, "_tries_of_this_session", {})
    assert note_check(verdict(), tmp_path) == 2


def test_without_a_work_folder_the_session_counts_and_nothing_is_written(tmp_path):
    assert [note_check(verdict(), tmp_path / "absent") for _ in range(2)] == [1, 2]
    assert [note_check(verdict(), None) for _ in range(2)] == [3, 4]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"exercises": 3}', '{"exercises": {"01.sample": {"tries": "x"}}}',
                                     "[" * 100_000, "\x00\x01"])
def test_a_damaged_file_is_kept_aside_and_the_count_begins_anew(tmp_path, damaged):
    (tmp_path / "progress.json").write_text(damaged)
    assert note_check(verdict(), tmp_path) == 1
    assert (tmp_path / "progress.json.damaged").read_text() == damaged
    assert read(tmp_path)["01.sample"]["tries"] == 1


def test_two_damaged_files_are_both_kept(tmp_path):
    for text in ("{", "["):
        (tmp_path / "progress.json").write_text(text)
        read(tmp_path)
    assert (tmp_path / "progress.json.damaged").read_text() == "{"
    assert (tmp_path / "progress.json.damaged-2").read_text() == "["


def test_a_disk_that_is_full_or_read_only_breaks_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress, "write_text", full)
    assert [note_check(verdict(), tmp_path) for _ in range(2)] == [1, 2]
    (tmp_path / "progress.json").mkdir()
    assert note_check(verdict(), tmp_path) == 3


def test_unknown_exercises_of_another_version_are_carried_along(tmp_path):
    other = {"tries": 2, "hints_shown": 0, "points": 1, "max_points": 1, "new_field": "kept"}
    (tmp_path / "progress.json").write_text(json.dumps({"version": 1, "exercises": {"77.later": other}}))
    note_check(verdict(), tmp_path)
    assert read(tmp_path)["77.later"] == other


WRONG = "def label_efficiency(labels, scratch, transfer, target):\n    return 1.0\n"


def checks(folder, times=1, mode=None):
    environment = {key: value for key, value in os.environ.items() if key != "NBGRADER_EXECUTION"}
    if mode:
        environment["NBGRADER_EXECUTION"] = mode
    script = f"from tlkit import check\nexec({WRONG!r})\nfor _ in range({times}): check('01.label_efficiency')\n"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, env=environment,
                          timeout=300)


def test_the_hint_is_offered_from_the_second_try_on(tmp_path):
    (tmp_path / "work" / "01_why_transfer").mkdir(parents=True)
    first, second = checks(tmp_path), checks(tmp_path)
    assert "Hint:" not in first.stdout and "Try once more" in first.stdout
    assert "Hint:" in second.stdout
    assert read(tmp_path / "work")["01.label_efficiency"]["tries"] == 2


@pytest.mark.parametrize("mode", ["autograde", "validate"])
def test_nbgrader_neither_reads_nor_writes_progress(tmp_path, mode):
    (tmp_path / "work" / "01_why_transfer").mkdir(parents=True)
    (tmp_path / "work" / "progress.json").write_text("damaged")
    checks(tmp_path, 2, mode)
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"01_why_transfer", "progress.json"}
    assert (tmp_path / "work" / "progress.json").read_text() == "damaged"
