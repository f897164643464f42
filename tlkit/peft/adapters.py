"""Adapters (Houlsby et al. 2019, section 2.1): small bottlenecks behind the layers of a body that stays.

Axes: B batch, C features or channels, M bottleneck.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlkit.errors import TlkitError
from tlkit.peft.method import Around, Method, like
from tlkit.peft.targets import candidates, find, is_conv1d

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Adapters(Method):
    """Adapters behind attention and behind the feed-forward layer of every block; in other bodies behind every stage.

    Args:
        bottleneck: M.
        norms: whether the scales and shifts of the body's norms learn too, as in the paper; statistics stay.
        targets: linear layers in place of those.
    """

    name = "adapters"
    bottleneck: int = 16
    norms: bool = True
    targets: tuple[str, ...] | None = None

    def modules(self, body) -> dict[str, Around]:
        if self.targets is None and not _has_states(body):
            return _behind_stages(body, self.bottleneck)
        found = find(body, self.targets, ("attention output", "feed-forward output"), suits=_is_linear)
        if odd := [name for name, module in found.items() if not _is_linear(name, module)]:
            raise TlkitError(f"{odd[0]} is no linear layer, and adapters are put behind linear layers; leave it out of the targets")
        return {name: Adapter(module, module.weight.shape[1 if is_conv1d(module) else 0], self.bottleneck) for name, module in found.items()}

    def released(self, body) -> list[str]:
        norms = [name for name, module in body.stages.named_modules() if isinstance(module, _NORMS)] if self.norms else []
        return [f"{name}.{label}" for name in norms for label, _ in body.stages.get_submodule(name).named_parameters(recurse=False)]


class Adapter(Around):
    """y + W_up relu(W_down y + b_down) + b_up, with y what the base gives; W_up and b_up start at zero, so nothing changes at first.

    Args:
        size: C, of what the base gives.
        bottleneck: M.
        axis: where C stands: -1 behind a linear layer, 1 in a map (B, C, H, W).
    """

    def __init__(self, base: nn.Module, size: int, bottleneck: int, axis: int = -1):
        super().__init__(base)
        self.axis = axis
        self.down = nn.Linear(size, bottleneck, **like(base))
        self.up = nn.Linear(bottleneck, size, **like(base))
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *inputs, **named) -> Tensor:
        y = self.base(*inputs, **named)
        return y + self.up(torch.relu(self.down(y.movedim(self.axis, -1)))).movedim(-1, self.axis)


def _is_linear(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or is_conv1d(module)


def _has_states(body) -> bool:
    """Whether the body's blocks pass on whole states, as those of transformers do here."""
    from tlkit.backbones.transformer_stages import Block

    return any(isinstance(stage, Block) for stage in body.stages.values())


def _behind_stages(body, bottleneck: int) -> dict[str, Around]:
    """An adapter behind every stage that gives a map or a sequence and does more than normalise it."""
    found = {}
    for row in body.profile():
        stage = body.stages[row.name]
        if row.parameters and row.name != "norm" and len(row.output) > 1:
            is_map = len(row.output) == 3 and not any("ShiftedWindow" in type(module).__name__ for module in body.modules())
            found[row.name] = Adapter(stage, row.output[0 if is_map else -1], bottleneck, 1 if is_map else -1)
    if not found:
        linear = [name for name, module in candidates(body).items() if _is_linear(name, module)]
        way = f"name linear layers, such as targets={tuple(linear[:3])}" if linear else "take another method such as plans.bitfit()"
        raise TlkitError(f"{body.name} has no stage that gives a map or a sequence, so adapters have no place behind its stages; {way}")
    return found
