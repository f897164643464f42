"""Random changes of images that keep the label: small turns, shears, scalings and shifts.

Axes: B batch, C channels, H height, W width.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Jitter:
    """A random affine change of each image, drawn anew at every call.

    No flips: a mirrored digit is another digit or none.

    Args:
        degrees: turned by up to this, either way.
        shear: slanted by up to this many columns per row.
        scale: each side made larger or smaller by up to this share.
        shift: moved by up to this many pixels, along each axis.
    """

    degrees: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    shift: float = 0.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, C, H, W) changed, one by one; outside of an image is 0."""
        return self.apply(images, self.draw(len(images), generator))

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """The random numbers for `count` images, (6, count) in [-1, 1]."""
        return 2 * torch.rand(6, count, generator=generator) - 1

    def apply(self, images: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """Images (B, C, H, W) changed by what `draw` gave for them, (6, B)."""
        height, width = images.shape[2:]
        turn, slant = uniform[0] * math.radians(self.degrees), uniform[1] * self.shear
        width_factor, height_factor = torch.exp(uniform[2] * self.scale), torch.exp(uniform[3] * self.scale)
        cos, sin = torch.cos(turn), torch.sin(turn)
        matrix = torch.stack(
            [
                torch.stack([cos * width_factor, -sin + slant, uniform[4] * 2 * self.shift / width]),
                torch.stack([sin, cos * height_factor, uniform[5] * 2 * self.shift / height]),
            ]
        ).permute(2, 0, 1)                                               # (B, 2, 3)
        matrix = matrix.to(images)
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)
