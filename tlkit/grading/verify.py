"""The grader's own exam: `tlkit verify` tries every exercise with answers of which it knows what they deserve."""

import contextlib
import importlib.util
import io
import json
import linecache
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import ModuleType

from tlkit.errors import TlkitError
from tlkit.exercises import all_exercises
from tlkit.exercises.record import Exercise, Quiz
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import Outcome, reference_results
from tlkit.grading.mutants import mutants_of

MIN_MISCONCEPTIONS, MIN_ALTERNATIVES = 5, 3
SECOND_SEED = 20_231


def main(json_path: Path | None = None, solutions: Path = Path("solutions")) -> int:
    """Verify every exercise, print a table and what is wrong; the exit code is 0 where nothing is.

    Args:
        json_path: where to write the figures, if anywhere.
        solutions: the folder of the units' sources, which hold the solutions and alternatives.
    """
    report, faults = {}, []
    for exercise in all_exercises():
        report[exercise.id], found = verify(exercise, solutions)
        faults += [f"{exercise.id}: {fault}" for fault in found]
    print(_table(report))
    for fault in faults:
        print(fault)
    print(f"{len(report)} exercises, {len(faults)} faults")
    if json_path:
        Path(json_path).write_text(json.dumps({"exercises": report}, indent=1) + "\n", encoding="utf-8")
    return 1 if faults else 0


def verify(exercise: Exercise | Quiz, solutions: Path) -> tuple[dict, list[str]]:
    """One exercise's figures, and its faults in words."""
    unit = _unit_folder(exercise, solutions)
    cells = _solution_cells(exercise, unit)
    faults = []
    stub, solution = (_verdict_on_source(exercise, cells, keep_solution) for keep_solution in (False, True))
    if stub.outcome is not Outcome.NOT_ATTEMPTED or stub.points:
        faults.append(f"the untouched stub is “{stub.outcome.value}” with {stub.points:g} points")
    if solution.outcome is not Outcome.RIGHT:
        faults.append(f"the solution in solutions/ is “{solution.outcome.value}”")
    row = {"kind": exercise.kind, "stub": stub.outcome.value, "solution": solution.outcome.value}
    if isinstance(exercise, Quiz):
        return row, faults + _quiz_faults(exercise)
    for part in (_misconceptions, _alternatives, _mutants):
        figures, found = part(exercise, unit)
        row[part.__name__.lstrip("_")] = figures
        faults += found
    return row, faults


def _misconceptions(exercise: Exercise, unit: Path) -> tuple[dict, list[str]]:
    faults, refused, named = [], 0, 0
    if len(exercise.misconceptions) < MIN_MISCONCEPTIONS:
        faults.append(f"misconceptions: {len(exercise.misconceptions)}, at least {MIN_MISCONCEPTIONS} are due")
    for seed in (0, SECOND_SEED):
        verdicts = [_verdict(exercise, m.answer, seed) for m in exercise.misconceptions]
        refused = sum(v.outcome is Outcome.NOT_YET and v.points < v.max_points for v in verdicts)
        named = 0
        for misconception, verdict in zip(exercise.misconceptions, verdicts):
            name = verdict.diagnosis.name if verdict.diagnosis else None
            named += name == misconception.name
            if verdict.outcome is Outcome.RIGHT:
                faults.append(f"misconception “{misconception.name}” behaves like the reference (seed {seed})")
            elif name != misconception.name:
                faults.append(f"misconception “{misconception.name}” is diagnosed as “{name}” (seed {seed})")
    for one, other in combinations(exercise.misconceptions, 2):
        if one.name == other.name:
            faults.append(f"two misconceptions are called “{one.name}”")
    return {"total": len(exercise.misconceptions), "refused": refused, "named": named}, faults


def _alternatives(exercise: Exercise, unit: Path) -> tuple[dict, list[str]]:
    answers, faults, accepted = alternatives_of(exercise, unit), [], 0
    if len(answers) < MIN_ALTERNATIVES:
        faults.append(f"alternatives: {len(answers)}, at least {MIN_ALTERNATIVES} are due")
    for answer in answers:
        verdicts = [_verdict(exercise, answer, seed) for seed in (0, SECOND_SEED)]
        accepted += all(v.outcome is Outcome.RIGHT for v in verdicts)
        for verdict in verdicts:
            if verdict.outcome is not Outcome.RIGHT:
                faults.append(f"alternative `{answer.__name__}` is refused: {verdict.failing or verdict.message}")
    return {"total": len(answers), "accepted": accepted}, faults


