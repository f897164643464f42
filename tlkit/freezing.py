"""What trains, and how fast: frozen stages, and parameter groups by depth."""

from collections.abc import Iterable, Mapping

from torch import nn

from tlkit.errors import TlkitError
from tlkit.model import Model
from tlkit.plans import Phase

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def stages_named(model: Model, stages: Iterable[str] | int) -> list[str]:
    """The stages that a name, several names or a number mean, from the input on.

    A number counts the body's stages that have parameters, as a slice does: 3 means the first three, -1 all but the
    last. Stages without parameters go with the one before them.

    Raises:
        TlkitError: a stage that the model does not have, or more stages than there are.
    """
    if isinstance(stages, str):
        stages = [stages]
    if not isinstance(stages, int):
        wanted = list(stages)
        if unknown := sorted(set(wanted) - set(model.stages)):
            raise TlkitError(f"there is no stage {unknown[0]!r}; stages from the input on: {', '.join(model.stages)}")
        return [name for name in model.stages if name in wanted]
    weighty = [name for name in model.body if any(True for _ in model.stages[name].parameters())]
    if abs(stages) > len(weighty):
        raise TlkitError(f"frozen={stages} but the body has {len(weighty)} stages with parameters: {', '.join(weighty)}")
    kept = weighty[:stages]
    if not kept:
        return []
    last = len(model.body) if len(kept) == len(weighty) else model.body.index(weighty[len(kept)])
    return model.body[:last]


def stages_frozen_by(model: Model, phase: Phase) -> list[str]:
    """The stages that stay as they are in a phase of a plan, from the input on.

    Raises:
        TlkitError: as for `stages_named`.
    """
    return model.body if phase.freezes_body else stages_named(model, phase.frozen)


def freeze(model: Model, stages: Iterable[str] | int) -> Model:
    """Freeze exactly these stages and let all others train; where a method was put into the body, only its part of them.

    A frozen stage's parameters get no gradient (None, not zero), and it stays in eval mode through
    `model.train()`, so that BatchNorm's buffers do not move and dropout is off. A parameter that a frozen stage
    shares with another (a language model's output layer with its embeddings) is frozen.

    Args:
        model: from `adapt`.
        stages: names out of `model.stages`, or a number as for `stages_named`; nothing unfreezes everything.
    Raises:
        TlkitError: as for `stages_named`.
    """
    names = stages_named(model, stages)
    model.frozen_stages = frozenset(names)
    frozen = {id(parameter) for name in names for parameter in model.stages[name].parameters()}
    if (added := model.backbone.added) is not None:
        learns = {id(parameter) for parameter in added.parameters}
        frozen |= {id(parameter) for parameter in model.backbone.parameters()} - learns
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) not in frozen)
        if id(parameter) in frozen:
            parameter.grad = None
    return model.train(model.training)


def parameter_groups(
    model: Model,
    learning_rate: float,
    head_learning_rate: float,
    depth_decay: float = 1.0,
    weight_decay: float = 0.0,
    stage_rates: Mapping[str, float] | None = None,
) -> list[dict]:
    """An optimiser's parameter groups, by stage: lr = learning_rate * depth_decay^(stages between it and the head).

    Every trainable parameter is in one group, whatever it is called, a loss's own with the head's rate; frozen ones are
    in none. Biases and the scales and shifts of norms get no weight decay, nor does what a method of few parameters spares from it.

    Args:
        stage_rates: learning rates of single stages, in place of the formula.
    Returns:
        Dictionaries with `params`, `lr`, `weight_decay` and, to read, `stage`.
    Raises:
        TlkitError: nothing trains.
    """
    body = model.body
    rates = {name: learning_rate * depth_decay ** (len(body) - 1 - depth) for depth, name in enumerate(body)}
    rates |= {"head": head_learning_rate, "loss": head_learning_rate, **(stage_rates or {})}
    groups, seen = [], set()
    for name, stage in {**model.stages, "loss": model.loss}.items():
        decayed, spared = [], []
        for module in stage.modules():
            for label, parameter in module.named_parameters(recurse=False):
                if parameter.requires_grad and id(parameter) not in seen:
                    seen.add(id(parameter))
                    is_spared = label == "bias" or isinstance(module, _NORMS) or label in getattr(module, "spared_from_decay", ())
                    (spared if is_spared else decayed).append(parameter)
        for parameters, decay in ((decayed, weight_decay), (spared, 0.0)):
            if parameters:
                groups.append({"params": parameters, "lr": rates[name], "weight_decay": decay, "stage": name})
    if not groups:
        raise TlkitError("nothing trains: every stage is frozen, and the head has its weights from a frozen one; "
                         "let the last blocks train")
    return groups
