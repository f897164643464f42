"""The class report as a page."""

from collections.abc import Iterable, Sequence

from tlkit.grading.cohort import pictures
from tlkit.grading.cohort.discrimination import FORMULA, MIN_LEARNERS, POOR
from tlkit.grading.cohort.markup import Html, element, html, listed, marked, page, picture, table
from tlkit.grading.cohort.self_reported import Tries
from tlkit.grading.cohort.summary import ExerciseSummary, LearnerSummary, Mistake, Summary
from tlkit.grading.verdict import Outcome

SHOWN_MISTAKES, SHOWN_LEARNERS = 15, 200


def insights_page(title: str, summary: Summary, tries: Sequence[Tries] = (), notes: Iterable[str] = ()) -> str:
    """The report on a class as one self-contained HTML page.

    Args:
        tries: what learners report of themselves.
        notes: sentences on what could not be used.
    """
    notes = [*notes, *summary.faults]
    parts: list[Html] = [_opening(summary, notes)]
    if summary.learners:
        parts += [_points(summary), _outcomes(summary.exercises), _mistakes(summary), _telling_apart(summary.exercises)]
        if tries:
            parts.append(_tries(summary.exercises, tries))
        parts.append(_learners(summary.learners))
    return page(title, parts)


def _opening(summary: Summary, notes: Sequence[str]) -> Html:
    graded, refused = len(summary.learners), len(summary.not_graded)
    parts = [element("p", f"{_count(graded, 'learner')} with graded work, {_count(len(summary.exercises), 'exercise')}"
                          f"{', ' + _count(refused, 'notebook') + ' without a grade' if refused else ''}. All of this was "
                          "computed on this machine from the records in ", element("code", "graded/"), ", and nothing was sent "
                          "anywhere. What a person grades is not in it.")]
    if summary.not_graded:
        parts.append(table("Without a grade", ("learner", "assignment", "outcome", "why"), [
            (record.student, record.assignment, record.outcome, record.reason) for record in summary.not_graded]))
    if notes:
        parts += [element("h2", "Not used"), listed(notes)]
    return element("section", *parts)


def _points(summary: Summary) -> Html:
    return element("section", element("h2", "How points are spread"), picture(pictures.draw_points(summary.learners)))


def _outcomes(exercises: Sequence[ExerciseSummary]) -> Html:
    rows = [(e.id, e.title, len(e.points), e.outcomes[Outcome.RIGHT], e.outcomes[Outcome.NOT_YET],
             e.outcomes[Outcome.NOT_ATTEMPTED], f"{e.mean_share * e.max_points:.2f} of {e.max_points:g}") for e in exercises]
    return element("section", element("h2", "How each exercise ended"), picture(pictures.draw_outcomes(exercises)),
                   table("Outcomes", ("exercise", "title", "learners", "right", "not yet", "not attempted", "mean points"), rows))


def _mistakes(summary: Summary) -> Html:
    found, undiagnosed = summary.mistakes, sum(exercise.undiagnosed for exercise in summary.exercises)
    if not found:
        return element("section", element("h2", "Misconceptions"), element("p", "No answer that is not right was diagnosed."))
    wrong = sum(exercise.outcomes[Outcome.NOT_YET] for exercise in summary.exercises)
    parts = [element("h2", "Misconceptions"),
             element("p", f"{_count(wrong, 'answer')} {_is(wrong)} not yet right, and {undiagnosed} of them got no diagnosis. Each of the "
                          "others counts once, with its first diagnosis; of a quiz, every wrong choice counts. A known misconception "
                          "is one that the exercise's record holds and that the answer behaved like."),
             picture(pictures.draw_mistakes(found[:SHOWN_MISTAKES], len(summary.learners)))]
    if len(found) > SHOWN_MISTAKES:
        parts.append(element("p", f"The picture shows the {SHOWN_MISTAKES} most common of {len(found)}; the tables have all."))
    for exercise in summary.exercises:
        if exercise.mistakes:
            parts.append(table(f"{exercise.id}: {exercise.title}", ("what went wrong", "learners", "why people think so", "a hint", "who"),
                               [_mistake_row(mistake) for mistake in exercise.mistakes]))
    return element("section", *parts)


