"""Hidden cases follow from a class's secret: they count, they are not shown, and the secret goes nowhere."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.grading.conftest import change
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise
from tlkit.grading.card import as_html, as_text
from tlkit.grading.check import verdict_on
from tlkit.grading.hidden import judge_with_hidden
from tlkit.grading.records import Record, write_record
from tlkit.grading.secret import ELSEWHERE, ClassSecret, make_secret, read_secret, secret_path
from tlkit.grading.subject import LocalSubject
from tlkit.grading.trial import draw_cases
from tlkit.grading.verdict import Outcome

ONE, OTHER = ClassSecret("one " * 10), ClassSecret("other " * 10)
PAIRED = find_exercise("01.paired_gain")


def paired_gain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def looks_shown_cases_up(transfer, scratch):
    """Right on what a learner can see, by a table, and nowhere else."""
    for case in draw_cases(PAIRED, 0):
        shown = case.calls[0]
        if all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(shown, (transfer, scratch))):
            return paired_gain(transfer, scratch)
    raise KeyError(f"never seen: {np.asarray(transfer).tolist()}")


def drawn(secret: ClassSecret) -> list:
    return [[np.asarray(part).tolist() for part in case.calls[0]] for seed in secret.seeds(PAIRED.id)
            for case in draw_cases(PAIRED, seed)]


def test_another_secret_draws_other_cases_and_the_same_secret_the_same():
    assert drawn(ONE) == drawn(ClassSecret("one " * 10))
    assert drawn(ONE) != drawn(OTHER)
    shown = [[np.asarray(part).tolist() for part in case.calls[0]] for case in draw_cases(PAIRED, 0)]
    assert sum(case in shown for case in drawn(ONE)) == 1  # one case is small and the same for everybody


def test_seeds_differ_by_exercise_and_number_and_do_not_hang_on_each_other():
    seeds = ONE.seeds("01.sample", 3) + ONE.seeds("01.probe", 3)
    assert len(set(seeds)) == 6 and all(0 < seed < 2**63 for seed in seeds)
    assert ONE.seeds("01.sample", 1) == seeds[:1]


def test_seeds_are_the_hmac_of_the_secret():
    import hashlib
    import hmac

    digest = hmac.new(b"one " * 10, b"hidden cases:01.sample:1", hashlib.sha256).hexdigest()
    assert ONE.seeds("01.sample", 2)[1] == int(digest[:16], 16) // 2


def test_a_right_answer_is_right_with_hidden_cases():
    verdict = verdict_on(PAIRED.id, {"paired_gain": paired_gain}, hidden_seeds=ONE.seeds(PAIRED.id))
    assert verdict.outcome is Outcome.RIGHT and verdict.points == PAIRED.points


def test_a_table_of_the_shown_cases_earns_nothing():
    shown = judge_with_hidden(PAIRED, LocalSubject.of(looks_shown_cases_up), ())
    hidden = judge_with_hidden(PAIRED, LocalSubject.of(looks_shown_cases_up), ONE.seeds(PAIRED.id))
    assert shown.outcome is Outcome.RIGHT
    assert hidden.outcome is Outcome.NOT_YET
    assert hidden.points == 0


def test_feedback_names_the_kind_of_a_hidden_case_and_nothing_that_it_holds():
    verdict = judge_with_hidden(PAIRED, LocalSubject.of(looks_shown_cases_up), ONE.seeds(PAIRED.id))
    assert verdict.failing is None and verdict.diagnosis is None
    for text in (as_text(verdict), as_html(verdict)):
        assert "which are not shown" in text and all(group in text for group in verdict.groups)
        assert "never seen" not in text  # the answer's exception would carry the case out
        for case in drawn(ONE):
            assert not any(f"{number}" in text for part in case for number in np.ravel(part) if len(f"{number}") > 3)


def test_a_known_misconception_of_hidden_cases_alone_keeps_its_name():
    sizes = {len(case.calls[0][0]) for case in draw_cases(PAIRED, 0)}

    def wrong_elsewhere(transfer, scratch):
        mean, error = paired_gain(transfer, scratch)
        return (mean, error) if len(transfer) in sizes else (mean, (transfer - scratch).std() / np.sqrt(len(transfer)))

    seed = next(seed for seed in range(1, 99) if not {len(c.calls[0][0]) for c in draw_cases(PAIRED, seed)} <= sizes)
    verdict = judge_with_hidden(PAIRED, LocalSubject.of(wrong_elsewhere), [seed])
    assert verdict.outcome is Outcome.NOT_YET and verdict.failing is None
    assert verdict.diagnosis is None or verdict.diagnosis.name in {known.name for known in PAIRED.misconceptions}


def test_an_answer_that_is_wrong_on_shown_cases_is_told_so_as_ever():
    def wrong(transfer, scratch):
        return (transfer - scratch).mean(), (transfer - scratch).std() / np.sqrt(len(transfer))

    shown = verdict_on(PAIRED.id, {"paired_gain": wrong})
    hidden = verdict_on(PAIRED.id, {"paired_gain": wrong}, hidden_seeds=ONE.seeds(PAIRED.id))
    assert hidden.failing == shown.failing and hidden.diagnosis == shown.diagnosis is not None
    assert hidden.points <= shown.points


def test_an_answer_that_was_not_begun_stays_so():
    assert verdict_on(PAIRED.id, {}, hidden_seeds=ONE.seeds(PAIRED.id)).outcome is Outcome.NOT_ATTEMPTED


def test_the_secret_shows_itself_nowhere():
    assert "one" not in repr(ONE) and "one" not in str(ONE)
    with pytest.raises(TypeError, match="stays in the process"):
        pickle.dumps(ONE)
    with pytest.raises(TypeError):
        json.dumps(ONE)


def test_a_record_holds_neither_secret_nor_seeds(tmp_path):
    make_secret(tmp_path)
    secret = read_secret(tmp_path)
    verdict = verdict_on(PAIRED.id, {"paired_gain": looks_shown_cases_up}, hidden_seeds=secret.seeds(PAIRED.id))
    text = write_record(tmp_path, Record("ann", "01", "01", verdicts=(verdict,))).read_text()
    assert str(secret.seeds(PAIRED.id)[0]) not in text
    assert (tmp_path / "class-secret").read_text().strip() not in text


WATCH = """
import os, sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
import numpy as np
from tlkit import check
def paired_gain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
check("01.paired_gain")
assert any("numpy" in path for path in opened)  # the watch works
print("opened the secret:", [path for path in opened if "class-secret" in path])
"""


def test_a_check_in_a_learners_kernel_does_not_read_the_secret(tmp_path):
    path = make_secret(tmp_path)
    environment = os.environ | {ELSEWHERE: str(path), "NBGRADER_EXECUTION": "autograde"}
    done = subprocess.run([sys.executable, "-c", WATCH], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "right, 2 of 2 points" in done.stdout and "opened the secret: []" in done.stdout


def test_a_new_secret_is_its_owners_alone(tmp_path):
    path = make_secret(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path).seeds("01.sample") == read_secret(tmp_path).seeds("01.sample")
    with pytest.raises(TlkitError, match="is there already"):
        make_secret(tmp_path)


def test_two_classes_have_different_secrets(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_secret(tmp_path / name)
    assert read_secret(tmp_path / "one").seeds("01.sample") != read_secret(tmp_path / "other").seeds("01.sample")


def test_a_class_without_a_secret_has_none(tmp_path):
    assert read_secret(tmp_path) is None


def test_the_secret_may_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv(ELSEWHERE, str(tmp_path / "mounted"))
    with pytest.raises(TlkitError, match="there is no such file"):
        read_secret(tmp_path)
    assert make_secret(tmp_path) == tmp_path / "mounted" == secret_path(tmp_path)
    assert read_secret(Path("/nowhere")) is not None


@pytest.mark.parametrize(("mode", "text", "passage"), [
    (0o644, "x" * 64, "can be opened by others"), (0o600, "x" * 31, "has 31 characters"), (0o600, "", "has 0 characters")])
def test_a_secret_that_is_none_is_refused(mode, text, passage, tmp_path):
    path = tmp_path / "class-secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(TlkitError, match=passage) as error:
        read_secret(tmp_path)
    assert not text or text not in str(error.value)


def test_the_command_makes_a_secret_and_does_not_print_it(tmp_path, monkeypatch):
    from tlkit.grading import hidden_exam

    monkeypatch.setattr(hidden_exam, "unfair_cases", lambda secret, solutions: [])
    result = CliRunner().invoke(app, ["secret", "--root", str(tmp_path)])
    assert result.exit_code == 0 and "class-secret" in result.stdout
    assert (tmp_path / "class-secret").read_text().strip() not in result.output


@pytest.mark.slow
def test_hidden_cases_of_any_secret_are_fair():
    from tlkit.grading.hidden_exam import unfair_cases

    solutions = Path(__file__).parents[2] / "solutions"
    assert unfair_cases(ONE, solutions) == []
    assert unfair_cases(OTHER, solutions) == []


def test_an_unfair_case_is_named(monkeypatch):
    from tlkit.grading import hidden_exam

    monkeypatch.setattr(hidden_exam, "all_exercises", lambda: [PAIRED])
    monkeypatch.setattr(hidden_exam, "alternatives_of", lambda exercise, unit: [looks_shown_cases_up])
    faults = hidden_exam.unfair_cases(ONE, Path(__file__).parents[2] / "solutions")
    assert faults == ["01.paired_gain: the right answer `looks_shown_cases_up` is refused"]


def test_a_case_group_that_is_the_same_for_every_class_is_named(monkeypatch):
    from dataclasses import replace

    from tlkit.grading.hidden_exam import fixed_groups

    def cases(rng):
        return [*PAIRED.cases(rng)[:1], replace(PAIRED.cases(rng)[1], group="varied")]

    assert fixed_groups(PAIRED) == []
    assert fixed_groups(replace(PAIRED, cases=cases)) == ["mean and error of the differences"]


SEARCH = """
import os
from pathlib import Path
def paired_gain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
places = [Path("{path}"), Path("class-secret"), Path.cwd().parent / "class-secret", Path("/proc/1/root{path}")]
seen = []
for place in places:
    try:
        seen.append(place.read_text())
    except OSError:
        pass
