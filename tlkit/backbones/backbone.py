"""A body: named stages from the input to the features, and what must be known to use them.

Axes: B batch, F features; others as the modality has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Preprocessing:
    """What a body's weights expect of an input: its shape, and the mean and scale that it is brought to."""

    input_shape: tuple[int, ...]
    mean: float
    std: float

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        return (inputs - self.mean) / self.std


class Backbone(nn.Module):
    """A body as an ordered depth map: `stages`, each fed with what the one before it gives.

    Freezing, learning rates by depth, caching and cost all speak in the names of the stages.

    Args:
        name: what `load_backbone` calls it.
        stages: name -> module, from the input to the features; the last one gives (B, F).
        feature_size: F.
        preprocessing: applied to the inputs first, since it belongs to the weights.
        licence: of the weights.
    """

    def __init__(
        self, name: str, stages: Mapping[str, nn.Module], feature_size: int, preprocessing: Preprocessing, licence: str
    ):
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.feature_size = feature_size
        self.preprocessing = preprocessing
        self.licence = licence

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.preprocessing(inputs)
        for stage in self.stages.values():
            hidden = stage(hidden)
        return hidden                                                    # (B, F)

    @torch.no_grad()
    def describe(self) -> str:
        """The depth map as a table: each stage, the shape of its output for one example, its parameters."""
        hidden = torch.zeros(1, *self.preprocessing.input_shape)
        lines = [f"{self.name}: {self.feature_size} features, weights under {self.licence}"]
        lines.append(f"  {'stage':<10}{'output':>14}{'parameters':>12}")
        was_training = self.training
        self.eval()
        for name, stage in self.stages.items():
            hidden = stage(hidden)
            shape = " x ".join(str(size) for size in hidden.shape[1:])
            lines.append(f"  {name:<10}{shape:>14}{sum(p.numel() for p in stage.parameters()):>12,}")
        self.train(was_training)
        return "\n".join(lines)
