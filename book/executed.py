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
from tests.course.running import read, run
from tlkit.course.units import Unit
from tlkit.errors import TlkitError
from tlkit.files import write_text

AT_ONCE = 2
"""Kernels beside each other; each may take 1.3 GB."""

_FOUND_BY = ("TLKIT_DATA", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")
"""Where data and weights that are not embedded are looked for; the book is the same whether or not they are there."""

_HOME = "~/tlkit"
"""Stands for the folders in which notebooks were run."""


def executed(root: Path, units: Iterable[Unit], cache: Path) -> dict[Path, NotebookNode]:
    """Released notebook -> the same notebook with its outputs.

    Each is run in an empty folder, without a network and with embedded data alone.

    Args:
        root: the checkout.
        cache: where notebooks that were run are kept, each under a digest of all that its outputs depend on.
    Raises:
        TlkitError: a cell failed or warned.
    """
    library = _digest(root)
    kept = {path: cache / f"{path.stem}-{_short(library, path.read_bytes())}.ipynb" for unit in units for path in unit.notebooks}
    missing = [path for path, target in kept.items() if not target.exists()]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as empty, \
            ProcessPoolExecutor(AT_ONCE, get_context("spawn"), _only_what_is_embedded, (empty,)) as pool:
        for path, outcome in zip(missing, pool.map(_run, missing)):
            if isinstance(outcome, list):
                raise TlkitError(f"{path} does not run as it is released: {'; '.join(outcome)}")
            write_text(kept[path], nbformat.writes(outcome))
    for old in set(cache.glob("*.ipynb")) - set(kept.values()):
        old.unlink()
    return {path: read(target) for path, target in kept.items()}


def _run(path: Path) -> NotebookNode | list[str]:
    """The notebook with its outputs, or what is wrong with them."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as folder:
        cells = run(notebook, Path(folder)).cells
        said = json.dumps({ran.cell.id: ran.cell.outputs for ran in cells}, ensure_ascii=False)
    for place, name in ((sys.prefix, f"{_HOME}/.venv"), (folder, _HOME), (str(Path(tlkit.__file__).parents[1]), _HOME)):
        said = said.replace(place, name)
    wrong = [f"{ran.cell.id}: {text.strip()}" for ran in cells for text in (*ran.errors, *ran.warnings)]
    if wrong or cells[-1].callback_failures:
        return wrong + cells[-1].callback_failures
    outputs = {name: [nbformat.from_dict(output) for output in found] for name, found in json.loads(said).items()}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs[cell.id]
    return notebook


def _only_what_is_embedded(empty: str) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # kernels log here; what goes wrong in a notebook is in its outputs
    os.environ.update({name: empty for name in _FOUND_BY}, OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")


def _digest(root: Path) -> bytes:
    """Of everything but the notebook that its outputs depend on: the library, what runs notebooks, the packages, Python."""
    files = [path for path in (root / "tlkit").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files += [root / "requirements.lock", root / "tests" / "course" / "running.py", Path(__file__)]
    found = hashlib.sha256(sys.version.encode())
    for path in sorted(files):
        found.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.digest()


def _short(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
