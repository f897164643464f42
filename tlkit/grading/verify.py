"""The grader's own exam: `tlkit verify` tries every exercise with answers of which it knows what they deserve."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tlkit.errors import TlkitError
from tlkit.exercises import exercises_of, units_with_exercises
from tlkit.exercises.fields import CODE_KINDS
from tlkit.exercises.record import Exercise, Quiz
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import accepts, judge
from tlkit.grading.known_answers import alternatives_of, answer_cells, equivalent_mutants_of, run_cells, unit_folder
from tlkit.grading.mutants import mutants_of
from tlkit.grading.session import pristine
from tlkit.grading.subject import LocalSubject
from tlkit.grading.trial import behaves_like, misconception_result, reference_results
from tlkit.grading.verdict import Outcome, Verdict

MIN_MISCONCEPTIONS, MIN_ALTERNATIVES = 5, 3
MIN_WRONG_VALUES = 3
SEEDS = (0, 20_231)
MUTANT_SECONDS = 1.0


def main(json_path: Path | None = None, solutions: Path = Path("solutions"), mutate_alternatives: bool = False) -> int:
    """Verify every exercise, print a table and what is wrong; the exit code is 0 where nothing is.

    Args:
        json_path: where to write the figures, if anywhere.
        solutions: the folder of the units' sources, which hold the solutions and alternatives.
        mutate_alternatives: also try mutants of every alternative, which takes longer.
    """
    report, faults = {}, []
    for exercise in _records(faults):
        try:
            report[exercise.id], found = verify(exercise, solutions, mutate_alternatives)
        except TlkitError as error:
            found = [str(error)]
        faults += [f"{exercise.id}: {fault}" for fault in found]
    print(_table(report))
    for fault in faults:
        print(fault)
    print(_totals(report), f"{len(faults)} faults", sep="; ")
    if json_path:
        Path(json_path).write_text(json.dumps({"exercises": report}, indent=1) + "\n", encoding="utf-8")
    return 1 if faults else 0


def _records(faults: list[str]) -> Iterator[Exercise | Quiz]:
    """Every record that can be read; what cannot becomes a fault."""
    for unit in units_with_exercises():
        try:
            yield from exercises_of(unit)
        except (TlkitError, TypeError) as error:
            faults.append(f"unit {unit}: {error}")


def verify(exercise: Exercise | Quiz, solutions: Path, mutate_alternatives: bool = False) -> tuple[dict, list[str]]:
    """One exercise's figures, and its faults in words."""
    unit = unit_folder(exercise, solutions)
    unfit = [] if exercise.kind == "choice" else _cases_that_do_not_fit(exercise)
    if unfit:
        return {"kind": exercise.kind, "stub": "not tried", "solution": "not tried", **_NOTHING}, unfit
    cells = answer_cells(exercise, unit)
    stub, solution = (verdict_on(exercise.id, run_cells(exercise, cells, keep)) for keep in (False, True))
    faults = []
    if stub.outcome is not Outcome.NOT_ATTEMPTED or stub.points:
        faults.append(f"the untouched stub is “{stub.outcome.value}” with {stub.points:g} points")
    if solution.outcome is not Outcome.RIGHT:
        faults.append(f"the solution in solutions/ is “{solution.outcome.value}”: {_reason(solution)}")
    row = {"kind": exercise.kind, "stub": stub.outcome.value, "solution": solution.outcome.value}
    if exercise.kind == "choice":
        row["misconceptions"], found = _wrong_choices(exercise)
        return row | {"alternatives": _NOTHING["alternatives"], "mutants": _NOTHING["mutants"]}, faults + found
    faults += _thoughtless(exercise)
    alternatives = alternatives_of(exercise, unit)
    row["misconceptions"], found = _misconceptions(exercise)
    row["alternatives"], more = _alternatives(exercise, alternatives)
    row["mutants"], survived = judge_mutants(exercise, exercise.load_reference())
    survived += _not_accepted("field `equivalent_mutants`", exercise.equivalent_mutants, row["mutants"])
    if mutate_alternatives and exercise.kind in CODE_KINDS:
        of_alternatives, others = judge_mutants_of_alternatives(exercise, solutions)
        row["mutants"], survived = _added(row["mutants"], of_alternatives), survived + others
    return row, faults + found + more + survived


_NOTHING = {"misconceptions": {"total": 0, "refused": 0, "named": 0}, "alternatives": {"total": 0, "accepted": 0},
            "mutants": {"generated": 0, "refused": 0, "equivalent": [], "survived": []}}


def _refuse(*_arguments):
    raise ValueError("anything")


