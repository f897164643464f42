"""Where answers of which it is known what they deserve are kept: the units' sources and their alternatives."""

import contextlib
import importlib.util
import io
import linecache
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tlkit.errors import TlkitError
from tlkit.exercises.record import Exercise, Quiz


def alternatives_of(exercise: Exercise, unit: Path) -> list[Callable]:
    """The right answers written other ways that stand in the unit's alternatives.py."""
    path = unit / "alternatives.py"
    return list(_load(path).ALTERNATIVES.get(exercise.id, ())) if path.exists() else []


def equivalent_mutants_of(exercise: Exercise, unit: Path) -> dict[str, str]:
    """Mutants of the alternatives that are right too, each with its reason, from the unit's alternatives.py."""
    path = unit / "alternatives.py"
    return dict(getattr(_load(path), "EQUIVALENT_MUTANTS", {}).get(exercise.id, {})) if path.exists() else {}


def unit_folder(exercise: Exercise | Quiz, solutions: Path) -> Path:
    """The folder of an exercise's unit below solutions/."""
    found = sorted(Path(solutions).glob(f"{exercise.unit}_*"))
    if not found:
        raise TlkitError(f"no folder {solutions}/{exercise.unit}_* with the solutions of {exercise.id}; "
                         "`tlkit verify` runs in a checkout of the project")
    return found[0]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tlkit_alternatives_{path.parent.name}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where the source of its classes is looked up
    spec.loader.exec_module(module)
    return module


_REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION", re.MULTILINE | re.DOTALL)


def answer_cells(exercise: Exercise | Quiz, unit: Path) -> list[str]:
    """The sources of the code cells that grading runs, from the top to this exercise's answer."""
    import jupytext

    own = exercise.id.replace(".", "-")
    for path in sorted(unit.glob(f"{exercise.unit}*.py")):
        cells = []
        for cell in jupytext.read(path).cells:
            nbgrader = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "code" and not nbgrader.get("grade") and "demo" not in cell.metadata.get("tags", []):
                cells.append(cell.source)
            if nbgrader.get("grade_id") == own:
                return cells
    raise TlkitError(f"{exercise.id}: no cell with grade_id {own!r} in {unit}")


def run_cells(exercise: Exercise | Quiz, cells: list[str], keep_solution: bool) -> dict[str, Any]:
    """What the cells define, run as a kernel would, with or without what stands in the solution regions."""
    namespace: dict = {"__name__": "__main__"}
    for number, source in enumerate(cells):
        source = source if keep_solution else _REGION.sub(r"\1...", source)
        filename = f"<{exercise.id}, cell {number}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, filename, "exec"), namespace)
    return namespace
