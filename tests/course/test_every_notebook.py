"""Claims about every notebook of the course, as released and once solved."""

import sys

import pytest

from tests.course.conftest import NOTEBOOKS, STATES
from tests.course.running import outcome_of, read

PEAK_BYTES = 1.3e9

every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)
in_every_state = pytest.mark.parametrize("state", STATES)


@every_notebook
def test_a_released_notebook_was_never_run_and_every_cell_has_an_id(name):
    cells = read(NOTEBOOKS[name]).cells
    ids = [cell.get("id") for cell in cells]
    assert all(ids) and len(set(ids)) == len(ids)
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []


@in_every_state
@every_notebook
def test_a_notebook_runs_from_top_to_bottom(runs, name, state):
    cells = runs(name, state).cells
    assert {cell.cell.id: cell.errors for cell in cells if cell.errors} == {}
    assert {cell.cell.id: cell.warnings for cell in cells if cell.warnings} == {}
    assert cells[-1].callback_failures == []


@every_notebook
def test_exercises_as_released_are_not_attempted_and_earn_nothing(runs, name):
    checks = runs(name, "released").checks
    assert checks
    assert {cell.cell.id: outcome_of(cell) for cell in checks} == {
        cell.cell.id: ("not attempted", 0, cell.points) for cell in checks}


@every_notebook
def test_exercises_once_solved_are_right_and_earn_every_point(runs, name):
    checks = runs(name, "solved").checks
    assert checks
    assert {cell.cell.id: outcome_of(cell) for cell in checks} == {
        cell.cell.id: ("right", cell.points, cell.points) for cell in checks}


@in_every_state
@every_notebook
def test_no_check_remarks_on_the_session_of_somebody_who_only_ran_the_cells(runs, name, state):
    assert [cell.cell.id for cell in runs(name, state).checks if "was replaced" in cell.text] == []


@every_notebook
def test_no_answer_needs_a_cell_that_only_demonstrates(runs, name):
    graded = runs(name, "graded")
    assert len(graded.cells) < len(runs(name, "solved").cells)
    assert {cell.cell.id: cell.errors for cell in graded.cells if cell.errors} == {}
    assert [cell.cell.id for cell in graded.checks if outcome_of(cell)[0] != "right"] == []


@every_notebook
def test_the_first_figure_is_on_screen_before_torch_is_imported(runs, name):
    figures = [cell for cell in runs(name, "released").cells if cell.shows_a_figure]
    assert figures, "a unit begins with a figure"
    assert not figures[0].torch_is_imported, f"torch was imported before the figure of cell {figures[0].cell.id}"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's peak memory is read from /proc")
@in_every_state
@every_notebook
def test_a_notebook_stays_within_its_memory(runs, name, state):
    assert runs(name, state).peak_bytes > 0
    above = [f"{cell.cell.id} ({cell.peak_bytes / 1e6:.0f} MB)" for cell in runs(name, state).cells
             if cell.peak_bytes > PEAK_BYTES]
    assert above[:1] == [], "the first cell by whose end the kernel had held too much"


def optional(run):
    """Checks that count nothing: they have no points in the gradebook, and say as much as the others."""
    return [cell for cell in run.cells if cell.cell.source.startswith("check(") and not cell.points]


@every_notebook
def test_optional_exercises_are_open_as_released_and_right_once_solved(runs, name):
    released, solved = optional(runs(name, "released")), optional(runs(name, "solved"))
    assert [outcome_of(cell)[0] for cell in released] == ["not attempted"] * len(released)
    assert [outcome_of(cell)[0] for cell in solved] == ["right"] * len(released)


@every_notebook
def test_grading_does_not_run_optional_checks(runs, name):
    assert optional(runs(name, "graded")) == []


@pytest.mark.parametrize(("name", "count"), [("02_heads_and_losses", 3), ("03_gradients", 4)])
def test_a_unit_has_as_many_of_them_as_it_announces(runs, name, count):
    assert len(optional(runs(name, "released"))) == count
