"""What `finetune` gives back: the trained model, how it came about, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from tlkit.data.task import Split, Task
from tlkit.model import Model
from tlkit.plans import Plan
from tlkit.prediction import collect

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tlkit.report import Report


@dataclass
class Run:
    """A trained model, and how it came about.

    Args:
        records: what was noted after each epoch; `history` is the same as a table.
        seconds: that training took, over all its parts if it was resumed.
        peak_memory: bytes, the most that the process held while it trained (on a GPU, that was taken there).
        kept: for each phase, the stage `after` which activations were kept (None: prepared inputs), whether anything
            was `kept`, and a `note` that says where, or why not.
        start: weights before training, of all that trained, by their names in the model.
        interrupted: whether it was stopped by the user before its end.
    """

    model: Model
    task: Task
    plan: Plan
    seed: int
    records: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory: int = 0
    kept: list[dict] = field(default_factory=list)
    start: dict[str, Tensor] = field(default_factory=dict, repr=False)
    interrupted: bool = False

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: phase, epoch, loss, learning rate, seconds, examples a second, and the watched metric."""
        import pandas as pd

        return pd.DataFrame(self.records)

    def accuracy(self, split: Split | str = "test") -> float:
        """The share of a split that the model names rightly; a split of the task may be given by its name."""
        return collect(self.model, self._split(split)).metric("accuracy")

    def evaluate(self, split: Split | str = "test"):
        """All metrics of the kind of task on a split, each with its interval (`tlkit.quality.Evaluation`)."""
        return collect(self.model, self._split(split)).evaluation()

    def _split(self, split: Split | str) -> Split:
        return self.task.splits[split] if isinstance(split, str) else split

    def report(self, split: str = "test", scratch: bool | Plan = False) -> Report:
        """Before and after, with intervals, and what it cost; it shows itself in a notebook and in a terminal.

        Args:
            split: of the task, on which both are judged.
            scratch: also train the same model without transfer (True: by `plans.scratch` with this run's batch size;
                or by the plan given), which takes as long as it takes.
        """
        from tlkit.reporting import report

        return report(self, split, scratch)

    def plot(self) -> Figure:
        """Training loss and, where it was watched, the validation metric over the epochs."""
        from tlkit.reporting import draw_history

        return draw_history(self.records)

    def save(self, path: str | Path, body: bool = True) -> Path:
        """Write the artefact: all that a prediction needs, as one file (`tlkit.artefact`).

        Args:
            body: False leaves out the body's own weights, where they stayed, and `tlkit.load` puts the rest onto the body.
        """
        from tlkit.artefact import save

        return save(self, Path(path), body)
