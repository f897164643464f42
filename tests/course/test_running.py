"""The tools by which notebooks are judged must see what is wrong with one."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.course.running import RanCell, outcome_of, run, solved

GRADED = {"nbgrader": {"grade_id": "a", "grade": False, "solution": True}}


def test_a_run_sees_errors_warnings_figures_imports_memory_and_the_network(tmp_path):
    cells = run(new_notebook(cells=[
        new_code_cell("held = bytearray(300_000_000); del held"),
        new_code_cell("import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"),
        new_code_cell("import urllib.request; urllib.request.urlopen('http://example.invalid/')"),
        new_code_cell("from IPython.display import HTML; HTML('<img alt=\"a dot\" src=\"data:,\">')"),
        new_code_cell("import sys, warnings; sys.modules['torch'] = None; warnings.warn('careful')"),
        new_markdown_cell("no code"),
        new_code_cell("server = socket.create_server(('localhost', 0)); "
                      "socket.create_connection(server.getsockname()).close()"),
    ]), tmp_path).cells
    assert [bool(cell.errors) for cell in cells] == [False, True, True, False, False, False]
    assert "no network here" in cells[1].errors[0] and "no network here" in cells[2].errors[0]
    assert cells[0].peak_bytes > 300e6
    assert [cell.shows_a_figure for cell in cells] == [False, False, False, True, False, False]
    assert [cell.torch_is_imported for cell in cells] == [False] * 4 + [True] * 2
    assert "careful" in cells[4].warnings[0]


def test_answers_go_into_the_cells_that_are_due_and_nowhere_else():
    released = new_notebook(cells=[new_code_cell("x = ...", metadata=GRADED), new_code_cell("check(x)")])
    source = new_notebook(cells=[new_code_cell("x = 1", metadata=GRADED), new_code_cell("not looked at")])
    assert [cell.source for cell in solved(released, source).cells] == ["x = 1", "check(x)"]
    assert released.cells[0].source == "x = ..."
    with pytest.raises(ValueError, match=r"no cell for the answers \['a'\]"):
        solved(new_notebook(cells=[]), source)


def test_a_check_that_says_nothing_is_no_verdict():
    silent = RanCell(new_code_cell("check('01.sample')"), 0, False, 1, [])
    with pytest.raises(ValueError, match="showed no verdict"):
        outcome_of(silent)