def _mutants(exercise: Exercise, unit: Path) -> tuple[dict, list[str]]:
    return judge_mutants(exercise, exercise.load_reference())


def judge_mutants(exercise: Exercise, function: Callable) -> tuple[dict, list[str]]:
    """How many mutants of a right answer are refused; those that are not and are not listed as equivalent survive."""
    with_guards = any(result.failure for result in reference_results(exercise.id, 0)[1])
    refused, equivalent, survived = 0, 0, []
    mutants = mutants_of(function, with_guards)
    for mutant in mutants:
        verdict = _verdict(exercise, mutant.function)
        if verdict.outcome is not Outcome.RIGHT:
            refused += 1
        elif mutant.change in exercise.equivalent_mutants:
            equivalent += 1
        else:
            survived.append(mutant.change)
    figures = {"generated": len(mutants), "refused": refused, "equivalent": equivalent, "survived": survived}
    return figures, [f"mutant survives: {change}" for change in survived]


def alternatives_of(exercise: Exercise, unit: Path) -> list[Callable]:
    """The right answers written other ways that stand in the unit's alternatives.py."""
    return list(_load(unit / "alternatives.py").ALTERNATIVES.get(exercise.id, ()))


def _verdict(exercise: Exercise, answer: Callable, seed: int = 0):
    return verdict_on(exercise.id, {exercise.name: answer}, seed)


def _quiz_faults(quiz: Quiz) -> list[str]:
    faults = []
    for number, question in enumerate(quiz.questions, 1):
        if sum(choice.right for choice in question.choices) != 1:
            faults.append(f"question {number} needs exactly one right choice")
        if not all(choice.explanation for choice in question.choices):
            faults.append(f"question {number} has a choice without an explanation")
    return faults


def _unit_folder(exercise: Exercise | Quiz, solutions: Path) -> Path:
    found = sorted(Path(solutions).glob(f"{exercise.unit}_*"))
    if not found:
        raise TlkitError(f"no folder {solutions}/{exercise.unit}_* with the solutions of {exercise.id}; "
                         "`tlkit verify` runs in a checkout of the project")
    return found[0]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tlkit_alternatives_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION", re.MULTILINE | re.DOTALL)


def _solution_cells(exercise: Exercise | Quiz, unit: Path) -> list[str]:
    """The sources of the code cells that grading runs, from the top to this exercise's answer."""
    import jupytext

    own = exercise.id.replace(".", "-")
    for path in sorted(unit.glob(f"{exercise.unit}*.py")):
        cells = []
        for cell in jupytext.read(path).cells:
            nbgrader = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "code" and not nbgrader.get("grade") and "demo" not in cell.metadata.get("tags", []):
                cells.append(cell.source)
            if nbgrader.get("grade_id") == own:
                return cells
    raise TlkitError(f"{exercise.id}: no cell with grade_id {own!r} in {unit}")


def _verdict_on_source(exercise: Exercise | Quiz, cells: list[str], keep_solution: bool):
    """Run the cells as a kernel would, with or without what stands in the solution regions, and judge."""
    namespace: dict = {"__name__": "__main__"}
    for number, source in enumerate(cells):
        source = source if keep_solution else _REGION.sub(r"\1...", source)
        filename = f"<{exercise.id}, cell {number}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, filename, "exec"), namespace)
    return verdict_on(exercise.id, namespace)


def _table(report: dict) -> str:
    lines = [f"{'exercise':22} {'stub':14} {'solution':9} {'named':>8} {'accepted':>9} {'mutants refused':>16}"]
    for exercise_id, row in report.items():
        line = f"{exercise_id:22} {row['stub']:14} {row['solution']:9}"
        if "mutants" in row:
            m, a, k = row["misconceptions"], row["alternatives"], row["mutants"]
            line += f" {m['named']:>4}/{m['total']:<3} {a['accepted']:>5}/{a['total']:<3}"
            line += f" {k['refused']:>8}/{k['generated']} ({k['equivalent']} equivalent)"
        lines.append(line)
    return "\n".join(lines)
