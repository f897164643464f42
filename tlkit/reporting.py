"""From a run to its report and its pictures."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import torch

from tlkit import plans, resuming
from tlkit.adaptation import adapt, draw_fresh_weights
from tlkit.errors import TlkitError
from tlkit.freezing import stages_frozen_by
from tlkit.prediction import collect
from tlkit.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tlkit.model import Model
    from tlkit.run import Run


def report(run: Run, split: str = "test", scratch: bool | plans.Plan = False) -> Report:
    """What `Run.report` gives."""
    model, task = run.model, run.task
    _refuse_changed(run)
    after = collect(model, task.splits[split]).evaluation()
    return Report(
        task=task.name,
        kind=task.kind,
        backbone=model.backbone.name,
        plan=json.loads(run.plan.to_json()),
        seed=run.seed,
        after=after,
        before=_before(run, split),
        scratch=_from_scratch(run, split, scratch) if scratch else None,
        split=split,
        seconds=run.seconds,
        peak_memory_mb=run.peak_memory / 1e6,
        trainable_parameters=sum(values.numel() for values in _trained(run)),
        total_parameters=sum(parameter.numel() for parameter in model.parameters()),
        training_flops=training_flops(run),
        notes=tuple(dict.fromkeys(phase["note"] for phase in run.kept)),
    )


def _refuse_changed(run: Run) -> None:
    added = run.model.backbone.added
    if added is not None and added.merged:
        raise TlkitError(f"{added.method.name} is merged into the body, so what it was before training cannot be asked; `tlkit.peft.unmerge` it first")
    if missing := [name for name in run.start if name not in run.model.state_dict()]:
        raise TlkitError(f"the model is not as it was trained: {missing[0].removeprefix('backbone.stages.')} is no longer in it; take the report "
                         "before `tlkit.peft.remove`")


def _before(run: Run, split: str):
    """The model as it was before training: put back for a moment."""
    now = {name: values.clone() for name, values in resuming.changing(run.model, run.plan).items()}
    resuming.put_in(run.model, run.start)
    try:
        return collect(run.model, run.task.splits[split]).evaluation()
    finally:
        resuming.put_in(run.model, now)


def _from_scratch(run: Run, split: str, plan: bool | plans.Plan):
    from tlkit.training import finetune

    if plan is True:
        last = run.plan.phases[-1]
        jitter = plans.scratch().jitter if run.task.modality == "image" else None
        rate = last.learning_rate or last.head_learning_rate
        plan = plans.scratch(learning_rate=rate, batch_size=run.plan.batch_size, jitter=jitter)
    return collect(finetune(_fresh(run), run.task, plan, run.seed).model, run.task.splits[split]).evaluation()


def _fresh(run: Run) -> Model:
    """A model of the same kind that knows nothing: by the body's recipe, or, for a body of your own, a copy drawn anew."""
    from tlkit.backbones.rebuilding import rebuild
    from tlkit.peft.placing import remove

    if run.model.backbone.recipe:
        return adapt(rebuild(run.model.backbone.recipe), run.task, run.seed)
    body = copy.deepcopy(run.model.backbone)
    if body.added is not None:
        remove(body)
    model = adapt(body, run.task, run.seed)
    draw_fresh_weights(model, run.seed)
    return model


def _trained(run: Run) -> list[torch.Tensor]:
    """The parameters that the plan trains, in whichever phase."""
    moving = resuming.changing(run.model, run.plan)
    return [parameter for name, parameter in run.model.named_parameters() if name in moving]


def training_flops(run: Run) -> float:
    """Floating-point operations of training, from the depth map, a multiplication and an addition being two.

    For an example and a stage of f operations forward: f where it is frozen, once in all where its activations were
    kept; 3 f where it trains (forward, gradient of the input, gradient of the weights); 2 f where its own weights stay and
    the gradient passes through them, to what a method put there or further down. The head counts as a layer.
    """
    model, plan, examples = run.model, run.plan, len(run.task.train)
    cost = {row.name: row.flops for row in model.backbone.profile()}
    head = 2 * sum(parameter.numel() for parameter in model.head.parameters())
    total = 0.0
    for number, kept in enumerate(run.kept):
        epochs = sum(record["phase"] == number for record in run.records)
        frozen = stages_frozen_by(model, plan.phases[number])
        added = [] if model.backbone.added is None else [name for name in model.backbone.added.stages() if name not in frozen]
        passed = model.body[model.body.index(added[0]) :] if added else []
        behind = model.backbone.stretch(to=kept["after"]) if kept["kept"] and kept["after"] else []
        for name in model.body:
            trains = 3 if model.backbone.added is None and name not in frozen else 2 if name in passed else 1
            times = 1 if name in behind else epochs * trains
            total += cost[name] * examples * times * (max(1, plan.views) if name in behind else 1)
        total += 3 * head * examples * epochs
    return total


def draw_history(records: list[dict]) -> Figure:
    """Training loss and the watched metric over the epochs; phases are told apart by lines."""
    from tlkit.drawing import BLUE, ORANGE, new_figure, quiet_axes

    figure = new_figure(7.0, 3.0)
    axes = figure.subplots()
    quiet_axes(axes)
    epochs = range(1, len(records) + 1)
    axes.plot(epochs, [record["loss"] for record in records], color=BLUE, marker=".")
    axes.set(xlabel="epoch", ylim=(0, None))
    axes.set_ylabel("training loss", color=BLUE)
    for key in (key for key in (records[0] if records else {}) if key.startswith("val_")):
        right = axes.twinx()
        right.plot(epochs, [record[key] for record in records], color=ORANGE, marker="s", markersize=3, linestyle="--")
        right.set_ylabel(key.removeprefix("val_").replace("_", " ") + " on validation data", color=ORANGE)
    for number in range(1, len(records)):
        if records[number]["phase"] != records[number - 1]["phase"]:
            axes.axvline(number + 0.5, color="0.6", linewidth=1)
    return figure
