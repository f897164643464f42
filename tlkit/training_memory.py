"""What training holds in memory, counted and not measured: a count has no noise, and says where the bytes are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tlkit.model import Model


@dataclass(frozen=True)
class TrainingBytes:
    """Bytes that one step of training with AdamW holds at the same time.

    Args:
        weights: of all parameters and buffers, frozen or not.
        gradients: one number for each parameter that trains.
        moments: AdamW's two running means for each of them.
        activations: what the way forward keeps for the way back.
    """

    weights: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.moments + self.activations


def training_bytes(model: Model, inputs: Tensor, targets: Tensor) -> TrainingBytes:
    """Count what one step on a batch holds, with the stages frozen as they are now.

    A tensor that several operations keep counts once, and so do weights, which are there anyway. The model is left as
    it was, but for BatchNorm's statistics, which move as in any step; give it a copy where that matters.

    Args:
        model: from `adapt`; put into the mode in which it trains.
        inputs: a batch of the task's raw inputs, (B, ...).
        targets: (B,).
    """
    held = [*model.parameters(), *model.buffers()]
    known = {tensor.untyped_storage().data_ptr() for tensor in held}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(model(inputs), targets)  # holding the loss holds the graph, so that no storage is used twice
    del loss
    gradients = sum(_bytes(parameter) for parameter in model.parameters() if parameter.requires_grad)
    return TrainingBytes(sum(map(_bytes, held)), gradients, 2 * gradients, sum(kept.values()))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