THOUGHTLESS = {
    "always returns nan": lambda *_: float("nan"),
    "always returns 0": lambda *_: 0.0,
    "always returns 1": lambda *_: 1.0,
    "always returns two zeros": lambda *_: (0.0, 0.0),
    "always returns an empty array": lambda *_: np.zeros(0, int),
    "returns zeros like its first argument": lambda first, *_: first * 0,
    "returns its first argument": lambda first, *_: first,
    "refuses everything": _refuse,
}


def _thoughtless(exercise: Exercise) -> list[str]:
    """Functions that look at nothing, and what they earn: every case group needs a case that they get wrong."""
    faults = []
    for what, answer in THOUGHTLESS.items() if exercise.kind == "function" else ():
        verdict = _verdict(exercise, answer, SEEDS[0])
        passed = ", ".join(f"“{group}”" for group, right in verdict.groups.items() if right)
        if verdict.points:
            faults.append(f"field `cases`: an answer that {what} earns {verdict.points:g} points, for {passed}")
    return faults


def _wrong_choices(quiz: Quiz) -> tuple[dict, list[str]]:
    """Every wrong choice, alone among right ones: it costs points, and its own explanation is shown."""
    right = [question.right_letter for question in quiz.questions]
    refused, named, total = 0, 0, 0
    for number, question in enumerate(quiz.questions):
        for letter, choice in zip("abcdefgh", question.choices):
            if not choice.right:
                verdict = verdict_on(quiz.id, {quiz.name: [*right[:number], letter, *right[number + 1:]]})
                total += 1
                refused += verdict.outcome is Outcome.NOT_YET and verdict.points < verdict.max_points
                named += choice.explanation in verdict.notes[number]
    faults = [] if total == refused == named else [f"{total} wrong choices, {refused} refused and {named} explained"]
    return {"total": total, "refused": refused, "named": named}, faults


def _cases_that_do_not_fit(exercise: Exercise) -> list[str]:
    """Cases that the reference cannot do, or does where it should refuse."""
    faults = []
    for seed in SEEDS:
        try:
            cases, due = reference_results(exercise.id, seed)
        except Exception as error:
            return [f"field `cases`: with seed {seed} they raise {type(error).__name__}: {error}"]
        for case, result in zip(cases, due):
            got = result.failure.type_name if result.failure else None
            if got != case.raises:
                said = f"raises {got} ({result.failure.message})" if got else "returns a value"
                wanted = f"`raises={case.raises!r}`" if case.raises else "no `raises`"
                faults.append(f"field `cases`: on “{case.what}” the reference {said}, and the case has {wanted} (seed {seed})")
            elif case.calls == () or not isinstance(case.calls, tuple):
                faults.append(f"field `cases`: “{case.what}” has no calls")
    return faults


def _misconceptions(exercise: Exercise) -> tuple[dict, list[str]]:
    due = MIN_MISCONCEPTIONS if exercise.kind in CODE_KINDS else MIN_WRONG_VALUES
    known, faults, refused, named = exercise.misconceptions, [], 0, 0
    if len(known) < due:
        faults.append(f"field `misconceptions`: {len(known)}, at least {due} are due")
    for seed in SEEDS:
        verdicts = [_verdict(exercise, m.answer, seed) for m in known]
        refused = sum(v.outcome is Outcome.NOT_YET and v.points < v.max_points for v in verdicts)
        named = 0
        for misconception, verdict in zip(known, verdicts):
            name = verdict.diagnosis.name if verdict.diagnosis else None
            named += name == misconception.name
            if verdict.outcome is Outcome.RIGHT:
                faults.append(f"misconception “{misconception.name}” behaves like the reference on all cases (seed {seed})")
            elif name != misconception.name and not _twins(exercise, seed, misconception):
                faults.append(f"misconception “{misconception.name}” is diagnosed as “{name}” (seed {seed})")
        for one, other in combinations(range(len(known)), 2):
            if _alike(exercise, seed, one, other):
                faults.append(f"misconceptions “{known[one].name}” and “{known[other].name}” behave alike on all cases (seed {seed})")
    return {"total": len(known), "refused": refused, "named": named}, faults


def _alike(exercise: Exercise, seed: int, one: int, other: int) -> bool:
    cases = range(len(reference_results(exercise.id, seed)[0]))
    return all(behaves_like(exercise, misconception_result(exercise.id, one, seed, i),
                            misconception_result(exercise.id, other, seed, i)) for i in cases)


def _twins(exercise: Exercise, seed: int, misconception: Any) -> bool:
    """Whether another misconception behaves the same, which is a fault that has its own words."""
    index = exercise.misconceptions.index(misconception)
    return any(_alike(exercise, seed, index, other) for other in range(len(exercise.misconceptions)) if other != index)


