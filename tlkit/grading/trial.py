"""One answer on one case: what it does there, and how that differs from what is due."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlkit.exercises import find_exercise
from tlkit.exercises.record import Case, Exercise
from tlkit.exercises.recipe import Recipe, Step
from tlkit.grading.compare import Difference, first_difference
from tlkit.grading.encoding import as_plain, encode, plain_copy
from tlkit.grading.kinds import KINDS
from tlkit.grading.observation import Array, Failure, Observation, Opaque
from tlkit.grading.subject import LocalSubject, Subject

RAISED, CHANGED_INPUT = "the outcome", "its inputs afterwards"
MOVED_RANDOM_STATE, LEFT_BEHIND = "the global random state", "settings of the process"
ANOTHER_RESULT = "the result of the same call again"
ANOTHER_DEVICE = "the device that the result is on"


@dataclass(frozen=True)
class Result:
    """One case, done by one answer: what each call showed, in plain form, and what the exercise looks at of it."""

    observations: tuple[Observation, ...]
    values: list[Any]
    seen: Any
    watches_random_state: bool = False

    @property
    def failure(self) -> Failure | None:
        """The first exception, or formula that cannot be read, among the calls."""
        return next((o.failure for o in self.observations if o.failure), None) or next(
            (value for value in self.values if isinstance(value, Failure)), None)

    @property
    def seconds(self) -> float:
        return sum(observation.seconds for observation in self.observations)

    @property
    def ended_early(self) -> bool:
        """Whether it was stopped, so that another case would be waiting for nothing."""
        return self.failure is not None and self.failure.type_name in ("TimeLimit", "MemoryError", "KernelGone")


@dataclass(frozen=True)
class Trial:
    """A case with what is due, what the answer did, and the first difference between them (None: it is right)."""

    case: Case
    due: Result
    mine: Result
    problem: Difference | None


def run(exercise: Exercise, subject: Subject, case: Case) -> Result:
    """Let an answer do a case. It ends at the first call that fails."""
    kind, observations = KINDS[exercise.kind], []
    for call in case.calls:
        observations.append(subject.observe(kind.action, tuple(encode(argument) for argument in call), case.upstream))
        if observations[-1].failure:
            break
    values = [kind.shows(exercise, case, call, o) for call, o in zip(case.calls, observations)]
    seen = values if len(values) > 1 else values[0]
    if exercise.view is not None and not any(o.failure for o in observations):
        try:
            seen = plain_copy(exercise.view(values, case.calls))
        except Exception:  # a value of a kind that the view cannot even look at
            seen = next((value for value in values if isinstance(value, Opaque)), Opaque("value of another kind"))
    return Result(tuple(observations), values, seen, case.keeps_random_state)


def not_run(case: Case, because: Result) -> Result:
    """The result of a case that was not tried, because an earlier one had to be stopped."""
    return Result((Observation(None, failure=because.failure),), [None], None, case.keeps_random_state)


def draw_cases(exercise: Exercise, seed: int) -> list[Case]:
    """The cases that a seed draws."""
    return exercise.cases(np.random.default_rng(seed))


_due: dict[tuple[str, int], tuple[list[Case], list[Result]]] = {}
_wrong: dict[tuple[str, int, int, int], Result] = {}


def reference_results(exercise_id: str, seed: int) -> tuple[list[Case], list[Result]]:
    """The cases that a seed draws, and what the reference makes of them; kept once it is known."""
    key = exercise_id, seed
    if key not in _due:
        exercise = find_exercise(exercise_id)
        cases = draw_cases(exercise, seed)
        _due[key] = cases, [run_reference(exercise, case) for case in cases]
    return _due[key]


def run_reference(exercise: Exercise, case: Case) -> Result:
    """What is due on a case."""
    return run(exercise, LocalSubject.of(exercise.load_reference()), case)


def misconception_result(exercise_id: str, index: int, seed: int, case_index: int) -> Result:
    """What a known wrong answer does on one of the cases that a seed draws; kept once it is known."""
    key = exercise_id, index, seed, case_index
    if key not in _wrong:
        exercise = find_exercise(exercise_id)
        case = reference_results(exercise_id, seed)[0][case_index]
        _wrong[key] = run(exercise, LocalSubject.of(exercise.misconceptions[index].answer), case)
    return _wrong[key]


def forget() -> None:
    """Drop what is kept; for tests that change records."""
    _due.clear()
    _wrong.clear()


def problem_of(exercise: Exercise, case: Case, due: Result, mine: Result) -> Difference | None:
    """How a result differs from what is due, or None."""
    if due.failure or mine.failure:
        if due.failure and mine.failure and due.failure.type_name == mine.failure.type_name:
            return _moved(case, mine)
        seen = [last(result.seen) if len(case.calls) > 1 or exercise.view is not None else result.seen for result in (due, mine)]
        return Difference(RAISED, due.failure or seen[0], mine.failure or seen[1])
    difference = first_difference(due.seen, mine.seen, exercise.rtol, exercise.atol)
    if difference:
        return difference
    for call, theirs, observation in zip(case.calls, due.observations, mine.observations):
        devices = [value.device for value in (theirs.value, observation.value) if isinstance(value, Array)]
        if len(set(devices)) == 2:
            return Difference(ANOTHER_DEVICE, *devices)
        for before, wanted, after in zip(call, theirs.arguments_after, observation.arguments_after):
            if not isinstance(before, Recipe) and first_difference(as_plain(wanted), as_plain(after), 0, 0):
                return Difference(CHANGED_INPUT, as_plain(wanted), as_plain(after))
        if observation.left_behind and not theirs.left_behind:
            return Difference(LEFT_BEHIND, "as they were", observation.left_behind[0])
    return _moved(case, mine)


def _moved(case: Case, mine: Result) -> Difference | None:
    """A global random state that a call left moved, where the case minds; also a call that rightly raised."""
    for observation in mine.observations:
        if case.keeps_random_state and observation.moved_random_states:
            return Difference(MOVED_RANDOM_STATE, "as it was", f"moved ({', '.join(observation.moved_random_states)})")
    return None


def trial(exercise: Exercise, case: Case, due: Result, mine: Result) -> Trial:
    return Trial(case, due, mine, problem_of(exercise, case, due, mine))


def behaves_like(exercise: Exercise, one: Result, other: Result) -> bool:
    """Whether two answers cannot be told apart on a case."""
    if one.failure or other.failure:
        return bool(one.failure and other.failure and one.failure.type_name == other.failure.type_name
                    and (not one.watches_random_state or _moves(one) == _moves(other)))
    if first_difference(_by_name(one.seen), _by_name(other.seen), 10 * exercise.rtol, 10 * exercise.atol) is not None:
        return False
    if [o.left_behind for o in one.observations] != [o.left_behind for o in other.observations]:
        return False
    for mine, theirs in zip(one.observations, other.observations):
        for a, b in zip(mine.arguments_after, theirs.arguments_after):
            if isinstance(a, dict) != isinstance(b, dict):
                return False
            if not isinstance(a, dict) and first_difference(as_plain(a), as_plain(b), 10 * exercise.rtol, exercise.atol):
                return False
    return not one.watches_random_state or _moves(one) == _moves(other)


def _by_name(value: Any) -> Any:
    """Objects that did not cross count as the same where their types' names are; only wrong answers return them."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if isinstance(value, dict):
        return {key: _by_name(item) for key, item in value.items()}
    return [_by_name(item) for item in value] if isinstance(value, list) else value


def _moves(result: Result) -> list[tuple[str, ...]]:
    return [observation.moved_random_states for observation in result.observations]


def last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else value


def size(case: Case) -> int:
    """How much there is to read in a case."""
    return sum(_size(argument) for call in case.calls for argument in call)


def _size(argument: Any) -> int:
    if isinstance(argument, Recipe):
        return _size(argument.options)
    if isinstance(argument, Step):
        return 1 + _size(argument.arguments) + _size(argument.keywords)
    if isinstance(argument, dict):
        return sum(map(_size, argument.values()))
    if isinstance(argument, list | tuple):
        return sum(map(_size, argument))
    return int(argument.numel()) if hasattr(argument, "numel") else int(np.size(argument))
