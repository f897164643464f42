"""What trains, and how fast: frozen stages, and parameter groups by depth."""

from collections.abc import Iterable

from torch import nn

from tlkit.errors import TlkitError
from tlkit.model import Model

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def freeze(model: Model, stages: Iterable[str]) -> Model:
    """Freeze exactly these stages and let all others train.

    A frozen stage's parameters get no gradient (None, not zero), and it stays in eval mode through
    `model.train()`, so that BatchNorm's buffers do not move and dropout is off.

    Args:
        model: from `adapt`.
        stages: names out of `model.stages`; an empty collection unfreezes everything.
    Raises:
        TlkitError: a stage that the model does not have.
    """
    stages = frozenset(stages)
    if unknown := stages - set(model.stages):
        raise TlkitError(f"there is no stage {min(unknown)!r}; stages from the input on: {', '.join(model.stages)}")
    model.frozen_stages = stages
    for name, stage in model.stages.items():
        for parameter in stage.parameters():
            parameter.requires_grad_(name not in stages)
            parameter.grad = None
    return model.train(model.training)


def parameter_groups(
    model: Model, learning_rate: float, head_learning_rate: float, depth_decay: float = 1.0, weight_decay: float = 0.0
) -> list[dict]:
    """An optimiser's parameter groups, by stage: lr = learning_rate * depth_decay^(stages between it and the head).

    Frozen parameters are in no group. Biases and the scales and shifts of norms get no weight decay.

    Returns:
        Dictionaries with `params`, `lr`, `weight_decay` and, to read, `stage`.
    """
    body = list(model.backbone.stages)
    rates = {name: learning_rate * depth_decay ** (len(body) - 1 - depth) for depth, name in enumerate(body)}
    rates["head"] = head_learning_rate
    groups = []
    for name, stage in model.stages.items():
        decayed, spared = [], []
        for module in stage.modules():
            for label, parameter in module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    (spared if label == "bias" or isinstance(module, _NORMS) else decayed).append(parameter)
        for parameters, decay in ((decayed, weight_decay), (spared, 0.0)):
            if parameters:
                groups.append({"params": parameters, "lr": rates[name], "weight_decay": decay, "stage": name})
    return groups
