"""Low-rank adaptation (Hu et al. 2021, section 4.1): a trained update B A of rank R beside weights that stay.

Axes: B batch, I input features, O output features, R rank, V words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from tlkit.errors import TlkitError
from tlkit.peft.method import Around, Method, like, refuse
from tlkit.peft.targets import READS_WEIGHTS, find, is_conv1d, is_ungrouped


@dataclass(frozen=True)
class LoRA(Method):
    """Low-rank updates of a body's weights.

    Args:
        rank: R of every update.
        alpha: updates are scaled by alpha / R.
        rank_stabilised: by alpha / sqrt(R) instead, so that a higher rank is not learned more slowly (Kalajdzievski 2023).
        input_dropout: rate at which the update's inputs are dropped in training.
        targets: None is attention's queries and values; in a convolutional body every convolution that is not grouped.
    """

    name = "lora"
    rank: int = 8
    alpha: float = 16.0
    rank_stabilised: bool = False
    input_dropout: float = 0.0
    targets: tuple[str, ...] | None = None

    def __post_init__(self):
        super().__post_init__()
        refuse(not self.alpha > 0, f"alpha={self.alpha} must be above 0")
        refuse(not 0 <= self.input_dropout < 1, f"input_dropout={self.input_dropout} must lie between 0 and below 1")

    def modules(self, body) -> dict[str, Around]:
        found = find(body, self.targets, ("query", "value", "fused"), is_ungrouped, lambda name, module: getattr(module, "groups", 1) == 1)
        made, wrong = {}, {}
        for name, module in found.items():
            try:
                made[name] = self._around(module)
            except TlkitError as error:
                wrong[name] = error
        if wrong:
            name, error = next(iter(wrong.items()))
            raise TlkitError(f"{name}: {error}{_without(wrong, made)}") from error
        return made

    def _around(self, module: nn.Module) -> "LowRank":
        settings = (self.rank, self.alpha, self.rank_stabilised, self.input_dropout)
        if type(module).__name__ in READS_WEIGHTS:
            return LoRAInside(module, READS_WEIGHTS[type(module).__name__], *settings)
        if isinstance(module, nn.Embedding):
            return LoRAEmbedding(module, *settings)
        if isinstance(module, nn.Linear):
            return LoRALinear(module, *settings)
        return LoRAConv1D(module, *settings) if is_conv1d(module) else LoRAConv(module, *settings)


def _without(wrong: Iterable[str], right: Iterable[str]) -> str:
    """Targets that leave out the stages in which something was wrong, as the end of a sentence; nothing where none is left."""
    stages = dict.fromkeys(name.partition(".")[0] for name in right if not any(each.startswith(name.partition(".")[0] + ".") for each in wrong))
    if not stages:
        return ""
    targets = tuple(stage if stage in right else f"{stage}.*" for stage in stages)
    return f"; or name targets without it, such as targets={targets}"


class LowRank(Around):
    """What the kinds of layers have in common: A = `down` (R, I) and B = `up` (O, R), one of which starts at zero.

    Args:
        base: the pretrained layer, whose weights stay.
        rank: R, at least 1 and at most the smaller side of the weight.
        alpha: the update is scaled by alpha / R, or alpha / sqrt(R) if `rank_stabilised`.
        input_dropout: rate at which the update's inputs are dropped in training.
    Raises:
        TlkitError: rank out of range.
    """

    def __init__(self, base: nn.Module, rank: int, alpha: float = 16.0, rank_stabilised: bool = False, input_dropout: float = 0.0):
        super().__init__(base)
        refuse(rank < 1, f"rank={rank} must be 1 or more")
        self.rank, self.alpha, self.rank_stabilised = rank, alpha, rank_stabilised
        self.scale = alpha / rank**0.5 if rank_stabilised else alpha / rank
        self.dropout = nn.Dropout(input_dropout)

    def _pair(self, inputs: tuple[int, ...], outputs: int) -> tuple[nn.Parameter, nn.Parameter]:
        """A (R, *inputs), drawn as torch draws a linear layer, and B (O, R), zero."""
        self._refuse_rank(torch.Size(inputs).numel(), outputs)
        down = nn.Parameter(torch.empty(self.rank, *inputs, **like(self.base)))
        nn.init.kaiming_uniform_(down, a=5**0.5)
        return down, nn.Parameter(torch.zeros(outputs, self.rank, **like(self.base)))

    def _refuse_rank(self, inputs: int, outputs: int) -> None:
        if not 1 <= self.rank <= min(inputs, outputs):
            raise TlkitError(f"rank={self.rank} must lie between 1 and {min(inputs, outputs)} for a layer of {inputs} inputs and {outputs} outputs")

    def update(self) -> Tensor:
        """What is added to the weight, in the weight's own shape: scale * B A."""
        raise NotImplementedError

    def merged_values(self):
        return {"weight": self.base.weight + self.update()}

    def extra_repr(self) -> str:
        return f"rank={self.rank}, scale={self.scale:g}"


