"""Hidden cases: the exercise's own record drawn with other seeds, and a verdict that does not show what they hold."""

from collections.abc import Iterable
from dataclasses import replace

from tlkit.exercises.record import Exercise, Quiz
from tlkit.grading.engine import judge
from tlkit.grading.subject import Subject
from tlkit.grading.verdict import Outcome, Verdict


def judge_with_hidden(exercise: Exercise, subject: Subject, hidden_seeds: Iterable[int],
                      shown: Verdict | None = None) -> Verdict:
    """Judge an answer on the cases that learners see, and on hidden ones.

    A case group counts where every case of it is right, shown or hidden, so that an answer made for the shown cases
    earns nothing by it. An answer that is wrong on shown cases is told so as ever. One that is wrong on hidden cases
    alone learns in which case groups, and which known misconception it is like, if any: words of the exercise's
    record, and nothing that the case, the answer or an exception of it could carry out.

    Args:
        hidden_seeds: what `ClassSecret.seeds` gave; none means that only the shown cases count.
        shown: the verdict on the shown cases, where it is known already.
    """
    shown = shown or judge(exercise, subject)
    if not shown.groups:
        return shown
    hidden = []
    for seed in hidden_seeds:
        hidden.append(judge(exercise, subject, seed, shrinks=False))
    groups = {group: passed and all(verdict.groups.get(group, False) for verdict in hidden)
              for group, passed in shown.groups.items()}
    seconds = shown.seconds + sum(verdict.seconds for verdict in hidden)
    if all(groups.values()):
        return replace(shown, seconds=seconds)
    points = float(exercise.points * sum(groups.values()) / len(groups))
    if shown.outcome is not Outcome.RIGHT:
        return replace(shown, points=points, groups=groups, seconds=seconds)
    failed = [group for group, passed in groups.items() if not passed]
    return replace(shown, outcome=Outcome.NOT_YET, points=points, groups=groups, seconds=seconds,
                   message=_in_words(failed), diagnosis=_known(exercise, hidden), hint=exercise.hint)


def without_the_answers_words(record: Exercise | Quiz, verdict: Verdict) -> Verdict:
    """A verdict that was found after an answer's process had seen hidden cases: nothing in it comes from that process."""
    if verdict.outcome is not Outcome.NOT_YET:
        return replace(verdict, notes=tuple(note for note in verdict.notes if _is_ours(record, note)))
    left_out = ("What this answer did is not shown, since something of the notebook was still running beside it when hidden cases were "
                "used (a thread, for example). Check it in your own notebook.")
    return replace(verdict, message=left_out, failing=None, diagnosis=_known(record, [verdict]),
                   notes=tuple(note for note in verdict.notes if _is_ours(record, note)))


def _is_ours(record: Exercise | Quiz, note: str) -> bool:
    """Whether a remark is the explanation of a quiz's choice."""
    return record.kind == "choice" and any(choice.explanation and note.endswith(choice.explanation)
                                           for question in record.questions for choice in question.choices)


def _in_words(groups: list[str]) -> str:
    named = "; ".join(f"“{group}”" for group in groups)
    return (f"Right on the cases that are shown, and not yet on others of the same kind, which are not shown: {named}. "
            "Try your answer on inputs of your own, of other sizes.")


def _known(exercise: Exercise, hidden: list[Verdict]):
    """The first misconception of the record among the diagnoses; a general diagnosis may quote what it saw."""
    found = [verdict.diagnosis for verdict in hidden if verdict.diagnosis]
    texts = {(known.name, known.why, known.hint) for known in getattr(exercise, "misconceptions", ())}
    return next((each for each in found if (each.name, each.why, each.hint) in texts), None)
