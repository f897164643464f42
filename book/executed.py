"""Notebooks run as they are released, and kept until they, the library or a package changes."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import tlkit
from tests.course.running import Run, read, run
from tlkit.course.units import Unit
from tlkit.errors import TlkitError
from tlkit.files import write_text

AT_ONCE = 2
"""Kernels beside each other; each may take 1.3 GB."""

KEPT = Path("build/book/executed")
"""Where in the checkout notebooks are kept that were run, each under a digest of all that its outputs depend on."""

_HOME = "~/tlkit"
"""Stands for the folders in which notebooks were run."""


def executed(root: Path, units: Iterable[Unit], cache: Path) -> dict[Path, NotebookNode]:
    """Released notebook -> the same notebook with its outputs.

    Each is run in an empty folder, without a network and with embedded data alone.

    Args:
        root: the checkout.
        cache: where notebooks that were run are kept, and looked for.
    Raises:
        TlkitError: a cell failed or warned.
    """
    kept = {path: cache / _kept_as(root, path) for unit in units for path in unit.notebooks}
    missing = [path for path, target in kept.items() if not target.exists()]
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(AT_ONCE, get_context("spawn"), _say_nothing) as pool:
        for path, outcome in zip(missing, pool.map(_run, missing)):
            if isinstance(outcome, list):
                raise TlkitError(f"{path} does not run as it is released: {'; '.join(outcome)}")
            write_text(kept[path], nbformat.writes(outcome))
    for old in set(cache.glob("*.ipynb")) - set(kept.values()):
        old.unlink()
    return {path: read(target) for path, target in kept.items()}


def keep(root: Path, path: Path, done: Run, folder: Path, cache: Path) -> None:
    """Take over what somebody else ran, so that the book need not run it again; what went wrong is not kept.

    Args:
        root: the checkout.
        path: the released notebook.
        done: what `tests.course.running.run` gave for it.
        folder: where it was run.
        cache: as for `executed`.
    """
    outcome = _with_outputs(path, done, folder)
    if not isinstance(outcome, list):
        cache.mkdir(parents=True, exist_ok=True)
        write_text(cache / _kept_as(root, path), nbformat.writes(outcome))


def _run(path: Path) -> NotebookNode | list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return _with_outputs(path, run(read(path), Path(folder)), Path(folder))


def _with_outputs(path: Path, done: Run, folder: Path) -> NotebookNode | list[str]:
    """The notebook with its outputs, or what is wrong with them."""
    wrong = [f"{ran.cell.id}: {text.strip()}" for ran in done.cells for text in (*ran.errors, *ran.warnings)]
    if wrong or done.cells[-1].callback_failures:
        return wrong + done.cells[-1].callback_failures
    said = json.dumps({ran.cell.id: ran.cell.outputs for ran in done.cells}, ensure_ascii=False)
    for place, name in ((sys.prefix, f"{_HOME}/.venv"), (str(folder), _HOME), (str(Path(tlkit.__file__).parents[1]), _HOME)):
        said = said.replace(place, name)
    outputs = {name: [nbformat.from_dict(output) for output in found] for name, found in json.loads(said).items()}
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs[cell.id]
    return notebook


def _say_nothing() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # kernels log here; what goes wrong in a notebook is in its outputs


def _kept_as(root: Path, path: Path) -> str:
    """A name that changes with the notebook and with all else that its outputs depend on: library, packages, Python, how it is run."""
    files = [found for found in (root / "tlkit").rglob("*") if found.is_file() and "__pycache__" not in found.parts]
    files += [root / "requirements.lock", root / "tests" / "course" / "running.py", Path(__file__)]
    digest = hashlib.sha256(sys.version.encode() + path.read_bytes())
    for found in sorted(files):
        digest.update(f"\0{found.relative_to(root)}\0".encode() + hashlib.sha256(found.read_bytes()).digest())
    return f"{path.stem}-{digest.hexdigest()[:16]}.ipynb"
