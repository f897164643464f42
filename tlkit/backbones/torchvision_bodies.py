"""torchvision's classifiers as bodies, with their published weights."""

import zipfile
from pathlib import Path

import torch

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.preprocessing import ImageTransform
from tlkit.backbones.torchvision_stages import split_into_stages
from tlkit.data.downloads import fetch
from tlkit.errors import TlkitError

LICENCE = "BSD-3-Clause; trained on ImageNet, whose images are for non-commercial research"
OLD_WEIGHTS = "IMAGENET1K_V1"


def names() -> list[str]:
    """The classifiers that torchvision lists."""
    from torchvision import models

    return models.list_models(module=models)


def load(
    name: str, pretrained: bool, seed: int, weights: str | None, image_size: int | None = None, read: bool = True
) -> Backbone:
    """What `load_backbone` gives for a name that torchvision lists.

    Args:
        read: False builds what the published weights belong to, for weights that come from elsewhere.
    """
    from torchvision import models

    entry = weights_entry(name, weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = models.get_model(name, weights=None, **constructor_options(name, entry, pretrained))
    if pretrained and read:
        _put_in(model, read_checkpoint(_checkpoint(entry)), name)
    stages = split_into_stages(model)
    if image_size is not None and "patches" in stages:
        raise TlkitError(f"{name} takes images of its own size alone, and image_size={image_size} was given")
    sized = {"crop_size": image_size, "resize_size": image_size} if image_size else {}
    transform = entry.transforms(**sized)
    backbone = Backbone(
        name,
        stages,
        feature_size=1,
        preprocessing=ImageTransform(transform, (3, *transform.crop_size * 2), _say(transform)),
        licence=LICENCE,
        pooling="mean over height and width" if "patches" not in stages else "the class token",
        notes=(
            _what_is_left_out(model, stages),
            f"weights: {entry.name}" if pretrained else f"fresh weights, seed {seed}",
        ),
        recipe={"torchvision": name, "pretrained": pretrained, "weights": entry.name, "image_size": image_size},
    ).note_original_names(model).eval()
    backbone.feature_size = _feature_size(backbone)
    return backbone


def weights_entry(name: str, wanted: str | None):
    """The published weights of that name; IMAGENET1K_V1 where none is named, since it is the file most often here."""
    from torchvision import models

    published = models.get_model_weights(name)
    known = [entry.name for entry in published]
    if wanted == "DEFAULT":
        return published.DEFAULT
    if wanted is None:
        return published[OLD_WEIGHTS] if OLD_WEIGHTS in known else published.DEFAULT
    if wanted not in known:
        raise TlkitError(f"{name} has no weights {wanted!r}; there are: {', '.join(known)}, DEFAULT")
    return published[wanted]


def constructor_options(name: str, entry, pretrained: bool) -> dict:
    """What the model's constructor must know, as torchvision itself tells it when it loads weights."""
    if name in ("inception_v3", "googlenet"):
        return {"transform_input": pretrained, "aux_logits": pretrained, "init_weights": not pretrained}
    if name.startswith("vit_"):
        return {"image_size": entry.meta["min_size"][0]}  # some weights were trained on larger images
    return {}


def _checkpoint(entry) -> Path:
    """The weights' file in torch's own folder for them, downloaded if it is not there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    return fetch(entry.url, path, f"sha256:{path.stem.rsplit('-', 1)[-1]}")


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name out of a .pth file; no code in it is run.

    Raises:
        TlkitError: the file is no checkpoint, is damaged, or holds something other than tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch.load has no error of its own to catch
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            what = "it holds Python objects besides tensors, which could run code"
        raise TlkitError(f"{path} cannot be read as weights: {what}; remove it to download it again") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise TlkitError(f"{path} holds no tensors by name, so it is no checkpoint; remove it to download it again")
    return state


def _put_in(model: torch.nn.Module, state: dict[str, torch.Tensor], name: str) -> None:
    """Load weights into a model, all of them.

    Old checkpoints name DenseNet's layers with dots too many, which its own loader mends; ours does the same.
    """
    if name.startswith("densenet"):
        state = {_mend_densenet(key): value for key, value in state.items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise TlkitError(
            f"the checkpoint of {name} is not that model's: {' '.join(' '.join(lines[:2]).split())[:200]}"
        ) from error


def _mend_densenet(key: str) -> str:
    for layer in ("norm", "conv"):
        for number in ("1", "2"):
            key = key.replace(f".{layer}.{number}.", f".{layer}{number}.")
    return key


def _feature_size(backbone: Backbone) -> int:
    """F, read off one example on torch's device without data."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        return backbone.run(torch.zeros(1, *backbone.preprocessing.input_shape)).shape[1]


def _what_is_left_out(model: torch.nn.Module, stages: dict) -> str:
    kept = sum(parameter.numel() for stage in stages.values() for parameter in stage.parameters())
    left_out = sum(parameter.numel() for parameter in model.parameters()) - kept
    return f"left out with the classifier: {left_out:,} parameters"


def _say(transform) -> str:
    mean, std = (", ".join(f"{value:.3g}" for value in values) for values in (transform.mean, transform.std))
    return (
        f"images resized to {transform.resize_size[0]} by {transform.interpolation.value} interpolation, the middle "
        f"{transform.crop_size[0]} x {transform.crop_size[0]} kept, brought to [0, 1], less ({mean}), over ({std})"
    )
