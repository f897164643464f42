"""Every notebook of the course, run as released, solved, and as it is graded; what that took is reported at the end.

The book takes over what was run as released.
"""

from functools import lru_cache
from pathlib import Path

import pytest

from book.executed import KEPT, keep
from tests import reported
from tests.course.running import Run, read, run, solved, without_demonstrations
from tlkit.course.build import read_source
from tlkit.course.units import units

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = {notebook.stem: notebook for unit in units() for notebook in unit.notebooks}
STATES = ("released", "solved")
"""As learners have it; "graded" is the third: solved, without the cells that only demonstrate."""


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """(notebook's name, state) -> its Run; each is run once a session, when it is first asked for."""

    @lru_cache(maxsize=None)
    def of(name: str, state: str) -> Run:
        path = NOTEBOOKS[name]
        notebook = read(path)
        if state != "released":
            notebook = solved(notebook, read_source(PROJECT / "solutions" / path.parent.name / f"{name}.py"))
        if state == "graded":
            notebook = without_demonstrations(notebook)
        folder = tmp_path_factory.mktemp(f"{name}-{state}")
        done = run(notebook, folder)
        if state == "released":
            keep(PROJECT, path, done, folder, PROJECT / KEPT)
        reported.run_all[f"{name} {state}"] = {
            "seconds": round(done.seconds, 1),
            "peak_mb": round(done.peak_bytes / 1e6),
            "slowest_cell": done.slowest.cell.id,
            "slowest_cell_seconds": round(done.slowest.seconds, 1),
        }
        return done

    return of
