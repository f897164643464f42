"""A notebook to grade, rebuilt from the released one: of a submission only the text of answers and own cells is taken.

So a submission cannot delete, edit or double a check, raise its points, tag it to be skipped, or name another kernel.
"""

import copy
from collections import defaultdict
from collections.abc import Iterable

from nbformat import NotebookNode, v4
from nbgrader.utils import is_grade, is_solution

from tlkit.grading.submission import FLAGS, LearnersCell, Submission

NOTES = "notes-of-grading"
DEMO, SETUP = "demo", "setup"
"""Tags of released cells: those that only demonstrate, which grading does not run, and those that answers build on."""


def rebuild(released: NotebookNode, submission: Submission) -> tuple[NotebookNode, list[str]]:
    """The released notebook with the learner's answers in it and the learner's own cells between.

    A cell of the release that is neither answer nor locked, and that the learner changed, stands twice: as it was
    released and, after it, as the learner has it, so that nothing that an answer needs is lost; but cells that only
    demonstrate stay as released.

    Returns:
        The notebook, and one line for each thing that the learner should know.
    """
    notebook = copy.deepcopy(released)
    by_grade_id = {grade_id(cell): index for index, cell in enumerate(notebook.cells) if grade_id(cell)}
    by_id = {cell.get("id"): index for index, cell in enumerate(notebook.cells) if not grade_id(cell)}
    by_source = {cell.source.strip(): index for index, cell in reversed(list(enumerate(notebook.cells)))}
    claims: dict[str, list[LearnersCell]] = defaultdict(list)
    own: dict[int, list[NotebookNode]] = defaultdict(list)
    notes, anchor = _oddities(submission), -1
    for cell in submission.cells:
        if cell.grade_id in by_grade_id:
            claims[cell.grade_id].append(cell)
            anchor = by_grade_id[cell.grade_id]
            continue
        position = by_id.get(cell.id, by_source.get(cell.source.strip()))
        if position is not None:
            anchor = position
            if cell.source.strip() == notebook.cells[position].source.strip() or cell.cell_type != "code":
                continue
            if is_demo(notebook.cells[position]):
                notes.append(f"you changed {cell.id}, a cell that only demonstrates and is not run for a grade; what an "
                             "answer needs belongs in the answer's cell or in a cell of your own")
                continue
        if cell.source.strip() and cell.cell_type in ("code", "markdown"):
            own[anchor].append(_own_cell(cell, f"own-{sum(map(len, own.values())) + 1}"))
    for name, index in by_grade_id.items():
        cell = notebook.cells[index]
        notes += _remarks_on_flags(cell, claims[name])
        if is_solution(cell):
            notes += _fill_in(cell, claims[name])
        else:
            notes += _remarks_on_locked(cell, claims[name])
    ordered = list(own[-1])
    for index, cell in enumerate(notebook.cells):
        ordered += [cell, *own[index]]
    notebook.cells = ordered
    return notebook, notes


def grade_id(cell: NotebookNode) -> str:
    """The id by which nbgrader knows a cell, or ""."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_demo(cell: NotebookNode) -> bool:
    """Whether a released cell only demonstrates."""
    return DEMO in cell.metadata.get("tags", [])


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell gives points by being run."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def is_hand_graded(cell: NotebookNode) -> bool:
    """Whether a person gives the points."""
    return is_grade(cell) and not is_check(cell)


def _fill_in(cell: NotebookNode, claims: list[LearnersCell]) -> list[str]:
    """Put the learner's text into an answer's cell; of several, the last that was begun."""
    name = grade_id(cell)
    if not claims:
        return [f"the answer {name} is missing from your notebook; it counts as not begun"]
    begun = [claim for claim in claims if claim.source != cell.source and claim.source.strip()]
    taken, notes = (begun or claims)[-1], []
    if len(begun) > 1:
        notes.append(f"the answer {name} stands {len(begun)} times in your notebook; the last one counts")
    if taken.cell_type != cell.cell_type:
        notes.append(f"the answer {name} is a {taken.cell_type or 'nameless'} cell in your notebook; it is graded as the "
                     f"{cell.cell_type} cell that it was")
    cell.source = taken.source
    return notes


def _oddities(submission: Submission) -> list[str]:
    """What whoever grades should know of metadata that no program writes."""
    odd = submission.is_odd + sum(cell.is_odd for cell in submission.cells)
    return [f"the metadata of the notebook, or of some of its cells, is of no form that a notebook has ({odd}); it was not read"] if odd else []


def _remarks_on_flags(cell: NotebookNode, claims: list[LearnersCell]) -> list[str]:
    """Whether a cell says that it is something else than it was released as."""
    due = {name: cell.metadata["nbgrader"].get(name) for name in FLAGS} | {"tags": cell.metadata.get("tags") or []}
    if all(claim.flags == due for claim in claims):
        return []
    return [f"the cell {grade_id(cell)} has other tags or marks of nbgrader than it was released with; the released ones are used"]


def _remarks_on_locked(cell: NotebookNode, claims: list[LearnersCell]) -> list[str]:
    """What a learner should know of a locked cell that is not as it was released."""
    name = grade_id(cell)
    if not claims:
        return [f"the cell {name} is missing from your notebook; the released one is used"]
    changed = [claim for claim in claims if claim.source.strip() != cell.source.strip()
               or claim.cell_type != cell.cell_type or claim.points != cell.metadata["nbgrader"].get("points")]
    if changed or len(claims) > 1:
        return [f"the cell {name} is not as it was released; the released one is used, once"]
    return []


def _own_cell(cell: LearnersCell, cell_id: str) -> NotebookNode:
    make = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    return make(cell.source, id=cell_id)


def name_of(cell: NotebookNode) -> str:
    """How to tell a person which cell is meant."""
    if grade_id(cell):
        return grade_id(cell)
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"the cell that begins with {first[:50]!r}"


def add_notes(notebook: NotebookNode, lines: Iterable[str]) -> None:
    """Put a cell in front that whoever grades reads first.

    Args:
        lines: markdown.
    """
    text = "**Read before grading**\n\n" + "\n".join(f"- {line}" for line in lines)
    notebook.cells.insert(0, v4.new_markdown_cell(text, id=NOTES))
