"""`check("01.sample")`: judge the learner's answer to an exercise and show the verdict."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlkit.course.units import find_unit
from tlkit.course.workspace import work_folder
from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise
from tlkit.exercises.record import load_function
from tlkit.grading.card import Card, as_text
from tlkit.grading.engine import judge
from tlkit.grading.hidden import judge_with_hidden
from tlkit.grading.progress import HINT_AFTER, note_check
from tlkit.grading.quiz import judge_quiz
from tlkit.grading.reach import Forbidden
from tlkit.grading.session import pristine
from tlkit.grading.subject import LocalSubject
from tlkit.grading.verdict import Outcome, Verdict

_elsewhere: Callable[[str], Verdict | None] | None = None


class NotYet(Exception):
    """Raised under nbgrader's Validate, which takes an exception, and nothing else, as the reason of a failure."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def check(exercise_id: str) -> float | None:
    """Judge the answer to an exercise and show the verdict as a card (plain text outside of a notebook).

    The answer is looked up by the name that the exercise's record gives. Under nbgrader's autograding
    (NBGRADER_EXECUTION=autograde) the points are returned as a plain float, which nbgrader takes as the score;
    under its Validate an answer that is not right raises, so that Validate shows the reason. In a learner's own
    session the try is noted in their progress file, and from the second on the card offers a hint.

    Args:
        exercise_id: the id, as "01.sample".
    Raises:
        TlkitError: there is no such exercise.
    """
    verdict = _elsewhere(exercise_id) if _elsewhere else verdict_on(exercise_id, _namespace())
    if verdict is None:
        print(f"{exercise_id} is checked when all cells have run.")
        return None
    mode = os.environ.get("NBGRADER_EXECUTION")
    if mode == "validate" and verdict.outcome is not Outcome.RIGHT:
        raise NotYet(as_text(verdict))
    if mode is None and verdict.outcome is not Outcome.NOT_ATTEMPTED and _is_optional(exercise_id):
        verdict = replace(verdict, notes=(*verdict.notes, "This exercise is optional: its points do not count."))
    _show(Card(verdict, with_hint=bool(mode) or note_check(verdict, _folder()) >= HINT_AFTER))
    return float(verdict.points) if mode == "autograde" else None


def judge_elsewhere(judge_by_id: Callable[[str], Verdict | None]) -> None:
    """Let `check` in this process ask somebody else for its verdicts, since answers or records are in another process.

    Args:
        judge_by_id: (exercise's id) -> the verdict; None where it will be given later, and not here.
    """
    global _elsewhere
    _elsewhere = judge_by_id


def verdict_on(exercise_id: str, namespace: dict[str, Any], seed: int = 0, hidden_seeds: Sequence[int] = ()) -> Verdict:
    """The verdict on the answer that stands in `namespace` under the exercise's name.

    Args:
        seed: of the cases.
        hidden_seeds: of cases that count beside those that learners see (seed 0) and are not shown.
    """
    with pristine() as patched:
        record = find_exercise(exercise_id)
        if record.kind == "choice":
            return judge_quiz(record, LocalSubject(namespace, record.name))
        given = {name: load_function(address) for name, address in record.given.items()}
        forbidden = Forbidden((record.reference, *record.shortcuts), record.allowed)
        subject = LocalSubject(namespace, record.name, given, forbidden=forbidden)
        verdict = judge_with_hidden(record, subject, hidden_seeds) if hidden_seeds else judge(record, subject, seed)
        notes = tuple(f"`{name}` was replaced in this session; the check used the original." for name in patched[:3])
        return replace(verdict, notes=(*verdict.notes, *notes))


def _is_optional(exercise_id: str) -> bool:
    """Whether the unit's released notebooks give no points for it; False where there are none."""
    try:
        return exercise_id not in find_unit(exercise_id.split(".")[0]).counted_checks
    except (TlkitError, OSError, ValueError, KeyError):
        return False


def _namespace() -> dict[str, Any]:
    """Where learners' names live: the notebook's user namespace, else the globals of whoever called `check`."""
    shell = _shell()
    return shell.user_ns if shell else sys._getframe(2).f_globals


def _shell():
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _folder() -> Path | None:
    """The learner's work folder, or None where the current folder is gone."""
    try:
        return work_folder()
    except OSError:
        return None


def _show(card: Card) -> None:
    if _shell():
        from IPython.display import display

        display(card)
    else:
        print(card)