texts = [Path(f"/proc/{{name}}/{{what}}") for name in os.listdir("/proc") if name.isdigit() for what in ("environ", "cmdline")]
for text in texts:
    try:
        seen.append(text.read_bytes().decode(errors="replace"))
    except OSError:
        pass
print("searched", len(texts), "FOUND" if any("{secret}" in each or "{seed}" in each for each in seen + [str(dict(os.environ))]) else "nothing")
"""


@pytest.mark.slow
def test_a_walled_in_answer_finds_no_secret_and_the_hidden_cases_count(tmp_path, released, notebook):
    from tlkit.grading.classwork.grade_class import grade_class
    from tlkit.grading.records import read_records
    from tlkit.grading.sandbox import bubblewrap

    if bubblewrap.why_not():
        pytest.skip(bubblewrap.why_not())
    course = tmp_path / "class"
    course.mkdir()
    path = make_secret(course)
    shutil.copytree(released, course / "course")
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.release_directory = 'course'\n")
    cases = "\n".join(f"    if len(transfer) == {len(case.calls[0][0])} and abs(transfer[0] - {case.calls[0][0][0]}) < 1e-9: return honest(transfer, scratch)"
                      for case in draw_cases(PAIRED, 0))
    table = ("def honest(transfer, scratch):\n    difference = transfer - scratch\n"
             "    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))\n"
             f"def paired_gain(transfer, scratch):\n{cases}\n    return 0.0, 0.0")
    search = SEARCH.format(path=path, secret=path.read_text().strip(), seed=read_secret(course).seeds(PAIRED.id)[0])
    for student, source in (("ann", search), ("ben", table)):
        folder = course / "submitted" / student / "01_small"
        folder.mkdir(parents=True)
        (folder / "01_small.ipynb").write_bytes(notebook.read_bytes())
        change(folder / "01_small.ipynb", lambda content, cells, source=source: cells["01-paired_gain"].update(source=source))
    grade_class(course, quiet=True)
    points = {record.student: {score.grade_id: score.points for score in record.scores} for record in read_records(course)[0]}
    assert points["ann"]["01-paired_gain-check"] == 2 and points["ben"]["01-paired_gain-check"] < 2
    graded = nbformat.read(course / "autograded" / "ann" / "01_small" / "01_small.ipynb", as_version=4)
    said = "".join(output.get("text", "") for cell in graded.cells for output in cell.get("outputs", []))
    assert re.search(r"searched \d+ nothing\n", said) and "FOUND" not in said
    free = subprocess.run([sys.executable, "-c", search], capture_output=True, text=True, cwd=tmp_path)
    assert "FOUND" in free.stdout  # without walls the same search finds it
    verdicts = [verdict for record in read_records(course)[0] for verdict in record.verdicts]
    assert any("which are not shown" in verdict.message for verdict in verdicts)
