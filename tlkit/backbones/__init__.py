"""Pretrained bodies to transfer from: `load_backbone(name)`."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from tlkit.errors import TlkitError

_HOME_OF = {
    "glyphnet": "tlkit.backbones.glyphnet", "glyphnet_small": "tlkit.backbones.glyphnet",
    "minilm": "tlkit.backbones.minilm", "minilm_small": "tlkit.backbones.minilm",
}  # fmt: skip
STUDENTS = ("glyphnet_small", "minilm_small")
"""Small bodies without pretrained weights: their use is to learn from a large one (`tlkit.distillation`)."""
SHORT_NAMES = {
    "bert": "google-bert/bert-base-uncased",
    "distilbert": "distilbert/distilbert-base-uncased",
    "roberta": "FacebookAI/roberta-base",
    "gpt2": "openai-community/gpt2",
    "wav2vec2": "facebook/wav2vec2-base",
    "vit": "google/vit-base-patch16-224-in21k",
}


def backbone_names() -> list[str]:
    """The names that `load_backbone` knows by itself: what is bundled, torchvision's, and short names for the hub's."""
    from tlkit.backbones import torchvision_bodies

    return [*sorted(_HOME_OF), *torchvision_bodies.names(), *sorted(SHORT_NAMES)]


def load_backbone(
    name: str | Path,
    pretrained: bool | None = None,
    seed: int = 0,
    weights: str | None = None,
    pooling: str | None = None,
    image_size: int | None = None,
):
    """Load a body by name, with its pretrained weights or with fresh ones.

    Args:
        name: "glyphnet" (bundled), "minilm" (a real BERT, from a package), one of `STUDENTS` ("glyphnet_small" and
            "minilm_small"), a classifier of torchvision, a folder that `save_pretrained` of transformers wrote, a name on
            the hub ("distilbert/distilbert-base-uncased"), or a short name for one ("bert", "distilbert", "roberta",
            "gpt2", "wav2vec2", "vit").
        pretrained: True reads the published weights; False draws new ones; None draws new ones for `STUDENTS`, which have no
            others, and reads the published ones of all the rest.
        seed: of the new weights; it does nothing where weights are read.
        weights: which of torchvision's weights, by name ("IMAGENET1K_V1", which is also what None means, or "DEFAULT").
        pooling: how a Transformer's states become one vector: "mean", "first" or "last"; None leaves it to the family.
        image_size: pixels a side that images are brought to, for torchvision's convolutional networks, which take any
            size: 96 costs a fifth of the 224 that most were trained with, and shows less; None keeps theirs.
    Returns:
        A `tlkit.backbones.backbone.Backbone` in eval mode.
    Raises:
        TlkitError: unknown name, or weights that are not what they should be, or that there are not.
    """
    if pretrained and name in STUDENTS:
        raise TlkitError(f"{name} has no pretrained weights, and pretrained=True was given; leave it out, or say pretrained=False")
    pretrained = name not in STUDENTS if pretrained is None else pretrained
    body = _found(name, pretrained, seed, weights, pooling, image_size)
    if not pretrained:
        body.recipe = {**body.recipe, "seed": seed}
    return body


def _found(name: str | Path, pretrained: bool, seed: int, weights: str | None, pooling: str | None, image_size: int | None):
    if name in _HOME_OF:
        reads_images = name.startswith("glyphnet")
        _refuse(name, weights=weights, image_size=image_size, pooling=pooling if reads_images else None)
        return import_module(_HOME_OF[name]).load(name, pretrained, seed, **({} if reads_images else {"pooling": pooling}))
    if name in SHORT_NAMES or _is_place(name):
        from tlkit.backbones import transformer_bodies

        _refuse(name, weights=weights, image_size=image_size)
        return transformer_bodies.load(SHORT_NAMES.get(name, name), pretrained, seed, pooling, shown_as=str(name))
    from tlkit.backbones import torchvision_bodies

    if name in torchvision_bodies.names():
        _refuse(name, pooling=pooling)
        return torchvision_bodies.load(name, pretrained, seed, weights, image_size)
    raise TlkitError(
        f"there is no backbone {name!r}; backbones: {', '.join(sorted(_HOME_OF))}, torchvision's classifiers, "
        f"{', '.join(SHORT_NAMES)}, a folder or a hub name with a slash{_suggest(str(name))}"
    )


def _is_place(name: str | Path) -> bool:
    """Whether a name can only be a folder or stand on the hub."""
    return isinstance(name, Path) or "/" in name or "\\" in name or Path(name).is_dir()


def _refuse(name: str | Path, **given) -> None:
    for option, value in given.items():
        if value is not None:
            raise TlkitError(f"{name} takes no {option}, and {option}={value!r} was given")


def _suggest(name: str) -> str:
    near = get_close_matches(name, backbone_names(), n=3, cutoff=0.5)
    return f"; do you mean {' or '.join(near)}?" if near else ""
