"""What a learner is shown of a case that failed: smaller, and still a case that the exercise allows; whole, and not an address in it."""

import numpy as np
import pytest

from tlkit import exercises
from tlkit.grading.card import as_text
from tlkit.grading.check import check, verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.shrink import keeps_its_form
from tlkit.grading.subject import LocalSubject

MASK = np.array([[True, True], [True, False]])


@pytest.mark.parametrize("before, after", [
    ((np.ones((3, 2)), np.ones(2)), (np.ones((3, 1)), np.ones(2))),  # columns without their weights
    ((np.array([0.2, 0.8]),), (np.array([0.0, 1.0]),)),  # above 0
    ((np.array([0.2, 0.8]),), (np.array([0.2, 1.0]),)),  # shares that add up to 1
    ((np.array([3, 1]),), (np.array([0, 0]),)),
    ((MASK,), (np.array([[True, True], [False, False]]),)),  # a text without a token
    ((np.arange(3.0), 8, 2), (np.arange(3.0), 1, 2)),  # the larger of two numbers
    ((0.5,), (0.0,)),
])
def test_what_an_exercise_would_not_allow_is_not_shown(before, after):
    assert not keeps_its_form(before, after) and keeps_its_form(before, before)


@pytest.mark.parametrize("before, after", [
    ((np.ones((3, 2)), np.ones(2)), (np.ones((3, 1)), np.ones(1))),
    ((np.ones((3, 2)), np.ones(2)), (np.ones((1, 2)), np.ones(2))),
    ((np.array([-0.3, 0.8]),), (np.array([0.0, 1.0]),)),
    ((np.array([[True, True], [True, False]]),), (np.array([[True, False]]),)),
    ((8, 2), (3, 1)),
])
def test_what_is_only_simpler_is(before, after):
    assert keeps_its_form(before, after)


def answered(exercise_id, answer):
    return verdict_on(exercise_id, {exercises.find_exercise(exercise_id).name: answer})


def test_a_number_is_due_in_a_smaller_case_where_one_was_due():
    def precision_and_recall(predicted, labels):
        right = ((predicted == 1) & (labels == 1)).sum()
        return right / (predicted == 1).sum(), right / (labels == 1).sum()

    assert "nan" not in answered("06.rates", precision_and_recall).failing.expected


def test_columns_and_what_belongs_to_them_shrink_together():
    shown = answered("06.shares", lambda logits, trained, expected: logits * 0 + 1 / logits.shape[1]).failing
    assert "shape (1, 2)" in shown.inputs and "trained = [0., " not in shown.inputs


def test_a_list_is_shown_whole():
    def last_word_included(tags):
        spans, start = [], None
        for place, tag in enumerate([*tags, "O"]):
            if start is not None and tag != f"I-{tags[start][2:]}":
                spans.append((tags[start][2:], start, place - 1))
                start = None
            start = place if tag.startswith("B-") else start
        return spans

    shown = answered("08.spans", last_word_included).failing
    assert shown.where == "the value" and shown.expected.startswith("[[") and shown.got.startswith("[[")


def test_bad_input_that_is_refused_is_not_called_wrong():
    def refuses_and_is_wrong(scores, labels, sensitivity):
        if not (labels == 1).any() or not 0 < sensitivity <= 1:
            raise ValueError("no")
        return -1.0

    found = answered("06.threshold", refuses_and_is_wrong)
    assert found.points == 0 and len(found.waiting) == 1
    lines = as_text(found).splitlines()
    assert not any("bad input" in line for line in lines if line.strip().startswith("Not yet"))
    assert any(f"Right so far: {found.waiting[0]} (counts once ordinary input is right too)" in line for line in lines)


def test_nan_is_named_only_where_the_case_that_is_shown_has_it():
    def own_statistics(images, mean, std):
        shares = images.float() / 255
        return ((shares - shares.mean() + 0.01) / shares.std())[:, None].repeat(1, len(mean), 1, 1)  # nan in pictures of one tone

    found = answered("06.prepare", own_statistics)
    assert "nan" not in found.failing.got and (found.diagnosis is None or "nan" not in found.diagnosis.name)


def test_a_mark_of_what_is_left_out_is_no_negative_value_that_was_cut_off():
    import torch

    def zero_in_place_of_the_mark(words, tags):
        before = torch.cat([torch.tensor([-1]), words[:-1]])
        return torch.where((words >= 0) & (words != before), tags[words.clamp(min=0)], 0)

    found = judge(exercises.find_exercise("08.align"), LocalSubject({"align": zero_in_place_of_the_mark}, "align"))
    assert found.diagnosis.name == "0 where there is nothing to learn"


@pytest.mark.parametrize("exercise_id, optional", [("06.shares", True), ("06.rates", False)])
def test_an_optional_exercise_says_that_its_points_do_not_count(exercise_id, optional, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    record = exercises.find_exercise(exercise_id)
    vars_of_caller = {"check": check, record.name: lambda *arguments: 0.0}
    exec(f"check({exercise_id!r})", vars_of_caller)  # noqa: S102 - as a learner's cell does
    assert ("its points do not count" in capsys.readouterr().out) is optional


def test_of_long_mappings_only_what_differs_is_shown():
    from tlkit.grading.compare import both_in_words

    due = {f"block{number}.weight": np.full((3, 3), 0.25) for number in range(8)}
    shown = both_in_words(due, due | {"block7.weight": np.full((3, 3), 0.5)}, 40)
    assert all(side.startswith("block7.weight: ") for side in shown) and shown[0] != shown[1]


def test_an_error_s_message_is_that_of_the_case_that_is_shown():
    def without_keepdim(logits, temperature):
        z = logits / temperature
        e = (z - z.amax(-1, keepdim=True)).exp()
        return e / e.sum(-1)

    found = answered("10.soft_targets", without_keepdim)
    shape = found.failing.inputs.partition("shape (")[2].partition(")")[0].split(", ")
    assert all(f"({size})" in found.diagnosis.name for size in shape)


def test_inf_is_named_only_where_the_case_that_is_shown_has_it():
    def ratios_first(alone, distilled, teacher):
        alone, distilled, teacher = map(np.asarray, (alone, distilled, teacher))
        with np.errstate(all="ignore"):
            return float(((distilled - alone) / (teacher - alone)).mean())

    found = answered("10.gap", ratios_first)
    assert "inf" in found.failing.got or found.diagnosis is None or "inf" not in found.diagnosis.name