def _mistake_row(mistake: Mistake) -> tuple:
    names = ", ".join(mistake.learners)
    return (marked(mistake.name), len(mistake.learners), marked(mistake.why), marked(mistake.hint),
            element("details", element("summary", "names"), names) if len(mistake.learners) > 3 else names)


def _telling_apart(exercises: Sequence[ExerciseSummary]) -> Html:
    rows = []
    for e in exercises:
        d = e.discrimination
        rows.append((e.id, e.title, d.learners, f"{e.mean_share:.0%}", "" if d.index is None else f"{d.index:.2f}",
                     "" if d.index is None else f"{d.low:.2f} to {d.high:.2f}", d.words))
    return element(
        "section", element("h2", "Which exercises tell learners apart"),
        element("p", f"The discrimination index is {FORMULA}. Below {POOR:g} an exercise is usually called poor: too easy, too "
                     "hard, or about something else than the rest. The interval says how far such a class can tell; with fewer "
                     f"than {MIN_LEARNERS} learners there is no index."),
        picture(pictures.draw_discrimination(exercises)),
        table("Discrimination", ("exercise", "title", "learners", "mean share of points", "index r", "95 % interval", "in words"), rows))


def _tries(exercises: Sequence[ExerciseSummary], tries: Sequence[Tries]) -> Html:
    reported = {each.exercise_id for each in tries}
    ids = [exercise.id for exercise in exercises if exercise.id in reported]
    rows = []
    for name in ids:
        own = [each for each in tries if each.exercise_id == name]
        rows.append((name, len(own), sum(each.tries for each in own) / len(own), max(each.tries for each in own),
                     sum(each.hints_shown > 0 for each in own)))
    who = len({each.student for each in tries})
    return element(
        "section", element("h2", "Tries and hints (self-reported)"),
        element("p", f"From the progress files that {_count(who, 'learner')} handed in. Learners can edit these files; nobody has "
                     "checked them, they count for no grade, and those who hand one in need not be like those who do not."),
        picture(pictures.draw_tries(tries, ids)),
        table("Tries and hints, self-reported", ("exercise", "learners", "mean tries", "most tries", "learners shown a hint"), rows),
        class_="self-reported")


def _learners(learners: Sequence[LearnerSummary]) -> Html:
    rows = [(learner.student, f"{learner.points:.3g} of {learner.max_points:g}", f"{learner.right} of {learner.exercises}",
             _next(learner), _own_mistakes(learner)) for learner in learners[:SHOWN_LEARNERS]]
    parts = [element("h2", "What each learner should look at next"),
             element("p", "The first exercise, in the unit's order, that was tried and is not right; else the first that was not "
                          "begun. Later exercises build on earlier ones.")]
    if len(learners) > SHOWN_LEARNERS:
        parts.append(element("p", f"The first {SHOWN_LEARNERS} of {len(learners)} learners; learners.csv has all."))
    return element("section", *parts, table("Learners", ("learner", "points", "right", "next", "mistakes"), rows))


def _next(learner: LearnerSummary) -> Html:
    step = learner.next
    if step is None:
        return html("nothing: every check says right")
    words = f": {step.diagnosis}" if step.diagnosis else ""
    return element("span", element("code", step.exercise_id), f" ({step.title}), {step.outcome.value}", marked(words),
                   *([Html("<br>"), marked(f"Hint: {step.hint}")] if step.hint and step.outcome is Outcome.NOT_YET else []))


def _own_mistakes(learner: LearnerSummary) -> Html:
    if not learner.mistakes:
        return html("none")
    return element("details", element("summary", str(len(learner.mistakes))), listed(learner.mistakes))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
