"""The judge: one exercise record and one answer in, a verdict out.

It sees an answer only through a Subject, as Observations of plain data, so that it can judge an answer in
its own kernel and one in another process alike.
"""

from typing import Any

import numpy as np

from tlkit.exercises.record import Exercise
from tlkit.exercises.recipe import Recipe, Step
from tlkit.grading.compare import Difference, both_in_words, in_words
from tlkit.grading.diagnosing import diagnose
from tlkit.grading.encoding import as_plain, plain_copy
from tlkit.grading.kinds import KINDS
from tlkit.grading.observation import UNUSABLE, Failure, Opaque
from tlkit.grading.shrink import shrink
from tlkit.grading.subject import Subject, is_stub
from tlkit.grading.trial import (
    ANOTHER_DEVICE, ANOTHER_RESULT, LEFT_BEHIND, MOVED_RANDOM_STATE, Result, Trial, draw_cases, not_run, problem_of, reference_results,
    run, size, trial,
)
from tlkit.grading.verdict import Diagnosis, FailingCase, Outcome, Verdict

__all__ = ["Diagnosis", "FailingCase", "Outcome", "Verdict", "accepts", "judge", "reference_results"]

_WHOLE = 300  # characters of a list that is shown as a whole
_QUICK = 1.0  # seconds that a case may have taken to be tried once more


def judge(exercise: Exercise, subject: Subject, seed: int = 0, shrinks: bool = True) -> Verdict:
    """Judge an answer on the cases that `seed` draws.

    Points are shared equally by the case groups; an answer earns those of the groups in which every case is right.
    What is looked at first is the smallest failing case of the first group that is not right.

    Args:
        shrinks: whether that case is made smaller to be read.
    """

    def verdict(outcome: Outcome, points: float = 0.0, **more) -> Verdict:
        return Verdict(exercise.id, exercise.title, outcome, float(points), float(exercise.points), **more)

    refusal = _before_running(exercise, subject)
    if refusal:
        return verdict(*refusal[:1], message=refusal[1])
    trials = _trials(exercise, subject, seed)
    seconds = sum(t.mine.seconds for t in trials)
    reached = next((name for t in trials for o in t.mine.observations for name in o.reached), None)
    if reached:
        return verdict(Outcome.NOT_YET, message=_reached(reached), seconds=seconds)
    groups: dict[str, bool] = {}
    for each in trials:
        groups[each.case.group] = groups.get(each.case.group, True) and each.problem is None
    if all(groups.values()):
        return verdict(Outcome.RIGHT, exercise.points, groups=groups, seconds=seconds)
    first = next(group for group, passed in groups.items() if not passed)
    smallest = min((i for i, t in enumerate(trials) if t.problem and t.case.group == first),
                   key=lambda i: (_not_tried(trials[i]), size(trials[i].case)))
    diagnosis, stays, retold = diagnose(exercise, subject, seed, trials, smallest)
    shown = shrink(exercise, subject, trials[smallest], stays) if shrinks else trials[smallest]
    if shown is not trials[smallest]:
        diagnosis = retold(shown)  # it may name numbers and shapes of the case
    return verdict(
        Outcome.NOT_YET,
        exercise.points * sum(groups.values()) / len(groups),
        groups=groups,
        waiting=tuple(group for group, passed in groups.items() if not passed and _refuses_all([t for t in trials if t.case.group == group])),
        failing=_describe(exercise, trials[smallest], shown),
        diagnosis=diagnosis,
        hint=exercise.hint,
        seconds=seconds,
    )


def accepts(exercise: Exercise, subject: Subject, seed: int = 0) -> bool:
    """Whether an answer would be judged right; it ends at the first case that is not."""
    if _before_running(exercise, subject):
        return False
    return all(t.problem is None for t in _trials(exercise, subject, seed, stop_at_first=True))


def _before_running(exercise: Exercise, subject: Subject) -> tuple[Outcome, str] | None:
    """What can be said without running an answer: it is not there, not begun, no answer at all, or a shortcut."""
    kind = KINDS[exercise.kind]
    try:
        value = subject.value()
    except KeyError:
        return Outcome.NOT_ATTEMPTED, (f"`{exercise.name}` is not defined. Run the cell above that defines it, then this "
                                       "one; after a restart of the kernel, run the cells from the top.")
    if value is Ellipsis or _all_open(value) or is_stub(subject.source()):
        return Outcome.NOT_ATTEMPTED, (f"Write `{exercise.name}` in the cell above in place of `...`, run that cell, "
                                       "then this one.")
    if not kind.accepts(value) and not (isinstance(value, Opaque) and subject.is_ours):
        return Outcome.NOT_YET, f"`{exercise.name}` is {in_words(as_plain(value))} now, and {kind.due(exercise)}"
    mentioned = subject.mentions()
    return (Outcome.NOT_YET, _reached(mentioned)) if mentioned else None


def _all_open(value: Any) -> bool:
    """Whether a dict holds nothing but `...`."""
    return type(value) is dict and all(item is Ellipsis for item in value.values())


def _reached(name: str) -> str:
    if name == "sys.setprofile":
        return ("While your answer ran, it switched off `sys.setprofile`, with which the check watches what is called. "
                "Leave that alone, please, and the check can say more.")
    return (f"`{name}` would be the whole answer. It is good to know that it exists; here you build what is inside it, "
            "so please write it without that call.")


