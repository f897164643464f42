"""Run a notebook as a learner does, and look at its kernel after every cell.

After each code cell a probe runs that the reader never sees: it says what the kernel has imported and how much
memory it has held. A first probe cuts the kernel off from the network, and data and weights are the embedded ones,
whatever else the machine has.
"""

import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

# An audit hook cannot be taken off again, and forked workers inherit it.
_CUT_OFF = """
def _cut_off(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise OSError(f"no network here: {event} {host}")

import sys
sys.addaudithook(_cut_off)
del sys
"""

# VmHWM, not getrusage: the latter begins with what the process that started the kernel had held.
_PROBE = """
import json, pathlib, sys
_status, _figures = pathlib.Path("/proc/self/status"), sys.modules.get("tlkit.explore.figures")
print(json.dumps({
    "torch": "torch" in sys.modules,
    "peak_kib": int(_status.read_text().split("VmHWM:")[1].split()[0]) if _status.exists() else 0,
    "failures": _figures.failures if _figures else [],
}))
"""


_FOUND_BY = ("TLKIT_DATA", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")
"""Where data and weights that are not embedded are looked for."""


@dataclass(frozen=True)
class RanCell:
    """A code cell after it ran, and the state in which it left the kernel."""

    cell: NotebookNode
    seconds: float
    torch_is_imported: bool
    peak_bytes: int
    callback_failures: list[str]

    @property
    def errors(self) -> list[str]:
        return [f"{o.ename}: {o.evalue}" for o in self.cell.outputs if o.output_type == "error"]

    @property
    def warnings(self) -> list[str]:
        return [o.text for o in self.cell.outputs if o.output_type == "stream" and o.name == "stderr"]

    @property
    def text(self) -> str:
        """Everything that the cell showed, as plain text."""
        return "\n".join(o.text if o.output_type == "stream" else o.get("data", {}).get("text/plain", "")
                         for o in self.cell.outputs)

    @property
    def shows_a_figure(self) -> bool:
        return any("image/png" in o.get("data", {}) or "<img " in o.get("data", {}).get("text/html", "")
                   for o in self.cell.outputs)

    @property
    def points(self) -> float:
        """What nbgrader gives for the cell at most; 0 for a cell that is not graded."""
        nbgrader = self.cell.metadata.get("nbgrader", {})
        return nbgrader["points"] if nbgrader.get("grade") else 0


@dataclass(frozen=True)
class Run:
    """All code cells of a notebook after Run All."""

    cells: list[RanCell]

    @property
    def seconds(self) -> float:
        """From the start of the first cell to the end of the last, without the start of the kernel."""
        return sum(cell.seconds for cell in self.cells)

    @property
    def peak_bytes(self) -> int:
        return max(cell.peak_bytes for cell in self.cells)

    @property
    def slowest(self) -> RanCell:
        return max(self.cells, key=lambda cell: cell.seconds)

    @property
    def checks(self) -> list[RanCell]:
        return [cell for cell in self.cells if cell.points]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def solved(released: NotebookNode, source: NotebookNode) -> NotebookNode:
    """The released notebook with the answers of its source put into the cells that are due."""
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells
               if cell.metadata.get("nbgrader", {}).get("solution")}
    notebook = NotebookNode(released)
    notebook.cells = [NotebookNode(cell) for cell in released.cells]
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers.pop(cell.metadata.nbgrader.grade_id)
    if answers:
        raise ValueError(f"the released notebook has no cell for the answers {sorted(answers)}")
    return notebook


def without_demonstrations(notebook: NotebookNode) -> NotebookNode:
    """What grading and Validate run of a notebook: not the cells that only demonstrate."""
    rest = NotebookNode(notebook)
    rest.cells = [cell for cell in notebook.cells if "demo" not in cell.metadata.get("tags", [])]
    return rest


def run(notebook: NotebookNode, folder: Path, timeout: int = 300) -> Run:
    """Run every cell of a copy of the notebook, in `folder` and in order, whatever fails on the way."""
    code = [NotebookNode(cell) for cell in notebook.cells if cell.cell_type == "code"]
    probed = nbformat.v4.new_notebook(metadata=notebook.metadata, cells=[new_code_cell(_CUT_OFF), new_code_cell(_PROBE)])
    for cell in code:
        probed.cells += [cell, new_code_cell(_PROBE)]
    started, seconds = {}, {}
    client = NotebookClient(
        probed, timeout=timeout, allow_errors=True, resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell, cell_index: started.update({cell_index: time.perf_counter()}),
        on_cell_executed=lambda cell, cell_index, execute_reply: seconds.update(
            {cell_index: time.perf_counter() - started[cell_index]}),
    )
    with tempfile.TemporaryDirectory() as empty:
        client.execute(env=os.environ | dict.fromkeys(_FOUND_BY, empty) | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"})
    assert not probed.cells[0].outputs, probed.cells[0].outputs
    ran = []
    for index in range(2, len(probed.cells), 2):
        state = json.loads(probed.cells[index + 1].outputs[0].text)
        ran.append(RanCell(probed.cells[index], seconds[index], state["torch"], state["peak_kib"] * 1024,
                           state["failures"]))
    return Run(ran)


def outcome_of(check: RanCell) -> tuple[str, float, float]:
    """What a check said: outcome, points and the most that there are."""
    said = re.search(r"\): (not attempted|not yet|right), ([\d.]+) of ([\d.]+) points", check.text)
    if said is None:
        raise ValueError(f"{check.cell.id} showed no verdict, but {check.text!r}")
    return said[1], float(said[2]), float(said[3])
