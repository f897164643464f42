"""Exercises that count nothing: their checks have no points in the gradebook, and say as much as the others."""

import pytest

from tests.course.conftest import NOTEBOOKS
from tests.course.running import outcome_of


def optional(run):
    return [cell for cell in run.cells if cell.cell.source.startswith("check(") and not cell.points]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_optional_exercises_are_open_as_released_and_right_once_solved(runs, name):
    released, solved = optional(runs(name, "released")), optional(runs(name, "solved"))
    assert [outcome_of(cell)[0] for cell in released] == ["not attempted"] * len(released)
    assert [outcome_of(cell)[0] for cell in solved] == ["right"] * len(released)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_grading_does_not_run_optional_checks(runs, name):
    assert optional(runs(name, "graded")) == []


@pytest.mark.parametrize(("name", "count"), [("02_heads_and_losses", 3), ("03_gradients", 4)])
def test_a_unit_has_as_many_of_them_as_it_announces(runs, name, count):
    assert len(optional(runs(name, "released"))) == count
