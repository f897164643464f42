"""A body: named stages from the input to the features, and what must be known to use them.

Axes: B batch, F features; others as the modality has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tlkit.backbones.preprocessing import Preprocessing
from tlkit.backbones.state import State, apply
from tlkit.errors import TlkitError

__all__ = ["Backbone", "Preprocessing", "StageProfile"]


@dataclass(frozen=True)
class StageProfile:
    """One line of a depth map.

    Args:
        name: of the stage.
        output: the shape of what it gives for one example, without the batch.
        parameters: how many numbers it learned.
        flops: floating-point operations for one example; a multiplication and an addition are two.
    """

    name: str
    output: tuple[int, ...]
    parameters: int
    flops: int


class Backbone(nn.Module):
    """A body as an ordered depth map: `stages`, each fed with what the one before it gives.

    Freezing, learning rates by depth, caching and cost all speak in the names of the stages. Every parameter belongs
    to exactly one stage. What flows between stages is a `tlkit.backbones.state.State`.

    Args:
        name: what `load_backbone` calls it.
        stages: name -> module, from the input to the features; the last one gives (B, F).
        feature_size: F.
        preprocessing: turns a task's raw inputs into what the first stage takes, since it belongs to the weights.
        licence: of the weights.
        pooling: how the last stage makes one vector an example of what it is given.
        batch_dependence: why an example's output depends on what it is batched with; empty where it does not.
        token_embedding: the parameter that a language model's output layer shares, for bodies that have one.
        notes: what else is to be known, such as parameters of the original that are left out.
        recipe: what `tlkit.backbones.rebuilding` needs to build it again for weights from an artefact; plain data.
    Raises:
        TlkitError: two stages share a parameter.

    `added` is what a method of few parameters put into it (`tlkit.peft`), None where there is none. `original_names` says
    what the library that it came from calls its modules.
    """

    def __init__(
        self,
        name: str,
        stages: Mapping[str, nn.Module],
        feature_size: int,
        preprocessing: Preprocessing,
        licence: str,
        pooling: str = "",
        batch_dependence: str = "",
        token_embedding: str | None = None,
        notes: tuple[str, ...] = (),
        recipe: Mapping | None = None,
    ):
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.feature_size = feature_size
        self.preprocessing = preprocessing
        self.licence = licence
        self.pooling = pooling
        self.batch_dependence = batch_dependence
        self.token_embedding = token_embedding
        self.notes = notes
        self.recipe = recipe
        self.added = None
        self.original_names: dict[str, str] = {}
        self._refuse_shared_parameters()

    @property
    def modality(self) -> str:
        """What it reads: "image", "text" or "sound"."""
        return self.preprocessing.modality

    def forward(self, inputs) -> torch.Tensor:
        """Features (B, F) of a task's raw inputs."""
        return self.run(self.prepare(inputs))

    def prepare(self, inputs) -> State:
        """A task's raw inputs as the first stage takes them, on the device and in the precision of the weights."""
        return self.place(self.preprocessing(inputs))

    def place(self, state: State) -> State:
        """A state on the device and in the precision of the weights."""
        weight = next(self.parameters())
        return apply(lambda values: values.to(weight if values.is_floating_point() else weight.device), state)

    def run(self, state: State, after: str | None = None, to: str | None = None) -> State:
        """Send a state through a stretch of stages.

        Args:
            state: what the stage after `after` takes.
            after: the last stage that is already done; None begins at the input.
            to: the last stage to run; None goes on to the features.
        Raises:
            TlkitError: a stage that the body does not have.
        """
        for name in self.stretch(after, to):
            state = self.stages[name](state)
        return state

    def stretch(self, after: str | None = None, to: str | None = None) -> list[str]:
        """The names of the stages behind `after`, up to and with `to`.

        Raises:
            TlkitError: a stage that the body does not have.
        """
        names = list(self.stages)
        for name in (after, to):
            if name is not None and name not in names:
                raise TlkitError(f"{self.name} has no stage {name!r}; stages from the input on: {', '.join(names)}")
        first = 0 if after is None else names.index(after) + 1
        return names[first : len(names) if to is None else names.index(to) + 1]

    @torch.no_grad()
    def profile(self) -> list[StageProfile]:
        """The depth map with shapes, parameters and operations, measured on one example of the preprocessing's size."""
        state, rows = self.place(self.preprocessing.example()), []
        modes = {module: module.training for module in self.modules()}
        self.eval()
        for name, stage in self.stages.items():
            # The mathematical form of attention is made of products that the counter knows.
            with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
                state = stage(state)
            hidden = state if isinstance(state, torch.Tensor) else state["hidden"]
            parameters = sum(parameter.numel() for parameter in stage.parameters())
            rows.append(StageProfile(name, tuple(hidden.shape[1:]), parameters, counter.get_total_flops()))
        for module, was_training in modes.items():
            module.training = was_training
        return rows

    def describe(self) -> str:
        """The depth map as a table: each stage, the shape of its output for one example, its operations and parameters.

        Below it: totals, preprocessing, pooling and what else is to be known.
        """
        rows = self.profile()
        width = max(10, *(len(row.name) + 2 for row in rows))
        lines = [self._headline()]
        lines.append(f"  {'stage':<{width}}{'output':>14}{'MFLOP':>12}{'parameters':>14}")
        lines += [
            f"  {row.name:<{width}}{_shape(row.output):>14}{row.flops / 1e6:>12,.3f}{row.parameters:>14,}"
            for row in rows
        ]
        return "\n".join([*lines, *(f"  {fact}" for fact in self._facts(rows))])

    def _facts(self, rows: list[StageProfile]) -> list[str]:
        """What is to be known beside the depth map."""
        facts = [
            f"{sum(row.parameters for row in rows):,} parameters, {sum(row.flops for row in rows) / 1e6:,.1f} MFLOP an example "
            f"({self.preprocessing.example_size})",
            f"input: {self.preprocessing.describe()}",
        ]
        facts += [f"features: {self.pooling}"] if self.pooling else []
        facts += [f"beware: {self.batch_dependence}"] if self.batch_dependence else []
        return [*facts, *self.notes]

    def _headline(self) -> str:
        return f"{self.name}: {self.feature_size} features, weights under {self.licence}"

    def _repr_html_(self) -> str:
        rows = self.profile()
        cells = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(row.name)}</th><td>{_shape(row.output)}</td>"
            f"<td>{row.flops / 1e6:,.3f}</td><td>{row.parameters:,}</td></tr>"
            for row in rows
        )
        facts = "".join(f"<li>{escape(fact)}</li>" for fact in self._facts(rows))
        return (
            f"<table><caption style='text-align:left'>{escape(self._headline())}</caption><thead><tr>"
            "<th scope='col'>stage</th><th scope='col'>output</th><th scope='col'>MFLOP</th>"
            f"<th scope='col'>parameters</th></tr></thead><tbody>{cells}</tbody></table><ul>{facts}</ul>"
        )

    def note_original_names(self, model: nn.Module) -> "Backbone":
        """Note what `model`, whose modules were made into stages, calls each of them."""
        names = {id(module): name for name, module in model.named_modules()}
        self.original_names = {name: names[id(module)] for name, module in self.stages.named_modules() if id(module) in names}
        return self

    def _refuse_shared_parameters(self) -> None:
        owner = {}
        for stage_name, stage in self.stages.items():
            for label, parameter in stage.named_parameters():
                if id(parameter) in owner:
                    raise TlkitError(
                        f"{self.name}: stages {owner[id(parameter)]} and {stage_name} share the parameter {label}; "
                        "a stage cannot be frozen without the other"
                    )
                owner[id(parameter)] = stage_name


def _shape(sizes: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in sizes)
