"""A body with a head for a task."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.state import State
from tlkit.heads import Loss
from tlkit.kinds import KINDS, Kind, last_stage


class Model(nn.Module):
    """A body and a head: outputs = head(body(inputs)), trained with `loss`.

    Args:
        backbone: the body; it becomes part of the model (it is not copied).
        head: takes what the last stage of `body` gives.
        loss: of the outputs.
        kind: of task, one of `tlkit.kinds.KINDS`.
        classes: names of the classes, in the order of the outputs; none for numbers and texts.

    `frozen_stages` names the stages that stay in eval mode whatever `train()` is told (see `tlkit.freezing`); where a
    method of few parameters was put into the body (`tlkit.peft`), all of the body does, but for what was put there.
    `dropout` stands in front of the head; a plan sets its rate.
    """

    def __init__(self, backbone: Backbone, head: nn.Module, loss: Loss, kind: str, classes: tuple[str, ...] = ()):
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.dropout = nn.Dropout(0.0)
        self.loss = loss
        self.classes = tuple(classes)
        self._kind = kind
        self._last_stage = last_stage(KINDS[kind], backbone)
        self.frozen_stages: frozenset[str] = frozenset()

    @property
    def kind(self) -> Kind:
        """What the task asks; see `tlkit.kinds`."""
        return KINDS[self._kind]

    @property
    def body(self) -> list[str]:
        """The names of the body's stages up to the head, from the input on."""
        return self.backbone.stretch(to=self._last_stage)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The body's stages, from the input on, and "head" behind them."""
        return {**{name: self.backbone.stages[name] for name in self.body}, "head": self.head}

    @property
    def tied(self) -> set[str]:
        """The names of the head's parameters that are the body's own."""
        of_body = {id(parameter) for parameter in self.backbone.parameters()}
        return {f"head.{name}" for name, parameter in self.head.named_parameters() if id(parameter) in of_body}

    def forward(self, inputs) -> Tensor:
        """The outputs for a task's raw inputs."""
        return self.outputs(self.backbone.prepare(inputs))

    def outputs(self, state: State, after: str | None = None, states: dict[str, State] | None = None) -> Tensor:
        """The outputs for a state behind the stage `after`; None begins at what `prepare` of the body gives.

        Args:
            states: gets the state behind every stage that it has as a key.
        """
        if not states:
            return self.head(self._drop(self.backbone.run(state, after, self._last_stage)))
        for name in self.backbone.stretch(after, self._last_stage):
            state = self.backbone.stages[name](state)
            if name in states:
                states[name] = state
        return self.head(self._drop(state))

    def _drop(self, state: State) -> State:
        if self.dropout.p == 0:
            return state
        if isinstance(state, Tensor):
            return self.dropout(state)
        return {**state, "hidden": self.dropout(state["hidden"])}

    def train(self, mode: bool = True) -> "Model":
        super().train(mode)
        if self.backbone.added is not None:
            self.backbone.added.set_modes(mode, self.frozen_stages)
        for name in self.frozen_stages:
            self.stages[name].eval()
        return self

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Eval mode and no gradients inside; every module's mode is put back afterwards."""
        modes = {module: module.training for module in self.modules()}
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module, was_training in modes.items():
                module.training = was_training

    def describe(self) -> str:
        """The body's depth map, what a method put into it, the head and the loss, as text."""
        added = self.backbone.added
        method = "" if added is None else f"\n  in the body: {added.method}, {sum(each.numel() for each in added.parameters):,} parameters that learn"
        return f"{self.backbone.describe()}{method}\n  head for {self._kind}: {self.head}\n  loss: {self.loss}"
