import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

import tlkit
from tlkit.backbones import torchvision_bodies
from tlkit.backbones.torchvision_stages import STAGES_OF, split_into_stages
from tlkit.errors import TlkitError

SMALL = {
    "alexnet": 64, "convnext_tiny": 32, "densenet121": 32, "efficientnet_b0": 32, "googlenet": 32, "inception_v3": 80,
    "maxvit_t": 224, "mnasnet0_5": 32, "mobilenet_v2": 32, "mobilenet_v3_small": 32, "regnet_x_400mf": 32, "resnet18": 32,
    "shufflenet_v2_x0_5": 32, "squeezenet1_1": 32, "swin_t": 32, "swin_v2_t": 64, "vgg11_bn": 32, "vit_b_32": 224,
}  # fmt: skip
CLASSIFIERS = ("classifier", "fc", "head", "heads")


def fresh(name):
    torch.manual_seed(0)
    options = (
        {"aux_logits": True, "init_weights": False, "transform_input": True}
        if "ception" in name or "goog" in name
        else {}
    )
    model = models.get_model(name, weights=None, **options).eval()
    for module in model.modules():  # buffers that are not those of a fresh model
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def build_without_numbers(name):
    """The model without memory for its weights; RegNet's widths are computed with tensors, which must hold numbers."""
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        return models.get_model(
            name,
            weights=None,
            **torchvision_bodies.constructor_options(name, torchvision_bodies.weights_entry(name, None), False),
        )


def features_by_its_own_forward(model, images):
    """What the model's own forward hands to its last layer, or to the hidden layers of its classifier."""
    kept = {}
    if type(model).__name__ in ("VGG", "AlexNet", "SqueezeNet"):
        return model.features(images).mean(dim=(2, 3))
    attribute = next(name for name in CLASSIFIERS if hasattr(model, name))
    last = [module for module in getattr(model, attribute).modules() if isinstance(module, torch.nn.Linear)]
    layer = last[0]
    layer.register_forward_pre_hook(lambda _, inputs: kept.update(features=inputs[0]))
    model(images)
    return kept["features"]


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_stage_after_stage_gives_what_the_models_own_forward_hands_to_its_classifier(name):
    model = fresh(name)
    images = torch.rand(2, 3, SMALL[name], SMALL[name], generator=torch.Generator().manual_seed(1)) * 4 - 2
    expected = features_by_its_own_forward(model, images)
    hidden = images
    for stage in split_into_stages(model).values():
        hidden = stage(hidden)
    torch.testing.assert_close(hidden, expected, rtol=1e-6, atol=1e-6)
    assert expected.std() > 1e-4 and hidden.ndim == 2


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_before_the_classifier_belongs_to_exactly_one_stage(name):
    model = build_without_numbers(name)
    stages = split_into_stages(model)
    owners = [id(parameter) for stage in stages.values() for parameter in stage.parameters()]
    assert len(owners) == len(set(owners))
    left_out = [label for label, parameter in model.named_parameters() if id(parameter) not in set(owners)]
    allowed = (*CLASSIFIERS, "AuxLogits", "aux1", "aux2")
    assert left_out and all(label.split(".")[0] in allowed for label in left_out)


def test_every_family_that_torchvision_lists_is_split():
    families = set()
    for name in torchvision_bodies.names():
        if name.rstrip("0123456789_").split("_")[0] in {n.rstrip("0123456789_").split("_")[0] for n in SMALL}:
            continue
        families.add(type(build_without_numbers(name)).__name__)
    assert families <= set(STAGES_OF)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in torchvision_bodies.names() if name not in SMALL])
def test_every_name_that_torchvision_lists_gives_features(name):
    model = build_without_numbers(name).to("meta").eval()
    transform = torchvision_bodies.weights_entry(name, None).transforms()
    with torch.device("meta"):
        hidden = torch.zeros(1, 3, *transform.crop_size * 2)
        for stage in split_into_stages(model).values():
            hidden = stage(hidden)
    assert hidden.ndim == 2