class LoRALinear(LowRank):
    """y = W x + b + scale * B A x, with scale = alpha / R."""

    def __init__(self, base: nn.Linear, rank: int, *settings, **named):
        super().__init__(base, rank, *settings, **named)
        self.down, self.up = self._pair((base.weight.shape[1],), base.weight.shape[0])

    def forward(self, x: Tensor) -> Tensor:                                       # (..., I)
        if self.merged:
            return self.base(x)
        return self.base(x) + self.scale * (self.dropout(x) @ self.down.T @ self.up.T)  # (..., O)

    def update(self) -> Tensor:
        return self.scale * self.up @ self.down                                   # (O, I)


class LoRAConv1D(LoRALinear):
    """As `LoRALinear`, for GPT-2's layers, whose weight is (I, O); queries, keys and values are one such layer."""

    def __init__(self, base: nn.Module, rank: int, *settings, **named):
        LowRank.__init__(self, base, rank, *settings, **named)
        self.down, self.up = self._pair((base.weight.shape[0],), base.weight.shape[1])

    def update(self) -> Tensor:
        return super().update().T                                                 # (I, O)


class LoRAConv(LowRank):
    """A convolution to R channels with the base's own kernel, stride and padding, then one of 1 x 1 to O channels."""

    def __init__(self, base: nn.Module, rank: int, *settings, **named):
        super().__init__(base, rank, *settings, **named)
        if base.groups > 1:
            raise TlkitError(f"a convolution in {base.groups} groups has no low-rank update; leave it out of the targets")
        self.down, self.up = self._pair(tuple(base.weight.shape[1:]), base.weight.shape[0])

    def forward(self, x: Tensor) -> Tensor:                                       # (B, I, ...)
        if self.merged:
            return self.base(x)
        narrow = self.base._conv_forward(self.dropout(x), self.down, None)        # (B, R, ...)
        return self.base(x) + self.scale * torch.einsum("or,br...->bo...", self.up, narrow)

    def update(self) -> Tensor:
        return self.scale * torch.einsum("or,r...->o...", self.up, self.down)     # (O, I, ...)


class LoRAEmbedding(LowRank):
    """A word's vector + scale * B a, with a its column of A (R, V); here A starts at zero, since it is what is looked up."""

    def __init__(self, base: nn.Embedding, rank: int, *settings, **named):
        super().__init__(base, rank, *settings, **named)
        words, size = base.weight.shape
        self._refuse_rank(words, size)
        self.down = nn.Parameter(torch.zeros(rank, words, **like(base)))
        self.up = nn.Parameter(torch.randn(size, rank, **like(base)))

    def forward(self, words: Tensor) -> Tensor:                                   # (B, T)
        if self.merged:
            return self.base(words)
        return self.base(words) + self.scale * F.embedding(words, self.down.T) @ self.up.T

    def update(self) -> Tensor:
        return self.scale * (self.up @ self.down).T                               # (V, O)


class LoRAInside(LowRank):
    """For a module that reads its weights itself (nn.MultiheadAttention): it is called with W + scale * B A in their place.

    Args:
        weights: names of those weights, each (O, I).
    """

    def __init__(self, base: nn.Module, weights: tuple[str, ...], rank: int, *settings, **named):
        super().__init__(base, rank, *settings, **named)
        if self.dropout.p:
            raise TlkitError(f"{type(base).__name__} reads its weights itself, so inputs cannot be dropped for the update alone; set input_dropout=0")
        self.weights = weights
        pairs = {name.replace(".", "_"): self._pair((base.get_parameter(name).shape[1],), base.get_parameter(name).shape[0]) for name in weights}
        self.down = nn.ParameterDict({name: down for name, (down, _) in pairs.items()})
        self.up = nn.ParameterDict({name: up for name, (_, up) in pairs.items()})

    def forward(self, *inputs, **named):
        return self.base(*inputs, **named) if self.merged else functional_call(self.base, self.merged_values(), inputs, named)

    def merged_values(self) -> dict[str, Tensor]:
        flat = {name: name.replace(".", "_") for name in self.weights}
        return {name: self.base.get_parameter(name) + self.scale * self.up[key] @ self.down[key] for name, key in flat.items()}
