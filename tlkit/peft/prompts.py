"""Prompt tuning (Lester et al. 2021; for images Jia et al. 2022): learned places in front of the input's own.

Axes: B batch, T places, P prompts, H hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlkit.backbones.state import SEQUENCES, State
from tlkit.errors import TlkitError
from tlkit.peft.method import Around, Method, like


@dataclass(frozen=True)
class PromptTuning(Method):
    """P learned vectors that every block's attention sees beside the input; behind the last block they are taken away.

    They stand behind the embeddings and take no position from the input, and no pooling and no head sees them.

    Args:
        count: P.
    """

    name = "prompt_tuning"
    count: int = 10

    def modules(self, body) -> dict[str, Around]:
        names = list(body.stages)
        shapes = {row.name: row.output for row in body.profile()}
        before = names[names.index("block1") - 1] if "block1" in names else names[0]
        if len(shapes[before]) != 2 or len(names) < 3:
            raise TlkitError(f"{body.name} does not read a sequence of places, so there is nothing that prompts could stand in front of; "
                             "take a Transformer, or another method such as plans.lora()")
        state = body.run(body.place(body.preprocessing.example()), to=before)
        hidden = state if isinstance(state, Tensor) else state["hidden"]
        return {before: Prompted(body.stages[before], self.count, hidden.shape[-1], float(hidden.detach().std())),
                names[-2]: Unprompted(body.stages[names[-2]], self.count)}


class Prompted(Around):
    """What a stage gives, with the P prompts in front: `hidden` (B, T, H) -> (B, P + T, H), where the `mask` is True.

    Args:
        count: P.
        size: H.
        spread: standard deviation that prompts start with; that of the stage's own output suits them.
    """

    def __init__(self, base: nn.Module, count: int, size: int, spread: float = 1.0):
        super().__init__(base)
        self.prompts = nn.Parameter(spread * torch.randn(count, size, **like(base)))

    def forward(self, state: State) -> State:
        state = self.base(state)
        if isinstance(state, Tensor):
            return in_front(state, self.prompts)
        hidden, mask = with_prompts(state["hidden"], state["mask"], self.prompts)
        words = {"words": in_front(state["words"], state["words"].new_full((len(self.prompts),), -1))} if "words" in state else {}
        return {**state, "hidden": hidden, "mask": mask, **words}


class Unprompted(Around):
    """What a stage gives, without its first P places."""

    def __init__(self, base: nn.Module, count: int):
        super().__init__(base)
        self.count = count

    def forward(self, state: State) -> State:
        state = self.base(state)
        if isinstance(state, Tensor):
            return state[:, self.count :]
        return {name: values[:, self.count :] if name in SEQUENCES else values for name, values in state.items()}


def with_prompts(hidden: Tensor, mask: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """Prompts in front of every sequence, and its mask, in which they are seen.

    Args:
        hidden: (B, T, H)
        mask: (B, T), of any number type.
        prompts: (P, H)
    Returns:
        (B, P + T, H) and (B, P + T), of the types of `hidden` and `mask`.
    """
    return in_front(hidden, prompts), in_front(mask, mask.new_ones(len(prompts)))


def in_front(values: Tensor, front: Tensor) -> Tensor:
    """The same front (P, ...) before every row of values (B, T, ...) -> (B, P + T, ...)."""
    return torch.cat([front.to(values.dtype).expand(len(values), *front.shape), values], dim=1)