def _trials(exercise: Exercise, subject: Subject, seed: int, stop_at_first: bool = False) -> list[Trial]:
    """Every case, done by the answer and then by the reference, so that what is due is not there to be found first."""
    results: list[Result] = []
    cases = draw_cases(exercise, seed)
    if stop_at_first:
        return _until_first_problem(exercise, subject, seed, cases)
    for case in cases:
        stopped = next((result for result in results if result.ended_early), None)
        results.append(not_run(case, stopped) if stopped else run(exercise, subject, case))
    trials = [trial(exercise, case, due, mine) for case, due, mine in zip(cases, reference_results(exercise.id, seed)[1], results)]
    return _once_more(exercise, subject, trials)


def _until_first_problem(exercise: Exercise, subject: Subject, seed: int, cases: list) -> list[Trial]:
    trials = []
    for case, due in zip(cases, reference_results(exercise.id, seed)[1]):
        trials.append(trial(exercise, case, due, run(exercise, subject, case)))
        if trials[-1].problem:
            return trials
    return _once_more(exercise, subject, trials)


def _once_more(exercise: Exercise, subject: Subject, trials: list[Trial]) -> list[Trial]:
    """The same trials, the quickest of the right ones with a problem if the same call gives another result now."""
    right = [i for i, t in enumerate(trials) if t.problem is None and not t.due.failure and t.mine.seconds < _QUICK]
    if not right or exercise.kind in ("number", "plan", "expression", "formulas"):
        return trials
    i = min(right, key=lambda i: trials[i].mine.seconds)
    with subject.other_dice():
        again = run(exercise, subject, trials[i].case)
    problem = problem_of(exercise, trials[i].case, trials[i].due, again)
    if problem is None:
        return trials
    problem = Difference(ANOTHER_RESULT, problem.expected, problem.got)
    return [*trials[:i], Trial(trials[i].case, trials[i].due, again, problem), *trials[i + 1:]]


def _refuses_all(trials: list[Trial]) -> bool:
    """Whether all bad input in these trials was refused as it should be; False where there is none."""
    bad = [each.problem is None for each in trials if each.due.failure]
    return bool(bad) and all(bad)


def _not_tried(each: Trial) -> bool:
    """Whether a case failed only because an earlier one had to be stopped."""
    return each.mine.ended_early and each.mine.seconds == 0.0


def _describe(exercise: Exercise, failed: Trial, each: Trial) -> FailingCase:
    """The case to show: `each`, which is `failed` itself or the same case made smaller."""
    case, problem = each.case, each.problem
    what = case.what if each is failed else f"{case.what} (made smaller)"
    inputs = _inputs(exercise, case.calls[-1])
    if len(case.calls) > 1:
        inputs = f"{len(case.calls)} calls in a row, the last with {inputs}"
    if case.upstream is not None:
        inputs += f", upstream gradient = {in_words(plain_copy(case.upstream))}"
    differs_in_shape = problem.what.startswith("the shape of")
    sides = [result.seen for result in (each.due, each.mine)]
    if exercise.view is not None and all(isinstance(side, list) and len(side) == 1 for side in sides):
        sides = [side[0] for side in sides]  # one call, one thing that is looked at
    whole = [in_words(side, _WHOLE + 1) for side in sides]
    if " item " in f" {problem.what}" and len(case.calls) == 1 and max(map(len, whole)) <= _WHOLE:
        return FailingCase(what, inputs, "the value", *whole)  # a short list says more than an address in it

    def side(value: Any) -> str:
        if isinstance(value, Failure):
            return value.message if value.type_name in ("Formula", *UNUSABLE) else f"raises {value.type_name}"
        if differs_in_shape:
            return f"{np.shape(value) or 'a single number'}, with {in_words(value)}"
        return value if problem.what in (MOVED_RANDOM_STATE, LEFT_BEHIND, ANOTHER_DEVICE) else in_words(value)

    expected, got = side(problem.expected), side(problem.got)
    if expected == got:
        expected, got = both_in_words(problem.expected, problem.got)
    return FailingCase(what, inputs, problem.what, expected, got)


def _inputs(exercise: Exercise, call: tuple) -> str:
    if exercise.kind == "plan":
        return "the part " + " › ".join(map(str, call)) if call else ""
    if call and isinstance(call[0], Step):
        return "; ".join(_step_in_words(step) for step in call)
    if exercise.kind == "formulas":
        key, *call = call
        values = ", ".join(f"{name} = {_argument_in_words(value)}" for name, value in zip(exercise.parameters, call))
        return f"{exercise.name}[\"{key}\"] at {values}"
    names = (*exercise.parameters, *[f"argument {i + 1}" for i in range(len(exercise.parameters), len(call))])
    return ", ".join(f"{name} = {_argument_in_words(value)}" for name, value in zip(names, call))


def _argument_in_words(value: Any) -> str:
    if isinstance(value, Recipe):
        options = value.options
        if value.builder == "model":
            left = f", gradients of {options['gradient']:g} left from before" if "gradient" in options else ""
            left += f"; frozen: {', '.join(options['frozen'])}" if "frozen" in options else ""
            return "a network (" + ", ".join(" ".join(map(str, layer)) for layer in options["layers"]) + left + ")"
        if value.builder == "layer":
            return f"a frozen layer ({' '.join(map(str, options['layer']))})"
        if value.builder == "batches":
            return f"batches of {options['batch_size']} from {len(options['labels'])} examples"
        return {"optimizer": f"{options.get('algorithm')} over its parameters", "loss": str(options.get("function")),
                "scripted": f"a function that returns {in_words(options.get('returns'))} in turn"}.get(value.builder, value.name)
    return in_words(plain_copy(value))


def _step_in_words(step: Step) -> str:
    arguments = [_argument_in_words(value) for value in step.arguments]
    arguments += [f"{name}={_argument_in_words(value)}" for name, value in step.keywords.items()]
    return f"{step.do}({', '.join(arguments)})"
