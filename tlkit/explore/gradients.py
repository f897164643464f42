"""Figures of unit 03: a loss with its tangent and gradient, the loss surface over two logits, derivations line by line.

Nothing here imports torch before a derivation is shown: the first figure of the unit is on screen before torch is.
"""

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes

REACH = 8.0  # logits from -REACH to REACH are shown


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), without overflow."""
    z = np.asarray(z, float)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def cross_entropy(z: np.ndarray, label: float) -> np.ndarray:
    """Binary cross-entropy of a logit: log(1 + exp(z)) - y z, without overflow."""
    z = np.asarray(z, float)
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - label * z


def cross_entropy_slope(z: np.ndarray, label: float) -> np.ndarray:
    """Its derivative: sigmoid(z) - y."""
    return sigmoid(z) - label


def squared_error(z: np.ndarray, label: float) -> np.ndarray:
    """Half the squared error of the probability: (sigmoid(z) - y)^2 / 2."""
    return (sigmoid(z) - label) ** 2 / 2


def squared_error_slope(z: np.ndarray, label: float) -> np.ndarray:
    """Its derivative: (p - y) p (1 - p)."""
    p = sigmoid(z)
    return (p - label) * p * (1 - p)


def draw_loss_curve(logit: float, label: float):
    """Loss against the logit, with tangent and downhill arrow at one point; on the right, the slope of both losses.

    Args:
        logit: where the tangent touches, between -REACH and REACH.
        label: target from 0 to 1.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.0, 3.8)
    left, right = figure.subplots(1, 2)
    z = np.linspace(-REACH, REACH, 321)
    loss, slope = float(cross_entropy(logit, label)), float(cross_entropy_slope(logit, label))
    left.plot(z, cross_entropy(z, label), color=BLUE, label="cross-entropy")
    left.plot(z, squared_error(z, label), color=ORANGE, linestyle="--", label="squared error / 2")
    near = np.array([-2.5, 2.5]) + logit
    left.plot(near, loss + slope * (near - logit), color="black", linewidth=1.2, label="tangent")
    left.plot([logit], [loss], "o", color="black", markersize=6)
    top = float(cross_entropy(np.array([-REACH, REACH]), label).max()) + 0.6
    left.set(xlim=(-REACH - 0.5, REACH + 0.5), ylim=(-1.6, top), xlabel="logit z", ylabel="loss",
             title=f"loss {loss:.2f}, slope {slope:+.2f}")
    # the arrow shows the step that gradient descent takes with learning rate 2
    left.annotate("", (logit - 2 * slope, -0.45), (logit, -0.45), arrowprops={"arrowstyle": "-|>", "color": GREEN, "linewidth": 2.5})
    left.plot([logit], [-0.45], "|", color=GREEN, markersize=12)
    left.text(-REACH, -1.2, "arrow: minus the gradient", color=GREEN, fontsize=9, va="center")
    left.legend(loc="upper center", fontsize=9, edgecolor="none")
    right.plot(z, cross_entropy_slope(z, label), color=BLUE, label="cross-entropy")
    right.plot(z, squared_error_slope(z, label), color=ORANGE, linestyle="--", label="squared error / 2")
    right.plot([logit] * 2, [cross_entropy_slope(logit, label), squared_error_slope(logit, label)], "o", color="black", markersize=5)
    right.axhline(0, color="black", linewidth=0.8)
    right.set(xlim=(-REACH - 0.5, REACH + 0.5), ylim=(-1.1, 1.35), xlabel="logit z", ylabel="gradient by z", title="how strongly each pulls")
    right.legend(loc="upper left", fontsize=9, edgecolor="none")
    quiet_axes(left)
    quiet_axes(right)
    return figure


def words_of_loss_curve(logit: float, label: float) -> str:
    """The numbers of `draw_loss_curve` in a sentence."""
    return (f"At logit {logit:g} and label {label:g}: probability {float(sigmoid(logit)):.4f}, cross-entropy "
            f"{float(cross_entropy(logit, label)):.3f}, its gradient {float(cross_entropy_slope(logit, label)):+.4f}; "
            f"gradient of half the squared error {float(squared_error_slope(logit, label)):+.4f}.")


def loss_curve(logit: float = -4.5, label: float = 1.0) -> Picture:
    """The curve as a picture."""
    return Picture(draw_loss_curve(logit, label), words_of_loss_curve(logit, label))


def explore_loss_curve():
    """Move the logit and the label; loss, tangent and arrow follow."""

    def draw(logit, label):
        words = words_of_loss_curve(logit, label)
        return as_html(draw_loss_curve(logit, label), "Loss and slope against the logit; the numbers stand below.") + f"<p>{words}</p>"

    return explorable(draw, {
        "logit": _slider("logit z", -4.5, -REACH, REACH, 0.5), "label": _slider("label y", 1.0, 0.0, 1.0, 0.1),
    }, "Loss of one logit")


