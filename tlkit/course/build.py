"""From `solutions/` to `course/`: each unit's py:percent source becomes the notebook that learners open.

    solutions/NN_name/NN*.py  --jupytext-->  solutions/NN_name/NN*.ipynb  --nbgrader-->  course/NN_name/NN*.ipynb

The middle one is what an instructor may edit in JupyterLab, where saving it writes the .py; git does not keep it.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from tlkit.course.files import files_below
from tlkit.course.leaks import leaks
from tlkit.course.opening import repository
from tlkit.course.release import configure, normalised, sources_of
from tlkit.course.sources import check_source
from tlkit.errors import TlkitError
from tlkit.files import write_text

ExpectedPoints = Callable[[str], float] | None


def build(root: Path, name: str | None = None, expected_points: ExpectedPoints = None) -> list[Path]:
    """Build one unit, or all, into `root/course`; returns the files that changed.

    Args:
        root: the checkout: it holds `solutions/` and `course/`.
        name: a unit's number or folder; None builds all, and removes what has no source.
        expected_points: exercise id -> points, to compare the cells' points with; None compares nothing.
    Raises:
        TlkitError: a source that cannot be built, with file, line and reason.
    """
    root = Path(root).resolve()
    changed = []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in source_folders(root, name):
            for source in sources_of(folder):
                write_source_notebook(source, expected_points)
            _generate(folder, Path(scratch), expected_points)
        fresh, course = Path(scratch) / "course", root / "course"
        due = files_below(fresh)
        for path in sorted(due):
            if not (course / path).exists() or (course / path).read_bytes() != (fresh / path).read_bytes():
                (course / path).parent.mkdir(parents=True, exist_ok=True)
                _copy(fresh / path, course / path)
                changed.append(course / path)
        built = {path.parts[0] for path in due}
        for path in sorted(files_below(course) - due):
            if name is None or path.parts[0] in built:
                (course / path).unlink()
                changed.append(course / path)
                _remove_if_empty((course / path).parent)
    return changed


def differences(root: Path, name: str | None = None, expected_points: ExpectedPoints = None) -> list[str]:
    """What stands in `root/course` that a fresh build would not put there, and every answer that leaked into it.

    Nothing is written outside a temporary folder.
    """
    root = Path(root).resolve()
    faults = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = source_folders(root, name)
        for folder in folders:
            _generate(folder, Path(scratch), expected_points)
        fresh, course = Path(scratch) / "course", root / "course"
        due, here = files_below(fresh), files_below(course)
        if name is not None:
            here = {path for path in here if path.parts[0] in {folder.name for folder in folders}}
        faults += [f"course/{path} is missing; run `tlkit build`" for path in sorted(due - here)]
        faults += [f"course/{path} has no source in solutions/; run `tlkit build`" for path in sorted(here - due)]
        for path in sorted(due & here):
            line = _first_difference(fresh / path, course / path)
            if line is not None:
                faults.append(f"course/{path} is not what its source gives, from {line} on; run `tlkit build`")
    return faults + leaks(root)


def source_folders(root: Path, name: str | None = None) -> list[Path]:
    """The folders of `root/solutions` that are units; one of them where a name is given."""
    folders = [path for path in sorted((root / "solutions").glob("[0-9][0-9]_*")) if sources_of(path)]
    if not folders:
        raise TlkitError(f"{root} holds no solutions/NN_name/NN*.py; `tlkit build` runs in a checkout of the project")
    if name is None:
        return folders
    for folder in folders:
        if name.rstrip("/").removeprefix("solutions/") in (folder.name, folder.name[:2], folder.name[:2].lstrip("0")):
            return [folder]
    raise TlkitError(f"there is no unit {name!r}; units here: {', '.join(folder.name for folder in folders)}")


def read_source(path: Path, expected_points: ExpectedPoints = None) -> NotebookNode:
    """The notebook that a py:percent source stands for, checked, with ids and metadata that stay."""
    try:
        notebook = jupytext.read(path, fmt="py:percent")
    except Exception as error:
        raise TlkitError(f"{path} cannot be read as py:percent: {' '.join(str(error).split())[:300]}") from error
    check_source(path, notebook, expected_points)
    return normalised(notebook, path.parent)


def write_source_notebook(path: Path, expected_points: ExpectedPoints = None) -> bool:
    """Write the source's notebook beside it, unless one is there that says the same; says whether it wrote.

    Raises:
        TlkitError: the notebook there was edited later than the source, without jupytext taking the edit over.
    """
    notebook, target = read_source(path, expected_points), path.with_suffix(".ipynb")
    if target.exists():
        there = _read_or_none(target)
        if there is not None and _content(there) == _content(notebook):
            return False
        if there is not None and target.stat().st_mtime > path.stat().st_mtime:
            raise TlkitError(f"{target} was edited after {path.name} and says something else; run `jupytext --sync "
                             f"{target}` to take the edit over, or delete the notebook to drop it")
    write_text(target, nbformat.writes(notebook) + "\n")
    return True


def refresh_source_notebooks(assignment: str, student: str, notebooks: list[str]) -> None:
    """nbgrader's hook before it releases: source notebooks follow their .py, and nothing else is released.

    A notebook without a source of its own (alternatives that were opened as a notebook, say) is taken off the list
    that nbgrader goes through.
    """
    for name in list(notebooks):
        source = Path(name).with_suffix(".py")
        if source in sources_of(source.parent):
            write_source_notebook(source)
        else:
            notebooks.remove(name)


def _generate(folder: Path, scratch: Path, expected_points: ExpectedPoints) -> None:
    """Run nbgrader's generate_assignment from a copy of the unit into `scratch/course`, without a gradebook."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import SaveCells

    copy = scratch / "solutions" / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", ".ipynb_checkpoints"))
    for source in sources_of(copy):
        try:
            write_text(source.with_suffix(".ipynb"), nbformat.writes(read_source(source, expected_points)))
        except TlkitError as error:
            raise TlkitError(str(error).replace(str(copy), str(folder))) from error
    if repository(folder.parents[1]) is not None:  # the release names the project's address
        shutil.copyfile(folder.parents[1] / "pyproject.toml", scratch / "pyproject.toml")
    config, log = Config(), logging.getLogger("tlkit.course.build")
    configure(config)
    config.CourseDirectory.root = str(scratch.resolve())
    config.CourseDirectory.assignment_id = folder.name
    config.GenerateAssignment.no_database = True
    config.GenerateAssignment.preprocessors = [
        step for step in GenerateAssignment.preprocessors.default() if step is not SaveCells
    ]
    log.setLevel(logging.CRITICAL)
    try:
        course = CourseDirectory(config=config, log=log)
        GenerateAssignment(coursedir=course, config=config, log=log).start()
    except (Exception, SystemExit) as error:
        raise TlkitError(f"nbgrader could not release {folder.name}: {' '.join(str(error).split())}") from error


def _content(notebook: NotebookNode) -> list:
    """What an instructor writes in a notebook, without ids, outputs and what editors add."""
    return [
        (cell.cell_type, cell.source.rstrip(), cell.metadata.get("nbgrader"), cell.metadata.get("tags") or [])
        for cell in notebook.cells
    ]


def _read_or_none(path: Path) -> NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except Exception:
        return None


def _first_difference(one: Path, other: Path) -> str | None:
    """Where two files part: "line 12", or "its first byte" for files that are no text; None where they do not."""
    if one.read_bytes() == other.read_bytes():
        return None
    try:
        lines = [path.read_text(encoding="utf-8").splitlines() for path in (one, other)]
    except UnicodeDecodeError:
        return "its first byte"
    same = next((i for i, pair in enumerate(zip(*lines)) if pair[0] != pair[1]), min(map(len, lines)))
    return f"line {same + 1}"


def _copy(source: Path, target: Path) -> None:
    aside = target.with_name(target.name + ".part")
    shutil.copyfile(source, aside)
    os.replace(aside, target)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
