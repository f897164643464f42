"""From a body to a model for a task: a head, and the loss that belongs to it.

Axes: B batch, F features, C classes.
"""

import torch
from torch import nn

from tlkit.backbones.backbone import Backbone
from tlkit.data.task import Split, Task
from tlkit.errors import TlkitError


class Model(nn.Module):
    """A body and a head: outputs = head(body(inputs)), trained with `loss`.

    `frozen_stages` names the stages that stay in eval mode whatever `train()` is told (see `tlkit.freezing`).
    """

    def __init__(self, backbone: Backbone, head: nn.Module, loss: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.loss = loss
        self.frozen_stages: frozenset[str] = frozenset()

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The body's stages, from the input on, and "head" behind them."""
        return {**self.backbone.stages, "head": self.head}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(inputs))                          # (B, C)

    def train(self, mode: bool = True) -> "Model":
        super().train(mode)
        for name in self.frozen_stages:
            self.stages[name].eval()
        return self

    def describe(self) -> str:
        """The body's depth map, the head and the loss, as text."""
        return f"{self.backbone.describe()}\n  head: {self.head}\n  loss: {self.loss}"


def adapt(backbone: Backbone, task: Task, seed: int = 0) -> Model:
    """Put a head for `task` on `backbone`, and choose the loss.

    A classification task with C classes gets a linear layer (F -> C) and cross-entropy.

    Args:
        backbone: the body; it becomes part of the model (it is not copied).
        task: says kind and classes.
        seed: of the head's weights; the global random state is left as it was.
    Raises:
        TlkitError: no head is known for this kind of task.
    """
    if task.kind != "classification":
        raise TlkitError(f"no head is known for a task of kind {task.kind!r}; known kinds: classification")
    return Model(backbone, linear_head(backbone.feature_size, len(task.classes), seed), nn.CrossEntropyLoss())


def linear_head(feature_size: int, class_count: int, seed: int) -> nn.Linear:
    """A linear layer with freshly drawn weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(feature_size, class_count)


@torch.no_grad()
def start_from_prototypes(model: Model, split: Split, scale: float = 10.0) -> None:
    """Set a linear head so that each class's output is the cosine to the mean of its features (Snell et al. 2017).

    With p_c the unit vector along the mean feature of class c and m the mean length of a feature:
    output_c = scale * p_c . x / m.
    """
    model.eval()
    features = model.backbone(split.inputs)                                  # (N, F)
    length = features.norm(dim=1).mean()
    for index in range(len(split.classes)):
        prototype = features[split.labels == index].mean(dim=0)
        model.head.weight[index] = scale * prototype / prototype.norm() / length
    model.head.bias.zero_()


def draw_fresh_weights(model: Model, seed: int) -> None:
    """Draw every weight of body and head anew; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
