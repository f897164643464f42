"""Figures of unit 01: accuracy against labels per class, for each way of using the pretrained network.

Nothing here imports torch: the first figure of the unit is on screen before torch is.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, SLIDER, Picture, as_html, explorable, new_figure, quiet_axes
from tlkit.label_efficiency import labels_needed

STYLE = {
    "pixels": ("logistic regression on pixels", GREY, "v", "pixels"),
    "scratch": ("network from scratch", ORANGE, "s", "scratch"),
    "linear_probe": ("linear probe", BLUE, "o", "probe"),
    "finetuned": ("fine-tuned", GREEN, "D", "fine-tuned"),
}


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.why_transfer` makes them anew.

    Returns:
        A dict with "labels_per_class" (K,), "seeds" (S,) and "accuracy": strategy -> (K, S).
    """
    return json.loads(files("tlkit.explore").joinpath("results/why_transfer.json").read_text(encoding="utf-8"))


def accuracies(strategy: str) -> np.ndarray:
    """Shipped test accuracies of one strategy, (K, S)."""
    return np.array(results()["accuracy"][strategy])


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over seeds, and two standard errors of it. (..., S) -> (...), (...)"""
    return values.mean(-1), 2 * values.std(-1, ddof=1) / np.sqrt(values.shape[-1])


def draw_learning_curves(labels: np.ndarray, curves: dict[str, np.ndarray], chosen: int, target: float | None = None):
    """Accuracy against labels per class, one curve a strategy, and the single runs at one label count.

    Args:
        labels: label counts a class. (K,)
        curves: strategy -> test accuracies (K, S).
        chosen: the label count, one of `labels`, whose single runs are shown on the right.
        target: an accuracy at which the curves are read sideways, or None.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.0, 3.8)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
    at = list(labels).index(chosen)
    for position, (strategy, values) in enumerate(curves.items()):
        name, colour, marker, _ = STYLE[strategy]
        mean, error = mean_and_error(values)
        left.plot(labels, mean, marker=marker, color=colour, label=name, markersize=5)
        left.fill_between(labels, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        spots = position + np.linspace(-0.25, 0.25, values.shape[1])
        right.plot(spots, np.sort(values[at]), marker, color=colour, markersize=3, alpha=0.6)
        right.plot([position - 0.35, position + 0.35], [mean[at]] * 2, color=colour, linewidth=2)
    if target is not None:
        bottom, top = left.get_ylim()
        left.set_ylim(bottom, top)
        for strategy, values in curves.items():
            needed = labels_needed(labels, values.mean(1), target)
            if not np.isnan(needed):
                left.plot([needed, needed], [bottom, target], color=STYLE[strategy][1], linestyle=":", linewidth=1.5)
    left.axvline(chosen, color="black", linewidth=0.8, alpha=0.5)
    if target is not None:
        left.axhline(target, color="black", linewidth=0.8, linestyle="--", alpha=0.7)
    left.set_xscale("log")
    left.set_xticks(labels, [str(n) for n in labels])
    left.minorticks_off()
    left.set(xlabel="labels per class (logarithmic)", ylabel="test accuracy", title="mean over seeds, ± 2 standard errors")
    left.legend(loc="lower right", edgecolor="none", framealpha=0.9, fontsize=9)
    right.set(title=f"every run at {chosen} per class")
    right.set_xticks(range(len(curves)), [STYLE[s][3] for s in curves], fontsize=9)
    quiet_axes(left)
    quiet_axes(right)
    return figure


def table_of(labels: np.ndarray, curves: dict[str, np.ndarray], chosen: int, target: float) -> str:
    """The figure's numbers as an HTML table: accuracy at the chosen count, labels needed for the target."""
    at, rows = list(labels).index(chosen), ""
    cell = 'style="text-align:left;padding:1px 24px 1px 0"'
    for strategy, values in curves.items():
        mean, error = mean_and_error(values)
        needed = labels_needed(labels, mean, target)
        words = "not in the measured range" if np.isnan(needed) else f"{needed:.1f}"
        rows += (f'<tr><th scope="row" {cell}>{escape(STYLE[strategy][0])}</th>'
                 f"<td {cell}>{mean[at]:.3f} ± {error[at]:.3f}</td><td {cell}>{words}</td></tr>")
    heads = ("strategy", f"accuracy at {chosen} per class", f"labels per class needed for {target:.2f}")
    head = "".join(f'<th scope="col" {cell}>{text}</th>' for text in heads)
    return f'<table style="line-height:1.5">' f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def learning_curves(chosen: int = 5) -> Picture:
    """The shipped results as a picture."""
    labels, curves = _shipped()
    means = ", ".join(f"{STYLE[s][0]} {v[list(labels).index(chosen)].mean():.2f}" for s, v in curves.items())
    return Picture(draw_learning_curves(labels, curves, chosen),
                   f"Test accuracy against labels per class; mean accuracies at {chosen} per class: {means}.")


def explore_learning_curves():
    """Move the number of labels and the target accuracy; the figure and its table follow."""
    import ipywidgets

    labels, curves = _shipped()

    def draw(labels_per_class, target):
        figure = draw_learning_curves(labels, curves, labels_per_class, target)
        return as_html(figure, "Learning curves; their numbers stand in the table below.") + table_of(
            labels, curves, labels_per_class, target)

    controls = {
        "labels_per_class": ipywidgets.SelectionSlider(
            options=list(labels), value=5, description="labels per class", **SLIDER),
        "target": ipywidgets.FloatSlider(
            value=0.9, min=0.5, max=0.99, step=0.01, description="target accuracy", **SLIDER),
    }
    return explorable(draw, controls, "Learning curves by strategy")


def draw_images(images: np.ndarray, titles: list[str]):
    """A row of small grey pictures with a title over each. images: (N, H, W)"""
    figure = new_figure(0.9 * len(images), 1.2)
    for axes, image, title in zip(figure.subplots(1, len(images), squeeze=False)[0], images, titles, strict=True):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    return figure


def _shipped() -> tuple[list[int], dict[str, np.ndarray]]:
    return results()["labels_per_class"], {strategy: accuracies(strategy) for strategy in STYLE}
