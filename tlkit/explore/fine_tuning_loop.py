"""Figures of unit 04: loops that lack a line, whole runs epoch by epoch, schedules, and what decay does to two weights.

Nothing here imports torch: the first figures of the unit are on screen before torch is.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.schedules import rate_factor

LINES = {
    "nothing": ("nothing: the whole loop", "black", "o"),
    "zero_grad": ("clearing the gradients", RED, "s"),
    "train": ("training mode", BLUE, "v"),
    "eval": ("evaluation mode", PINK, "D"),
    "shuffle": ("the shuffling", ORANGE, "^"),
    "step": ("the optimiser's step", GREY, "x"),
}
"""What a loop lacks -> how tables call it, its colour and marker."""


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.fine_tuning_loop` makes them anew.

    Returns:
        "missing", "curves" and "real"; what a run holds is said in that module.
    """
    return json.loads(files("tlkit.explore").joinpath("results/fine_tuning_loop.json").read_text(encoding="utf-8"))


def interval(values) -> str:
    """Mean over seeds and its spread: two standard errors, or lowest to highest where there are fewer than five seeds."""
    values = np.asarray(values, dtype=float)
    if len(values) < 5:
        return f"{values.mean():.3f}" + (f" ({values.min():.3f} to {values.max():.3f})" if len(values) > 1 else "")
    return f"{values.mean():.3f} ± {2 * values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def seeds_in_words(count: int) -> str:
    """What `interval` shows for that many seeds."""
    return "1 seed" if count == 1 else f"{count} seeds: mean " + ("(lowest to highest)" if count < 5 else "± 2 standard errors")


def draw_missing(runs: dict[str, list[dict]], chosen: str):
    """The whole loop beside the same loop without one line: the loss it reports, and the true validation accuracy.

    Args:
        runs: line -> for each seed "loss", "reported" and "true", by epoch.
        chosen: the line that is missing.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.0, 3.5)
    left, right = figure.subplots(1, 2)
    for line in dict.fromkeys(("nothing", chosen)):
        name, colour, marker = LINES[line]
        name = f"without {name}" if line != "nothing" else "the whole loop"
        losses, true, reported = (np.array([run[key] for run in runs[line]]) for key in ("loss", "true", "reported"))
        epochs = np.arange(1, losses.shape[1] + 1)
        for axes, values in ((left, losses), (right, true)):
            for seed in values:
                axes.plot(epochs, seed, color=colour, linewidth=0.6, alpha=0.35)
        left.plot(epochs, losses.mean(0), color=colour, marker=marker, markersize=4, label=name)
        right.plot(epochs, true.mean(0), color=colour, marker=marker, markersize=4, label=name)
        if np.abs(reported - true).max() > 1e-9:
            right.plot(epochs, reported.mean(0), color=colour, linestyle=":", marker=marker, markersize=4, markerfacecolor="white",
                       label="what that loop reports")
    left.set_yscale("log")
    left.set(xlabel="epoch", ylabel="training loss (logarithmic)", title="what the loop reports")
    right.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1), title="what is true")
    right.legend(loc="center right", edgecolor="none", framealpha=0.9, fontsize=9)
    quiet_axes(left)
    quiet_axes(right)
    return figure


def missing_table(runs: dict[str, list[dict]]) -> str:
    """The last epoch of every loop as an HTML table."""
    heads = ("without", "training loss it reports", "validation accuracy it reports", "true validation accuracy")
    rows = [(LINES[line][0], *(interval([run[key][-1] for run in seeds]) for key in ("loss", "reported", "true"))) for line, seeds in runs.items()]
    return _table(heads, rows)


def missing_line(chosen: str = "zero_grad") -> Picture:
    """The shipped results for one missing line, as a picture."""
    runs = results()["missing"]["runs"]
    said = "; ".join(f"{'the whole loop' if line == 'nothing' else 'without ' + LINES[line][0]} {np.mean([run['true'][-1] for run in runs[line]]):.2f}"
                     for line in dict.fromkeys(("nothing", chosen)))
    return Picture(draw_missing(runs, chosen), f"Training loss and validation accuracy by epoch. True validation accuracy at the end: {said}.")


def explore_missing():
    """Choose the line that is missing; the figure follows, the table has all of them."""
    runs = results()["missing"]["runs"]

    def draw(missing):
        return as_html(draw_missing(runs, missing), "Loss and accuracy of both loops; the numbers stand in the table below.") + missing_table(runs)

    options = [(LINES[line][0], line) for line in runs if line != "nothing"]
    return explorable(draw, {"missing": choice("left out", options, "train")}, "A loop without one of its lines")


def draw_runs(runs: list[dict], seed: int, patience: int, rate: float, sizes: dict[str, int], warmup: float = 0.1):
    """One setting, epoch by epoch: losses, validation accuracy, the rate; and where early stopping cuts one of the runs.

    Args:
        runs: for each seed "train_loss", "val_loss", "val_right" by epoch, and "stopped".
        seed: the run that is drawn thick, by its place in `runs`.
        patience: one of those that were measured.
        rate: the full learning rate.
        sizes: how many examples "val" holds.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.6, 3.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=(5, 5, 3))
    length = len(runs[seed]["val_loss"])
    epochs = np.arange(1, length + 1)
    best, run, _ = runs[seed]["stopped"][str(patience)]
    for number, each in enumerate(runs):
        thick = {"linewidth": 2.0} if number == seed else {"linewidth": 0.6, "alpha": 0.4}
        accuracy = np.array(each["val_right"]) / sizes["val"]
        if number == seed:
            left.plot(epochs, each["train_loss"], color=GREEN, linestyle="--", label="training", **thick)
        left.plot(epochs, each["val_loss"], color=BLUE, label="validation" if number == seed else None, **thick)
        middle.plot(epochs, accuracy, color=BLUE, **thick)
    left.plot([best], [runs[seed]["val_loss"][best - 1]], "D", color=RED, label="comes back", zorder=3)
    middle.plot([best], [runs[seed]["val_right"][best - 1] / sizes["val"]], "D", color=RED, zorder=3)
    for axes in (left, middle, right):
        if run < length:
            axes.axvspan(run, length, color=GREY, alpha=0.18, linewidth=0)
            axes.axvline(run, color=RED, linestyle=":", linewidth=1.5, label="cut" if axes is left else None)
        axes.set_xlim(0.5, length + 0.5)
        axes.set_xlabel("epoch")
        quiet_axes(axes)
    left.set_yscale("log")
    left.set_title("loss (logarithmic)")
    left.legend(loc="best", edgecolor="none", framealpha=0.85, fontsize=8)
    middle.set(ylim=(0, 1), title="validation accuracy")
    fine = np.linspace(0, length, 25 * length + 1)
    right.plot(fine, [rate_factor("cosine", int(25 * at), 25 * length, warmup) for at in fine], color=ORANGE)
    right.set(ylim=(0, 1.05), title=f"learning rate, of {rate:g}")
    return figure


