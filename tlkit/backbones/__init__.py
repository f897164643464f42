"""Pretrained bodies to transfer from: `load_backbone(name)`."""

from importlib import import_module

from tlkit.errors import TlkitError

_HOME_OF = {"glyphnet": "tlkit.backbones.glyphnet"}


def backbone_names() -> list[str]:
    """The names that `load_backbone` knows."""
    return sorted(_HOME_OF)


def load_backbone(name: str, pretrained: bool = True, seed: int = 0):
    """Load a body by name, with its pretrained weights or with fresh ones.

    Args:
        name: one of `backbone_names()`.
        pretrained: True reads the shipped weights; False draws new ones.
        seed: of the new weights; it does nothing where weights are read.
    Returns:
        A `tlkit.backbones.backbone.Backbone` in eval mode.
    Raises:
        TlkitError: unknown name, or weights that are not the file that the model card describes.
    """
    if name not in _HOME_OF:
        raise TlkitError(f"there is no backbone {name!r}; backbones: {', '.join(backbone_names())}")
    return import_module(_HOME_OF[name]).load(pretrained, seed)
