"""Figures of unit 02: what the end of the network costs, and where the loss of one example comes from.

Nothing here imports torch: the first figure of the unit is on screen before torch is.

Axes: C classes, S seeds, E epochs.
"""

import json
from functools import lru_cache
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes

ENDS = {
    "classes": ("ten classes", BLUE, "o"),
    "softmax twice": ("softmax twice", ORANGE, "s"),
    "yes or no": ("ten yes-or-no", GREEN, "D"),
    "number": ("one number", PINK, "v"),
}
CLASSES = 10
LOWEST, HIGHEST = -4.0, 12.0  # logits that are shown


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.heads_and_losses` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/heads_and_losses.json").read_text(encoding="utf-8"))


def accuracies(end: str, optimizer: str = "adamw") -> np.ndarray:
    """Shipped test accuracies of one end on digits, (S,)."""
    return np.array(results()["digits"][end][optimizer]["test"])


def softmax(z: np.ndarray) -> np.ndarray:
    """Over the last axis, without overflow."""
    powers = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def wanted(label: int, smoothing: float, classes: int = CLASSES) -> np.ndarray:
    """(1 - a) onehot(label) + a / C. (C,)"""
    return (1 - smoothing) * np.eye(classes)[label] + smoothing / classes


def loss_and_gradient(z: np.ndarray, label: int, temperature: float = 1.0, smoothing: float = 0.0, twice: bool = False):
    """Cross-entropy of softmax(z / T), or of the softmax of that, with smoothing; its gradient by z; what is predicted.

    Args:
        z: logits, (..., C).
    Returns:
        loss (...), gradient (..., C), predicted (..., C).
    """
    first, q = softmax(z / temperature), wanted(label, smoothing, z.shape[-1])
    scores = first if twice else z / temperature
    top = scores.max(axis=-1, keepdims=True)
    log_p = scores - top - np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
    gradient = np.exp(log_p) - q                                         # by the scores
    if twice:
        gradient = first * (gradient - (gradient * first).sum(axis=-1, keepdims=True))
    return -(q * log_p).sum(axis=-1), gradient / temperature, np.exp(log_p)


def floor(smoothing: float = 0.0, twice: bool = False, classes: int = CLASSES) -> float:
    """The smallest loss that any logits can reach, for a smoothing up to one half.

    Once: the entropy of what is wanted. Twice: the second softmax gets 1 for the right class and 0 for the others, and
    makes e against C - 1 times 1 of them.
    """
    if twice:
        return float(np.log(np.e + classes - 1) - (1 - smoothing) - smoothing / classes)
    q = wanted(0, smoothing, classes)
    return float(-(q[q > 0] * np.log(q[q > 0])).sum()) + 0.0  # not -0.0


def draw_ends(accuracy: dict[str, dict[str, np.ndarray]], losses: dict[str, np.ndarray]):
    """Test accuracy of each end, every seed; on the right, how the training loss falls.

    Args:
        accuracy: optimiser ("adamw" or "sgd") -> end -> (S,).
        losses: end -> mean training loss of each epoch, (E,).
    """
    figure = new_figure(9.0, 3.8)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for position, end in enumerate(ENDS):
        name, colour, marker = ENDS[end]
        for shift, optimizer, face in ((-0.2, "adamw", colour), (0.2, "sgd", "white")):
            values = np.sort(accuracy[optimizer][end])
            spots = position + shift + np.linspace(-0.12, 0.12, len(values))
            left.plot(spots, values, marker, color=colour, markerfacecolor=face, markersize=5)
            left.plot([position + shift - 0.15, position + shift + 0.15], [values.mean()] * 2, color="black", linewidth=1.5)
    left.plot([], [], "o", color=GREY, label="AdamW, each end at its best rate")
    left.plot([], [], "o", color=GREY, markerfacecolor="white", label="SGD, all at one small rate")
    left.set_xticks(range(len(ENDS)), [ENDS[end][0] for end in ENDS], fontsize=9)
    left.set(ylim=(0, 1.02), ylabel="test accuracy", title="every seed, and the mean")
    left.legend(loc="lower left", edgecolor="none", fontsize=9)
    for end, values in losses.items():
        name, colour, marker = ENDS[end]
        right.plot(np.arange(1, len(values) + 1), values, marker=marker, color=colour, markersize=4, markevery=4, label=name)
    right.set(ylim=(-0.05, None), xlabel="epoch", ylabel="training loss", title="mean training loss (AdamW)")
    right.legend(edgecolor="none", fontsize=9)
    quiet_axes(left)
    quiet_axes(right)
    return figure


def ends() -> Picture:
    """The shipped results as a picture."""
    measured = results()["digits"]
    accuracy = {optimizer: {end: accuracies(end, optimizer) for end in ENDS} for optimizer in ("adamw", "sgd")}
    losses = {end: np.array(measured[end]["adamw"]["loss"]) for end in ("classes", "softmax twice")}
    words = ", ".join(f"{ENDS[end][0]} {accuracy['adamw'][end].mean():.2f} with AdamW and {accuracy['sgd'][end].mean():.2f} with SGD"
                      for end in ENDS)
    return Picture(draw_ends(accuracy, losses), f"Mean test accuracy of each end: {words}. Training loss at the end: "
                   + ", ".join(f"{ENDS[end][0]} {values[-1]:.2f}" for end, values in losses.items()) + ".")


def logits_of(right: float, rival: float) -> np.ndarray:
    """Ten logits: of the right class, of its strongest rival, and 0 for the other eight."""
    return np.array([right, rival] + [0.0] * (CLASSES - 2))


def draw_loss(right: float, rival: float, temperature: float, smoothing: float, twice: bool):
    """The loss of one example against the logit of its class; on the right what is predicted, wanted, and the gradient.

    Args:
        right, rival: logits of the right class and of the strongest other; the remaining eight are 0.
        temperature: T, above 0; the logits are divided by it.
        smoothing: a, from 0 to one half.
        twice: whether the softmax is applied twice.
    """
    figure = new_figure(9.0, 3.8)
    left, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    axis = np.linspace(LOWEST, HIGHEST, 161)
    along = np.stack([logits_of(value, rival) for value in axis])                                # (161, C)
    loss, gradient, predicted = loss_and_gradient(logits_of(right, rival), 0, temperature, smoothing, twice)
    lowest = floor(smoothing, twice)
    left.axvspan(max(rival, 0.0), HIGHEST, color=SHADE, zorder=0)
    left.plot(axis, loss_and_gradient(along, 0)[0], color=GREY, linestyle="--", linewidth=1.2, label="plain cross-entropy")
    left.plot(axis, loss_and_gradient(along, 0, temperature, smoothing, twice)[0], color=BLUE, label="with your settings")
    left.axhline(lowest, color=ORANGE, linestyle=":", linewidth=2, label=f"floor {lowest:.2f}")
    left.plot([right], [loss], "o", color="black", markersize=7)
    left.set(xlim=(LOWEST, HIGHEST), ylim=(-0.2, 7.5), xlabel="logit of the right class (shaded: the answer is right)", ylabel="loss",
             title=f"loss {loss:.3f}")
    left.legend(loc="upper right", fontsize=9, edgecolor="none")
    parts = {"predicted": (predicted, BLUE, ""), "wanted": (wanted(0, smoothing), GREY, "//"), "gradient": (gradient, ORANGE, "..")}
    for shift, (name, (values, colour, hatch)) in zip((-0.27, 0.0, 0.27), parts.items()):
        bars.bar(np.arange(3) + shift, three_parts(values), 0.27, color=colour, hatch=hatch, edgecolor="white", label=name)
    bars.axhline(0, color="black", linewidth=0.8)
    bars.set_xticks(range(3), ["right class", "rival", "eight others,\nadded up"])
    reach = max(1.1, 1.1 * float(np.abs(three_parts(gradient)).max()))
    bars.set(ylim=(-reach, reach + 0.35), title=f"gradient at the right class {gradient[0]:+.3f}")
    bars.legend(loc="upper right", fontsize=9, edgecolor="none", ncols=3, columnspacing=1)
    quiet_axes(left)
    quiet_axes(bars)
    return figure


SHADE = "#e8f1ec"


def three_parts(values: np.ndarray) -> np.ndarray:
    """The right class, its rival, and the sum of the others. (C,) -> (3,)"""
    return np.array([values[0], values[1], values[2:].sum()])


def words_of_loss(right: float, rival: float, temperature: float, smoothing: float, twice: bool) -> str:
    """The numbers of `draw_loss` in sentences."""
    loss, gradient, predicted = loss_and_gradient(logits_of(right, rival), 0, temperature, smoothing, twice)
    lowest, share = floor(smoothing, twice), wanted(0, smoothing)[0]
    answer = "right" if right > max(rival, 0) else "tied" if right == max(rival, 0) else "wrong"
    step = "up" if gradient[0] < -5e-4 else "down" if gradient[0] > 5e-4 else "hardly anywhere"
    return (f"The answer is {answer}. Predicted for the right class {predicted[0]:.3f}, wanted {share:.3f}. Loss {loss:.3f}: floor "
            f"{lowest:.3f}, and {loss - lowest:.3f} above it. Gradient by the right class's logit {gradient[0]:+.4f}, so a step moves it {step}.")


def explore_loss():
    """Move two logits, temperature and smoothing, and apply the softmax once or twice; loss and gradient follow."""
    import ipywidgets

    def draw(right, rival, temperature, smoothing, twice):
        settings = right, rival, temperature, smoothing, twice
        return as_html(draw_loss(*settings), "Loss and gradient of one example; the numbers stand below.") + f"<p>{words_of_loss(*settings)}</p>"

    def slider(description, value, low, high, step):
        return ipywidgets.FloatSlider(value=value, min=low, max=high, step=step, description=description, **SLIDER)

    return explorable(draw, {
        "right": slider("logit of right class", 6.0, LOWEST, HIGHEST, 0.5),
        "rival": slider("logit of rival", 2.0, LOWEST, HIGHEST, 0.5),
        "temperature": ipywidgets.SelectionSlider(options=[0.25, 0.5, 1.0, 2.0, 4.0, 8.0], value=1.0, description="temperature", **SLIDER),
        "smoothing": slider("label smoothing", 0.0, 0.0, 0.4, 0.05),
        "twice": choice("softmax", [("once", False), ("twice", True)], False),
    }, "Loss of one example")


METRICS = {"accuracy": "accuracy", "sensitivity": "sensitivity", "specificity": "specificity", "auc": "AUC",
           "calibration_error": "calibration error", "calibration_error_val": "the same, validation"}
_AGAINST = {"yes or no": ("one yes-or-no", GREEN, "D"), "two classes, weighted": ("two classes, weighted", ORANGE, "s")}


def paired(values: np.ndarray, baseline: np.ndarray) -> tuple[float, float]:
    """Mean of the differences, and half the width of its 95 % interval (Student). (S,), (S,)"""
    from scipy.stats import t as student_t

    difference = np.asarray(values) - np.asarray(baseline)
    return float(difference.mean()), float(student_t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference)))


def draw_differences(found: dict[str, dict[str, np.ndarray]]):
    """What another end changes: differences to "two classes", paired by seed, with 95 % intervals.

    Args:
        found: end -> metric -> (S,).
    """
    figure = new_figure(8.0, 3.2)
    axes = figure.subplots()
    for shift, (end, (name, colour, marker)) in zip((0.15, -0.15), _AGAINST.items()):
        rows = np.array([paired(found[end][metric], found["two classes"][metric]) for metric in METRICS])    # (5, 2)
        places = np.arange(len(METRICS))[::-1] + shift
        axes.errorbar(rows[:, 0], places, xerr=rows[:, 1], fmt=marker, color=colour, capsize=3, markersize=6, label=name)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(np.arange(len(METRICS))[::-1], list(METRICS.values()))
    axes.set(ylim=(-0.6, len(METRICS) - 0.4), xlabel="difference to two classes without weights")
    axes.legend(edgecolor="none", fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    quiet_axes(axes)
    return figure


def differences() -> Picture:
    """The shipped results on chest X-rays as a picture."""
    found = results()["scans"]["ends"]
    words = "; ".join(f"{name}: " + ", ".join("{} {:+.3f} ± {:.3f}".format(METRICS[m], *paired(found[end][m], found["two classes"][m])) for m in METRICS)
                      for end, (name, _, _) in _AGAINST.items())
    return Picture(draw_differences(found), f"Differences to two classes without weights, with 95 % intervals. {words}.")