def runs_sentence(runs: list[dict], seed: int, patience: int, sizes: dict[str, int]) -> str:
    """What the figure shows of the thick run, in a sentence."""
    length, (best, run, right) = len(runs[seed]["val_loss"]), runs[seed]["stopped"][str(patience)]
    cut = f"is cut after epoch {run} of {length}" if run < length else f"is not cut: it runs all of its {length} epochs"
    return (f"With patience {patience}, seed {seed} {cut}; epoch {best} comes back, with validation loss {runs[seed]['val_loss'][best - 1]:g} and test "
            f"accuracy {right / sizes['test']:.3f}. At the end of the whole run: {runs[seed]['val_loss'][-1]:g} and {runs[seed]['test_right'] / sizes['test']:.3f}.")


def runs_table(runs: list[dict], sizes: dict[str, int]) -> str:
    """Test accuracy over all seeds, to the end and cut at each patience, as an HTML table."""
    whole = np.array([run["test_right"] for run in runs]) / sizes["test"]
    rows = [("never", f"{len(runs[0]['val_loss'])}", interval(whole), "")]
    for patience in runs[0]["stopped"]:
        cut = np.array([run["stopped"][patience][2] for run in runs]) / sizes["test"]
        epochs = np.mean([run["stopped"][patience][1] for run in runs])
        rows.append((f"after {patience} epochs without a better one", f"{epochs:.1f}", interval(cut), interval(cut - whole)))
    return _table(("stopped", "epochs run, on average", f"test accuracy, {seeds_in_words(len(runs))}", "less that of the whole run"), rows)


def setting(labels_per_class: int, rate: float, epochs: int) -> list[dict]:
    """The shipped runs on digits with one setting, one a seed."""
    return results()["curves"]["runs"][f"{labels_per_class} {rate:g} {epochs}"]


def whole_run(labels_per_class: int = 10, rate: float = 1e-2, epochs: int = 30, patience: int = 2, seed: int = 0) -> Picture:
    """One setting of the shipped runs, as a picture."""
    runs, sizes = setting(labels_per_class, rate, epochs), results()["curves"]["sizes"]
    return Picture(draw_runs(runs, seed, patience, rate, sizes), runs_sentence(runs, seed, patience, sizes))


