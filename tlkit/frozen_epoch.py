"""One epoch with frozen layers, as it is written without a library; `tlkit.finetune` does the same to the last digit.

Axes: B batch, C classes.
"""

from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.optim import Optimizer


def frozen_epoch(
    model: nn.Sequential, frozen: int, batches: Iterable[tuple[Tensor, Tensor]], loss: Callable[[Tensor, Tensor], Tensor], optimizer: Optimizer
) -> float:
    """Train for one epoch, with the first `frozen` layers frozen: no gradient, no moving statistics, no dropout.

    Args:
        model: layers in a row.
        frozen: how many of them stay as they are.
        batches: pairs of inputs (B, ...) and labels (B,).
        loss: the mean over a batch.
        optimizer: of all of the model's parameters; one whose gradient is None is left alone, also by weight decay.
    Returns:
        The mean loss over the examples.
    """
    model.train()
    for layer in model[:frozen]:  # after train(), which puts every layer into training mode
        layer.eval()
        layer.requires_grad_(False)
    total, examples = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(model(inputs), labels)
        value.backward()
        optimizer.step()
        total += value.item() * len(labels)
        examples += len(labels)
    return total / examples
