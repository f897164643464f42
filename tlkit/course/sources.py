"""Is a unit's source sound? Faults are found before nbgrader sees them, with the file, the line and what is due."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from tlkit.course.units import CHECK
from tlkit.errors import TlkitError

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
_FLAGS = ("grade", "solution", "locked")


def check_source(path: Path, notebook: NotebookNode, expected_points: Callable[[str], float] | None = None) -> None:
    """Check a unit's notebook as jupytext read it.

    Raises:
        TlkitError: Python that does not parse, metadata that jupytext could not read, an open solution region, a
            grade_id twice, a graded cell that is not one `check("id")` on its own grade_id, or points that are not
            those of the exercise's record.
    """
    text, seen = path.read_text(encoding="utf-8"), {}
    if not notebook.cells:
        raise TlkitError(f"{path} has no cells: each begins with a line `# %%` or `# %% [markdown]`")
    for cell in notebook.cells:
        where = f"{path}, line {_line_of(cell, text)}"
        if "incorrectly_encoded_metadata" in cell.metadata:
            raise TlkitError(f"{where}: the cell's metadata is not key=JSON: "
                             f"{cell.metadata['incorrectly_encoded_metadata']}")
        _check_regions(where, cell)
        if cell.cell_type == "code":
            _check_python(path, text, cell)
        if "nbgrader" not in cell.metadata:
            continue
        _check_nbgrader(where, cell)
        nbgrader = cell.metadata["nbgrader"]
        grade_id = nbgrader["grade_id"]
        if grade_id in seen:
            raise TlkitError(f"{where}: the grade_id {grade_id!r} is taken by the cell in {seen[grade_id]}")
        seen[grade_id] = where.rsplit(", ", 1)[-1]
        if nbgrader["grade"] and not nbgrader["solution"]:
            _check_graded(where, cell, expected_points)
    _check_pairs(path, notebook)


def _check_nbgrader(where: str, cell: NotebookNode) -> None:
    nbgrader = cell.metadata["nbgrader"]
    missing = [key for key in ("grade_id", "schema_version", *_FLAGS) if key not in nbgrader]
    if missing:
        raise TlkitError(f"{where}: the nbgrader metadata lacks {', '.join(missing)}")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(nbgrader["grade_id"])):
        raise TlkitError(f"{where}: the grade_id {nbgrader['grade_id']!r} should be 1 to 64 letters, digits, - and _")
    if nbgrader["grade"] and "points" not in nbgrader:
        raise TlkitError(f"{where}: the graded cell {nbgrader['grade_id']!r} has no points")
    if nbgrader["solution"] and cell.cell_type == "code" and _BEGIN not in cell.source:
        raise TlkitError(f"{where}: the answer {nbgrader['grade_id']!r} has no {_BEGIN} and {_END}")


def _check_regions(where: str, cell: NotebookNode) -> None:
    is_open = False
    for line in cell.source.splitlines():
        if "BEGIN SOLUTION" in line:
            if is_open:
                raise TlkitError(f"{where}: a second {_BEGIN} before {_END}")
            is_open = True
        elif "END SOLUTION" in line:
            if not is_open:
                raise TlkitError(f"{where}: {_END} without {_BEGIN}")
            is_open = False
    if is_open:
        raise TlkitError(f"{where}: {_BEGIN} without {_END}")
    if "BEGIN SOLUTION" in cell.source and not cell.metadata.get("nbgrader", {}).get("solution"):
        raise TlkitError(f'{where}: a solution region in a cell whose nbgrader metadata does not say "solution": true')


def _check_python(path: Path, text: str, cell: NotebookNode) -> None:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        compile(TransformerManager().transform_cell(cell.source), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        line = _line_of(cell, text) + (error.lineno or 1) - 1
        raise TlkitError(f"{path}, line {line}: not Python: {error.msg}") from error


def _check_graded(where: str, cell: NotebookNode, expected_points: Callable[[str], float] | None) -> None:
    match, nbgrader = CHECK.fullmatch(cell.source.strip()), cell.metadata["nbgrader"]
    if not match:
        raise TlkitError(f'{where}: a graded cell holds one check("id") and nothing else, not '
                         f"{' '.join(cell.source.split())[:60]!r}")
    exercise_id = match.group(2)
    due = exercise_id.replace(".", "-") + "-check"
    if nbgrader["grade_id"] != due:
        raise TlkitError(f"{where}: the grade_id of check({exercise_id!r}) should be {due!r}, "
                         f"not {nbgrader['grade_id']!r}")
    if not nbgrader["locked"]:
        raise TlkitError(f"{where}: the graded cell {due!r} should be locked")
    if expected_points and float(nbgrader["points"]) != float(expected_points(exercise_id)):
        raise TlkitError(f"{where}: {nbgrader['points']:g} points for {exercise_id}, and its record says "
                         f"{expected_points(exercise_id):g}")


def _check_pairs(path: Path, notebook: NotebookNode) -> None:
    """Each check has its answer's cell above it."""
    above = set()
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        grade_id = nbgrader.get("grade_id", "")
        answer = grade_id.removesuffix("-check")
        if nbgrader.get("grade") and not nbgrader.get("solution") and answer not in above:
            raise TlkitError(f"{path}: no answer's cell with grade_id {answer!r} above {grade_id!r}")
        above.add(grade_id)


def _line_of(cell: NotebookNode, text: str) -> int:
    """The line of the source where a cell's content begins; 1 where it cannot be told."""
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    if cell.cell_type != "code":
        first = f"# {first}"
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    start = max(text.find(f'"{grade_id}"'), 0) if grade_id else 0
    at = text.find(cell.source, start) if cell.cell_type == "code" and cell.source else -1
    at = at if at >= 0 else text.find(first, start)
    return text.count("\n", 0, max(at, 0)) + 1
