"""The depth maps of torchvision's classifiers: one small function a family.

Each gives the stages of a model without its classifier, so that running them in turn gives what the model's own forward
hands to its classifier. Where a classifier holds hidden layers of its own (AlexNet, VGG, SqueezeNet's last convolution),
they go too, and the features are the globally pooled last activations.

Axes: B batch, C channels, H height, W width, T patches, F features.
"""

from collections.abc import Callable, Iterable

import torch
from torch import nn

Stages = dict[str, nn.Module]


class GlobalPool(nn.Module):
    """The mean over height and width: (B, C, H, W) -> (B, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


class TransformInput(nn.Module):
    """Images normalised for ImageNet, brought to the range in which Inception's weights were trained: (B, 3, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.tensor([0.229, 0.224, 0.225], dtype=x.dtype, device=x.device).view(3, 1, 1) / 0.5
        shift = (torch.tensor([0.485, 0.456, 0.406], dtype=x.dtype, device=x.device).view(3, 1, 1) - 0.5) / 0.5
        return x * scale + shift


class Patches(nn.Module):
    """Images as patches with a class token in front and positions added: (B, 3, H, W) -> (B, T + 1, F)."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.projection = model.conv_proj
        self.class_token = model.class_token
        self.positions = model.encoder.pos_embedding
        self.dropout = model.encoder.dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.projection(x).flatten(2).transpose(1, 2)  # (B, T, F)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches], dim=1)
        return self.dropout(tokens + self.positions)


class FirstToken(nn.Module):
    """The class token: (B, T, F) -> (B, F)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


def _resnet(model) -> Stages:
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    return {"stem": stem, **_numbered(model.layer1, model.layer2, model.layer3, model.layer4), "pool": GlobalPool()}


def _vgg(model) -> Stages:
    blocks, layers = [], []
    for layer in model.features:
        layers.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            blocks.append(nn.Sequential(*layers))
            layers = []
    return {**_numbered(*blocks), "pool": GlobalPool()}


def _inception(model) -> Stages:
    stem = [model.Conv2d_1a_3x3, model.Conv2d_2a_3x3, model.Conv2d_2b_3x3, model.maxpool1, model.Conv2d_3b_1x1]
    return {
        "stem": nn.Sequential(*_transform(model), *stem, model.Conv2d_4a_3x3, model.maxpool2),
        "mixed5": nn.Sequential(model.Mixed_5b, model.Mixed_5c, model.Mixed_5d),
        "mixed6": nn.Sequential(model.Mixed_6a, model.Mixed_6b, model.Mixed_6c, model.Mixed_6d, model.Mixed_6e),
        "mixed7": nn.Sequential(model.Mixed_7a, model.Mixed_7b, model.Mixed_7c),
        "pool": GlobalPool(),
    }


def _googlenet(model) -> Stages:
    stem = [model.conv1, model.maxpool1, model.conv2, model.conv3, model.maxpool2]
    return {
        "stem": nn.Sequential(*_transform(model), *stem),
        "inception3": nn.Sequential(model.inception3a, model.inception3b, model.maxpool3),
        "inception4": nn.Sequential(
            model.inception4a,
            model.inception4b,
            model.inception4c,
            model.inception4d,
            model.inception4e,
            model.maxpool4,
        ),
        "inception5": nn.Sequential(model.inception5a, model.inception5b),
        "pool": GlobalPool(),
    }


def _transform(model) -> list[nn.Module]:
    """What Inception and GoogLeNet do to images before their first layer, when their weights ask for it."""
    return [TransformInput()] if model.transform_input else []


def _mobilenet(model) -> Stages:
    first, *blocks, last = model.features
    return {"stem": first, **_numbered(*_by_width(blocks)), "last": last, "pool": GlobalPool()}


def _by_width(blocks: Iterable[nn.Module]) -> list[nn.Module]:
    """Neighbouring blocks that give equally many channels, as one stage."""
    stages, width = [], None
    for block in blocks:
        if block.out_channels != width:
            stages.append(nn.Sequential())
        stages[-1].append(block)
        width = block.out_channels
    return stages


