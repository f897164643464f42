"""What grading a class costs: 60 generated submissions of unit 01 with `tlkit grade`, 12 of them with stock nbgrader.

    python -m benchmarks.grading [--json FILE] [--submissions 60] [--stock 12] [--jobs 2]

Both in one run, on copies of the same submissions, and neither runs cells that only demonstrate. Stock is `nbgrader
autograde` as it is installed, one process for all submissions; ours has every protection on (and writes feedback pages
too). Points of checks are compared one by one. Whether memory stays flat is what `benchmarks.grading_soak` looks at.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook

from tlkit.course.build import write_source_notebook
from tlkit.exercises import exercises_of
from tlkit.grading.classwork.grade_class import grade_class

CHECKOUT = Path(__file__).parents[1]
UNIT = "01_why_transfer"
RESULTS = Path(__file__).parent / "results" / "grading.json"
STOCK = """
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "course"
c.Execute.skip_cells_with_tag = "demo"
c.Execute.timeout = 120
"""
OURS = "from tlkit.course.release import configure\nc = get_config()\nconfigure(c)\n"


def make_class(root: Path, config: str, submissions: list[tuple[str, str]]) -> None:
    """A course's root with the release and these submissions."""
    root.mkdir()
    for name in ("course", "solutions"):
        shutil.copytree(CHECKOUT / name / UNIT, root / name / UNIT, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "nbgrader_config.py").write_text(config)
    for student, text in submissions:
        folder = root / "submitted" / student / UNIT
        folder.mkdir(parents=True)
        (folder / f"{UNIT}.ipynb").write_text(text)


def generate(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Submissions: a third right, a third with some answers wrong or missing, the rest mostly blank or broken."""
    rng = random.Random(seed)
    released = nbformat.read(CHECKOUT / "course" / UNIT / f"{UNIT}.ipynb", as_version=4)
    solved = nbformat.read(CHECKOUT / "solutions" / UNIT / f"{UNIT}.ipynb", as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in solved.cells
               if cell.metadata.get("nbgrader", {}).get("solution")}
    wrong = _wrong_answers()
    made = []
    for number in range(count):
        notebook, kind = nbformat.from_dict(released), number % 3
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name not in answers:
                continue
            draw = rng.random()
            if kind == 0 or kind == 1 and draw < 0.5 or kind == 2 and draw < 0.1:
                cell.source = answers[name]
            elif kind == 1 and name in wrong or kind == 2 and draw < 0.3 and name in wrong:
                cell.source = rng.choice(wrong[name])
        made.append((f"s{number:03}", nbformat.writes(notebook)))
    return made


def _wrong_answers() -> dict[str, list[str]]:
    """Texts of wrong answers by grade_id, each made from what learners write: nothing returned, an error, a constant."""
    found = {}
    for exercise in exercises_of(UNIT[:2]):
        grade_id = exercise.id.replace(".", "-", 1)
        if exercise.kind == "choice":
            found[grade_id] = [f"answers = {[letter] * len(exercise.questions)!r}" for letter in "abc"]
            continue
        head = f"def {exercise.name}({', '.join(exercise.parameters)}):\n"
        found[grade_id] = [head + "    return None", head + "    return 0.5", head + "    raise ValueError('todo')",
                           head + f"    return {exercise.parameters[0]}", head + "    return undefined_name"]
    return found


def points(root: Path, students: list[str]) -> dict[str, dict[str, float]]:
    """What each check earned, by student and grade_id; what a person grades is left out."""
    found = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        for student in students:
            grades = book.find_submission_notebook(UNIT, UNIT, student).grades
            found[student] = {grade.name: grade.auto_score for grade in grades if grade.name.endswith("-check")}
    return found


def run_stock(root: Path) -> float:
    """Seconds that `nbgrader autograde` takes."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
                                "OMP_NUM_THREADS": "1"}
    for command in ("generate_assignment", "autograde"):
        more = ["--force"] if command == "generate_assignment" else []
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "nbgrader", command, UNIT, *more], cwd=root, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def run_ours(root: Path, jobs: int, **options: Any) -> tuple[float, Any]:
    """Seconds that grading takes from start to end, its warm parents' start included, and the summary."""
    started = time.perf_counter()
    summary = grade_class(root, jobs=jobs, quiet=False, **options)
    return time.perf_counter() - started, summary


def measure(submissions: int, stock: int, jobs: int) -> dict[str, Any]:
    """Both graders on the same work."""
    write_source_notebook(CHECKOUT / "solutions" / UNIT / f"{UNIT}.py")
    made = generate(submissions)
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = Path(folder) / "stock", Path(folder) / "ours"
        make_class(theirs, STOCK, made[:stock])
        make_class(ours, OURS, made)
        stock_seconds = run_stock(theirs)
        seconds, summary = run_ours(ours, jobs)
        students = [student for student, _ in made[:stock]]
        one, other = points(theirs, students), points(ours, students)
        differing = [(student, name, one[student][name], other[student][name]) for student in students for name in one[student]
                     if abs((one[student][name] or 0) - (other[student][name] or 0)) > 1e-9]
    return {
        "device": f"{os.cpu_count()}-core CPU", "unit": UNIT, "jobs": jobs, "limits_by": summary.limits_by,
        "stock": {"seconds_per_submission": round(stock_seconds / stock, 3), "submissions": stock},
        "tlkit": {"seconds_per_submission": round(seconds / submissions, 3), "submissions": submissions,
                  "start_seconds": round(summary.start_seconds, 1),
                  "seconds_per_submission_after_start": round((seconds - summary.start_seconds) / submissions, 3),
                  "seconds_in_a_worker": round(sum(r.seconds for r in summary.records) / submissions, 3),
                  "seconds_beside_cells": round(sum(r.seconds - r.cell_seconds for r in summary.records) / submissions, 3)},
        "times_as_many": round(stock_seconds / stock / (seconds / submissions), 1),
        "grades_equal": not differing, "differing": differing,
        "outcomes": {outcome: sum(record.outcome == outcome for record in summary.records)
                     for outcome in ("graded", "refused", "failed")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--stock", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    figures = measure(arguments.submissions, arguments.stock, arguments.jobs)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
