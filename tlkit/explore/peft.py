"""Figures of unit 09: what few trainable parameters reach and cost, by rank and by method.

Nothing here imports torch by itself: the first figure of the unit is on screen before torch is.

Axes: W ways, S seeds.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.explore.why_transfer import mean_and_error
from tlkit.peft.counting import low_rank_cost

PARTS = {"weights": GREY, "gradients": ORANGE, "moments": PINK, "activations": SKY}
BODIES = {  # name -> all parameters, blocks, hidden size: of MiniLM and BERT as published, and of a decoder of seven thousand million (Llama 2)
    "MiniLM": (22_565_376, 6, 384),
    "BERT-base": (109_482_240, 12, 768),
    "a 7B model": (6_738_415_616, 32, 4096),
}
RANKS = (1, 2, 4, 8, 16, 32, 64, 128)
_STYLES = {"head alone": (GREY, "v"), "LoRA": (BLUE, "o"), "BitFit": (GREEN, "D"), "adapters": (PINK, "^"), "prompts": (SKY, "P"), "everything": (RED, "s")}
_CELL = 'style="text-align:left;padding:1px 20px 1px 0"'


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.few_parameters` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/peft.json").read_text(encoding="utf-8"))


def settings() -> dict[str, tuple[str, int]]:
    """What was measured, in words: the task and its labels per class."""
    return {f"{name}, {count} of each": (name, count) for name, found in results()["tasks"].items() for count in found["labels_per_class"]}


def measured(task: str, labels_per_class: int) -> dict[str, np.ndarray]:
    """Shipped test accuracies of each way, (S,)."""
    found = results()["tasks"][task]
    row = found["accuracy"][found["labels_per_class"].index(labels_per_class)]
    return {way: np.array(values) for way, values in zip(found["ways"], row, strict=True)}


def costs(task: str) -> dict[str, dict]:
    """What a step of each way costs beside the task's body: "trained" parameters, "bytes" by part, "seconds", and "forward" to answer."""
    found = results()
    return found["cost"][found["bodies"][task]]


