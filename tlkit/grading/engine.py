"""The judge: one exercise record and one answer in, a verdict out.

It sees an answer only through a Subject, as Observations of plain data, so that it can judge an answer in
its own kernel and one in another process alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from tlkit.exercises import find_exercise
from tlkit.exercises.record import Case, Exercise, Misconception
from tlkit.grading import diagnosis
from tlkit.grading.compare import Difference, first_difference, in_words
from tlkit.grading.diagnosis import Diagnosis
from tlkit.grading.observation import Failure, Observation, Opaque, as_plain, encode
from tlkit.grading.shortcuts import shortcut_in
from tlkit.grading.subject import LocalSubject, Subject, is_stub


class Outcome(Enum):
    """The three ways in which a check ends."""

    NOT_ATTEMPTED = "not attempted"
    NOT_YET = "not yet"
    RIGHT = "right"


@dataclass(frozen=True)
class FailingCase:
    """The smallest input that the answer got wrong, ready to read."""

    what: str
    inputs: str
    where: str
    expected: str
    got: str


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Args:
        groups: for each case group, in order, whether the answer passed it.
        notes: remarks on single parts, as the explanations of a quiz.
    """

    exercise_id: str
    title: str
    outcome: Outcome
    points: float
    max_points: float
    message: str = ""
    groups: dict[str, bool] = field(default_factory=dict)
    failing: FailingCase | None = None
    diagnosis: Diagnosis | None = None
    hint: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """One case, done by one answer: what it returned, in plain form, and what the exercise looks at of it."""

    observations: list[Observation]
    values: list[Any]
    seen: Any
    watches_random_state: bool

    @property
    def failure(self):
        return next((o.failure for o in self.observations if o.failure), None)


def judge(exercise: Exercise, subject: Subject, seed: int = 0) -> Verdict:
    """Judge an answer on the cases that `seed` draws.

    Points are shared equally by the case groups; an answer earns those of the groups in which every case is right.
    """

    def verdict(outcome: Outcome, points: float = 0.0, **more) -> Verdict:
        return Verdict(exercise.id, exercise.title, outcome, float(points), float(exercise.points), **more)

    try:
        value = subject.value()
    except KeyError:
        return verdict(Outcome.NOT_ATTEMPTED, message=f"`{exercise.name}` is not defined. Run the cell above that "
                       "defines it, then this one; after a restart of the kernel, run the cells from the top.")
    source = subject.source()
    if value is Ellipsis or is_stub(source):
        return verdict(Outcome.NOT_ATTEMPTED, message=f"Write `{exercise.name}` in the cell above in place of `...`, "
                       "run that cell, then this one.")
    if not isinstance(value, Opaque) or value.type_name not in ("function", "builtin_function_or_method", "type"):
        return verdict(Outcome.NOT_YET, message=f"`{exercise.name}` is {in_words(as_plain(value))} now, and a function "
                       f"is due: def {exercise.name}({', '.join(exercise.parameters)}): ...")
    shortcut = shortcut_in(exercise, subject, source)
    if shortcut:
        return verdict(Outcome.NOT_YET, message=f"`{shortcut}` would be the whole answer. It is good to know that it "
                       "exists; here you build what is inside it, so please write it without that call.")

    cases, due = reference_results(exercise.id, seed)
    results = [_run(exercise, subject, case) for case in cases]
    problems = [_problem(exercise, case, right, mine) for case, right, mine in zip(cases, due, results)]
    groups: dict[str, bool] = {}
    for case, problem in zip(cases, problems):
        groups[case.group] = groups.get(case.group, True) and problem is None
    if all(groups.values()):
        return verdict(Outcome.RIGHT, exercise.points, groups=groups)
    smallest = min((i for i, problem in enumerate(problems) if problem), key=lambda i: _size(cases[i]))
    return verdict(
        Outcome.NOT_YET,
        exercise.points * sum(groups.values()) / len(groups),
        groups=groups,
        failing=_describe(exercise, cases[smallest], problems[smallest]),
        diagnosis=_diagnose(exercise, seed, cases, due, results, problems, smallest),
        hint=exercise.hint,
    )


@lru_cache(maxsize=64)
def reference_results(exercise_id: str, seed: int) -> tuple[list[Case], list["Result"]]:
    """The cases that a seed draws, and what the reference makes of them."""
    exercise = find_exercise(exercise_id)
    cases = exercise.cases(np.random.default_rng(seed))
    reference = LocalSubject.of(exercise.load_reference())
    return cases, [_run(exercise, reference, case) for case in cases]


@lru_cache(maxsize=512)
def _misconception_results(exercise_id: str, index: int, seed: int) -> list[Result]:
    exercise = find_exercise(exercise_id)
    subject = LocalSubject.of(exercise.misconceptions[index].answer)
    return [_run(exercise, subject, case) for case in reference_results(exercise_id, seed)[0]]