def save_as_published(name, weights, folder, model=None):
    """Random weights under the file name that torchvision would download."""
    model = model or fresh(name)
    url = models.get_model_weights(name)[weights].url
    path = folder / "hub" / "checkpoints" / url.rsplit("/", 1)[-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    return model, path


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub._hub_dir", None, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["mobilenet_v2", "resnet18", "inception_v3", "densenet121", "efficientnet_b0"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("convnext_tiny", "vit_b_16", "googlenet", "resnet50")],
)
@torch.no_grad()
def test_published_weights_are_read_from_torchs_own_folder(name, torch_home):
    model, _ = save_as_published(name, "IMAGENET1K_V1", torch_home)
    backbone = tlkit.load_backbone(name)
    pictures = torch.randint(0, 256, (1, 3, 40, 50), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    transformed = models.get_model_weights(name).IMAGENET1K_V1.transforms()(pictures)
    expected = features_by_its_own_forward(model, transformed)
    torch.testing.assert_close(backbone(pictures), expected, rtol=1e-5, atol=1e-5)
    assert not backbone.training and backbone.feature_size == expected.shape[1]


@pytest.mark.slow
@torch.no_grad()
def test_vgg_loads_through_its_published_name(torch_home):
    model, _ = save_as_published("vgg11", "IMAGENET1K_V1", torch_home)
    backbone = tlkit.load_backbone("vgg11")
    images = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(backbone.run(images), model.features(images).mean(dim=(2, 3)), rtol=1e-6, atol=1e-6)
    assert any("119," in note or "123," in note for note in backbone.notes)


def test_other_weights_are_asked_for_by_name(torch_home):
    save_as_published("mobilenet_v2", "IMAGENET1K_V2", torch_home)
    assert "weights: IMAGENET1K_V2" in tlkit.load_backbone("mobilenet_v2", weights="DEFAULT").notes
    with pytest.raises(
        TlkitError, match="mobilenet_v2 has no weights 'V3'; there are: IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT"
    ):
        tlkit.load_backbone("mobilenet_v2", weights="V3")


def test_pictures_of_any_size_and_colour_come_to_one_batch():
    preprocessing = tlkit.load_backbone("mobilenet_v2", pretrained=False).preprocessing
    grey = np.full((30, 20), 128, np.uint8)
    pictures = [
        Image.fromarray(grey),
        np.stack([grey] * 3, axis=-1),
        torch.full((1, 50, 60), 128 / 255),
        Image.new("RGBA", (9, 9)),
    ]
    batch = preprocessing(pictures)
    assert batch.shape == (4, 3, 224, 224) and batch.dtype == torch.float32
    torch.testing.assert_close(batch[0], batch[1])
    torch.testing.assert_close(batch[0], batch[2])
    with pytest.raises(TlkitError, match="between 0 and 1, and these lie between 0 and 255"):
        preprocessing(torch.linspace(0, 255, 12).reshape(1, 1, 3, 4))
    with pytest.raises(TlkitError, match="1, 3 or 4 channels, and these have 2"):
        preprocessing(torch.zeros(1, 2, 8, 8))


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA", "L", "1", "LA"])
def test_a_picture_of_any_mode_is_what_its_colours_are(mode):
    preprocessing = tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=32).preprocessing
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).convert(mode)
    torch.testing.assert_close(preprocessing([picture]), preprocessing([picture.convert("RGB")]))


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("content", ["pickle", "torch", "text", "cut", "list", "empty"])
def test_a_checkpoint_that_is_none_is_refused_and_nothing_in_it_runs(content, torch_home, tmp_path):
    _, path = save_as_published("mobilenet_v2", "IMAGENET1K_V1", torch_home)
    trap = Trap(tmp_path / "sprung")
    if content == "pickle":
        path.write_bytes(pickle.dumps(trap))
    elif content == "torch":
        torch.save({"features.0.0.weight": trap}, path)
    elif content == "text":
        path.write_bytes(b"<html>not found</html>")
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:100_000])
    elif content == "list":
        torch.save([torch.zeros(2)], path)
    else:
        path.write_bytes(b"")
    with pytest.raises(TlkitError, match=r"mobilenet_v2-b0353104.pth .*; remove it to download it again") as error:
        tlkit.load_backbone("mobilenet_v2")
    assert "\n" not in str(error.value) and not (tmp_path / "sprung").exists()


def test_another_models_weights_are_refused(torch_home):
    _, path = save_as_published("mobilenet_v2", "IMAGENET1K_V1", torch_home)
    torch.save(fresh("shufflenet_v2_x0_5").state_dict(), path)
    with pytest.raises(TlkitError, match="the checkpoint of mobilenet_v2 is not that model's"):
        tlkit.load_backbone("mobilenet_v2")
