"""Figures of unit 10: what a student learns, and from which examples; a teacher's soft targets at any temperature.

Nothing here imports torch: the first figure of the unit is on screen before torch is.

Axes: C classes, S seeds.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.agreement import gap_closed
from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, SKY, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.explore.heads_and_losses import softmax

WAYS = {
    "alone": ("alone, on the labelled examples", GREY, "o"),
    "soft, same examples": ("teacher, on the same examples", ORANGE, "s"),
    "hard, all examples": ("teacher's answers, on all examples", SKY, "D"),
    "soft, all examples": ("teacher's probabilities, on all examples", BLUE, "^"),
}
TEMPERATURES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""That the figure offers; only some of them were measured."""
_LINES = {("digits", 2): (BLUE, "o"), ("digits", 10): (GREEN, "s"), ("digits", 80): (PINK, "D"), ("tickets", 4): (ORANGE, "^")}
_CELL = 'style="text-align:right;padding:1px 12px 1px 0"'


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.distillation` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/distillation.json").read_text(encoding="utf-8"))


def named(result: dict) -> str:
    """Task and label count of one result in words."""
    return f"{result['task']}, {result['labels_per_class']} labels per class"


def closed(result: dict, way: str) -> float:
    """The share of the gap between the student alone and the teacher that one way closes, on the test set."""
    return gap_closed(result["alone"]["test"], result[way]["test"], result["teacher"]["test"])


def draw_ways(measured: list[dict]):
    """Test accuracy of every seed, by task and label count, for each way to train the student; the teacher as a line.

    Args:
        measured: way -> {"test": (S,)}, with "teacher", "task" and "labels_per_class", one for each column.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.5, 4.0)
    axes = figure.subplots()
    for column, result in enumerate(measured):
        top = np.mean(result["teacher"]["test"])
        axes.plot([column - 0.4, column + 0.4], [top, top], color="black", linewidth=2, label="teacher (mean)" if column == 0 else None)
        for shift, (way, (label, colour, marker)) in zip((-0.27, -0.09, 0.09, 0.27), WAYS.items(), strict=True):
            values = np.array(result[way]["test"])
            axes.plot(column + shift + np.linspace(-0.05, 0.05, len(values)), np.sort(values), marker, color=colour, markersize=5,
                      label=label if column == 0 else None)
            axes.plot([column + shift - 0.07, column + shift + 0.07], [values.mean()] * 2, color=colour, linewidth=2)
    axes.set_xticks(range(len(measured)), [named(result).replace(", ", ",\n") for result in measured])
    axes.set(ylim=(0, 1.02), ylabel="test accuracy", title="a student of a quarter of the size or less: every seed, and the mean")
    axes.legend(loc="lower center", fontsize=9, edgecolor="none", ncols=2, bbox_to_anchor=(0.42, 0.0))
    quiet_axes(axes)
    return figure


def table(measured: list[dict] | None = None) -> str:
    """Mean test accuracies, the share of the gap closed, agreement with the teacher and calibration error, as text."""
    lines = [f"{'':44}{'accuracy':>9}{'gap closed':>12}{'agreement':>11}{'ECE':>7}"]
    for result in measured or results()["results"]:
        lines.append(f"{named(result)}: teacher{np.mean(result['teacher']['test']):>{53 - len(named(result)) - 9}.3f}{'':>12}{'':>11}"
                     f"{np.mean(result['teacher']['ece']):>7.3f}")
        for way, (label, *_) in WAYS.items():
            found = result[way]
            share = "" if way == "alone" else f"{closed(result, way):.2f}"
            lines.append(f"  {label:42}{np.mean(found['test']):>9.3f}{share:>12}{np.mean(found['agreement']):>11.3f}{np.mean(found['ece']):>7.3f}")
    return "\n".join(lines)


def ways() -> Picture:
    """The shipped results as a picture."""
    measured = results()["results"]
    said = "; ".join(f"{named(result)}: teacher {np.mean(result['teacher']['test']):.3f}, " + ", ".join(
        f"{label} {np.mean(result[way]['test']):.3f}" for way, (label, *_) in WAYS.items()) for result in measured)
    return Picture(draw_ways(measured), f"Mean test accuracies. {said}.")


def entropy(p: np.ndarray) -> float:
    """-sum p log2 p, in bits."""
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum()) + 0.0  # not -0.0


def draw_soft_targets(image: np.ndarray, logits: np.ndarray, classes: list[str], temperature: float, measured: list[dict], temperatures: list[float]):
    """An image, what the teacher says of it at temperature 1 and at T, and what students reach that learned at several temperatures.

    Args:
        image: (H, W), 0 to 16.
        logits: the teacher's, (C,).
        temperature: T, above 0.
        measured: results with accuracies "by_temperature".
        temperatures: those that were measured.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(10.5, 3.4)
    picture, bars, reached = figure.subplots(1, 3, width_ratios=(0.7, 2, 1.5))
    figure.get_layout_engine().set(wspace=0.06)
    picture.imshow(image, cmap="gray_r", vmin=0, vmax=16)
    picture.set(xticks=[], yticks=[], title="image")
    places = np.arange(len(classes))
    bars.bar(places - 0.2, softmax(logits), 0.4, color="white", edgecolor=GREY, hatch="//", label="T = 1")
    if temperature != 1:
        bars.bar(places + 0.2, softmax(logits / temperature), 0.4, color=BLUE, label=f"T = {temperature:g}")
    bars.set_xticks(places, classes)
    bars.set(ylim=(0, 1), ylabel="probability", xlabel="class", title="what the teacher says")
    bars.legend(loc="upper right", fontsize=9, edgecolor="none")
    for result in measured:
        colour, marker = _LINES.get((result["task"], result["labels_per_class"]), (GREY, "v"))
        means = np.mean(result["soft, all examples"]["by_temperature"]["test"], axis=1)
        reached.plot(temperatures, means, marker=marker, color=colour, markersize=5, label=named(result).replace(" labels per class", " labels"))
    reached.axvline(temperature, color=GREY, linestyle="--", linewidth=1.2)
    reached.set_xscale("log", base=2)
    reached.set_xticks(TEMPERATURES, [f"{each:g}" for each in TEMPERATURES])
    reached.set(ylim=(0, 1), xlabel="temperature T", ylabel="student's test accuracy", title="measured (mean over seeds)")
    reached.legend(loc="lower right", fontsize=8, edgecolor="none")
    quiet_axes(bars)
    quiet_axes(reached)
    return figure


def words_of_soft_targets(logits: np.ndarray, classes: list[str], label: int, temperature: float) -> str:
    """The teacher's answer, how sure it is, and what is left for the others, in sentences."""
    p, plain = softmax(logits / temperature), softmax(logits)
    top, second = np.argsort(logits)[::-1][:2]
    verdict = "right" if top == label else f"wrong: it is a {classes[label]}"
    before = "" if temperature == 1 else f" (at T = 1: {plain[top]:.3f})"
    return (f"The teacher says {classes[top]}, which is {verdict}. Its second choice is {classes[second]}. At T = {temperature:g} the answer gets {p[top]:.3f}"
            f"{before}, the second {p[second]:.3f}, all others together {1 - p[top] - p[second]:.3f}. "
            f"Entropy {entropy(p):.2f} of at most {np.log2(len(classes)):.2f} bits.")


def explore_temperature():
    """Choose an image and a temperature; the teacher's soft targets follow, beside what students reached at it."""
    import ipywidgets

    found = results()
    example, temperatures = found["example"], found["temperatures"]
    classes = example["classes"]

    def draw(image, temperature):
        logits, label = np.array(example["logits"][image]), example["labels"][image]
        picture = draw_soft_targets(np.array(example["images"][image]), logits, classes, temperature, found["results"], temperatures)
        p, plain = softmax(logits / temperature), softmax(logits)
        numbers = {"logit": [f"{each:.1f}" for each in logits], "T = 1": [f"{each:.3f}" for each in plain],
                   f"T = {temperature:g}": [f"{each:.3f}" for each in p]}  # at T = 1 the last two are one row
        rows = "".join(f"<tr><th scope='row' {_CELL}>{escape(name)}</th>" + "".join(f"<td {_CELL}>{value}</td>" for value in values) + "</tr>"
                       for name, values in numbers.items())
        head = "".join(f"<th scope='col' {_CELL}>{escape(name)}</th>" for name in classes)
        measured = f"<p>No student was trained at T = {temperature:g}; those at {', '.join(f'{each:g}' for each in temperatures)} stand on the right.</p>"
        if temperature in temperatures:
            row = temperatures.index(temperature)
            measured = "<p>Students that learned from all examples at this temperature, test accuracy: " + "; ".join(
                f"{named(result)} {np.mean(result['soft, all examples']['by_temperature']['test'][row]):.3f}" for result in found["results"]) + ".</p>"
        return as_html(picture, "A digit, the teacher's probabilities at temperature 1 and at the chosen one, and students' accuracies by temperature; "
                       "the numbers stand below.") + (
            f"<p>{words_of_soft_targets(logits, classes, label, temperature)}</p>{measured}"
            f"<table><thead><tr><th {_CELL}>class</th>{head}</tr></thead><tbody>{rows}</tbody></table>")

    names = [(f"{number + 1}: a {classes[label]}", number) for number, label in enumerate(example["labels"])]
    return explorable(draw, {
        "image": choice("image", names, 0),
        "temperature": ipywidgets.SelectionSlider(options=list(TEMPERATURES), value=4.0, description="temperature T", **SLIDER),
    }, "Soft targets of a teacher at a temperature")
