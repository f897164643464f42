"""Figures of unit 05: what freezing costs and saves, by depth and labels, and which stage moves when.

Nothing here imports torch by itself: the first figure of the unit is on screen before torch is.

Axes: D depths, S seeds, E epochs.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, SKY, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.explore.why_transfer import draw_images, mean_and_error

__all__ = [
    "DEPTHS", "depth_table", "depths", "draw_depths", "draw_images", "draw_pull", "draw_scans", "draw_timeline", "explore_depths",
    "measured", "pull", "rates_over_epochs", "results", "scan_results", "scan_setting", "scans", "timeline",
]  # fmt: skip

DEPTHS = ("nothing", "stem", "to block1", "to block2", "the body")
PARTS = {"weights": GREY, "gradients": ORANGE, "moments": PINK, "activations": SKY}
_CELL = 'style="text-align:left;padding:1px 24px 1px 0"'


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.freezing` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/freezing.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def scan_results() -> dict:
    """The same question on chest X-rays: `python -m benchmarks.freezing_scans` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/freezing_scans.json").read_text(encoding="utf-8"))


def measured(what: str, task: str, labels_per_class: int) -> np.ndarray:
    """Shipped "accuracy" on the test images, or share of "letters" still read, by depth and seed. (D, S)"""
    found = results()
    return np.array(found["tasks"][task][what][found["labels_per_class"].index(labels_per_class)])


