"""A body built again from its recipe, for weights that come from an artefact; and how `load_backbone` gives it."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tlkit.backbones import glyphnet, torchvision_bodies, transformer_bodies
from tlkit.backbones.backbone import Backbone
from tlkit.errors import TlkitError


def rebuild(recipe: Mapping, seed: int = 0) -> Backbone:
    """The body that the recipe came from, with fresh weights drawn as its authors draw them. Nothing is downloaded.

    Raises:
        TlkitError: a recipe of a kind that this version does not know, or damaged.
    """
    if "glyphnet" in recipe:
        return glyphnet.build(seed, **recipe["glyphnet"])
    if "torchvision" in recipe:
        return torchvision_bodies.load(
            recipe["torchvision"], recipe["pretrained"], seed, recipe["weights"], recipe["image_size"], read=False
        )
    if "transformers" in recipe:
        with tempfile.TemporaryDirectory(prefix="tlkit-body-") as folder:
            for name, text in recipe["transformers"].items():
                if Path(name).name != name:
                    raise TlkitError(f"a recipe names a file {name!r}, which lies outside of its folder")
                Path(folder, name).write_text(text, encoding="utf-8")
            return transformer_bodies.load(
                Path(folder), False, seed, recipe["pooling"], recipe["shown_as"], recipe["licence"]
            )
    raise TlkitError(f"this version of tlkit cannot build a body from a recipe of {', '.join(recipe) or 'nothing'}")


def origin(recipe: Mapping) -> dict:
    """What `load_backbone` is to be told to give the body again: with its published weights, or drawn from its seed."""
    if "torchvision" in recipe:
        found = {"name": recipe["torchvision"], **{key: recipe[key] for key in ("pretrained", "weights", "image_size")}}
    elif "transformers" in recipe:
        found = {"name": recipe["shown_as"], "pooling": recipe["pooling"]}
    else:
        found = {"name": "glyphnet", **recipe["glyphnet"]}
    return {**found, "pretrained": False, "seed": recipe["seed"]} if "seed" in recipe else found
