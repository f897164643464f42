"""Every kind of exercise passes the grader's own exam, and tells what its kind can get wrong."""

from pathlib import Path

import pytest

from tlkit.exercises import find_exercise
from tlkit.grading.check import verdict_on
from tlkit.grading.verdict import Outcome
from tlkit.grading.verify import verify

SOLUTIONS = Path(__file__).parent / "examples" / "solutions"
IDS = ["98.entropy", "98.low_rank", "98.epoch", "98.evaluate", "98.errors", "98.slope", "98.plan", "98.curve"]
CODE = IDS[:4] + IDS[7:]


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_example_of_every_kind_is_neither_fooled_nor_unfair(example_unit, exercise_id):
    row, faults = verify(find_exercise(exercise_id), SOLUTIONS)
    assert faults == []
    assert row["misconceptions"]["named"] == row["misconceptions"]["total"] >= 3
    assert row["alternatives"]["accepted"] == row["alternatives"]["total"] >= 1
    assert row["mutants"]["generated"] > 0 and row["mutants"]["survived"] == []


def test_all_kinds_have_an_example(example_unit):
    from tlkit.exercises.fields import KINDS

    assert {record.kind for record in example_unit.EXERCISES} == set(KINDS)
