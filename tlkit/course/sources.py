"""Is a unit's source sound? Faults are found before nbgrader sees them, with the file, the cell and what is due."""

import re
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from tlkit.errors import TlkitError

_CHECK = re.compile(r"check\(\s*(['\"])([\w.]+)\1\s*\)")


def check_source(path: Path, notebook: NotebookNode, expected_points: Callable[[str], float] | None = None) -> None:
    """Check a unit's notebook as jupytext read it.

    Raises:
        TlkitError: an open solution region, a grade_id twice, a graded cell that is not one `check("id")`, or
            points that are not those of the exercise's record.
    """
    seen: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{path.name}, cell {number}"
        _check_regions(where, cell)
        nbgrader = cell.metadata.get("nbgrader", {})
        grade_id = nbgrader.get("grade_id")
        if not grade_id:
            continue
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", grade_id):
            raise TlkitError(f"{where}: the grade_id {grade_id!r} may have letters, digits, - and _ only, at most 64")
        if grade_id in seen:
            raise TlkitError(f"{where}: the grade_id {grade_id!r} stands in cell {seen[grade_id]} already")
        seen[grade_id] = number
        if nbgrader.get("grade") and not nbgrader.get("solution"):
            _check_graded(where, cell, expected_points)
        if nbgrader.get("solution") and cell.cell_type == "code" and "### BEGIN SOLUTION" not in cell.source:
            raise TlkitError(f"{where}: the answer {grade_id!r} has no ### BEGIN SOLUTION and ### END SOLUTION")


def _check_regions(where: str, cell: NotebookNode) -> None:
    is_open = False
    for line in cell.source.splitlines():
        if "### BEGIN SOLUTION" in line:
            if is_open:
                raise TlkitError(f"{where}: a second ### BEGIN SOLUTION before ### END SOLUTION")
            is_open = True
        if "### END SOLUTION" in line:
            if not is_open:
                raise TlkitError(f"{where}: ### END SOLUTION without ### BEGIN SOLUTION")
            is_open = False
    if is_open:
        raise TlkitError(f"{where}: ### BEGIN SOLUTION without ### END SOLUTION")
    if "### BEGIN SOLUTION" in cell.source and not cell.metadata.get("nbgrader", {}).get("solution"):
        raise TlkitError(f"{where}: a solution region in a cell that nbgrader does not know as a solution would be released")


def _check_graded(where: str, cell: NotebookNode, expected_points: Callable[[str], float] | None) -> None:
    match = _CHECK.fullmatch(cell.source.strip())
    if not match:
        raise TlkitError(f'{where}: a graded cell holds one check("id") and nothing else, and this one holds '
                         f"{cell.source.strip()[:60]!r}")
    nbgrader, exercise_id = cell.metadata["nbgrader"], match.group(2)
    if not nbgrader.get("locked"):
        raise TlkitError(f"{where}: the graded cell of {exercise_id} must be locked")
    if expected_points and float(nbgrader["points"]) != float(expected_points(exercise_id)):
        raise TlkitError(f"{where}: {nbgrader['points']:g} points for {exercise_id}, and its record says "
                         f"{expected_points(exercise_id):g}")
