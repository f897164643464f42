"""A class that the tests grade: learners who answer with the exercises' own alternatives and misconceptions."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from tlkit.exercises import exercises_of, find_exercise
from tlkit.exercises.record import Exercise, Quiz
from tlkit.grading.card import as_text
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.known_answers import alternatives_of, unit_folder
from tlkit.grading.records import REFUSED, Record, write_record
from tlkit.grading.score import Score
from tlkit.grading.session import pristine
from tlkit.grading.subject import LocalSubject
from tlkit.grading.verdict import Verdict

SOLUTIONS = Path(__file__).parents[2] / "solutions"
ASSIGNMENT = "01_why_transfer"


@cache
def _answers(exercise_id: str) -> tuple[list[Callable], list[Callable]]:
    exercise = find_exercise(exercise_id)
    return alternatives_of(exercise, unit_folder(exercise, SOLUTIONS)), [m.answer for m in exercise.misconceptions]


def choose(record: Exercise | Quiz, ability: float, rng: np.random.Generator) -> object | None:
    """An answer as a learner of this ability might give it; None: not begun."""
    if rng.random() < 0.15 * (1 - ability):
        return None
    if record.kind == "choice":
        return tuple(question.right_letter if rng.random() < 0.4 + 0.6 * ability else "a" for question in record.questions)
    right, wrong = _answers(record.id)
    pool = right if rng.random() < ability else wrong[: 4]  # some misconceptions are more common than others
    return pool[int(rng.integers(len(pool)))]


@cache
def _verdict(exercise_id: str, name: str, answer: object) -> Verdict:
    if callable(answer):  # a misconception of ours may use the reference inside
        with pristine():
            return judge(find_exercise(exercise_id), LocalSubject.of(answer))
    return verdict_on(exercise_id, {} if answer is None else {name: list(answer)})


QUICK = ("01.tuned_baseline", "01.paired_gain", "01.labels_needed", "01.label_efficiency", "01.quiz")
"""Exercises whose answers are judged in a moment."""


def _exercises(quick: bool) -> list[Exercise | Quiz]:
    return [record for record in exercises_of("01") if not quick or record.id in QUICK]


def record_of(student: str, answers: dict[str, object], assignment: str = ASSIGNMENT, quick: bool = True) -> Record:
    """The record of a notebook with these answers, by exercise id; what is left out is not begun."""
    verdicts = tuple(_verdict(record.id, record.name, answers.get(record.id)) for record in _exercises(quick))
    scores = tuple(Score(f"{v.exercise_id.replace('.', '-')}-check", v.points, v.max_points, as_text(v)) for v in verdicts)
    return Record(student, assignment, assignment, "257ae331c979", "2026-03-02T10:00:00+00:00", "0" * 64,
                  scores=(*scores, Score("01-explain", None, 2.0, "a person grades this")), verdicts=verdicts)


def class_of(learners: int, seed: int = 0, quick: bool = True) -> list[Record]:
    """The records of a class, from the weakest learner to the strongest."""
    rng = np.random.default_rng(seed)
    return [record_of(f"learner{number:03}", {record.id: choose(record, ability, rng) for record in _exercises(quick)}, quick=quick)
            for number, ability in enumerate(np.linspace(0.1, 1, learners))]


def write_class(root: Path, learners: int = 30, seed: int = 0, quick: bool = True) -> list[Record]:
    """The same in a course's folder, with one notebook that could not be graded."""
    records = class_of(learners, seed, quick)
    refused = replace(records[0], student="zed", outcome=REFUSED, reason="the notebook is a link to another file", scores=(), verdicts=())
    for record in (*records, refused):
        write_record(root, record)
    return records