def draw_depths(accuracy: np.ndarray, letters: np.ndarray, letters_before: float, seconds: np.ndarray, memory: list[dict], chosen: int):
    """What each freeze depth reaches, what it leaves of the source task, and what it costs.

    Args:
        accuracy: test accuracies. (D, S)
        letters: shares of letters that are still read afterwards. (D, S)
        letters_before: the same share before.
        seconds: of the epochs after the probe. (D,)
        memory: for each depth the bytes of each of `PARTS`.
        chosen: the depth that is marked.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(10.0, 3.6)
    shares, time, room = figure.subplots(1, 3, width_ratios=(2, 1.15, 1.25))
    at = np.arange(len(accuracy))
    for values, colour, marker, name in ((accuracy, BLUE, "o", "digits: test accuracy"), (letters, ORANGE, "s", "letters still read")):
        shares.errorbar(at, *mean_and_error(values), color=colour, marker=marker, markersize=5, capsize=3, label=name)
        for depth, runs in enumerate(values):
            shares.plot(depth + np.linspace(0.1, 0.3, len(runs)), np.sort(runs), marker, color=colour, markersize=2.5, alpha=0.6)
    shares.axhline(letters_before, color=ORANGE, linestyle=":", linewidth=1.2)
    shares.set(title="mean over seeds ± 2 standard errors, and every run", ylabel="share")
    shares.legend(loc="best", fontsize=8, edgecolor="none", framealpha=0.9)
    time.bar(at, seconds, color=GREEN, width=0.6)
    time.set(title="seconds of one core")
    bottom = np.zeros(len(memory))
    for part, colour in PARTS.items():
        sizes = np.array([each[part] for each in memory]) / 1e6
        room.bar(at, sizes, bottom=bottom, color=colour, width=0.6, label=part)
        bottom += sizes
    room.set(title="MB that a step holds", ylim=(0, 1.45 * bottom.max()))
    room.legend(loc="upper right", fontsize=8, edgecolor="none", ncols=2)
    for axes in (shares, time, room):
        axes.axvspan(chosen - 0.42, chosen + 0.42, color="black", alpha=0.06, linewidth=0)
        axes.set_xticks(at, [name.replace(" ", "\n") for name in DEPTHS[:len(at)]], fontsize=7.5)
        axes.set_xlabel("what is frozen")
        quiet_axes(axes)
    return figure


def depth_table(accuracy: np.ndarray, letters: np.ndarray, seconds: np.ndarray, memory: list[dict], chosen: int) -> str:
    """The figure's numbers (± two standard errors) as an HTML table, and the chosen depth's difference to freezing nothing."""
    def share(values: np.ndarray) -> str:
        return "{:.3f} ± {:.3f}".format(*mean_and_error(values))

    rows = ""
    for depth, name in enumerate(DEPTHS[:len(accuracy)]):
        total = sum(memory[depth][part] for part in PARTS) / 1e6
        cells = (share(accuracy[depth]), share(letters[depth]), f"{seconds[depth]:.2f}", f"{total:.2f}")
        weight = "bold" if depth == chosen else "normal"
        rows += (f'<tr style="font-weight:{weight}"><th scope="row" {_CELL}>{escape(name)}</th>'
                 + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    heads = ("frozen", "accuracy", "letters still read", "seconds", "MB")
    head = "".join(f'<th scope="col" {_CELL}>{text}</th>' for text in heads)
    said = "Freezing nothing is what the others are compared with."
    if chosen:
        said = f"{_frozen(chosen)} minus nothing frozen, seed by seed: accuracy {share(accuracy[chosen] - accuracy[0])}."
    return f"<table style='line-height:1.5'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{said}</p>"


def _frozen(depth: int) -> str:
    return {"stem": "The stem frozen", "the body": "The whole body frozen"}.get(DEPTHS[depth], f"Frozen {DEPTHS[depth]}")


def _shown(task: str, labels_per_class: int, kept: bool) -> tuple:
    found = results()
    row = found["labels_per_class"].index(labels_per_class)
    seconds = np.array(found["seconds"]["kept" if kept else "computed anew"][row])
    return measured("accuracy", task, labels_per_class), measured("letters", task, labels_per_class), seconds, found["memory"]


def depths(task: str = "grainy digits", labels_per_class: int = 20, chosen: int = 0) -> Picture:
    """The shipped results for one task and label count, as a picture."""
    accuracy, letters, seconds, memory = _shown(task, labels_per_class, True)
    means = ", ".join(f"{name} {values.mean():.3f}" for name, values in zip(DEPTHS, accuracy, strict=True))
    return Picture(draw_depths(accuracy, letters, results()["letters_before"], seconds, memory, chosen),
                   f"{task}, {labels_per_class} labels per class; mean test accuracy by what is frozen: {means}.")


def explore_depths():
    """Choose the task, the labels and the depth, and whether activations are kept; figure, table and sentence follow."""
    import ipywidgets

    found = results()

    def draw(task, labels_per_class, frozen, kept):
        shown = _shown(task, labels_per_class, kept)
        chosen = DEPTHS.index(frozen)
        figure = draw_depths(*shown[:2], found["letters_before"], *shown[2:], chosen)
        return as_html(figure, "Accuracy, letters still read, seconds and memory by what is frozen; the numbers stand in the table below.") + (
            depth_table(*shown, chosen))

    controls = {
        "task": choice("task", list(found["tasks"]), next(iter(found["tasks"]))),
        "labels_per_class": ipywidgets.SelectionSlider(
            options=found["labels_per_class"], description="labels per class", **SLIDER),
        "frozen": ipywidgets.SelectionSlider(options=DEPTHS, description="what is frozen", **SLIDER),
        "kept": ipywidgets.Checkbox(value=True, description="frozen activations are kept", indent=True, style=SLIDER["style"], layout=SLIDER["layout"]),
    }
    return explorable(draw, controls, "What freezing costs and saves")


def draw_pull(strengths: list[float], digits: dict[str, np.ndarray], letters: dict[str, np.ndarray], letters_before: float):
    """Accuracy on the new task and what is left of the old one, against the strength of the pull to the start.

    Args:
        strengths: of L2-SP, the first one 0. (K,)
        digits, letters: "adapted" or "frozen" statistics -> shares. (K, S)
        letters_before: the share of letters read before.
    """
    figure = new_figure(8.6, 3.3)
    at = np.arange(len(strengths))
    looks = {"adapted": (ORANGE, "s", -0.06), "frozen": (BLUE, "o", 0.06)}
    for axes, shares, title in zip(figure.subplots(1, 2), (digits, letters), ("the new task: digits", "the old task: letters"), strict=True):
        for statistics, values in shares.items():
            colour, marker, shift = looks[statistics]
            axes.errorbar(at + shift, *mean_and_error(values), color=colour, marker=marker, capsize=3,
                          label=f"statistics {statistics}")
        axes.set_xticks(at, [f"{strength:g}" for strength in strengths])
        axes.set(xlabel="strength of the pull to the start", ylabel="share read", title=title)
        quiet_axes(axes)
    axes.axhline(letters_before, color="black", linestyle=":", linewidth=1.2, label="before fine-tuning")
    axes.legend(loc="best", fontsize=8, edgecolor="none", framealpha=0.9)
    return figure


def pull() -> Picture:
    """The shipped results on L2-SP as a picture."""
    found = results()["l2_sp"]
    digits, letters = ({name: np.array(rows) for name, rows in zip(found["statistics"], found[what], strict=True)}
                       for what in ("accuracy", "letters"))
    words = "; ".join(f"statistics {name}, strength {strength:g}: digits {digits[name][k].mean():.2f}, letters {letters[name][k].mean():.2f}"
                      for name in digits for k, strength in enumerate(found["strengths"]))
    return Picture(draw_pull(found["strengths"], digits, letters, results()["letters_before"]), f"Shares read after fine-tuning. {words}.")


def rates_over_epochs(model, plan) -> tuple[list[str], np.ndarray]:
    """The stages that have weights, and how fast each may learn in every epoch of a plan: full rates, 0 where frozen.

    Returns:
        Names from the input on, and rates. (stages, E)
    """
    from tlkit.freezing import freeze, parameter_groups, stages_frozen_by

    names = [name for name, stage in model.stages.items() if any(True for _ in stage.parameters())]
    columns = []
    for phase in plan.phases:
        freeze(model, stages_frozen_by(model, phase))
        groups = parameter_groups(model, phase.learning_rate, phase.head_learning_rate, phase.depth_decay, 0.0, dict(phase.rates))
        rates = {group["stage"]: group["lr"] for group in groups}
        columns += [[rates.get(name, 0.0) for name in names]] * phase.epochs
    freeze(model, [])
    return names, np.array(columns).T


def draw_timeline(plans: dict[str, tuple[list[str], np.ndarray]]):
    """Which stage moves when, and how fast: a row a stage, the head on top, a column an epoch; frozen is hatched.

    Args:
        plans: name -> what `rates_over_epochs` gives.
    """
    figure = new_figure(2.7 * len(plans), 2.7)
    moving = np.concatenate([rates[rates > 0] for _, rates in plans.values()])
    low, high = np.log10(moving.min()), np.log10(moving.max())
    for axes, (name, (stages, rates)) in zip(figure.subplots(1, len(plans), squeeze=False)[0], plans.items(), strict=True):
        with np.errstate(divide="ignore"):
            shown = np.ma.masked_invalid(np.log10(rates))
        axes.set_facecolor("0.93")
        axes.patch.set_hatch("///")
        axes.patch.set_edgecolor("0.75")
        drawn = axes.imshow(shown, aspect="auto", origin="lower", cmap="viridis", vmin=low, vmax=high, interpolation="nearest",
                            extent=(0, rates.shape[1], -0.5, len(stages) - 0.5))
        axes.set_yticks(range(len(stages)), stages)
        axes.set(xlabel="epoch", title=name)
    bar = figure.colorbar(drawn, ax=figure.axes, label="learning rate")
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    bar.set_ticks(ticks, labels=[f"{10.0**tick:g}" for tick in ticks])
    return figure


def timeline(model, plans: dict) -> Picture:
    """The timelines of some plans as a picture."""
    rows = {name: rates_over_epochs(model, plan) for name, plan in plans.items()}
    words = "; ".join(f"{name}: " + ", ".join(f"{stage} from epoch {int((rates > 0).argmax())}" for stage, rates in zip(*row) if rates.any())
                      for name, row in rows.items())
    return Picture(draw_timeline(rows), f"When each stage begins to move. {words}.")


def draw_scans(runs: list[dict]):
    """AUC on chest X-rays by what is frozen, a dot a seed, with BatchNorm's statistics adapted or frozen."""
    figure = new_figure(8.4, 3.4)
    axes = figure.subplots()
    settings = list(dict.fromkeys((run["frozen"], run["statistics"]) for run in runs))
    for place, (frozen, statistics) in enumerate(settings):
        values = sorted(run["AUC"] for run in runs if (run["frozen"], run["statistics"]) == (frozen, statistics))
        colour, marker = {"adapted": (ORANGE, "s"), "frozen": (BLUE, "o")}[statistics]
        axes.plot(place + np.linspace(-0.15, 0.15, len(values)), values, marker, color=colour, markersize=5, alpha=0.8)
        axes.plot([place - 0.3, place + 0.3], [np.mean(values)] * 2, color=colour, linewidth=2)
    axes.set_xticks(range(len(settings)), [scan_setting(*setting).replace(", ", ",\n").replace(" stages", "\nstages") for setting in settings], fontsize=8)
    axes.set(ylabel="AUC on the test scans", title="every run, and the mean of each setting")
    quiet_axes(axes)
    return figure


def scan_setting(frozen: int, statistics: str) -> str:
    """A setting of `benchmarks.freezing_scans` in words."""
    if frozen == 9:
        return "body frozen, head alone"
    which = f"first {frozen} of 9 stages frozen" if frozen else "nothing frozen"
    return f"{which}, statistics {'adapt' if statistics == 'adapted' else 'frozen'}"


def scans() -> Picture:
    """The shipped results on chest X-rays as a picture."""
    runs = scan_results()["runs"]
    settings = dict.fromkeys((run["frozen"], run["statistics"]) for run in runs)
    words = "; ".join(f"{scan_setting(*setting)}: "
                      f"{np.mean([run['AUC'] for run in runs if (run['frozen'], run['statistics']) == setting]):.2f}" for setting in settings)
    return Picture(draw_scans(runs), f"Mean AUC. {words}.")