def _efficientnet(model) -> Stages:
    first, *blocks, last = model.features
    return {"stem": first, **_numbered(*blocks), "last": last, "pool": GlobalPool()}


def _convnext(model) -> Stages:
    stem, first, *rest = model.features
    blocks = [first, *(nn.Sequential(rest[at], rest[at + 1]) for at in range(0, len(rest), 2))]
    norm, flatten = model.classifier[0], model.classifier[1]
    return {"stem": stem, **_numbered(*blocks), "pool": nn.Sequential(nn.AdaptiveAvgPool2d(1), norm, flatten)}


def _swin(model) -> Stages:
    stem, first, *rest = model.features
    blocks = [first, *(nn.Sequential(rest[at], rest[at + 1]) for at in range(0, len(rest), 2))]
    return {
        "stem": stem,
        **_numbered(*blocks),
        "norm": nn.Sequential(model.norm, model.permute),
        "pool": nn.Sequential(model.avgpool, model.flatten),
    }


def _densenet(model) -> Stages:
    layers = dict(model.features.named_children())
    stem = nn.Sequential(*(layers[name] for name in ("conv0", "norm0", "relu0", "pool0")))
    blocks = [layers["denseblock1"]]
    blocks += [nn.Sequential(layers[f"transition{at}"], layers[f"denseblock{at + 1}"]) for at in (1, 2, 3)]
    return {"stem": stem, **_numbered(*blocks), "norm": nn.Sequential(layers["norm5"], nn.ReLU()), "pool": GlobalPool()}


def _regnet(model) -> Stages:
    return {"stem": model.stem, **_numbered(*model.trunk_output), "pool": GlobalPool()}


def _mnasnet(model) -> Stages:
    layers = list(model.layers)
    stem, blocks, last = nn.Sequential(*layers[:8]), layers[8:14], nn.Sequential(*layers[14:])
    return {"stem": stem, **_numbered(*blocks), "last": last, "pool": GlobalPool()}


def _shufflenet(model) -> Stages:
    stem = nn.Sequential(model.conv1, model.maxpool)
    return {
        "stem": stem,
        **_numbered(model.stage2, model.stage3, model.stage4),
        "last": model.conv5,
        "pool": GlobalPool(),
    }


def _squeezenet(model) -> Stages:
    blocks, layers = [], []
    for layer in model.features:
        if isinstance(layer, nn.MaxPool2d):
            blocks.append(nn.Sequential(*layers))
            layers = []
        layers.append(layer)
    stem, *fires = [*blocks, nn.Sequential(*layers)]
    return {"stem": stem, **_numbered(*fires), "pool": GlobalPool()}


def _maxvit(model) -> Stages:
    pool = nn.Sequential(*list(model.classifier)[:3])  # pooled, flattened, normalised
    return {"stem": model.stem, **_numbered(*model.blocks), "pool": pool}


def _vit(model) -> Stages:
    blocks = list(model.encoder.layers)
    return {"patches": Patches(model), **_numbered(*blocks), "norm": model.encoder.ln, "pool": FirstToken()}


def _numbered(*blocks: nn.Module) -> Stages:
    return {f"block{number}": block for number, block in enumerate(blocks, start=1)}


STAGES_OF: dict[str, Callable[[nn.Module], Stages]] = {
    "AlexNet": _vgg,
    "ConvNeXt": _convnext,
    "DenseNet": _densenet,
    "EfficientNet": _efficientnet,
    "GoogLeNet": _googlenet,
    "Inception3": _inception,
    "MNASNet": _mnasnet,
    "MaxVit": _maxvit,
    "MobileNetV2": _mobilenet,
    "MobileNetV3": _mobilenet,
    "RegNet": _regnet,
    "ResNet": _resnet,
    "ShuffleNetV2": _shufflenet,
    "SqueezeNet": _squeezenet,
    "SwinTransformer": _swin,
    "VGG": _vgg,
    "VisionTransformer": _vit,
}


def split_into_stages(model: nn.Module) -> Stages:
    """The stages of a torchvision classifier, from the input to the features (B, F)."""
    return STAGES_OF[type(model).__name__](model)
