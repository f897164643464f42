"""The pictures of the class report: pure functions from a summary to a figure and the words for it."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from tlkit.drawing import BLUE, GREEN, GREY, ORANGE, RED, SKY, new_figure, quiet_axes
from tlkit.grading.cohort.discrimination import POOR
from tlkit.grading.cohort.self_reported import Tries
from tlkit.grading.cohort.summary import ExerciseSummary, LearnerSummary, Mistake
from tlkit.grading.verdict import Outcome

_OUTCOMES = ((Outcome.RIGHT, BLUE, ""), (Outcome.NOT_YET, ORANGE, "//"), (Outcome.NOT_ATTEMPTED, "#cccccc", ".."))


def draw_points(learners: Sequence[LearnerSummary]) -> tuple[Figure, str]:
    """How the points that machines give are spread over the learners."""
    figure = new_figure(8, 3)
    axes = figure.add_subplot()
    points, most = [learner.points for learner in learners], max(learner.max_points for learner in learners)
    bins = min(20, max(5, round(most)))
    axes.hist(points, bins=bins, range=(0, most), color=BLUE, edgecolor="white")
    middle = sorted(points)[len(points) // 2] if len(points) % 2 else sum(sorted(points)[len(points) // 2 - 1:][:2]) / 2
    axes.axvline(middle, color=RED, linestyle="--", label=f"median {middle:.3g}")
    axes.set(xlabel="points given by checks", ylabel="learners", xlim=(0, most))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    quiet_axes(axes)
    return figure, (f"Histogram of the points of {len(points)} learners, of {most:g} that checks give: from {min(points):.3g} "
                    f"to {max(points):.3g}, half of them at {middle:.3g} or more.")


def draw_outcomes(exercises: Sequence[ExerciseSummary]) -> tuple[Figure, str]:
    """How many learners ended right, not yet and not attempted, by exercise."""
    figure = _figure_for(len(exercises))
    axes = figure.add_subplot()
    left = [0] * len(exercises)
    for outcome, colour, hatch in _OUTCOMES:
        counts = [exercise.outcomes[outcome] for exercise in exercises]
        bars = axes.barh(range(len(exercises)), counts, left=left, color=colour, hatch=hatch, edgecolor="white", label=outcome.value)
        axes.bar_label(bars, [f"{count}" if count else "" for count in counts], label_type="center", fontsize=8,
                       bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        left = [start + count for start, count in zip(left, counts)]
    axes.set_yticks(range(len(exercises)), [exercise.id for exercise in exercises])
    axes.invert_yaxis()
    axes.set_xlabel("learners")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    quiet_axes(axes)
    words = "; ".join(f"{e.id}: {e.outcomes[Outcome.RIGHT]} right, {e.outcomes[Outcome.NOT_YET]} not yet, "
                      f"{e.outcomes[Outcome.NOT_ATTEMPTED]} not attempted" for e in exercises)
    return figure, f"Bars of outcomes by exercise. {words}."


def draw_mistakes(mistakes: Sequence[Mistake], learners: int) -> tuple[Figure, str]:
    """The most common diagnoses, and of which exercise they are."""
    figure = _figure_for(len(mistakes))
    axes = figure.add_subplot()
    for known, colour, hatch, label in ((True, BLUE, "", "a known misconception"), (False, GREY, "//", "a general diagnosis")):
        rows = [number for number, mistake in enumerate(mistakes) if mistake.known is known]
        if rows:
            axes.barh(rows, [len(mistakes[number].learners) for number in rows], color=colour, hatch=hatch, edgecolor="white", label=label)
    axes.set_yticks(range(len(mistakes)), [f"{mistake.exercise_id}: {_short(mistake.name)}" for mistake in mistakes])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.invert_yaxis()
    axes.set_xlabel(f"learners, of {learners}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    quiet_axes(axes)
    words = "; ".join(f"{_short(m.name)} ({m.exercise_id}), {len(m.learners)}" for m in mistakes)
    return figure, f"Bars of the most common mistakes, by how many of {learners} learners made them: {words}."


def draw_discrimination(exercises: Sequence[ExerciseSummary]) -> tuple[Figure, str]:
    """The index of each exercise with its interval, and the line below which an exercise is called poor."""
    figure = _figure_for(len(exercises))
    axes = figure.add_subplot()
    axes.axvspan(-1, POOR, color="#eeeeee")
    axes.text(-0.98, len(exercises) - 0.55, f"poor: below {POOR:g}", va="bottom", fontsize=9, color=GREY)
    for number, exercise in enumerate(exercises):
        found = exercise.discrimination
        if found.index is None:
            axes.text(0, number, "no index", ha="center", va="center", fontsize=8, color=GREY)
            continue
        colour, marker = (GREEN, "o") if found.index >= POOR else (RED, "D")
        axes.plot([found.low, found.high], [number, number], color=colour, linewidth=2)
        axes.plot(found.index, number, marker, color=colour, markersize=8)
    axes.set_yticks(range(len(exercises)), [exercise.id for exercise in exercises])
    axes.set(xlim=(-1, 1), ylim=(len(exercises) - 0.5, -0.5), xlabel="correlation with the points on all other exercises")
    quiet_axes(axes)
    words = "; ".join(f"{e.id}: " + ("no index" if e.discrimination.index is None else
                      f"{e.discrimination.index:.2f} ({e.discrimination.low:.2f} to {e.discrimination.high:.2f})") for e in exercises)
    return figure, f"Discrimination index by exercise with 95 % intervals. {words}."


def draw_tries(tries: Sequence[Tries], exercise_ids: Sequence[str]) -> tuple[Figure, str]:
    """How often an exercise was checked, as learners report it."""
    figure = _figure_for(len(exercise_ids))
    axes = figure.add_subplot()
    by_exercise = {name: sorted(t.tries for t in tries if t.exercise_id == name) for name in exercise_ids}
    for number, values in enumerate(by_exercise.values()):
        for value in sorted(set(values)):
            axes.scatter(value, number, s=80 + 25 * values.count(value), color=SKY, edgecolor=BLUE)
            axes.annotate(f"{values.count(value)}", (value, number), ha="center", va="center", fontsize=7)
    axes.set_yticks(range(len(exercise_ids)), list(exercise_ids))
    axes.set(ylim=(len(exercise_ids) - 0.5, -0.5), xlabel="tries, as learners report them; the number in a dot counts learners")
    axes.xaxis.get_major_locator().set_params(integer=True)
    quiet_axes(axes)
    words = "; ".join(f"{name}: {len(values)} learners, from {values[0]} to {values[-1]} tries"
                      for name, values in by_exercise.items() if values)
    return figure, f"Self-reported tries by exercise. {words}."


def _figure_for(rows: int) -> Figure:
    return new_figure(8, 1.2 + 0.32 * max(rows, 2))


def _short(text: str, most: int = 60) -> str:
    """A text that can be drawn on one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text.encode("utf-8", "replace").decode())
    return plain if len(plain) <= most else plain[: most - 1] + "…"
