"""Points, read from the cells of a rebuilt notebook that was run."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode

from tlkit.grading.rebuild import grade_id, is_check, is_hand_graded


@dataclass(frozen=True)
class Score:
    """What one graded cell earned.

    Args:
        points: None where a person gives them.
        said: what the check said, as plain text.
    """

    grade_id: str
    points: float | None
    max_points: float
    said: str


def points_earned(scores: Iterable[Score]) -> float:
    """The points that checks gave, without what a person gives."""
    return sum(score.points for score in scores if score.points is not None)


def points_possible(scores: Iterable[Score]) -> float:
    """The points that checks can give, without what a person gives."""
    return sum(score.max_points for score in scores if score.points is not None)


def scores(notebook: NotebookNode, remarks: dict[int, str], points: dict[int, float] | None = None) -> list[Score]:
    """The score of every graded cell, in order.

    Args:
        notebook: rebuilt and executed.
        remarks: cell's index -> what happened to it, where it did not simply run.
        points: cell's index -> what its check gave, where another kernel has them; None reads the cells' own outputs.
    """
    found = []
    for index, cell in enumerate(notebook.cells):
        if is_check(cell) or is_hand_graded(cell):
            due = float(cell.metadata["nbgrader"]["points"])
            if is_hand_graded(cell):
                found.append(Score(grade_id(cell), None, due, "a person grades this"))
            else:
                said = "\n".join(text for text in (said_by(cell), printable(remarks.get(index, ""))) if text)
                given = earned(cell) if points is None else points.get(index, 0.0)
                found.append(Score(grade_id(cell), given, due, said or "the check gave no result"))
    return found


def earned(cell: NotebookNode) -> float:
    """The points of a check's cell: the number it returned; 0 where it failed, did not run or returned no number.

    It is stricter than nbgrader, which gives all points for a result that is no number and for a cell that never ran.
    """
    due = float(cell.metadata["nbgrader"]["points"])
    if any(output.output_type == "error" for output in cell.outputs):
        return 0.0
    for output in cell.outputs:
        if output.output_type == "execute_result":
            try:
                points = float(output.data.get("text/plain", ""))
            except (TypeError, ValueError):
                return 0.0
            return points if math.isfinite(points) and 0 <= points <= due else 0.0
    return 0.0


def said_by(cell: NotebookNode) -> str:
    """The card as plain text, else the error that the check's cell ended in."""
    cards = [output.data.get("text/plain", "") for output in cell.outputs if output.output_type == "display_data"]
    errors = [f"{output.ename}: {output.evalue}" for output in cell.outputs if output.output_type == "error"]
    return printable("\n".join([*map(str, cards), *errors]))[:20_000]


def printable(text: str) -> str:
    """The text without the characters that would steer a terminal."""
    return "".join(character for character in text if character == "\n" or character.isprintable())
