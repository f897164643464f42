"""`tlkit similar`: answers that are alike, side by side, as a page and as CSV."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tlkit.errors import TlkitError
from tlkit.drawing import BLUE, RED, new_figure, quiet_axes
from tlkit.grading.cohort.answers import Answer, read_answers
from tlkit.grading.cohort.gradebook import course_directory
from tlkit.grading.cohort.markup import Html, element, listed, page, picture, table
from tlkit.grading.cohort.similarity import Comparison, Pair, compare
from tlkit.grading.cohort.tables import write_csv, write_file

SHOWN_QUESTIONS = 3
WHAT_IT_IS = (
    "Answers are compared without names, layout, comments and strings; what half the class has in common counts little, and "
    "what only two have in common counts much. That two answers are alike is no proof of anything: short exercises have few "
    "right answers, friends learn together, and what a course shows is used. A pair at the top is a reason to read both "
    "answers and to talk with both people, and nothing more. Answers written by a language model cannot be told from others, "
    "here or by any other program."
)


def write_similar(root: Path, assignment: str, out: Path | None = None, most: int = 20) -> tuple[list[Path], list[str]]:
    """Write `<assignment>.html` and `<assignment>.csv` on the most similar answers of a class.

    Args:
        out: the folder to write to; `similar/` in the root where none is given.
        most: how many pairs are shown.
    Returns:
        The files, and sentences on what could not be read.
    Raises:
        TlkitError: nothing was handed in, fewer than two learners, or the files cannot be written.
    """
    course = course_directory(root)
    released = Path(course.format_path(course.release_directory, ".", assignment))
    answers, notes = read_answers(root, assignment, released)
    found = compare(answers, most)
    if found.learners < 2:
        raise TlkitError(f"answers of {found.learners} learners were found for {assignment}, and two are due to compare any"
                         f"{'; ' + notes[0] if notes else ''}")
    out = out or Path(root) / "similar"
    paths = out / f"{assignment}.html", out / f"{assignment}.csv"
    write_file(paths[0], similar_page(assignment, found, answers, notes))
    write_csv(paths[1], ("one", "other", "evidence", "similarity", "question", "evidence_of_question", "similarity_of_question"), (
        (pair.one, pair.other, pair.evidence, pair.similarity, question, *values)
        for pair in found.pairs for question, values in pair.by_question.items()))
    return list(paths), notes


def similar_page(title: str, found: Comparison, answers: Sequence[Answer], notes: Sequence[str] = ()) -> str:
    """The report as one self-contained HTML page."""
    written = {(answer.student, answer.question): answer.source for answer in answers}
    parts = [element("p", WHAT_IT_IS),
             element("p", f"{found.learners} learners, {found.compared} pairs. Evidence is the sum of ln((N + 1) / n) over the runs of "
                          "six tokens (of texts: four words) that both have, where n of N learners have the run; similarity is its "
                          "share in the runs that at least one of the two has."),
             picture(draw_spread(found)),
             table("The most similar", ("one", "other", "evidence", "similarity"), [
                 (pair.one, pair.other, pair.evidence, f"{pair.similarity:.0%}") for pair in found.pairs])]
    if notes:
        parts += [element("h2", "Not read"), listed(notes)]
    return page(f"Similar answers: {title}", [*parts, *(_side_by_side(pair, written) for pair in found.pairs)])


def draw_spread(found: Comparison) -> tuple[Figure, str]:
    """How much evidence there is for all pairs, so that one sees whether the first ones stand apart."""
    edges, counts = found.spread
    figure = new_figure(8, 3)
    axes = figure.add_subplot()
    axes.stairs(counts, edges, fill=True, color=BLUE)
    axes.set_yscale("symlog", linthresh=1)
    axes.set(xlabel="evidence", ylabel="pairs of learners", ylim=(0, None))
    if found.pairs:
        axes.axvline(found.pairs[0].evidence, color=RED, linestyle="--", label="the most similar pair")
        axes.legend(frameon=False)
    quiet_axes(axes)
    middle = float(edges[int((counts.cumsum() >= counts.sum() / 2).argmax())])
    most = found.pairs[0].evidence if found.pairs else 0.0
    return figure, f"Histogram of the evidence of {found.compared} pairs: half of them near {middle:.3g} or less, the most {most:.3g}."


def _side_by_side(pair: Pair, written: dict[tuple[str, str], str]) -> Html:
    shown = sorted(pair.by_question, key=lambda question: -pair.by_question[question][0])[:SHOWN_QUESTIONS]
    parts = []
    for question in shown:
        evidence, similarity = pair.by_question[question]
        parts += [element("h3", f"{question}: evidence {evidence:.1f}, similarity {similarity:.0%}"), element("div", *(
            element("div", element("p", student), element("pre", written[student, question])) for student in (pair.one, pair.other)),
            class_="columns")]
    return element("details", element("summary", f"{pair.one} and {pair.other}: evidence {pair.evidence:.1f}"), *parts)