def explore_runs():
    """Learning rate, planned epochs, labels, patience and seed; the curves, the cut and the table follow."""
    import ipywidgets

    shipped = results()["curves"]

    def draw(learning_rate, epochs, labels_per_class, patience, seed):
        runs = setting(labels_per_class, learning_rate, epochs)
        sentence = runs_sentence(runs, seed, patience, shipped["sizes"])
        return as_html(draw_runs(runs, seed, patience, learning_rate, shipped["sizes"]), sentence) + f"<p>{escape(sentence)}</p>" + runs_table(
            runs, shipped["sizes"])

    def slider(values, value, description, text=str):
        return ipywidgets.SelectionSlider(options=[(text(each), each) for each in values], value=value, description=description, **SLIDER)

    controls = {
        "learning_rate": slider(shipped["learning_rates"], 1e-2, "learning rate", lambda rate: f"{rate:g}"),
        "epochs": slider(shipped["epochs"], shipped["epochs"][-1], "planned epochs"),
        "labels_per_class": slider(shipped["labels_per_class"], shipped["labels_per_class"][-1], "labels per class"),
        "patience": slider(shipped["patience"], shipped["patience"][0], "patience"),
        "seed": slider(range(len(shipped["seeds"])), 0, "seed"),
    }
    return explorable(draw, controls, "Whole runs, and where early stopping cuts them")


def real_runs(rate: float, patience: int = 2, seed: int = 0) -> Picture:
    """The shipped runs on scans at one learning rate, as a picture."""
    shipped = results()["real"]
    runs = shipped["runs"][f"{rate:g}"]
    return Picture(draw_runs(runs, seed, patience, rate, shipped["sizes"]), runs_sentence(runs, seed, patience, shipped["sizes"]))


def draw_schedules(steps: int, warmup: float, factor=rate_factor):
    """The share of the full rate at every step, for each schedule. A `factor` of your own is drawn instead of the library's."""
    figure = new_figure(7.0, 3.0)
    axes = figure.subplots()
    for (schedule, colour), style in zip((("cosine", BLUE), ("linear", ORANGE), ("constant", GREEN)), ("-", "--", ":"), strict=True):
        axes.plot(range(steps), [factor(schedule, step, steps, warmup) for step in range(steps)], color=colour, linestyle=style, linewidth=2,
                  label=schedule)
    axes.axvline(warmup * steps, color="black", linewidth=0.8, alpha=0.5)
    axes.set(xlabel="step", ylabel="share of the full rate", ylim=(0, 1.05), title=f"{steps} steps, the first {warmup:.0%} of them warm-up")
    axes.legend(edgecolor="none")
    quiet_axes(axes)
    return figure


def decayed(gradient_size: float, coupled: bool, steps: int = 200, rate: float = 1e-2, decay: float = 0.5, seed: int = 0) -> np.ndarray:
    """A weight that starts at 1 and gets random gradients of mean 0, a step of Adam at a time. (steps + 1,)

    Args:
        coupled: True adds the decay to the gradient (an L2 penalty); False takes it from the weight (AdamW).
    """
    gradients = gradient_size * np.random.default_rng(seed).normal(size=steps)
    weight, first, second, way = 1.0, 0.0, 0.0, [1.0]
    for step, gradient in enumerate(gradients, start=1):
        gradient = gradient + decay * weight if coupled else gradient
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weight = weight - rate * (0.0 if coupled else decay) * weight - rate * move
        way.append(weight)
    return np.array(way)


def draw_decay(sizes: tuple[float, ...] = (10.0, 0.1), seeds: int = 20):
    """Two weights under decay, one with large gradients and one with small ones: as a penalty, and decoupled; means over seeds."""
    figure = new_figure(9.0, 3.2)
    for axes, coupled in zip(figure.subplots(1, 2, sharey=True), (True, False), strict=True):
        for size, colour, style in zip(sizes, (RED, SKY), ("-", "--"), strict=True):
            ways = np.array([decayed(size, coupled, seed=seed) for seed in range(seeds)])
            axes.plot(ways.mean(0), color=colour, linestyle=style, linewidth=2, label=f"gradients of size {size:g}")
        axes.set(xlabel="step", title="decay in the gradient (Adam with L2)" if coupled else "decay beside the gradient (AdamW)")
        quiet_axes(axes)
    figure.axes[0].set_ylabel("the weight (mean of 20 runs)")
    figure.axes[0].legend(edgecolor="none")
    return figure


def _table(heads, rows) -> str:
    cell = 'style="text-align:left;padding:1px 24px 1px 0"'
    head = "".join(f'<th scope="col" {cell}>{escape(text)}</th>' for text in heads)
    body = "".join(f'<tr><th scope="row" {cell}>{escape(first)}</th>' + "".join(f"<td {cell}>{escape(value)}</td>" for value in rest) + "</tr>"
                   for first, *rest in rows)
    return f'<table style="line-height:1.5"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
