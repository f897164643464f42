"""`tlkit insights`: a page and three CSV files on a class, from the records of its graded notebooks."""

from collections.abc import Sequence
from pathlib import Path

from tlkit.errors import TlkitError
from tlkit.grading.cohort.page import insights_page
from tlkit.grading.cohort.self_reported import Tries, self_reported
from tlkit.grading.cohort.summary import Summary, summarise
from tlkit.grading.cohort.tables import write_csv, write_file
from tlkit.grading.records import FOLDER, read_records
from tlkit.grading.verdict import Outcome


def write_insights(root: Path, assignment: str | None = None, out: Path | None = None) -> tuple[list[Path], list[str]]:
    """Write the report on a class: `insights.html`, `misconceptions.csv`, `exercises.csv` and `learners.csv`.

    Args:
        root: the course's root, with `graded/` in it.
        assignment: the only one to look at; all of them where none is given.
        out: the folder to write to; `insights/` in the root where none is given.
    Returns:
        The files, and sentences on what could not be used.
    Raises:
        TlkitError: there is no record, or the files cannot be written.
    """
    records, faults = read_records(root, assignment)
    if not records:
        which = f" of {assignment}" if assignment else ""
        known = sorted({record.assignment for record in read_records(root)[0]}) if assignment else []
        raise TlkitError(f"{Path(root) / FOLDER} holds no record{which} that can be read"
                         f"{'; there are records of ' + ', '.join(known) if known else ''}"
                         f"{'; ' + faults[0] if faults else ''}; `tlkit grade` makes records")
    summary = summarise(records, faults)
    tries, notes = self_reported(root, records)
    out = out or Path(root) / "insights"
    title = f"Insights: {assignment}" if assignment else "Insights into the class"
    page = out / "insights.html"
    write_file(page, insights_page(title, summary, tries, notes))
    return [page, *_write_tables(out, summary, tries)], [*notes, *faults]


def _write_tables(out: Path, summary: Summary, tries: Sequence[Tries]) -> list[Path]:
    mistakes, exercises, learners = out / "misconceptions.csv", out / "exercises.csv", out / "learners.csv"
    write_csv(mistakes, ("assignment", "exercise", "misconception", "known", "learner"), (
        (mistake.assignment, mistake.exercise_id, mistake.name, "yes" if mistake.known else "no", student)
        for mistake in summary.mistakes for student in mistake.learners))
    write_csv(exercises, ("assignment", "exercise", "title", "max_points", "learners", "right", "not_yet", "not_attempted",
                          "mean_points", "discrimination", "low", "high", "in_words"), (
        (e.assignment, e.id, e.title, e.max_points, len(e.points), e.outcomes[Outcome.RIGHT], e.outcomes[Outcome.NOT_YET],
         e.outcomes[Outcome.NOT_ATTEMPTED], e.mean_share * e.max_points, e.discrimination.index, e.discrimination.low,
         e.discrimination.high, e.discrimination.words) for e in summary.exercises))
    reported = {(each.student, each.exercise_id): each for each in tries}
    ids = [exercise.id for exercise in summary.exercises]
    write_csv(learners, ("learner", "points", "max_points", "right", "exercises", "mistakes", "next", "next_outcome", "diagnosis", "hint",
                         *(f"points_{name}" for name in ids), *(f"self_reported_tries_{name}" for name in ids),
                         *(f"self_reported_hints_{name}" for name in ids)), (
        (learner.student, learner.points, learner.max_points, learner.right, learner.exercises, len(learner.mistakes),
         *((s.exercise_id, s.outcome.value, s.diagnosis, s.hint) if (s := learner.next) else ("", "", "", "")),
         *(exercise.points.get(learner.student) for exercise in summary.exercises),
         *(getattr(reported.get((learner.student, name)), "tries", None) for name in ids),
         *(getattr(reported.get((learner.student, name)), "hints_shown", None) for name in ids))
        for learner in summary.learners))
    return [mistakes, exercises, learners]
