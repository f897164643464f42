"""Figures of unit 06: ROC curves and what a threshold does to patients, calibration, and maps of what a network looks at.

Nothing here imports torch by itself: the first figure of the unit is on screen before torch is.

Axes: N pictures, T thresholds.
"""

import json
from functools import lru_cache
from importlib.resources import files

import numpy as np
from scipy.special import expit, softmax

from tlkit.explore.figures import BLUE, GREY, ORANGE, SLIDER, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.metrics import auc, calibration_bins, expected_calibration_error
from tlkit.operating_point import rates, roc

WAYS = {"before": (GREY, ":"), "after": (BLUE, "-"), "scratch": (ORANGE, "--")}
TITLES = {"cells": "phantom cells, glyphnet", "pneumoniamnist": "chest X-rays, MobileNetV2"}
SHARES = {"as in the test": None, "1 in 10": 0.1, "1 in 100": 0.01}


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.medical_images` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/medical_images.json").read_text(encoding="utf-8"))


def scores_of(task: str, way: str) -> tuple[np.ndarray, np.ndarray]:
    """Shipped margins of the test pictures, the ill class's logit less the other's, and their labels. (N,), (N,)"""
    found = results()[task]
    return np.array(found["margins"][way]["test"]), np.array(found["labels"]["test"])


def draw_curves(tasks: dict):
    """ROC curves: task -> way -> (scores, labels), side by side."""
    figure = new_figure(9.0, 3.9)
    for axes, (task, ways) in zip(np.atleast_1d(figure.subplots(1, len(tasks))), tasks.items()):
        for way, (scores, labels) in ways.items():
            _, sensitivity, specificity = roc(scores, labels)
            colour, line = WAYS[way]
            axes.plot(1 - specificity, sensitivity, color=colour, linestyle=line, label=f"{way}: AUC {auc(scores, labels):.3f}")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.6)
        axes.set(title=TITLES[task], xlabel="false alarms: 1 - specificity", ylabel="found: sensitivity")
        axes.legend(loc="lower right", fontsize=9, edgecolor="none")
        quiet_axes(axes)
    return figure


def curves() -> Picture:
    """The shipped ROC curves of every task, before and after fine-tuning and from scratch."""
    tasks = {task: {way: scores_of(task, way) for way in WAYS} for task in results()}
    words = "; ".join(f"{TITLES[task]}: " + ", ".join(f"{way} AUC {auc(*each):.3f}" for way, each in ways.items()) for task, ways in tasks.items())
    return Picture(draw_curves(tasks), f"ROC curves on test pictures. {words}.")


def draw_threshold(scores, labels, threshold: float):
    """The point of a threshold on the ROC curve, and the confusion matrix there."""
    figure = new_figure(8.6, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    _, sensitivities, specificities = roc(scores, labels)
    called = (scores >= threshold).astype(int)
    sensitivity, specificity = rates(called, labels)
    left.plot(1 - specificities, sensitivities, color=BLUE)
    left.plot(1 - specificity, sensitivity, "o", color=ORANGE, markersize=11, markeredgecolor="black")
    left.set(xlabel="false alarms: 1 - specificity", ylabel="found: sensitivity", title="where the threshold stands", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    quiet_axes(left)
    table = confusion(called, labels)
    right.imshow(table / table.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1.4)
    for (row, column), count in np.ndenumerate(table):
        right.text(column, row, f"{count}\n{('right', 'false alarm', 'missed', 'found')[2 * row + column]}", ha="center", va="center", fontsize=10)
    right.set_xticks([0, 1], ["called healthy", "called ill"])
    right.set_yticks([0, 1], ["healthy", "ill"])
    right.set_title("test pictures")
    return figure


def confusion(called, labels) -> np.ndarray:
    """How often each class (row) was called each (column), int64 (2, 2)."""
    return np.bincount(2 * np.asarray(labels) + np.asarray(called), minlength=4).reshape(2, 2)


def predictive_values(sensitivity: float, specificity: float, share: float) -> tuple[float, float]:
    """Positive and negative predictive value where `share` of the patients are ill (Altman and Bland 1994); nan for 0 / 0."""
    found, alarmed = share * sensitivity, (1 - share) * (1 - specificity)
    missed, cleared = share * (1 - sensitivity), (1 - share) * specificity
    return (found / (found + alarmed) if found + alarmed else float("nan"), cleared / (cleared + missed) if cleared + missed else float("nan"))


def threshold_facts(scores, labels, called_share: float, share_ill: float | None) -> dict[str, float]:
    """What the threshold that calls this share of the pictures ill does, by name. "threshold" is a probability."""
    rank = round(called_share * len(scores))
    threshold = np.sort(scores)[::-1][rank - 1] if rank else np.inf
    called = (scores >= threshold).astype(int)
    sensitivity, specificity = rates(called, labels)
    share = float(np.mean(labels)) if share_ill is None else share_ill
    positive, negative = predictive_values(sensitivity, specificity, share)
    return {"score": float(threshold), "threshold": float(expit(threshold)), "sensitivity": sensitivity, "specificity": specificity, "share ill": share,
            "positive predictive value": positive, "negative predictive value": negative,
            "accuracy": share * sensitivity + (1 - share) * specificity}


def explore_threshold():
    """Move the threshold along the ROC curve; the confusion matrix and what an alarm is worth follow."""
    import ipywidgets

    def draw(task, way, called, ill):
        scores, labels = scores_of(task, way)
        facts = threshold_facts(scores, labels, called / 100, SHARES[ill])
        rows = "".join(f"<tr><th scope='row' style='text-align:left'>{name}</th><td>{'–' if np.isnan(value) else f'{value:.3f}'}</td></tr>"
                       for name, value in facts.items() if name != "score")
        counts = confusion((scores >= facts["score"]).astype(int), labels)
        words = (f"Of {counts[1].sum()} pictures of the ill {counts[1, 1]} are found and {counts[1, 0]} missed; of {counts[0].sum()} of the healthy "
                 f"{counts[0, 1]} are false alarms.")
        return as_html(draw_threshold(scores, labels, facts["score"]), "A point on the ROC curve and a confusion matrix. " + words) + f"<p>{words}</p><table>{rows}</table>"

    return explorable(draw, {
        "task": choice("pictures", [(TITLES[task], task) for task in results()], "cells"),
        "way": choice("network", list(WAYS), "after"),
        "called": ipywidgets.IntSlider(40, 0, 100, description="% called ill", **SLIDER),
        "ill": choice("patients ill", list(SHARES), "as in the test"),
    }, "A threshold on the ROC curve, and what it does to patients")


def reliability(logits, labels, temperature: float, bins: int = 10) -> Picture:
    """Confidence against being right, as trained and with a temperature. logits (N, C), labels (N,)."""
    figure, words = new_figure(8.6, 3.4), []
    for axes, (name, divisor) in zip(figure.subplots(1, 2, sharey=True), (("as trained", 1.0), (f"T = {temperature:.2f}", temperature))):
        probabilities = softmax(np.asarray(logits, float) / divisor, axis=1)
        found = calibration_bins(probabilities, labels, bins)
        error = expected_calibration_error(probabilities, labels, bins=bins)
        axes.bar([(low + high) / 2 for low, high, *_ in found], [right for *_, right in found], width=0.9 / bins, color=BLUE, alpha=0.7)
        axes.plot([0.5, 1], [0.5, 1], color=ORANGE, linestyle="--")
        for low, high, count, _, right in found:
            axes.text((low + high) / 2, right + 0.01, count, ha="center", fontsize=8)
        axes.set(title=f"{name}: ECE {error:.3f}", xlabel="confidence", ylabel="share that is right", xlim=(0.48, 1.02), ylim=(0, 1.12))
        quiet_axes(axes)
        words.append(f"{name}: ECE {error:.3f}; " + ", ".join(f"confidence {sure:.2f}: {right:.2f} of {count} right" for _, _, count, sure, right in found))
    return Picture(figure, "Confidence against the share that is right. " + ". ".join(words) + ".")


def phantoms(task, each: int = 5) -> Picture:
    """Some training pictures of each class."""
    figure = new_figure(1.2 * each, 2.8)
    for row, cells in enumerate(figure.subplots(2, each)):
        for axes, number in zip(cells, np.flatnonzero(task.train.labels.numpy() == row)):
            axes.imshow(task.train.inputs[int(number), 0].numpy(), cmap="gray", vmin=0, vmax=255)
            axes.axis("off")
        cells[0].set_title(task.classes[row], loc="left", fontsize=9)
    return Picture(figure, f"PHANTOMS: {each} drawn pictures of each class at 16 x 16, {task.classes[0]} above, {task.classes[1]} below.")


def share_on_mark(heat: np.ndarray) -> float:
    """Which share of a map (H, W), drawn over the whole picture, lies in the quarter around the mark; nan where the map is 0."""
    height, width = (side - side // 4 for side in heat.shape)
    return float(heat[height:, width:].sum() / heat.sum()) if heat.sum() > 0 else float("nan")


def draw_maps(rows: dict, numbers, stage: str = "block3", target: int = 1):
    """Pictures with their Grad-CAM maps beside them; name -> (model, split). Also the shares on the mark, by name."""
    from tlkit.gradcam import grad_cam

    figure, shares = new_figure(2.1 * len(numbers) + 1.2, 2.3 * len(rows)), {}
    for cells, (name, (model, split)) in zip(figure.subplots(len(rows), len(numbers), squeeze=False), rows.items()):
        images = split.inputs[[int(number) for number in numbers]]
        heats = grad_cam(model, images, stage, target).cpu().numpy()
        shares[name] = [share_on_mark(heat) for heat in heats]
        for axes, image, heat, share in zip(cells, images[:, 0].numpy(), heats, shares[name]):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=(0, 16, 16, 0))
            axes.imshow(heat, cmap="viridis", alpha=0.55, extent=(0, 16, 16, 0))
            axes.set(xticks=[], yticks=[], xlabel="no map" if np.isnan(share) else f"corner {share:.0%}")
        cells[0].set_ylabel(name, fontsize=9)
    return figure, shares


def maps(rows: dict, numbers) -> Picture:
    """Grad-CAM of the ill class for some pictures and networks; name -> (model, split)."""
    figure, shares = draw_maps(rows, numbers)
    words = "; ".join(f"{name}: " + ", ".join("no map" if np.isnan(each) else f"{each:.0%}" for each in found) for name, found in shares.items())
    return Picture(figure, f"Grad-CAM maps over phantoms. Share of each map on the corner of the mark: {words}.")


def explore_maps(models: dict, plain, marked):
    """Choose a network, a stage, a picture and whether it bears the mark; the map follows."""
    import ipywidgets

    def draw(network, stage, mark, patient):
        split = marked if mark == "with the mark" else plain
        figure, shares = draw_maps({network: (models[network], split)}, [patient], stage)
        share = shares[network][0]
        words = f"The map of {stage} is 0 everywhere." if np.isnan(share) else f"{share:.1%} of the map of {stage} lies on the corner of the mark."
        return as_html(figure, f"A phantom with its map. {words}") + (
            f"<table><tr><th>diagnosis</th><th>map on the corner</th></tr><tr><td>{split.classes[int(split.labels[patient])]}</td><td>{words}</td></tr></table>")

    return explorable(draw, {
        "network": choice("network", list(models), list(models)[-1]),
        "stage": choice("stage", ["block1", "block2", "block3"], "block3"),
        "mark": choice("picture", ["with the mark", "without"], "with the mark"),
        "patient": ipywidgets.IntSlider(int(np.flatnonzero(plain.labels.numpy() == 1)[0]), 0, len(plain) - 1, description="number", **SLIDER),
    }, "What a network looks at, by Grad-CAM")
