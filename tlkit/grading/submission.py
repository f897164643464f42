"""What is read of a learner's notebook: the text of its cells, and which cells they claim to be. Nothing else counts."""

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlkit.course.units import read_object, units
from tlkit.errors import TlkitError

MAX_BYTES = 50_000_000
MAX_CELLS = 2_000
MAX_TEXT = 2_000_000
FLAGS = ("grade", "solution", "locked", "task", "schema_version")


@dataclass(frozen=True)
class LearnersCell:
    """A cell as the learner's file has it.

    Args:
        grade_id: the nbgrader cell that it says it is, or "".
        points: what it says to be worth, whatever that is.
        flags: what else it says to be, of FLAGS, and its tags.
        is_odd: whether its metadata is nothing that a notebook has.
    """

    cell_type: str
    source: str
    id: str = ""
    grade_id: str = ""
    points: Any = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    is_odd: bool = False


@dataclass(frozen=True)
class Submission:
    """A learner's notebook without its outputs, tags and other metadata.

    Args:
        unit, release: what it says that it was made from, or "".
        is_odd: whether its metadata is nothing that a notebook has.
    """

    cells: tuple[LearnersCell, ...]
    unit: str = ""
    release: str = ""
    is_odd: bool = False


def read_submission(path: Path, max_bytes: int = MAX_BYTES) -> Submission:
    """Read a learner's notebook; the file is only read.

    Raises:
        TlkitError: there is no such file, it is no plain file, it is too large, or it is not a notebook.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise TlkitError(f"{path} cannot be read: {error.strerror or error}") from error
    if stat.S_ISLNK(status.st_mode):
        raise TlkitError(f"{path} is a link to another file; name the notebook itself")
    if not stat.S_ISREG(status.st_mode):
        raise TlkitError(f"{path} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no plain file'}; "
                         "name the notebook, a file that ends in .ipynb")
    if status.st_size > max_bytes:
        raise TlkitError(f"{path} has {status.st_size / 1e6:.0f} MB, and at most {max_bytes / 1e6:g} are graded; clear "
                         "the outputs (in JupyterLab: Edit, Clear Outputs of All Cells), save, and grade again")
    if not status.st_size:
        raise TlkitError(f"{path} is empty; a notebook was due")
    return submission_of(read_object(path), str(path))


def submission_of(content: Mapping, name: str = "the notebook") -> Submission:
    """What counts of a notebook's content, of format 4 or 3.

    Raises:
        TlkitError: the content has no cells.
    """
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):
        cells = [cell for sheet in map(_mapping, content["worksheets"]) for cell in _list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise TlkitError(f"{name} is not a notebook: it has no cells")
    tlkit = _mapping(_mapping(content.get("metadata")).get("tlkit"))
    return Submission(
        tuple(_cell(cell) for cell in cells if isinstance(cell, Mapping)),
        _text(tlkit.get("unit")),
        _text(tlkit.get("release")),
        not isinstance(content.get("metadata", {}), Mapping),
    )


def require_gradable(submission: Submission) -> None:
    """See that somebody else's notebook is not so large that grading it, or its page, would take for ever.

    Raises:
        TlkitError: it has too many cells, or too much text in them.
    """
    if len(submission.cells) > MAX_CELLS:
        raise TlkitError(f"it has {len(submission.cells)} cells, and at most {MAX_CELLS} are graded")
    length = sum(len(json.dumps(cell.source)) for cell in submission.cells)  # as it is sent from process to process
    if length > MAX_TEXT:
        raise TlkitError(f"its cells hold {length / 1e6:.1f} MB of text, and at most {MAX_TEXT / 1e6:g} are graded")


def released_notebook(submission: Submission, name: str, folder: Path | None = None) -> Path:
    """The released notebook that a submission was made from: the one that shares most grade_ids with it, and among
    equals the one of the unit that its metadata names.

    Raises:
        TlkitError: it shares nothing with any released notebook.
    """
    claimed = {cell.grade_id for cell in submission.cells if cell.grade_id}
    known = units(folder)
    ranked = [
        (len(claimed & _grade_ids(notebook)), unit.name == submission.unit, notebook)
        for unit in known for notebook in unit.notebooks
    ]
    shared, is_named, best = max(ranked, key=lambda entry: entry[:2], default=(0, False, None))
    if not shared and not is_named:
        raise TlkitError(f"{name} is no notebook of this course: neither its metadata nor its cells are of a unit here "
                         f"({', '.join(unit.name for unit in known) or 'there are none'})")
    return best


def _grade_ids(notebook: Path) -> set[str]:
    return {cell.grade_id for cell in submission_of(read_object(notebook), str(notebook)).cells if cell.grade_id}


def _cell(cell: Mapping) -> LearnersCell:
    metadata = _mapping(cell.get("metadata"))
    nbgrader = _mapping(metadata.get("nbgrader"))
    return LearnersCell(
        cell_type=_text(cell.get("cell_type")),
        source=_text(cell.get("source", cell.get("input"))),
        id=_text(cell.get("id")),
        grade_id=_text(nbgrader.get("grade_id")),
        points=nbgrader.get("points"),
        flags={name: nbgrader.get(name) for name in FLAGS} | {"tags": metadata.get("tags") or []},
        is_odd=not isinstance(cell.get("metadata", {}), Mapping) or not isinstance(metadata.get("nbgrader", {}), Mapping)
        or not isinstance(nbgrader.get("grade_id", ""), str),
    )


def _text(value: Any) -> str:
    """A text, also where the format gives it as a list of lines; "" for anything else. Half characters are replaced."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []
