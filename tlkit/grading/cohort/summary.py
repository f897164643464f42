"""From the records of a class to what an instructor asks: who stumbles over what, and which exercises say little."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise
from tlkit.grading.cohort.discrimination import Discrimination, discrimination
from tlkit.grading.quiz import wrong_choices
from tlkit.grading.records import GRADED, Record
from tlkit.grading.verdict import Diagnosis, Outcome, Verdict


@dataclass(frozen=True)
class Mistake:
    """One diagnosis of one exercise, and who got it.

    Args:
        known: whether it is a misconception of the exercise's record; else it is a general one, as "sign flipped".
    """

    assignment: str
    exercise_id: str
    name: str
    known: bool
    why: str
    hint: str
    learners: tuple[str, ...]


@dataclass(frozen=True)
class ExerciseSummary:
    """One exercise over the class.

    Args:
        points: earned, by learner; of those only whose notebook was graded.
        outcomes: how many learners ended with each outcome.
        mistakes: the most common first.
    """

    assignment: str
    id: str
    title: str
    max_points: float
    points: dict[str, float]
    outcomes: Counter
    mistakes: tuple[Mistake, ...]
    undiagnosed: int
    discrimination: Discrimination

    @property
    def mean_share(self) -> float:
        """The mean of the points, as a share of those that can be earned."""
        return sum(self.points.values()) / len(self.points) / self.max_points


@dataclass(frozen=True)
class NextStep:
    """What a learner should look at next, and the words of the check for it."""

    exercise_id: str
    title: str
    outcome: Outcome
    diagnosis: str = ""
    hint: str = ""


@dataclass(frozen=True)
class LearnerSummary:
    """One learner over all graded notebooks.

    Args:
        next: None where every check says right.
    """

    student: str
    points: float
    max_points: float
    right: int
    exercises: int
    mistakes: tuple[str, ...]
    next: NextStep | None


@dataclass(frozen=True)
class Summary:
    """A class as its records show it.

    Args:
        not_graded: the records of notebooks without a grade; their learners count nowhere else.
    """

    exercises: tuple[ExerciseSummary, ...]
    learners: tuple[LearnerSummary, ...]
    not_graded: tuple[Record, ...] = ()
    faults: tuple[str, ...] = field(default=())

    @property
    def mistakes(self) -> list[Mistake]:
        """Every mistake, the most common first."""
        return sorted((mistake for exercise in self.exercises for mistake in exercise.mistakes),
                      key=lambda mistake: -len(mistake.learners))


def summarise(records: Iterable[Record], faults: Iterable[str] = ()) -> Summary:
    """Sum up the records of a class.

    Args:
        faults: sentences on records that could not be read.
    """
    records = sorted(records, key=lambda record: record.key)
    graded = [record for record in records if record.outcome == GRADED]
    return Summary(_exercises(graded), _learners(graded), tuple(r for r in records if r.outcome != GRADED), tuple(faults))


def next_step(verdicts: Iterable[Verdict]) -> NextStep | None:
    """The first exercise, in the unit's order, that was tried and is not right; else the first that was not begun.

    Exercises build on those before them, so the first gap is where to go on; and one that was tried comes before one
    that was not, since there is something to say about it.
    """
    verdicts = list(verdicts)
    for outcome in (Outcome.NOT_YET, Outcome.NOT_ATTEMPTED):
        for verdict in verdicts:
            if verdict.outcome is outcome:
                found = verdict.diagnosis
                return NextStep(verdict.exercise_id, verdict.title, outcome, found.name if found else "",
                                (found.hint if found else "") or verdict.hint)
    return None


def _exercises(graded: list[Record]) -> tuple[ExerciseSummary, ...]:
    found: dict[tuple[str, str], dict[str, Verdict]] = {}
    totals: dict[tuple[str, str], float] = Counter()
    for record in graded:
        for verdict in record.verdicts:
            found.setdefault((record.assignment, verdict.exercise_id), {})[record.student] = verdict
            totals[record.assignment, record.student] += verdict.points
    order = {key: number for number, key in enumerate(found)}  # as the units have them, whoever comes first
    return tuple(_exercise(*key, found[key], totals) for key in sorted(found, key=lambda key: (key[0], order[key])))


def _exercise(assignment: str, exercise_id: str, verdicts: dict[str, Verdict], totals: dict) -> ExerciseSummary:
    points = {student: verdict.points for student, verdict in verdicts.items()}
    rest = [totals[assignment, student] - earned for student, earned in points.items()]
    wrong = {student: v for student, v in verdicts.items() if v.outcome is Outcome.NOT_YET}
    any_verdict = next(iter(verdicts.values()))
    return ExerciseSummary(
        assignment, exercise_id, any_verdict.title, any_verdict.max_points, points,
        Counter(verdict.outcome for verdict in verdicts.values()), _mistakes(assignment, exercise_id, wrong),
        sum(not _diagnoses(verdict) for verdict in wrong.values()), discrimination(list(points.values()), rest),
    )


def _mistakes(assignment: str, exercise_id: str, wrong: dict[str, Verdict]) -> tuple[Mistake, ...]:
    known, learners = _known_names(exercise_id), {}
    for student, verdict in wrong.items():
        for found in _diagnoses(verdict):
            learners.setdefault(found.name, (found, []))[1].append(student)
    made = [Mistake(assignment, exercise_id, name, name in known, found.why, found.hint, tuple(students))
            for name, (found, students) in learners.items()]
    return tuple(sorted(made, key=lambda mistake: (-len(mistake.learners), mistake.name)))


def _diagnoses(verdict: Verdict) -> list[Diagnosis]:
    """The diagnosis of an answer, if it has one; of a quiz, each wrong choice with its explanation."""
    return [verdict.diagnosis] if verdict.diagnosis else list(map(_wrong_choice, wrong_choices(verdict)))


def _wrong_choice(choice: tuple[int, str, str]) -> Diagnosis:
    number, letter, explanation = choice
    return Diagnosis(f"question {number}, answer {letter}", explanation, "")


def _known_names(exercise_id: str) -> set[str]:
    try:
        record = find_exercise(exercise_id)
        if record.kind == "choice":
            return {_wrong_choice((number, letter, "")).name for number, question in enumerate(record.questions, 1)
                    for letter, choice in zip("abcdefgh", question.choices) if not choice.right}
        return {misconception.name for misconception in record.misconceptions}
    except TlkitError:  # the records are older than the exercises
        return set()


def _learners(graded: list[Record]) -> tuple[LearnerSummary, ...]:
    by_student: dict[str, list[Record]] = {}
    for record in graded:
        by_student.setdefault(record.student, []).append(record)
    return tuple(_learner(student, records) for student, records in by_student.items())


def _learner(student: str, records: list[Record]) -> LearnerSummary:
    verdicts = [verdict for record in records for verdict in record.verdicts]
    return LearnerSummary(
        student, sum(record.points for record in records), sum(record.max_points for record in records),
        sum(verdict.outcome is Outcome.RIGHT for verdict in verdicts), len(verdicts),
        tuple(f"{v.exercise_id}: {found.name}" for v in verdicts if v.outcome is Outcome.NOT_YET for found in _diagnoses(v)),
        next_step(verdicts),
    )
