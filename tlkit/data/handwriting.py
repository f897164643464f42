"""From a letter's distance field to 8 x 8 pixels, as if a hand had written it and a scanner had read it.

The field is bent, brought into a box and cut at a level. The box, the common weight of ink and the count of ink in
blocks are those of NIST's form reader (Garris et al. 1994), through which scikit-learn's digits have gone too.

Axes: B batch, S side of a field, P = 32 side of a bitmap.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

BITMAP_SIDE, BLOCK = 32, 4
_NARROWEST, _WIDEST = 9, 22
_FIRST_PEN = 2.0


@dataclass(frozen=True)
class Hand:
    """How differently the same letter may be written.

    Args:
        degrees: a letter is turned by up to this, either way.
        shear: slanted by up to this many columns per row.
        scale: width and height are changed by up to this share before the letter is boxed.
        sway: strength of slow bends (4 x 4 random displacements), in shares of the side.
        tremble: strength of quick bends (8 x 8 random displacements).
        width: the box's width is changed by up to this share.
        tilt: the boxed letter is slanted by up to this many columns per row.
        shift: the box misses its place by up to this many of the bitmap's pixels, along each axis.
        pressure: how much the pen's width varies along a stroke, in pixels of the field.
        grain: roughness of a stroke's edge, in pixels of the field.
        ink, ink_spread: mean and standard deviation of the number of inked pixels of a bitmap.
    """

    degrees: float = 12.0
    shear: float = 0.25
    scale: float = 0.2
    sway: float = 0.07
    tremble: float = 0.025
    width: float = 0.15
    tilt: float = 0.08
    shift: float = 1.0
    pressure: float = 0.6
    grain: float = 0.3
    ink: float = 313.0
    ink_spread: float = 33.0


def write(fields: torch.Tensor, hand: Hand, generator: torch.Generator) -> torch.Tensor:
    """Each letter written once: ink in blocks of 4 x 4 pixels.

    Args:
        fields: distance fields (B, 1, S, S), the higher the closer to the middle of a stroke.
    Returns:
        float32 (B, 1, 8, 8) in [0, 1], in steps of 1/16.
    """
    return F.avg_pool2d(write_bitmaps(fields, hand, generator), BLOCK)


def write_bitmaps(fields: torch.Tensor, hand: Hand, generator: torch.Generator) -> torch.Tensor:
    """Each letter written once, as a bitmap: 0 or 1, float32 (B, 1, P, P)."""
    count = len(fields)
    bent = bend(fields, hand, generator)
    pixels = (hand.ink + hand.ink_spread * torch.randn(count, generator=generator)).clamp(200, 450).long()
    uneven = hand.pressure * _smooth_noise(count, 1, 3, BITMAP_SIDE, generator)
    uneven += hand.grain * torch.randn(count, 1, BITMAP_SIDE, BITMAP_SIDE, generator=generator)
    width_factor = torch.exp(hand.width * _uniform(count, generator))
    tilt = hand.tilt * _uniform(count, generator)
    shift = hand.shift * torch.stack([_uniform(count, generator), _uniform(count, generator)], dim=1)
    # The box depends on the pen's width and the pen's width, through the ink, on the box: twice around is enough.
    level = torch.full((count, 1, 1, 1), -_FIRST_PEN)
    for _ in range(2):
        boxed = _to_box(bent, _ink_box(bent > level), width_factor, tilt, shift) + uneven
        level = _level_of_ink(boxed, pixels)
    return (boxed > level).float()


def bend(fields: torch.Tensor, hand: Hand, generator: torch.Generator) -> torch.Tensor:
    """A random affine change and random smooth displacements of each field: (B, 1, S, S)."""
    count, side = len(fields), fields.shape[-1]
    turn = math.radians(hand.degrees) * _uniform(count, generator)
    slant = hand.shear * _uniform(count, generator)
    across = torch.exp(hand.scale * _uniform(count, generator))
    down = torch.exp(hand.scale * _uniform(count, generator))
    cos, sin, zero = torch.cos(turn), torch.sin(turn), torch.zeros(count)
    matrix = torch.stack([cos * across, (slant - sin) * down, zero, sin * across, cos * down, zero], dim=1)
    grid = F.affine_grid(matrix.view(count, 2, 3), [count, 1, side, side], align_corners=False)
    bends = hand.sway * _smooth_noise(count, 2, 4, side, generator)
    bends += hand.tremble * _smooth_noise(count, 2, 8, side, generator)
    grid = grid + 2 * bends.permute(0, 2, 3, 1)                              # (B, S, S, 2)
    return F.grid_sample(fields, grid, padding_mode="border", align_corners=False)


def _uniform(count: int, generator: torch.Generator) -> torch.Tensor:
    """Numbers between -1 and 1, (B,)."""
    return 2 * torch.rand(count, generator=generator) - 1


def _smooth_noise(count: int, channels: int, knots: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """Random values at knots x knots points, joined by a smooth surface: (B, channels, side, side)."""
    to_pixels = F.interpolate(
        torch.eye(knots)[None, None], size=(side, knots), mode="bicubic", align_corners=True
    )[0, 0]  # (side, knots)
    return to_pixels @ torch.randn(count, channels, knots, knots, generator=generator) @ to_pixels.T


def _ink_box(ink: torch.Tensor) -> torch.Tensor:
    """Left, right, top and bottom edge of the ink (B, 1, S, S), in pixels: float32 (B, 4)."""
    edges = []
    for axis in (2, 3):
        inked = ink.any(dim=axis)[:, 0].byte()                               # (B, S)
        edges += [inked.argmax(dim=1), inked.shape[1] - inked.flip(1).argmax(dim=1)]
    return torch.stack(edges, dim=1).float()


def _to_box(
    fields: torch.Tensor, box: torch.Tensor, width_factor: torch.Tensor, tilt: torch.Tensor, shift: torch.Tensor
) -> torch.Tensor:
    """The part of each field inside of its box, drawn P pixels high and in proportion, in the middle of (P, P)."""
    side = fields.shape[-1]
    left, right, top, bottom = box.T[:, :, None, None]                       # (B, 1, 1) each
    height, width = bottom - top, right - left
    columns = (BITMAP_SIDE * width / height * width_factor[:, None, None]).clamp(_NARROWEST, _WIDEST)
    steps = torch.arange(BITMAP_SIDE) + 0.5 - BITMAP_SIDE / 2
    across, down = (steps + shift[:, :1])[:, None, :], (steps + shift[:, 1:])[:, :, None]
    y = (top + bottom) / 2 + down * height / BITMAP_SIDE + 0 * across        # (B, P, P)
    x = (left + right) / 2 + (across + tilt[:, None, None] * down) * width / columns
    grid = 2 * torch.stack([x, y], dim=-1) / side - 1
    return F.grid_sample(fields, grid, padding_mode="border", align_corners=False)


def _level_of_ink(fields: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """The level that each field (B, 1, P, P) exceeds at exactly this many pixels (B,), but for ties: (B, 1, 1, 1)."""
    ranked = torch.from_numpy(np.sort(fields.flatten(1).numpy(), axis=1))    # numpy's sort is ten times as fast
    return ranked.gather(1, ranked.shape[1] - 1 - pixels[:, None])[:, :, None, None]
