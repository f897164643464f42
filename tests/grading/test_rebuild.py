"""What of a submission reaches the grader, without running anything."""

import nbformat
import pytest

from tests.grading.conftest import ANSWERS, STUBS, change
from tlkit.errors import TlkitError
from tlkit.grading.rebuild import rebuild
from tlkit.grading.submission import read_submission, released_notebook, submission_of


def rebuilt(notebook, released):
    submission = read_submission(notebook)
    original = nbformat.read(released_notebook(submission, "it", released), as_version=4)
    return *rebuild(original, submission), original


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_answers_are_taken_and_all_else_is_as_released(notebook, released):
    cells, notes, original = rebuilt(notebook, released)
    assert notes == []
    assert [cell.id for cell in cells.cells] == [cell.id for cell in original.cells]
    for cell, other in zip(cells.cells, original.cells):
        assert cell.source == ANSWERS.get(cell.id, other.source)
        assert cell.metadata == other.metadata
    nbformat.validate(cells)


def test_own_cells_keep_their_place_and_lose_their_tags(notebook, released):
    def edit(content, cells):
        own = {"cell_type": "code", "id": "mine", "source": "x = 1", "outputs": [], "execution_count": None,
               "metadata": {"tags": ["demo", "skip-execution"], "nbgrader": {"grade_id": "mine", "grade": True}}}
        content["cells"].insert(content["cells"].index(cells["01-paired_gain"]), own)

    change(notebook, edit)
    cells, _, _ = rebuilt(notebook, released)
    ids = [cell.id for cell in cells.cells]
    assert ids[ids.index("01-tuned_baseline-check") + 1] == "own-1"
    assert cells.cells[ids.index("own-1")].source == "x = 1" and cells.cells[ids.index("own-1")].metadata == {}
    nbformat.validate(cells)


@pytest.mark.parametrize("edit, said", [
    (lambda content, cells: cells["01-quiz-check"]["metadata"].update(tags=["skip-execution"]), "01-quiz-check has other tags or marks"),
    (lambda content, cells: cells["01-quiz"]["metadata"]["nbgrader"].update(locked=True), "01-quiz has other tags or marks"),
    (lambda content, cells: content.update(metadata=[]), "metadata of the notebook"),
    (lambda content, cells: cells["small-2"].update(metadata={"nbgrader": 5}), "of no form that a notebook has"),
])
def test_strange_metadata_is_told_and_not_used(notebook, released, edit, said):
    change(notebook, edit)
    cells, notes, original = rebuilt(notebook, released)
    assert len(notes) == 1 and said in notes[0]
    assert [cell.metadata for cell in cells.cells] == [cell.metadata for cell in original.cells]


def test_a_changed_set_up_runs_after_the_released_one(notebook, released):
    change(notebook, lambda content, cells: cells["small-2"].update(source="import math"))
    cells, _, original = rebuilt(notebook, released)
    assert [cell.source for cell in cells.cells[1:3]] == [original.cells[1].source, "import math"]


def test_a_changed_demonstration_is_told_and_not_run(notebook, released):
    change(notebook, lambda content, cells: cells["small-3"].update(source="import math"))
    cells, notes, original = rebuilt(notebook, released)
    assert len(cells.cells) == len(original.cells) and "only demonstrates" in notes[0]


@pytest.mark.parametrize("first, last, taken", [
    ("def f(): return 1", "def f(): return 2", "def f(): return 2"),
    ("def f(): return 1", STUBS["01-paired_gain"], "def f(): return 1"),
    ("def f(): return 1", "", "def f(): return 1"),
])
def test_of_two_answers_the_last_that_was_begun_counts(notebook, released, first, last, taken):
    def edit(content, cells):
        cells["01-paired_gain"]["source"] = first
        content["cells"].append(cells["01-paired_gain"] | {"id": "again", "source": last})

    change(notebook, edit)
    cells, _, _ = rebuilt(notebook, released)
    assert by_id(cells)["01-paired_gain"].source == taken


def test_a_notebook_whose_metadata_is_gone_is_known_by_its_cells(notebook, released):
    change(notebook, lambda content, cells: content.update(metadata={}))
    assert released_notebook(read_submission(notebook), "it", released).stem == "01_small"


def test_a_notebook_whose_cells_are_gone_is_known_by_its_metadata(notebook, released):
    change(notebook, lambda content, cells: content.update(cells=[]))
    assert released_notebook(read_submission(notebook), "it", released).stem == "01_small"
    with pytest.raises(TlkitError, match="it is no notebook of this course.*01_small"):
        released_notebook(submission_of({"cells": [], "metadata": {}}), "it", released)


@pytest.mark.parametrize("cells", [[None, 3, "x"], [{}], [{"metadata": []}], [{"metadata": {"nbgrader": 3}, "source": {}}],
                                   [{"metadata": {"nbgrader": {"grade_id": ["x"]}}, "cell_type": 4, "source": ["a", 1]}]])
def test_cells_of_any_shape_do_no_harm(notebook, released, cells):
    change(notebook, lambda content, _: content.update(cells=cells))
    nbformat.validate(rebuilt(notebook, released)[0])