def draw_ways(accuracy: dict[str, np.ndarray], cost: dict[str, dict], marked: str):
    """Accuracy against the number of parameters that train, and for each way the memory and the seconds of a step.

    Args:
        accuracy: way -> test accuracies. (S,)
        cost: way -> as `costs` gives it.
        marked: the way that stands out.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(10.5, 3.7)
    reached, room, time = figure.subplots(1, 3, width_ratios=(1.6, 1.3, 1))
    ranks = [way for way in accuracy if way.startswith("LoRA")]
    reached.plot([cost[way]["trained"] for way in ranks], [accuracy[way].mean() for way in ranks], color=BLUE, linewidth=1, alpha=0.6)
    for way, values in accuracy.items():
        colour, marker = _STYLES[way.partition(" ")[0] if way.startswith("LoRA") else way]
        mean, error = mean_and_error(values)
        reached.errorbar(cost[way]["trained"], mean, error, color=colour, marker=marker, markersize=10 if way == marked else 6, capsize=3,
                         markeredgecolor="black" if way == marked else colour, label="LoRA" if way == ranks[0] else None if way in ranks else way)
    reached.set(xscale="log", xlabel="parameters that train (head included)", ylabel="test accuracy", title="mean over seeds ± 2 standard errors")
    handles, names = reached.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower left", fontsize=8.5, edgecolor="none", ncols=len(names), handletextpad=0.3, columnspacing=1.2)
    at, ways = np.arange(len(accuracy)), list(accuracy)
    left = np.zeros(len(at))
    for part, colour in PARTS.items():
        sizes = np.array([cost[way]["bytes"][part] for way in ways]) / 1e6
        room.barh(at, sizes, left=left, color=colour, height=0.65, label=part)
        left += sizes
    room.set(title="MB that a step holds", ylim=(len(at) - 0.5, -2.0))
    room.legend(loc="upper right", fontsize=7.5, edgecolor="none", ncols=2)
    time.barh(at, [1e3 * cost[way]["seconds"] for way in ways], color=GREEN, height=0.65)
    time.set(title="milliseconds of a step", ylim=(len(at) - 0.5, -2.0))
    for axes in (room, time):
        axes.axhspan(ways.index(marked) - 0.45, ways.index(marked) + 0.45, color="black", alpha=0.07, linewidth=0)
        axes.set_yticks(at, ways, fontsize=8.5)
    for axes in (reached, room, time):
        quiet_axes(axes)
    return figure


def way_table(accuracy: dict[str, np.ndarray], cost: dict[str, dict], marked: str) -> str:
    """The figure's numbers as an HTML table, and the marked way's difference to training everything, seed by seed."""
    from tlkit.evaluation import paired_difference

    heads = ("what learns", "accuracy", "parameters", "AdamW's moments, MB", "all that a step holds, MB", "step, ms")
    head = "".join(f'<th scope="col" {_CELL}>{text}</th>' for text in heads)
    rows = ""
    for way, values in accuracy.items():
        held = cost[way]["bytes"]
        cells = ("{:.3f} ± {:.3f}".format(*mean_and_error(values)), f"{cost[way]['trained']:,}", f"{held['moments'] / 1e6:.3f}",
                 f"{sum(held.values()) / 1e6:.1f}", f"{1e3 * cost[way]['seconds']:.1f}")
        weight = "bold" if way == marked else "normal"
        rows += (f'<tr style="font-weight:{weight}"><th scope="row" {_CELL}>{escape(way)}</th>' + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    said = "Everything is what the others are compared with."
    if marked != "everything":
        said = f"{escape(marked)} minus everything, seed by seed: accuracy {paired_difference(accuracy[marked], accuracy['everything'])}."
    return f"<table style='line-height:1.5'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{said}</p>"


def ways(task: str = "tickets", labels_per_class: int | None = None) -> Picture:
    """The shipped results for one task and label count (None is its last), as a picture."""
    counts = results()["tasks"][task]["labels_per_class"]
    accuracy, cost = measured(task, labels_per_class or counts[-1]), costs(task)
    said = ", ".join(f"{way} {values.mean():.3f} with {cost[way]['trained']:,}" for way, values in accuracy.items())
    return Picture(draw_ways(accuracy, cost, "everything"), f"{task}: mean test accuracy with the number of parameters that train: {said}.")


def explore_ways():
    """Choose the task and its labels, and a way; figure, table and sentence follow."""
    import ipywidgets

    options = settings()
    every = list(dict.fromkeys(way for found in results()["tasks"].values() for way in found["ways"]))

    def draw(setting, way):
        accuracy, cost = measured(*options[setting]), costs(options[setting][0])
        note, marked = "", way
        if way not in accuracy:
            note, marked = f"<p>{escape(way.capitalize())} need a body that reads a sequence: choose the tickets. Marked here is what they are compared with.</p>", "everything"
        picture = draw_ways(accuracy, cost, marked)
        return as_html(picture, f"Accuracy against parameters that train, memory and milliseconds of a step, on {setting}; the numbers stand in the table below.") + (
            way_table(accuracy, cost, marked)) + note

    controls = {"setting": choice("task, labels", list(options), next(iter(options))),
                "way": ipywidgets.SelectionSlider(options=every, value="LoRA 4", description="what learns", **SLIDER)}
    return explorable(draw, controls, "What few parameters reach and cost")


def training_memory(body: str, rank: int | None, bytes_per_number: int = 4) -> dict[str, float]:
    """Bytes of weights, gradients and AdamW's moments by arithmetic, and "trained" parameters; LoRA beside queries and values, or everything.

    Args:
        body: one of `BODIES`.
        rank: None is everything.
        bytes_per_number: of weights, gradients and moments alike.
    """
    parameters, blocks, size = BODIES[body]
    if rank is None:
        return {"trained": parameters, "weights": bytes_per_number * parameters, "gradients": bytes_per_number * parameters,
                "moments": 2 * bytes_per_number * parameters}
    trained, moments, _ = low_rank_cost([(size, size)] * (2 * blocks), rank, bytes_per_number)
    return {"trained": trained, "weights": bytes_per_number * (parameters + trained), "gradients": bytes_per_number * trained, "moments": moments}


def draw_memory(body: str, rank: int):
    """Bytes of everything against LoRA of one rank; activations, which depend on the batch, are left out."""
    figure = new_figure(8.6, 2.4)
    axes = figure.subplots()
    rows = {"everything": training_memory(body, None), f"LoRA of rank {rank}": training_memory(body, rank)}
    left = np.zeros(2)
    for part in ("weights", "gradients", "moments"):
        sizes = np.array([row[part] for row in rows.values()]) / 1e9
        axes.barh(range(2), sizes, left=left, color=PARTS[part], height=0.6, label=part)
        left += sizes
    axes.set_yticks(range(2), list(rows))
    axes.invert_yaxis()
    axes.set(xlabel="GB in float32, activations left out", title=f"{body}: what training holds")
    axes.legend(loc="lower right", fontsize=9, edgecolor="none")
    quiet_axes(axes)
    return figure


def explore_memory():
    """Choose a body and a rank; memory by arithmetic follows."""
    import ipywidgets

    def draw(body, rank):
        rows = {"everything": training_memory(body, None), f"LoRA of rank {rank}": training_memory(body, rank)}
        head = "".join(f'<th scope="col" {_CELL}>{text}</th>' for text in ("what learns", "parameters that train", "weights, GB", "gradients, GB", "moments, GB", "together, GB"))
        cells = "".join(f'<tr><th scope="row" {_CELL}>{name}</th><td {_CELL}>{row["trained"]:,}</td>' + "".join(
            f"<td {_CELL}>{row[part] / 1e9:.4f}</td>" for part in ("weights", "gradients", "moments"))
            + f'<td {_CELL}>{sum(row[part] for part in ("weights", "gradients", "moments")) / 1e9:.4f}</td></tr>' for name, row in rows.items())
        said = f"Moments: {rows['everything']['moments'] / rows[f'LoRA of rank {rank}']['moments']:,.0f} times fewer bytes. Weights: as many, and a few more."
        return as_html(draw_memory(body, rank), f"What training {body} holds: everything, and LoRA of rank {rank}; the numbers stand in the table below.") + (
            f"<table style='line-height:1.5'><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table><p>{said}</p>")

    controls = {"body": choice("body", list(BODIES), "MiniLM"),
                "rank": ipywidgets.SelectionSlider(options=RANKS, value=8, description="rank", **SLIDER)}
    return explorable(draw, controls, "Memory of training, by arithmetic")


def comparison(baseline: str = "everything") -> str:
    """Every setting's differences to one way, seed by seed with Student's 95 % interval, as lines to print."""
    from tlkit.evaluation import paired_difference

    lines = []
    for setting, (task, count) in settings().items():
        accuracy = measured(task, count)
        lines.append(f"{setting}: {baseline} {accuracy[baseline].mean():.3f}")
        lines += [f"    {way:11} {values.mean():.3f}   minus {baseline} {paired_difference(values, accuracy[baseline])}"
                  for way, values in accuracy.items() if way != baseline]
    return "\n".join(lines)
