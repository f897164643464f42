"""From `solutions/` to `course/`: each unit's py:percent source becomes the notebook that learners open.

    solutions/NN_name/NN*.py  --jupytext-->  solutions/NN_name/NN*.ipynb  --nbgrader-->  course/NN_name/NN*.ipynb

The middle one is what an instructor may edit in JupyterLab; git does not keep it.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from tlkit.course.sources import check_source
from tlkit.errors import TlkitError

IGNORED = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", "*.py", "*.toml"]
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def build(root: Path, name: str | None = None, expected_points: Callable[[str], float] | None = None) -> list[Path]:
    """Build one unit, or all, into `root/course`; returns the notebooks that were written.

    Args:
        root: the checkout: it holds `solutions/` and `course/`.
        name: a unit's number or folder; None builds all, and removes units whose source is gone.
        expected_points: exercise id -> points, to compare the cells' points with; None compares nothing.
    Raises:
        TlkitError: a source that cannot be built, with file, cell and reason.
    """
    written = []
    chosen = source_folders(root, name)
    for folder in chosen:
        write_source_notebooks(folder, expected_points)
        with tempfile.TemporaryDirectory() as scratch:
            release = _generate(folder, Path(scratch))
            written += _replace(release, root / "course" / folder.name)
    if name is None:
        for stale in _released_names(root) - {folder.name for folder in chosen}:
            shutil.rmtree(root / "course" / stale)
    return written


def differences(root: Path, expected_points: Callable[[str], float] | None = None) -> list[str]:
    """What stands in `root/course` that a fresh build would not put there, and every answer that leaked into it."""
    faults = []
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        shutil.copytree(root / "solutions", fresh / "solutions", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
        build(fresh, None, expected_points)
        due, here = (_files_below(place / "course") for place in (fresh, root))
        faults += [f"course/{path} is missing; run `tlkit build`" for path in sorted(due - here)]
        faults += [f"course/{path} has no source in solutions/; run `tlkit build`" for path in sorted(here - due)]
        for path in sorted(due & here):
            if (fresh / "course" / path).read_bytes() != (root / "course" / path).read_bytes():
                faults.append(f"course/{path} is not what its source gives; run `tlkit build`")
    return faults + leaks(root)


def source_folders(root: Path, name: str | None = None) -> list[Path]:
    """The folders of `root/solutions` that are units; one of them where a name is given."""
    folders = [path for path in sorted((root / "solutions").glob("[0-9][0-9]_*")) if sources_of(path)]
    if not folders:
        raise TlkitError(f"{root} holds no solutions/NN_name folder; run this in a checkout of the project")
    if name is None:
        return folders
    for folder in folders:
        if name.strip("/") in (folder.name, folder.name[:2], f"solutions/{folder.name}"):
            return [folder]
    raise TlkitError(f"there is no unit {name!r}; units here: {', '.join(folder.name for folder in folders)}")


def sources_of(folder: Path) -> list[Path]:
    """The py:percent sources of a unit, one a notebook; other modules beside them are not notebooks."""
    return sorted(folder.glob(f"{folder.name[:2]}*.py"))


def release_id(folder: Path) -> str:
    """12 hex digits of the sha256 of the unit's sources, whatever the line ends of the system."""
    digest = hashlib.sha256()
    for path in sources_of(folder):
        digest.update(path.name.encode() + b"\0" + path.read_text(encoding="utf-8").encode() + b"\0")
    return digest.hexdigest()[:12]


def write_source_notebooks(folder: Path, expected_points: Callable[[str], float] | None = None) -> None:
    """Write each source's notebook beside it, with ids, and metadata that do not depend on the machine."""
    for path in sources_of(folder):
        try:
            notebook = jupytext.read(path, fmt="py:percent")
        except Exception as error:
            raise TlkitError(f"{path} cannot be read as py:percent: {error}") from error
        check_source(path, notebook, expected_points)
        _set_cell_ids(notebook)
        for cell in notebook.cells:
            cell.metadata.pop("lines_to_next_cell", None)
        notebook.metadata = NotebookNode(
            kernelspec=_KERNELSPEC,
            language_info={"name": "python"},
            tlkit={"unit": folder.name, "release": release_id(folder)},
        )
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        _write(notebook, path.with_suffix(".ipynb"))


