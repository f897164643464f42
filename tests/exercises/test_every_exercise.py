"""What `tlkit verify` asks of every exercise, one test each."""

from pathlib import Path

import numpy as np
import pytest

from tlkit.exercises import all_exercises
from tlkit.exercises.fields import CODE_KINDS
from tlkit.exercises.record import Exercise
from tlkit.grading.known_answers import alternatives_of, unit_folder
from tlkit.grading.verify import judge_mutants_of_alternatives, verify

SOLUTIONS = Path(__file__).parents[2] / "solutions"
EXERCISES = all_exercises()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_the_grader_is_neither_fooled_nor_unfair(exercise):
    row, faults = verify(exercise, SOLUTIONS)
    assert faults == []
    if isinstance(exercise, Exercise):
        assert row["misconceptions"]["named"] == row["misconceptions"]["total"] >= 5
        assert row["alternatives"]["accepted"] == row["alternatives"]["total"] >= 3
        assert row["mutants"]["survived"] == []
        assert row["mutants"]["generated"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.kind in CODE_KINDS], ids=lambda e: e.id)
def test_mutants_of_every_alternative_are_refused(exercise):
    figures, faults = judge_mutants_of_alternatives(exercise, SOLUTIONS)
    assert faults == []
    assert figures["generated"] >= len(alternatives_of(exercise, unit_folder(exercise, SOLUTIONS)))


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if isinstance(e, Exercise)], ids=lambda e: e.id)
def test_hidden_cases_keep_groups_and_sizes_of_the_task(exercise):
    groups = [[case.group for case in exercise.cases(np.random.default_rng(seed))] for seed in range(5)]
    assert all(group == groups[0] for group in groups)


def test_ids_and_names_are_unique():
    assert len({exercise.id for exercise in EXERCISES}) == len(EXERCISES)
    assert len({(exercise.unit, exercise.name) for exercise in EXERCISES}) == len(EXERCISES)