def _run(exercise: Exercise, subject: Subject, case: Case) -> Result:
    observations = [subject.observe(tuple(encode(argument) for argument in call)) for call in case.calls]
    values = [as_plain(observation.value) for observation in observations]
    seen = values if len(values) > 1 else values[0]
    if exercise.view is not None and not any(o.failure for o in observations):
        try:
            seen = as_plain(encode(exercise.view(values, case.calls)))
        except Exception:  # a value of a kind that the view cannot even look at
            seen = Opaque("value of another kind")
    return Result(observations, values, seen, case.keeps_random_state)


_RAISED, _CHANGED_INPUT, _MOVED_RANDOM_STATE = "the outcome", "its inputs afterwards", "the global random state"


def _problem(exercise: Exercise, case: Case, due: Result, mine: Result) -> Difference | None:
    """How one case's result differs from what is due, or None."""
    if due.failure or mine.failure:
        if due.failure and mine.failure and _kind(due) == _kind(mine):
            return None
        return Difference(_RAISED, due.failure or _last(due.seen), mine.failure or _last(mine.seen))
    difference = first_difference(due.seen, mine.seen, exercise.rtol, exercise.atol)
    if difference:
        return difference
    for call, observation in zip(case.calls, mine.observations):
        for before, after in zip(call, observation.arguments_after):
            if first_difference(as_plain(encode(before)), as_plain(after), 0, 0):
                return Difference(_CHANGED_INPUT, as_plain(encode(before)), as_plain(after))
        if case.keeps_random_state and observation.moved_random_states:
            return Difference(_MOVED_RANDOM_STATE, "as it was", f"moved ({', '.join(observation.moved_random_states)})")
    return None


def _diagnose(exercise, seed, cases, due, mine, problems, smallest) -> Diagnosis | None:
    named = _named_misconception(exercise, seed, due, mine, problems, smallest)
    if named:
        return Diagnosis(named.name, named.why, named.hint)
    problem, case, result = problems[smallest], cases[smallest], mine[smallest]
    if problem.what == _RAISED:
        if result.failure:
            return diagnosis.raised(result.failure, due[smallest].failure)
        return diagnosis.did_not_raise(due[smallest].failure)
    for value, observation in zip(result.values, result.observations):
        found = diagnosis.not_a_value(value, observation.output)
        if found and _last(due[smallest].values) is not None:
            return found
    if problem.what == _CHANGED_INPUT:
        for call, observation in zip(case.calls, result.observations):
            for parameter, before, after in zip(exercise.parameters, call, observation.arguments_after):
                if first_difference(as_plain(encode(before)), as_plain(after), 0, 0):
                    return diagnosis.changed_argument(parameter)
    if problem.what == _MOVED_RANDOM_STATE:
        return diagnosis.moved_random_state(problem.got.partition("(")[2].rstrip(")"))
    if exercise.view is not None:
        return None
    pairs = [pair for d, m, p in zip(due, mine, problems) if p and not d.failure and not m.failure
             for pair in zip(d.values, m.values)]
    return diagnosis.compared(pairs)


def _named_misconception(exercise, seed, due, mine, problems, smallest) -> Misconception | None:
    """The misconception that this answer behaves like: on all cases; else on those that fail; else on the smallest."""
    failing = [i for i, problem in enumerate(problems) if problem]
    partly, barely = None, None
    for index, misconception in enumerate(exercise.misconceptions):
        theirs = _misconception_results(exercise.id, index, seed)
        same = [_same(exercise, a, b) for a, b in zip(theirs, mine)]
        if all(same):
            return misconception
        if all(same[i] for i in failing):
            partly = partly or misconception
        if same[smallest] and not mine[smallest].failure and not _same(exercise, theirs[smallest], due[smallest]):
            barely = barely or misconception
    return partly or barely


def _same(exercise: Exercise, one: Result, other: Result) -> bool:
    if one.failure or other.failure:
        return bool(one.failure and other.failure and _kind(one) == _kind(other))
    if first_difference(one.seen, other.seen, 10 * exercise.rtol, 10 * exercise.atol) is not None:
        return False
    return not one.watches_random_state or _side_effects(one) == _side_effects(other)


def _side_effects(result: Result) -> list[tuple[str, ...]]:
    return [observation.moved_random_states for observation in result.observations]


def _kind(result: Result) -> str:
    return result.failure.type_name


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else value


def _size(case: Case) -> int:
    return sum(np.size(argument) for call in case.calls for argument in call)


def _describe(exercise: Exercise, case: Case, problem: Difference) -> FailingCase:
    call = case.calls[-1]
    inputs = ", ".join(f"{name} = {in_words(as_plain(encode(v)))}" for name, v in zip(exercise.parameters, call))
    if len(case.calls) > 1:
        inputs = f"{len(case.calls)} calls in a row, the last with {inputs}"

    def side(value):
        if isinstance(value, Failure):
            return f"raises {value.type_name}"
        return value if problem.what == _MOVED_RANDOM_STATE else in_words(value)

    return FailingCase(case.what, inputs, problem.what, side(problem.expected), side(problem.got))
