"""(IA)3: infused adapters by inhibiting and amplifying inner activations (Liu et al. 2022, section 3.3).

Axes: B batch, T places, I input features, O output features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tlkit.peft.method import Around, Method, like
from tlkit.peft.targets import READS_WEIGHTS, find, is_conv1d, role_of


@dataclass(frozen=True)
class IA3(Method):
    """A learned factor for every feature of keys, values and the feed-forward layers' inner activations.

    In a convolutional body, for every channel that a convolution gives.

    Args:
        targets: None is those; a feed-forward layer's last linear layer is scaled at its inputs, all others at their outputs.
    """

    name = "ia3"
    targets: tuple[str, ...] | None = None

    def modules(self, body) -> dict[str, Around]:
        found = find(body, self.targets, ("key", "value", "fused", "feed-forward output"), lambda name, module: isinstance(module, nn.Conv2d))
        return {name: _around(name, module) for name, module in found.items()}


def _around(name: str, module: nn.Module) -> Around:
    if type(module).__name__ in READS_WEIGHTS:
        return ScaledInside(module, READS_WEIGHTS[type(module).__name__][0])
    if role_of(name) == "feed-forward output":
        return ScaledInputs(module)
    is_fused = role_of(name) == "fused"
    return Scaled(module, queries=_outputs(module) // 3 if is_fused else 0)


def _outputs(layer: nn.Module) -> int:
    return layer.weight.shape[1] if is_conv1d(layer) or isinstance(layer, nn.Embedding) else layer.weight.shape[0]


class Scaled(Around):
    """y = l * (W x + b), with a factor l for each output, 1 at the start.

    Args:
        queries: so many of the first outputs stay as they are: those of a layer that gives queries, keys and values.
    """

    spared_from_decay = ("factors",)

    def __init__(self, base: nn.Module, queries: int = 0):
        super().__init__(base)
        self.queries = queries
        self.factors = nn.Parameter(torch.ones(_outputs(base) - queries, **like(base)))

    def forward(self, x: Tensor) -> Tensor:
        y = self.base(x)
        if self.merged:
            return y
        factors = self._all()
        return y * (factors[:, None, None] if isinstance(self.base, nn.Conv2d) else factors)

    def _all(self) -> Tensor:
        return torch.cat([self.factors.new_ones(self.queries), self.factors])     # (O,)

    def merged_values(self) -> dict[str, Tensor]:
        outputs_last = is_conv1d(self.base) or isinstance(self.base, nn.Embedding)
        factors, weight = self._all(), self.base.weight
        scaled = {"weight": weight * (factors if outputs_last else factors.view(-1, *[1] * (weight.ndim - 1)))}
        return scaled if getattr(self.base, "bias", None) is None else {**scaled, "bias": self.base.bias * factors}


class ScaledInputs(Around):
    """y = W (l * x) + b, with a factor l for each input, 1 at the start."""

    spared_from_decay = ("factors",)

    def __init__(self, base: nn.Module):
        super().__init__(base)
        self.factors = nn.Parameter(torch.ones(base.weight.shape[0 if is_conv1d(base) else 1], **like(base)))

    def forward(self, x: Tensor) -> Tensor:                                       # (B, T, I)
        return self.base(x) if self.merged else self.base(self.factors * x)

    def merged_values(self) -> dict[str, Tensor]:
        return {"weight": self.base.weight * (self.factors[:, None] if is_conv1d(self.base) else self.factors)}


class ScaledInside(Around):
    """For attention that reads its weights itself: keys and values, the last two thirds of one layer's outputs, are scaled.

    Args:
        weight: the name of that layer's weight (3 O, I); its bias is called alike.
    """

    spared_from_decay = ("factors",)

    def __init__(self, base: nn.Module, weight: str):
        super().__init__(base)
        self.names = (weight, weight.replace("weight", "bias"))
        self.factors = nn.Parameter(torch.ones(base.get_parameter(weight).shape[0] // 3 * 2, **like(base)))

    def forward(self, *inputs, **named):
        return self.base(*inputs, **named) if self.merged else functional_call(self.base, self.merged_values(), inputs, named)

    def merged_values(self) -> dict[str, Tensor]:
        every = torch.cat([self.factors.new_ones(len(self.factors) // 2), self.factors])
        own = dict(self.base.named_parameters())
        return {name: own[name] * every.view(-1, *[1] * (own[name].ndim - 1)) for name in self.names if name in own}
