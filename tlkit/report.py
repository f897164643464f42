"""What fine-tuning brought, and what it cost: a report that shows itself in a terminal, in a notebook and as JSON."""

import json
import math
from dataclasses import dataclass, field, fields

from tlkit.quality import ClassScore, Evaluation, evaluate_outputs

__all__ = ["ClassScore", "Evaluation", "Report", "evaluate_outputs"]

_WHEN = ("before", "after", "scratch")


@dataclass(frozen=True)
class Report:
    """How good a model was before and after fine-tuning on one split, and what that cost. Plain data.

    Args:
        task: its name.
        kind: of the task.
        backbone: its name.
        plan: the plan as plain data (what its JSON holds), with its `name`.
        seed: of the run.
        after: the model after fine-tuning.
        before: the model before it: zero-shot, or with a fresh head.
        scratch: the same model trained without transfer, where that was asked for.
        split: the name of the split that was judged.
        seconds: what training took.
        peak_memory_mb: the most memory that the process held while training, in MB of 10^6 bytes; None if not measured.
        trainable_parameters: how many numbers were trained, in the phase that trains most.
        total_parameters: how many the model has.
        training_flops: floating-point operations of training, a multiplication and an addition being two; None if not
            counted.
        notes: what else is to be known, a sentence each.
    """

    task: str
    kind: str
    backbone: str
    plan: dict
    seed: int
    after: Evaluation
    before: Evaluation | None = None
    scratch: Evaluation | None = None
    split: str = "test"
    seconds: float = 0.0
    peak_memory_mb: float | None = None
    trainable_parameters: int = 0
    total_parameters: int = 0
    training_flops: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """Those that there are, by "before", "after", "scratch"."""
        return {when: getattr(self, when) for when in _WHEN if getattr(self, when) is not None}

    def to_json(self) -> str:
        """The report as JSON; `Report.from_json` gives it back. What is not a number is null."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values |= {when: evaluation.to_dict() for when, evaluation in self.evaluations.items()}
        return json.dumps(_without_nan(values), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """The report that `to_json` wrote."""
        values = json.loads(text)
        for when in _WHEN:
            if values[when] is not None:
                values[when] = Evaluation.from_dict(_with_nan(values[when]))
        return cls(**{**values, "notes": tuple(values["notes"])})

    def __str__(self) -> str:
        from tlkit.report_card import as_text

        return as_text(self)

    def __rich__(self):
        from tlkit.report_card import as_rich

        return as_rich(self)

    def _repr_html_(self) -> str:
        from tlkit.report_card import as_html

        return as_html(self)


def _without_nan(value):
    """The value with None in place of every nan or infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value):
    """The other way about, within an evaluation, where nothing but such numbers is None."""
    if isinstance(value, dict):
        return {name: _with_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_nan(each) for each in value]
    return math.nan if value is None else value
