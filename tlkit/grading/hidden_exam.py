"""Whether a class's hidden cases are fair: right answers are right on them, and known wrong answers are not."""

from pathlib import Path

from tlkit.exercises import all_exercises
from tlkit.exercises.record import Exercise
from tlkit.grading.check import verdict_on
from tlkit.grading.encoding import encode
from tlkit.grading.engine import accepts
from tlkit.grading.known_answers import alternatives_of, unit_folder
from tlkit.grading.secret import ClassSecret
from tlkit.grading.session import pristine
from tlkit.grading.subject import LocalSubject
from tlkit.grading.trial import draw_cases
from tlkit.grading.verdict import Outcome


def unfair_cases(secret: ClassSecret, solutions: Path) -> list[str]:
    """What is wrong with the hidden cases that a secret draws, one line each, without a word of what they hold.

    Args:
        solutions: the folder of the units' sources, with their alternatives.
    """
    faults = []
    for exercise in all_exercises():
        if exercise.kind == "choice":
            continue
        for answer in alternatives_of(exercise, unit_folder(exercise, solutions)):
            verdict = verdict_on(exercise.id, {exercise.name: answer}, hidden_seeds=secret.seeds(exercise.id))
            if verdict.outcome is not Outcome.RIGHT:
                faults.append(f"{exercise.id}: the right answer `{getattr(answer, '__name__', answer)}` is refused")
        for misconception in exercise.misconceptions:
            with pristine():
                passed = all(accepts(exercise, LocalSubject.of(misconception.answer), seed)
                             for seed in secret.seeds(exercise.id))
            if passed:
                faults.append(f"{exercise.id}: “{misconception.name}” is taken for right on the hidden cases alone")
    return faults


def not_hidden() -> list[str]:
    """One line for each case group of the course in which nothing is hidden."""
    return [f"note: nothing is hidden in {exercise.id}, “{group}”: its cases are the same for every class"
            for exercise in all_exercises() if exercise.kind != "choice" for group in fixed_groups(exercise)]


def fixed_groups(exercise: Exercise, seeds: tuple[int, int] = (1, 2)) -> list[str]:
    """Case groups whose cases are the same whatever the seed, such as one that asks that empty input is refused.

    There is nothing hidden in them: whoever knows the public cases can answer them by a table.
    """
    def drawn(seed: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for case in draw_cases(exercise, seed):
            found.setdefault(case.group, []).append(repr(encode(case.calls)))
        return found

    one, other = map(drawn, seeds)
    return [group for group in one if one[group] == other.get(group)]
