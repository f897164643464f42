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
