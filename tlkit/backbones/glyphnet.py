"""glyphnet: a small residual network for 8 x 8 glyphs (He et al. 2016, with its layers at a glyph's scale).

Axes: B batch, C channels, H height, W width.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load as read_safetensors
from torch import nn

from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.errors import TlkitError

WEIGHTS = Path(__file__).with_name("weights") / "glyphnet.safetensors"
CARD = WEIGHTS.with_suffix(".json")
WIDTHS = {"glyphnet": (32, 64, 128), "glyphnet_small": (8, 16, 32)}
"""Channels of the blocks, by name. The small one, for students, has a sixteenth of the parameters and no pretrained weights."""


class ResidualBlock(nn.Module):
    """y = relu(shortcut(x) + bn(conv(relu(bn(conv(x)))))) with 3 x 3 convolutions; the first one may halve H and W."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.Identity()
        if stride > 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.shortcut(x) + self.residual(x))


def build(seed: int = 0, name: str = "glyphnet") -> Backbone:
    """A glyphnet with fresh weights, in eval mode; the global random state is left as it was.

    Args:
        name: one of `WIDTHS`.
    """
    narrow, middle, wide = WIDTHS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stages = {
            "stem": nn.Sequential(nn.Conv2d(1, narrow, 3, padding=1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()),
            "block1": ResidualBlock(narrow, narrow),                         # (B, C, 8, 8)
            "block2": nn.Sequential(ResidualBlock(narrow, middle, 2), ResidualBlock(middle, middle)),
            "block3": nn.Sequential(ResidualBlock(middle, wide, 2), ResidualBlock(wide, wide)),
            "pool": nn.Flatten(),
        }
    preprocessing = Preprocessing((1, 8, 8), mean=0.3, std=0.37, body=name)
    recipe = {"glyphnet": {} if name == "glyphnet" else {"name": name}}
    return Backbone(name, stages, 4 * wide, preprocessing, "BSD-3-Clause", recipe=recipe).eval()


def load(name: str, pretrained: bool, seed: int) -> Backbone:
    """What `load_backbone(name)` gives."""
    backbone = build(seed, name)
    if pretrained:
        backbone.load_state_dict(read_weights(WEIGHTS, CARD))
    return backbone


def read_weights(weights: Path, card: Path) -> dict[str, torch.Tensor]:
    """Read the weights as float32, after comparing the file's sha256 with the model card's.

    Raises:
        TlkitError: a file is missing, or the weights are not the ones that the card describes.
    """
    try:
        expected = json.loads(card.read_text())["sha256"]
        content = weights.read_bytes()
    except FileNotFoundError as error:
        raise TlkitError(f"{error.filename} is missing; `tlkit pretrain glyphnet` makes it") from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise TlkitError(
            f"{weights} has sha256 {found[:12]}... but its model card {card.name} says {expected[:12]}...; "
            "the file is damaged or another one: install tlkit again or run `tlkit pretrain glyphnet`"
        )
    return {
        name: value.float() if value.is_floating_point() else value for name, value in read_safetensors(content).items()
    }
