"""Run a rebuilt notebook's cells in place, past cells that fail, never end or take their kernel with them."""

import copy
from pathlib import Path

from nbformat import NotebookNode, v4

from tlkit.grading.kernel import Limits, fresh_kernel
from tlkit.grading.rebuild import is_check, is_demo


def execute(notebook: NotebookNode, folder: Path, limits: Limits = Limits()) -> dict[int, str]:
    """Run every code cell but those that only demonstrate; each cell takes its outputs.

    After a cell that kills its kernel, or that cannot be interrupted, a new kernel runs what came before (but checks,
    which have had their say) without that cell, and goes on behind it.

    Args:
        folder: where the cells work.
    Returns:
        Cell's index -> what happened to it, for those that did not simply run.
    Raises:
        TlkitError: no kernel starts.
    """
    cells = notebook.cells
    due = [index for index, cell in enumerate(cells)
           if cell.cell_type == "code" and cell.source.strip() and not is_demo(cell)]
    remarks: dict[int, str] = {}
    deadly: set[int] = set()
    reached = 0  # how many of the due cells have had their turn
    while reached < len(due) and len(deadly) <= limits.restarts:
        with fresh_kernel(notebook, folder, limits) as client:
            for turn, index in enumerate(due):
                is_replay = turn < reached
                if index in deadly or (is_replay and is_check(cells[index])):
                    continue
                kept = cells[index]
                cell = copy.deepcopy(kept) if is_replay else kept
                goes_on, remark = client.run(cell, index)
                cells[index] = kept if is_replay else cell
                reached = max(reached, turn + 1)
                if not goes_on:
                    deadly.add(index)
                    remark += "; the rest of the notebook was run without it"
                if remark:
                    remarks.setdefault(index, remark)
                if not goes_on:
                    break
    for index in due[reached:]:
        remarks[index] = f"this cell was not run, since {limits.restarts + 1} cells before it had taken their kernel along"
    for index, remark in remarks.items():
        cells[index].outputs.append(v4.new_output("stream", name="stderr", text=f"tlkit: {remark}\n"))
    return remarks
