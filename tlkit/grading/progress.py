"""A learner's progress: tries, hints and points of every exercise, in one small file beside their copies.

The file survives updates and resets of units. It is a convenience: where it cannot be read or written, checks
work all the same, and a damaged one is kept aside under another name.
"""

import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from tlkit.files import write_text
from tlkit.grading.verdict import Outcome, Verdict

NAME = "progress.json"
HINT_AFTER = 2

_tries_of_this_session: dict[str, int] = {}


def note_check(verdict: Verdict, folder: Path | None) -> int:
    """Note one check of an answer.

    Args:
        verdict: what the check found; an answer that was not attempted is no try.
        folder: the learner's work folder; where it is None or does not exist, only this session remembers.
    Returns:
        How often the exercise has been tried, this time included.
    """
    if verdict.outcome is Outcome.NOT_ATTEMPTED:
        return _tries_of_this_session.get(verdict.exercise_id, 0)
    tries = _tries_of_this_session.get(verdict.exercise_id, 0) + 1
    if folder is not None and folder.is_dir():
        with contextlib.suppress(OSError):
            exercises = read(folder)
            entry = _updated(exercises.get(verdict.exercise_id, {}), verdict)
            tries = max(tries, entry["tries"])
            exercises[verdict.exercise_id] = entry
            write_text(folder / NAME, json.dumps({"version": 1, "exercises": exercises}, indent=1) + "\n")
    _tries_of_this_session[verdict.exercise_id] = tries
    return tries


def _updated(entry: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    now = datetime.now().isoformat(timespec="seconds")
    tries = entry.get("tries", 0) + 1
    right = verdict.outcome is Outcome.RIGHT
    return {
        "tries": tries,
        "hints_shown": entry.get("hints_shown", 0) + int(not right and tries >= HINT_AFTER),
        "points": max(float(entry.get("points", 0.0)), verdict.points),
        "max_points": verdict.max_points,
        "first": entry.get("first", now),
        "last": now,
        "right_since": entry.get("right_since") or (now if right else None),
    }


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of every exercise that was tried, by id: "tries", "hints_shown", "points", "max_points", dates.

    An empty dict where there is no file. A damaged file is renamed, so that nothing in it is lost.
    """
    path = folder / NAME
    try:
        return entries_of(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        _set_aside(path)
        return {}


def entries_of(text: str) -> dict[str, dict[str, Any]]:
    """The entries in the text of a progress file, by exercise id.

    Raises:
        ValueError: the text is no progress file.
    """
    try:
        exercises = json.loads(text)["exercises"]
        if all(_is_entry(entry) for entry in exercises.values()):
            return exercises
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("it is no progress file") from error
    raise ValueError("it is no progress file")


def _is_entry(entry: Any) -> bool:
    return (isinstance(entry, dict) and all(type(entry.get(key)) is int for key in ("tries", "hints_shown"))
            and all(type(entry.get(key)) in (int, float) for key in ("points", "max_points")))


def _set_aside(path: Path) -> None:
    aside, number = path.with_name(f"{path.name}.damaged"), 2
    while aside.exists():
        aside, number = path.with_name(f"{path.name}.damaged-{number}"), number + 1
    path.rename(aside)


class ProgressPage:
    """Points and tries by unit, as a table in a notebook and as text elsewhere."""

    def __init__(self, exercises: dict[str, dict[str, Any]]):
        self.exercises = exercises

    def rows(self) -> list[tuple[str, str, float, float, int]]:
        """(id, title, points, out of, tries) of every exercise of the course, in order."""
        from tlkit.exercises import all_exercises

        return [(record.id, record.title, float(self.exercises.get(record.id, {}).get("points", 0.0)),
                 float(record.points), self.exercises.get(record.id, {}).get("tries", 0)) for record in all_exercises()]

    def __repr__(self) -> str:
        lines = [f"{id:22} {title:44} {points:4g} of {out_of:<4g} {_tried(tries)}"
                 for id, title, points, out_of, tries in self.rows()]
        return "\n".join([*lines, self._sum()])

    def _repr_html_(self) -> str:
        from html import escape

        body = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(id)}</th><td style="text-align:left">{escape(title)}</td>'
            f"<td>{points:g} of {out_of:g}</td><td>{_tried(tries)}</td></tr>" for id, title, points, out_of, tries in self.rows())
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in ("exercise", "title", "points", "tries"))
        return f'<table class="tlkit-progress"><caption>{self._sum()}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def _sum(self) -> str:
        rows = self.rows()
        return f"{sum(row[2] for row in rows):g} of {sum(row[3] for row in rows):g} points so far"


def _tried(tries: int) -> str:
    return {0: "not tried yet", 1: "1 try"}.get(tries, f"{tries} tries")


def progress() -> ProgressPage:
    """How far the learner has come, from the file in their work folder."""
    from tlkit.course.workspace import work_folder

    return ProgressPage(read(work_folder()))
