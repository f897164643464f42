"""A learner's answers, carried by grade_id from one release of a notebook into another."""

import copy
import json
from pathlib import Path

from tlkit.course.units import read_json


def carry(learners: Path, released: Path) -> tuple[str, list[str]]:
    """The released notebook with the learner's answers in it.

    Answers are the cells that nbgrader knows as solutions, code and text; only their source is taken over.

    Args:
        learners: the notebook under way; it is only read.
        released: the notebook of the other release.
    Returns:
        The new notebook as text, and one line for each answer with which something is amiss.
    Raises:
        TlkitError: one of the two is not a notebook.
    """
    answers, report = _answers(read_json(learners))
    notebook = copy.deepcopy(read_json(released))
    carried, due = [], {_grade_id(cell): cell for cell in notebook["cells"] if _is_answer(cell)}
    for grade_id, cell in answers.items():
        if not _is_touched(cell):
            continue
        target = due.get(grade_id)
        if target is None:
            report.append(f"not carried: {grade_id}, which the new release no longer has")
        elif target.get("cell_type") != cell.get("cell_type"):
            report.append(f"not carried: {grade_id}, which is a {target.get('cell_type')} cell in the new release")
        else:
            if _checksum(target) != _checksum(cell):
                report.append(f"carried, but look at it again: {grade_id}, whose starting point has changed")
            target["source"] = _as_source(_source(cell))
            carried.append(grade_id)
    own = sum(1 for cell in read_json(learners)["cells"] if isinstance(cell, dict) and _is_own(cell, notebook))
    if own:
        report.append(f"not carried: {own} {'cell' if own == 1 else 'cells'} of your own or changed by you, "
                      f"which {'stays' if own == 1 else 'stay'} in your copy")
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n",
            [f"carried: {', '.join(carried) or 'nothing, since no answer was begun'}", *report])


def _answers(notebook: dict) -> tuple[dict[str, dict], list[str]]:
    """The last answer that was begun for each grade_id, and a line for each that has more than one."""
    answers, report = {}, []
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or not _is_answer(cell):
            continue
        earlier = answers.get(_grade_id(cell))
        if earlier is not None and _is_touched(earlier) and _is_touched(cell):
            report.append(f"{_grade_id(cell)} stands twice in your copy; the last one counts")
        if earlier is None or _is_touched(cell):
            answers[_grade_id(cell)] = cell
    return answers, report


def _is_own(cell: dict, released: dict) -> bool:
    """Whether a cell holds something that the new release does not, and is neither an answer nor a check."""
    known = {_source(other).strip() for other in released["cells"]}
    return not _nbgrader(cell) and cell.get("id") not in {other.get("id") for other in released["cells"]} \
        and bool(_source(cell).strip()) and _source(cell).strip() not in known


def _is_touched(cell: dict) -> bool:
    """Whether an answer differs from what was released, which its checksum remembers."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    if not _checksum(cell):
        return True
    plain = {"id": "x", "outputs": [], **cell, "source": _source(cell)}
    return compute_checksum(from_dict(plain)) != _checksum(cell)


def _nbgrader(cell: dict) -> dict:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return nbgrader if isinstance(nbgrader, dict) else {}


def _is_answer(cell: dict) -> bool:
    return bool(_nbgrader(cell).get("solution")) and bool(_grade_id(cell))


def _grade_id(cell: dict) -> str:
    return str(_nbgrader(cell).get("grade_id", ""))


def _checksum(cell: dict) -> str:
    return str(_nbgrader(cell).get("checksum", ""))


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source)) if isinstance(source, list) else ""


def _as_source(text: str) -> list[str]:
    return text.splitlines(keepends=True)