def softmax(z: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    powers = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def draw_loss_surface(logits: np.ndarray, label: int):
    """Cross-entropy of three classes over the first two logits, with the downhill arrow; on the right, the gradient by each logit.

    Args:
        logits: (3,), each between -4 and 4; the third is held fixed in the surface.
        label: the true class, 0, 1 or 2.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.0, 3.8)
    left, right = figure.subplots(1, 2)
    axis = np.linspace(-4.5, 4.5, 91)
    grid = np.stack([*np.meshgrid(axis, axis), np.full((91, 91), logits[2])], axis=-1)        # (91, 91, 3)
    loss = -np.log(softmax(grid)[..., label])
    lines = left.contour(axis, axis, loss, levels=[0.1, 0.3, 0.6, 1, 2, 3, 4, 6, 8], colors=GREY, linewidths=0.8)
    left.clabel(lines, fontsize=8)
    gradient = softmax(logits) - np.eye(3)[label]
    tip = logits[:2] - 1.8 * gradient[:2]
    if np.hypot(*gradient[:2]) > 0.02:
        left.annotate("", tip, logits[:2], arrowprops={"arrowstyle": "-|>", "color": GREEN, "linewidth": 2.5})
    left.plot(*logits[:2], "o", color="black", markersize=6)
    left.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), xlabel="logit of class 0", ylabel="logit of class 1", aspect="equal",
             title=f"loss {float(-np.log(softmax(logits)[label])):.2f}; arrow: minus the gradient")
    places, width = np.arange(3), 0.27
    for shift, values, colour, hatch, name in ((-width, softmax(logits), BLUE, "", "p"), (0, np.eye(3)[label], GREY, "//", "onehot(y)"),
                                               (width, gradient, ORANGE, "..", "gradient")):
        right.bar(places + shift, values, width, color=colour, hatch=hatch, edgecolor="white", label=name)
    right.axhline(0, color="black", linewidth=0.8)
    right.set_xticks(places, [f"class {c}" + (" (true)" if c == label else "") for c in places])
    right.set(ylim=(-1.1, 1.5), title="predicted, wanted, and their difference")
    right.legend(loc="upper right", fontsize=9, edgecolor="none", ncols=3, columnspacing=1)
    quiet_axes(right)
    return figure


def words_of_loss_surface(logits: np.ndarray, label: int) -> str:
    """The numbers of `draw_loss_surface` in a sentence."""
    p = softmax(logits)
    listed = ", ".join(f"class {c} {p[c]:.3f} and {p[c] - (c == label):+.3f}" for c in range(3))
    return f"Probability and gradient: {listed}; the gradients add up to {abs(float((p - np.eye(3)[label]).sum())):.0f}."


def explore_loss_surface():
    """Move three logits and the label; surface, arrow and bars follow."""

    def draw(first, second, third, label):
        logits = np.array([first, second, third])
        return as_html(draw_loss_surface(logits, label), "Loss surface and gradient; the numbers stand below.") + (
            f"<p>{words_of_loss_surface(logits, label)}</p>")

    sliders = {name: _slider(f"logit of class {i}", value, -4.0, 4.0, 0.25)
               for i, (name, value) in enumerate((("first", -1.0), ("second", 2.0), ("third", 0.0)))}
    label = choice("label", [("class 0", 0), ("class 1", 1), ("class 2", 2)], 0)
    return explorable(draw, {**sliders, "label": label}, "Cross-entropy of three classes")


def explore_derivation(name: str = "bce_with_logits"):
    """Walk through a derivation, a line at a time; every line shown has been proved."""
    import ipywidgets

    from tlkit.gradients import derivations, derive
    from tlkit.gradients.drawing import as_html as drawn

    def draw(which, line):
        derivation = derive(which)
        shown = min(line, len(derivation.lines))
        end = "; that is all of it" if shown == len(derivation.lines) else ""
        return drawn(derivation, shown) + f"<p>Line {shown} of {len(derivation.lines)}{end}.</p>"

    return explorable(draw, {
        "which": choice("derivation", derivations(), name),
        "line": ipywidgets.IntSlider(value=1, min=1, max=_LONGEST, description="up to line", **SLIDER),
    }, "A derivation, line by line", formulas=True)


def draw_step_sizes(steps: np.ndarray, errors: dict[str, np.ndarray]):
    """Error of difference quotients against their step, on logarithmic axes.

    Args:
        steps: (K,)
        errors: name -> (K,), one curve each.
    """
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    for (name, values), colour, marker in zip(errors.items(), (ORANGE, BLUE, GREEN), "svo"):
        axes.loglog(steps, np.maximum(values, 1e-17), color=colour, marker=marker, markersize=4, label=name)
    axes.set(xlabel="step", ylabel="error of the derivative")
    axes.legend(edgecolor="none")
    quiet_axes(axes)
    return figure


_LONGEST = 12  # lines of the longest derivation, which a test compares


def _slider(description: str, value: float, low: float, high: float, step: float):
    import ipywidgets

    return ipywidgets.FloatSlider(value=value, min=low, max=high, step=step, description=description, **SLIDER)