def leaks(root: Path) -> list[str]:
    """Lines of solutions or alternatives that can be read in `root/course`."""
    faults = []
    released = {path: path.read_text(encoding="utf-8") for path in sorted((root / "course").rglob("*")) if path.is_file()}
    for folder in source_folders(root):
        for line in sorted(answer_lines(folder)):
            escaped = line.replace("\\", "\\\\").replace('"', '\\"')
            for path, text in released.items():
                if re.search(rf'(?m)^\s*"?\s*{re.escape(escaped)}(\\n)?"?,?\s*$', text):
                    faults.append(f"{path.relative_to(root)} holds a line of an answer: {line}")
    return faults


def answer_lines(folder: Path) -> set[str]:
    """Lines that stand in a unit's solution regions, or in its alternatives, and nowhere outside of them.

    Lines that say nothing, such as `else:` or a bracket, do not count.
    """
    inside, outside = set(), set()
    for path in sources_of(folder):
        within = False
        for line in path.read_text(encoding="utf-8").splitlines():
            line = line.strip()
            if "### BEGIN SOLUTION" in line or "### END SOLUTION" in line:
                within = "BEGIN" in line
                continue
            (inside if within else outside).add(line)
    alternatives = folder / "alternatives.py"
    if alternatives.exists():
        lines = alternatives.read_text(encoding="utf-8").splitlines()
        inside |= {line.strip() for line in lines if not line.startswith(("import", "from"))}
    return {line for line in inside - outside if re.search(r"\w.*\W.*\w.*\W", line) and len(line) > 8}


def _set_cell_ids(notebook: NotebookNode) -> None:
    """An id that stays: the grade_id, else the section's name and the cell's number within it."""
    section, number = "start", 0
    for cell in notebook.cells:
        heading = re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            section, number = re.sub(r"[^a-z0-9]+", "-", heading.group(1).lower()).strip("-")[:48], 0
        number += 1
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell["id"] = re.sub(r"[^a-zA-Z0-9_-]", "-", grade_id)[:64] if grade_id else f"{section}-{number}"
    ids = [cell["id"] for cell in notebook.cells]
    for index, cell in enumerate(notebook.cells):
        if ids.count(cell["id"]) > 1:
            cell["id"] = f"{cell['id'][:56]}-{ids[:index].count(ids[index]) + 1}-again"


def _generate(folder: Path, scratch: Path) -> Path:
    """Run nbgrader's own generate_assignment in a scratch course; its gradebook is thrown away."""
    source = scratch / "solutions" / folder.name
    shutil.copytree(folder, source, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    for notebook in source.glob("*.ipynb"):
        if not notebook.with_suffix(".py").exists():
            notebook.unlink()
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(scratch)
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "course"
    config.CourseDirectory.db_url = f"sqlite:///{scratch / 'gradebook.db'}"
    config.CourseDirectory.ignore = IGNORED
    config.ClearSolutions.code_stub = {"python": "..."}
    with _scripts_on_path():
        from nbgrader.apps import NbGraderAPI

        api = NbGraderAPI(config=config)
        api.log.setLevel("ERROR")
        result = api.generate_assignment(folder.name, force=True, create=True)
    if not result["success"]:
        reason = result.get("error") or result.get("log") or "no reason given"
        raise TlkitError(f"nbgrader could not build {folder.name}: {reason.strip().splitlines()[-1]}")
    return scratch / "course" / folder.name


def _replace(release: Path, destination: Path) -> list[Path]:
    """Put a generated release in place of what is there, file by file, and remove what it no longer has."""
    written = []
    for path in sorted(_files_below(release)):
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".ipynb":
            _write(nbformat.read(release / path, as_version=4), target)
        else:
            shutil.copyfile(release / path, target)
        written.append(target)
    for stale in _files_below(destination) - _files_below(release):
        (destination / stale).unlink()
    return written


def _write(notebook: NotebookNode, path: Path) -> None:
    nbformat.validate(notebook)
    aside = path.with_name(path.name + ".part")
    nbformat.write(notebook, aside)
    os.replace(aside, path)


def _files_below(folder: Path) -> set[Path]:
    hidden = (".gitkeep", ".ipynb_checkpoints")
    return {
        path.relative_to(folder) for path in folder.rglob("*")
        if path.is_file() and not any(part in hidden for part in path.parts)
    }


def _released_names(root: Path) -> set[str]:
    return {path.name for path in (root / "course").glob("[0-9][0-9]_*")}


class _scripts_on_path:
    """nbgrader calls `alembic` by name when it makes a gradebook, so this environment's scripts must be on PATH."""

    def __enter__(self):
        self.before = os.environ.get("PATH", "")
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), self.before])

    def __exit__(self, *_: Iterable):
        os.environ["PATH"] = self.before
