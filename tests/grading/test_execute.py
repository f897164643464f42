"""Cells that fail, never end, flood or take their kernel with them; each time the next cell must still run."""

import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4

from tlkit.grading.execute import execute
from tlkit.grading.kernel import Limits

SHORT = Limits(cell_seconds=2, grace_seconds=2, sent_bytes=2_000_000)


def run(folder: Path, *sources: str, limits: Limits = SHORT):
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    return notebook.cells, execute(notebook, folder, limits)


def value(cell) -> str | None:
    return next((o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"), None)


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_an_error_stops_its_own_cell_only(tmp_path):
    cells, remarks = run(tmp_path, "x = 1", "x = 2; 1 / 0", "x")
    assert value(cells[2]) == "2" and remarks == {}
    assert cells[1].outputs[0].ename == "ZeroDivisionError"


ENDLESS = {
    "while True: pass": "had not finished after 2 s and was stopped",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass": "could not be interrupted",
    "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt: pass": "could not be interrupted",
}


@pytest.mark.parametrize("source", ENDLESS)
def test_a_cell_without_end_is_stopped_and_the_next_one_runs(tmp_path, source):
    cells, remarks = run(tmp_path, "x = 1", source, "x + 1")
    assert ENDLESS[source] in remarks[1] and ENDLESS[source] in printed(cells[1])
    assert value(cells[2]) == "2"


@pytest.mark.parametrize("source", ["import os; os._exit(0)",
                                    pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
                                                 marks=pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL"))])
def test_after_a_killed_kernel_the_earlier_cells_are_there_again(tmp_path, source):
    cells, remarks = run(tmp_path, "print('once'); x = 1", source, "x + 1")
    assert "the kernel died" in remarks[1] and set(remarks) == {1}
    assert value(cells[2]) == "2" and printed(cells[0]) == "once\n"


def test_kernels_are_not_restarted_for_ever(tmp_path):
    limits = Limits(cell_seconds=2, grace_seconds=2, restarts=1)
    cells, remarks = run(tmp_path, *["import os; os._exit(0)"] * 4, "1", limits=limits)
    assert value(cells[4]) is None and "was not run" in remarks[2] and "was not run" in remarks[4]


FLOODS = {
    "in one go": "print('y' * 150_000_000)",
    "in many pieces": "for _ in range(3000): print('y' * 100_000)",
    "as results": "from IPython.display import display\nfor _ in range(300): display('y' * 1_000_000)",
    "as an error": "raise ValueError('y' * 30_000_000)",
}


@pytest.mark.parametrize("how", ["in one go", *(pytest.param(how, marks=pytest.mark.slow) for how in list(FLOODS)[1:])])
def test_a_flood_of_output_does_not_fill_the_memory(tmp_path, how):
    """Without a bound on what is read the same grows by hundreds of MB."""
    pytest.importorskip("resource")
    script = f"""
import resource, sys
from pathlib import Path
from tests.grading.test_execute import run, value, Limits
scale = 1024 if sys.platform == "linux" else 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
cells, remarks = run(Path({str(tmp_path)!r}), "x = 5", {FLOODS[how]!r}, "x",
                     limits=Limits(cell_seconds=20, grace_seconds=3, sent_bytes=2_000_000))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale - before
assert grown < 60_000_000, grown
assert 1 in remarks and "MB" in remarks[1], remarks
assert sum(len(str(output)) for output in cells[1].outputs) < 300_000
assert value(cells[2]) == "5", cells[2]
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_little_output_is_kept_whole(tmp_path):
    cells, remarks = run(tmp_path, "for i in range(1000): print(i)")
    assert printed(cells[0]) == "".join(f"{i}\n" for i in range(1000)) and remarks == {}


def test_a_result_behind_many_small_outputs_is_not_lost(tmp_path):
    cells, remarks = run(tmp_path, "from IPython.display import display\nfor i in range(5000): display(i)\n'last'", "6",
                         limits=Limits(cell_seconds=60))
    assert value(cells[0]) == "'last'" and value(cells[1]) == "6" and remarks == {}


def test_the_users_own_start_up_files_stay_out(tmp_path, monkeypatch):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("x = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells, _ = run(tmp_path, "'x' in globals()")
    assert value(cells[0]) == "False"
