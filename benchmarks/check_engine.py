"""How long `check` takes: every known answer of every exercise, right and wrong, in one process.

    python -m benchmarks.check_engine [--json FILE] [--repeats N]

"first" is the first check of an exercise in a session (what is due and the misconceptions are not yet known; the
libraries are loaded), "again" every later one. "own" is the share of the answer's own code in all seconds.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlkit.exercises import all_exercises
from tlkit.exercises.record import Exercise
from tlkit.grading import trial
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.known_answers import alternatives_of, answer_cells, run_cells, unit_folder
from tlkit.grading.session import pristine
from tlkit.grading.subject import LocalSubject
from tlkit.grading.verdict import Verdict

SOLUTIONS = Path(__file__).parents[1] / "solutions"
RESULTS = Path(__file__).parent / "results" / "check_engine.json"


def measure(repeats: int) -> dict:
    """Seconds of every check, and the share of the answers' own code, as summaries by situation."""
    seconds: dict[str, list[float]] = {"first": [], "again": []}
    own, answers = 0.0, 0
    for exercise in all_exercises():
        unit = unit_folder(exercise, SOLUTIONS)
        solved = run_cells(exercise, answer_cells(exercise, unit), keep_solution=True)
        checks = [partial(verdict_on, exercise.id, solved)]
        if exercise.kind != "choice":
            checks += [partial(verdict_on, exercise.id, {exercise.name: a}) for a in alternatives_of(exercise, unit)]
            checks += [partial(_judge, exercise, wrong.answer) for wrong in exercise.misconceptions]
        answers += len(checks)
        for check in checks:
            check()
            for _ in range(repeats):
                trial.forget()
                for situation in ("first", "again"):
                    started = time.perf_counter()
                    verdict = check()
                    seconds[situation].append(time.perf_counter() - started)
                    own += verdict.seconds
    every = seconds["first"] + seconds["again"]
    return {
        "device": f"{os.cpu_count()}-core CPU",
        "exercises": len(all_exercises()), "answers": answers, "repeats": repeats,
        "seconds": {name: summary(values) for name, values in {**seconds, "all": every}.items()},
        "own": round(own / sum(every), 3),
    }


def _judge(exercise: Exercise, answer: Any) -> Verdict:
    """A wrong answer of ours: it lives among the records, where the guard would otherwise stop it."""
    with pristine():
        return judge(exercise, LocalSubject.of(answer))


def summary(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    return {"median": round(float(np.median(values)), 4), "p95": round(float(np.percentile(values, 95)), 4),
            "max": round(max(values), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    figures = measure(arguments.repeats)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