def _alternatives(exercise: Exercise, answers: list) -> tuple[dict, list[str]]:
    faults, accepted = [], 0
    due = MIN_ALTERNATIVES if exercise.kind in CODE_KINDS else 1
    if len(answers) < due:
        faults.append(f"alternatives: {len(answers)}, at least {due} are due")
    for answer in answers:
        verdicts = [verdict_on(exercise.id, {exercise.name: answer}, seed) for seed in SEEDS]
        accepted += all(v.outcome is Outcome.RIGHT for v in verdicts)
        refusals = [v for v in verdicts if v.outcome is not Outcome.RIGHT]
        faults += [f"alternative `{getattr(answer, '__name__', answer)}` is refused: {_reason(v)}" for v in refusals[:1]]
    return {"total": len(answers), "accepted": accepted}, faults


def judge_mutants(exercise: Exercise, made: Any) -> tuple[dict, list[str]]:
    """How many mutants of a right answer are refused; those that are not and are not listed as equivalent survive."""
    with_guards = any(result.failure for result in reference_results(exercise.id, 0)[1])
    strict = replace(exercise, rtol=min(exercise.rtol, 1e-9), atol=min(exercise.atol, 1e-12))
    refused, equivalent, survived, faults = 0, [], [], []
    mutants = mutants_of(made, with_guards)
    for mutant in mutants:
        if not _accepted(exercise, mutant.function):
            refused += 1
        elif mutant.change in exercise.equivalent_mutants:
            equivalent.append(mutant.change)
        else:
            survived.append(mutant.change)
            blunt = exercise.rtol > strict.rtol and not _accepted(strict, mutant.function)
            faults.append(f"field `rtol`: {exercise.rtol:g} lets a mutant pass: {mutant.change}" if blunt
                          else f"mutant survives: {mutant.change}")
    return {"generated": len(mutants), "refused": refused, "equivalent": equivalent, "survived": survived}, faults


def judge_mutants_of_alternatives(exercise: Exercise, solutions: Path) -> tuple[dict, list[str]]:
    """The same of all alternatives together, whose equivalent mutants stand beside them in `solutions`."""
    unit = unit_folder(exercise, solutions)
    lenient = replace(exercise, equivalent_mutants=equivalent_mutants_of(exercise, unit))
    figures, faults = _NOTHING["mutants"], []
    for answer in alternatives_of(exercise, unit):
        of_this, found = judge_mutants(lenient, answer)
        figures = _added(figures, of_this)
        faults += [f"alternative `{answer.__name__}`: {fault}" for fault in found]
    return figures, faults + _not_accepted("EQUIVALENT_MUTANTS", lenient.equivalent_mutants, figures)


def _not_accepted(where: str, listed: dict[str, str], figures: dict) -> list[str]:
    """What is listed as equivalent and is none, or is made no longer."""
    return [f"{where}: no accepted mutant reads like this, so it should not be listed: {change}"
            for change in listed if change not in figures["equivalent"]]


def _added(figures: dict, more: dict) -> dict:
    return {key: value + more[key] for key, value in figures.items()}


def _accepted(exercise: Exercise, answer: Any) -> bool:
    with pristine():
        return all(accepts(exercise, LocalSubject.of(answer, MUTANT_SECONDS), seed) for seed in SEEDS)


def _verdict(exercise: Exercise, answer: Any, seed: int = 0) -> Verdict:
    """The verdict on an answer of ours, which may use the reference inside."""
    with pristine():
        return judge(exercise, LocalSubject.of(answer), seed)


def _reason(verdict: Verdict) -> str:
    failing = verdict.failing
    return verdict.message or (f"{failing.what} ({failing.inputs}): {failing.where}, expected {failing.expected}, "
                               f"got {failing.got}" if failing else "; ".join(verdict.notes))


def _totals(report: dict) -> str:
    def total(part: str, key: str) -> int:
        return sum(row[part][key] for row in report.values())

    equivalent = sum(len(row["mutants"]["equivalent"]) for row in report.values())
    return (f"{len(report)} exercises; misconceptions {total('misconceptions', 'named')} of {total('misconceptions', 'total')} "
            f"named; alternatives {total('alternatives', 'accepted')} of {total('alternatives', 'total')} accepted; mutants "
            f"{total('mutants', 'refused')} of {total('mutants', 'generated')} refused, {equivalent} equivalent")


def _table(report: dict) -> str:
    lines = [f"{'exercise':22} {'kind':10} {'stub':14} {'solution':9} {'named':>8} {'accepted':>9} {'mutants refused':>16}"]
    for exercise_id, row in report.items():
        line = f"{exercise_id:22} {row['kind']:10} {row['stub']:14} {row['solution']:9}"
        m, a, k = row["misconceptions"], row["alternatives"], row["mutants"]
        line += f" {m['named']:>4}/{m['total']:<3} {a['accepted']:>5}/{a['total']:<3}"
        line += f" {k['refused']:>8}/{k['generated']} ({len(k['equivalent'])} equivalent)"
        lines.append(line)
    return "\n".join(lines)
