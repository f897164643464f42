"""Small scans for a small residual network: the phantoms of `cells` at 16 x 16, and glyphnet that reads them.

Axes: B batch, C channels, H height, W width, N pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.preprocessing import OfImages
from tlkit.data.task import Split, Task

SIDE = 16
MARK = slice(SIDE - 3, SIDE - 1)  # rows and columns of the planted mark


def prepared(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Grey pictures as pretrained weights expect them: (x / 255 - mean_c) / std_c for every channel c.

    Args:
        images: uint8, (B, H, W).
        mean, std: of the pictures that the weights were trained on, on the scale from 0 to 1, C of each.
    Returns:
        float32, (B, C, H, W).
    """
    shares = images.float().div(255)[:, None].expand(-1, len(mean), -1, -1)             # (B, C, H, W)
    mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return (shares - mean) / std


@dataclass(frozen=True)
class GreyScans(OfImages):
    """A body's own normalisation, for grey pictures uint8 (B, 1, H, W)."""

    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, inputs: Tensor) -> Tensor:
        return prepared(inputs[:, 0], self.mean, self.std)

    def describe(self) -> str:
        """One line."""
        return f"grey scans of {self.example_size}, over 255, less {self.mean}, over {self.std}"


def small_phantoms(views: int | None = None) -> Task:
    """`cells` at 16 x 16: means of 4 x 4 pixels, turned light on dark as glyphs are; uint8 (N, 1, 16, 16), split by patient.

    Args:
        views: how many pictures of each patient to train on, from 1 to 4; None takes all of them.
    """
    from tlkit.data import load_task
    from tlkit.data.cells import VIEWS

    task = load_task("cells")
    train = task.train if views is None else task.train.select(np.flatnonzero(np.arange(len(task.train)) % VIEWS < views))
    return replace(task, name="small cells", train=_small(train), val=_small(task.val), test=_small(task.test))


def small_body(pretrained: bool = True, seed: int = 0) -> Backbone:
    """glyphnet with a mean over all places in place of its last stage, so that it reads pictures of 16 x 16 as well."""
    from tlkit.backbones import load_backbone
    from tlkit.backbones.torchvision_stages import GlobalPool

    glyphs = load_backbone("glyphnet", pretrained=pretrained, seed=seed)
    stages = {name: GlobalPool() if name == "pool" else stage for name, stage in glyphs.stages.items()}
    normalisation = GreyScans((1, SIDE, SIDE), (glyphs.preprocessing.mean,), (glyphs.preprocessing.std,))
    return Backbone("glyphnet at 16 x 16", stages, glyphs.feature_size // 4, normalisation, glyphs.licence,
                    pooling="mean over height and width").eval()


def with_mark(task: Task) -> Task:
    """The task with a bright mark of 2 x 2 pixels near the lower right corner of every picture of class 1: a cue that is no illness."""
    return replace(task, **{name: _marked(split) for name, split in task.splits.items()})


def _marked(split: Split) -> Split:
    inputs = split.inputs.clone()
    inputs[(split.labels == 1).nonzero()[:, 0], :, MARK, MARK] = 255
    return replace(split, inputs=inputs)


def _small(split: Split) -> Split:
    dark = torch.stack(list(split.inputs)).float()                                      # (N, 1, 64, 64)
    return replace(split, inputs=(255 - torch.nn.functional.adaptive_avg_pool2d(dark, SIDE)).round().to(torch.uint8))
