"""Plans side by side: over label counts and seeds, each seed with the same labels for every plan.

Axes: S seeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlkit.errors import TlkitError
from tlkit.evaluation import Interval, mean_interval
from tlkit.prediction import collect, lower_is_better, usual_metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison:
    """What a comparison measured: one record a run, with plan, labels, seed, value and seconds.

    Args:
        metric: that `value` is, on the test split.
    """

    task: str
    backbone: str
    metric: str
    records: tuple[dict, ...]

    @property
    def plans(self) -> list[str]:
        """In the order in which they were asked for."""
        return list(dict.fromkeys(record["plan"] for record in self.records))

    @property
    def labels(self) -> list:
        """Label counts, in their order; None stands for all labels."""
        return list(dict.fromkeys(record["labels"] for record in self.records))

    def values(self, plan: str, labels: int | None) -> list[float]:
        """The metric of each seed, (S,)."""
        return [record["value"] for record in self.records if (record["plan"], record["labels"]) == (plan, labels)]

    def interval(self, plan: str, labels: int | None) -> Interval:
        """The mean over seeds; with a single seed no spread is known, and the ends are nan."""
        values = self.values(plan, labels)
        return mean_interval(values) if len(values) > 1 else Interval(values[0], float("nan"), float("nan"))

    def __str__(self) -> str:
        seeds = len({record["seed"] for record in self.records})
        best = "lower" if lower_is_better(self.metric) else "higher"
        head = f"{self.metric} on the test split of {self.task}, {self.backbone}, {seeds} seeds, 95 % intervals ({best} is better)"
        columns = [_of(labels) for labels in self.labels]
        lines = [head, "".join([f"  {'plan':<20}", *(f"{name:>24}" for name in columns), f"{'seconds a run':>16}"])]
        for plan in self.plans:
            seconds = [record["seconds"] for record in self.records if record["plan"] == plan]
            cells = [str(self.interval(plan, labels)) if len(self.values(plan, labels)) > 1
                     else f"{self.values(plan, labels)[0]:.3f}" for labels in self.labels]
            lines.append("".join([f"  {plan:<20}", *(f"{cell:>24}" for cell in cells), f"{sum(seconds) / len(seconds):>16.1f}"]))
        return "\n".join(lines)

    def to_json(self) -> str:
        """Everything that was measured."""
        return json.dumps({"task": self.task, "backbone": self.backbone, "metric": self.metric, "records": self.records}, indent=1)

    def draw(self) -> Figure:
        """The metric over the labels, a line a plan, with its interval."""
        from tlkit.drawing import BLUE, GREEN, ORANGE, PINK, RED, SKY, new_figure, quiet_axes

        figure = new_figure(7.0, 4.0)
        axes = figure.subplots()
        quiet_axes(axes)
        looks = zip((BLUE, ORANGE, GREEN, PINK, SKY, RED), "osD^vP", strict=True)
        places = range(len(self.labels))
        for plan, (color, marker) in zip(self.plans, looks, strict=False):
            found = [self.interval(plan, labels) for labels in self.labels]
            spread = [[each.mean - each.low for each in found], [each.high - each.mean for each in found]]
            axes.errorbar(places, [each.mean for each in found], spread, color=color, marker=marker, capsize=3, label=plan)
        axes.set(xlabel="labels per class", ylabel=f"{self.metric} on test data", title=f"{self.task}, {self.backbone}")
        axes.set_xticks(list(places), [_of(labels) for labels in self.labels])
        axes.legend(frameon=False)
        return figure


def _of(labels: int | None) -> str:
    return "all" if labels is None else str(labels)


def compare(
    load: Callable,
    make_model: Callable,
    plans: Sequence,
    labels: Sequence[int | None],
    seeds: int = 5,
    metric: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
    **options,
) -> Comparison:
    """Train every plan at every label count with every seed, from the same labels for a seed, and measure on test.

    Args:
        load: (labels, seed) -> task.
        make_model: (task, seed) -> model, freshly adapted.
        plans: of different names.
        labels: training labels per class; None takes all.
        seeds: S; seeds 0, 1, ... draw labels, heads and orders.
        metric: None is the usual one for the kind of task.
        tell: given a line about each run as it ends.
        options: for `finetune`.
    Raises:
        TlkitError: too few labels of a class (before anything is trained), or two plans of one name.
    """
    from tlkit.training import finetune

    names = [plan.name for plan in plans]
    if len(set(names)) < len(names) or not names:
        raise TlkitError(f"plans must have different names, and these are {', '.join(names) or 'none'}")
    if seeds < 1:
        raise TlkitError(f"seeds={seeds} must be 1 or more")
    tasks = {count: load(count, 0) for count in labels}
    some = next(iter(tasks.values()))
    metric, records, body = metric or usual_metric(some.kind, some.classes), [], ""
    for count in labels:
        for seed in range(seeds):
            task = tasks[count] if seed == 0 else load(count, seed)
            for plan in plans:
                model = make_model(task, seed)
                body = model.backbone.name
                run = finetune(model, task, plan, seed, **options)
                value = collect(model, task.test).metric(metric)
                records.append({"plan": plan.name, "labels": count, "seed": seed, "value": value, "seconds": run.seconds})
                tell(f"{_of(count)} labels, seed {seed}, {plan.name}: {metric} {value:.3f}, {run.seconds:.1f} s")
    return Comparison(some.name, body, metric, tuple(records))
