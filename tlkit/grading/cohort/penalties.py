"""`tlkit late`: due times, extensions and penalties into the gradebook; and the same policy as nbgrader's plug-in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Unicode

from tlkit.errors import TlkitError
from tlkit.grading.cohort.gradebook import find_assignment, open_gradebook
from tlkit.grading.cohort.lateness import (
    Extension, LatePolicy, late_in_words, policy_for, read_extensions, read_policies,
)


@dataclass(frozen=True)
class Late:
    """One submission that came after what is due for its learner."""

    student: str
    assignment: str
    seconds: float
    share_lost: float
    points_lost: float
    extended: bool

    def __str__(self) -> str:
        extended = ", beyond an extension" if self.extended else ""
        return f"{self.assignment}  {self.student}  late by {late_in_words(self.seconds)}{extended}: -{self.points_lost:.4g} points ({self.share_lost:.0%})"


def apply_lateness(root: Path, policy: Path, extensions: Path | None = None, assignment: str | None = None,
                   write: bool = False) -> tuple[list[Late], list[str]]:
    """Work out what lateness costs, and write it to the gradebook where that is wished.

    Both files are checked as a whole before anything is written. Run it again once people have graded: a penalty is a
    share of the points at that time.

    Args:
        assignment: the only one to look at; all that the policy names where none is given.
        write: False shows what would be, and changes nothing.
    Returns:
        Who is late, and sentences on what an instructor should know.
    Raises:
        TlkitError: a file that cannot be meant, or a student or assignment that the gradebook does not know.
    """
    policies = read_policies(policy)
    granted = read_extensions(extensions) if extensions else []
    with open_gradebook(root) as gradebook:
        for name in policies.keys() - {"*"}:
            find_assignment(gradebook, name, str(policy))
        _refuse_unknown(gradebook, granted)
        wanted = [find_assignment(gradebook, assignment)] if assignment else gradebook.assignments
        late, notes = [], []
        for each in wanted:
            rule = policy_for(policies, each.name)
            if rule is None:
                notes.append(f"{each.name} has no row in {policy}; nothing is done for it")
                continue
            found, more = _apply(gradebook, each, rule, [g for g in granted if g.assignment == each.name])
            late, notes = [*late, *found], [*notes, *more]
        if write:
            gradebook.db.commit()
        else:
            gradebook.db.rollback()
    return late, notes


def _apply(gradebook: Gradebook, assignment, rule: LatePolicy, granted: list[Extension]) -> tuple[list[Late], list[str]]:
    due = rule.due or assignment.duedate
    if due is None:
        raise TlkitError(f"{assignment.name} is due at no time: neither its policy nor the gradebook has one")
    assignment.duedate = due
    submissions = {submission.student.id: submission for submission in assignment.submissions}
    notes = []
    for extension in granted:
        extra = extension.beyond(due)
        if extension.student in submissions:
            submissions[extension.student].extension = extra or None
        else:
            notes.append(f"{extension.student} has handed in nothing for {assignment.name} yet; run this again once they have")
    kept = sorted(name for name, submission in submissions.items()
                  if submission.extension and name not in {extension.student for extension in granted})
    if kept:
        notes.append(f"extensions in the gradebook that no file names are kept, in {assignment.name}: {', '.join(kept)}")
    timeless = sorted(name for name, submission in submissions.items() if submission.timestamp is None)
    if timeless:
        notes.append(f"nobody knows when these were handed in, so they count as in time, in {assignment.name}: {', '.join(timeless)}")
    late = [_penalise(submissions[name], rule) for name in sorted(submissions)]
    return [each for each in late if each], notes


def _penalise(submission: SubmittedAssignment, rule: LatePolicy) -> Late | None:
    seconds = submission.total_seconds_late
    share, lost = rule.share_lost(seconds), 0.0
    for notebook in submission.notebooks:
        score = max(0.0, float(notebook.score or 0.0))
        notebook.late_submission_penalty = share * score if share else None
        lost += share * score
    return Late(submission.student.id, submission.name, seconds, share, lost, bool(submission.extension)) if seconds else None


def _refuse_unknown(gradebook: Gradebook, granted: Iterable[Extension]) -> None:
    known = {student.id for student in gradebook.students}
    for extension in granted:
        if extension.student not in known:
            raise TlkitError(f"{extension.where}: the gradebook knows no student {extension.student!r}; "
                             f"`nbgrader db student add {extension.student}` adds one")
        find_assignment(gradebook, extension.assignment, extension.where)


class LatePolicyPlugin(LateSubmissionPlugin):
    """The policy as nbgrader's own autograding takes it: `c.AssignLatePenalties.plugin_class` names this class.

    nbgrader asks it when a notebook is autograded, before a person has given points; `tlkit late` counts them too.
    """

    policy = Unicode("late_policy.csv", help="The CSV with a row for each assignment.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        rule = policy_for(read_policies(Path(self.policy)), getattr(self.parent, "assignment_id", "*"))
        share = rule.share_lost(total_seconds_late) if rule else 0.0
        return share * score if share else None
