"""The loop of `tlkit.training` without what surrounds it: for any module, on batches that are pairs of tensors.

`finetune` adds frozen stages, kept activations, several processes, checkpoints. What it does to the weights is this.

Axes: B batch, C classes. A `loss` here takes logits (B, C) and labels (B,) and returns the mean over the batch.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tlkit.early_stopping import EarlyStopping
from tlkit.errors import TlkitError

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


def mean_over_examples(batch_means: Sequence[float], batch_sizes: Sequence[int]) -> float:
    """The mean over all examples from the means of batches: sum_b n_b m_b / sum_b n_b.

    The mean of the means is another number wherever sizes differ, as a last batch's does.

    Args:
        batch_means: m_b, one a batch.
        batch_sizes: n_b, how many examples each batch has.
    Raises:
        TlkitError: no examples.
    """
    count = sum(batch_sizes)
    if count == 0:
        raise TlkitError("there is no example to take a mean over")
    return sum(mean * size for mean, size in zip(batch_means, batch_sizes, strict=True)) / count


def train_epoch(model: nn.Module, batches: Batches, loss: Loss, optimizer: torch.optim.Optimizer) -> float:
    """One pass over the batches, a step of the optimiser at each.

    Returns:
        The mean over all examples of the loss that each had when its turn came.
    """
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(model(inputs), labels)
        value.backward()
        optimizer.step()
        total += value.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model: nn.Module, batches: Batches, loss: Loss) -> tuple[float, float]:
    """Mean loss and accuracy over all examples, in evaluation mode; the model is left in the mode that it was in."""
    was_training = model.training
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            logits = model(inputs)
            total += loss(logits, labels).item() * len(labels)
            right += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    model.train(was_training)
    return total / count, right / count


def accumulated_step(model: nn.Module, parts: Batches, optimizer: torch.optim.Optimizer) -> float:
    """One step for a batch that comes in parts: the gradient is that of the mean over all labels that count.

        L = (1 / M) sum_p sum_i l_i,  with M the number of labels in all parts that are not -100

    Args:
        parts: may be walked through more than once; labels may be -100, which do not count.
    Returns:
        L, a mean cross-entropy; 0 where no label counts, and then no step is taken.
    """
    weight = sum((labels != -100).sum().item() for _, labels in parts)
    if weight == 0:
        return 0.0
    optimizer.zero_grad()
    total = 0.0
    for inputs, labels in parts:
        share = cross_entropy(model(inputs), labels, reduction="sum") / weight
        share.backward()
        total += share.item()
    optimizer.step()
    return total


def paced_epoch(
    model: nn.Module, batches: Batches, loss: Loss, optimizer: torch.optim.Optimizer, scheduler, max_norm: float
) -> float:
    """`train_epoch` with gradients that are clipped to `max_norm`, and a schedule that moves on at every step.

    Args:
        scheduler: of torch.optim.lr_scheduler, counting steps.
        max_norm: the longest that all gradients together, taken as one vector, may be (Pascanu et al. 2013).
    """
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(model(inputs), labels)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        scheduler.step()
        total += value.item() * len(labels)
        count += len(labels)
    return total / count


def scaled_step(
    model: nn.Module, inputs: Tensor, labels: Tensor, loss: Loss, optimizer: torch.optim.Optimizer, scale: float, max_norm: float
) -> float:
    """One step with a scaled loss, as half precision needs it: scale, back, unscale, clip, step (Micikevicius et al. 2018, 3.2).

    Args:
        scale: what the loss is multiplied by, so that small gradients do not vanish in 16 bits.
        max_norm: for the gradients as they are without the scale.
    Returns:
        The scale for the next step: half of it where a gradient was not finite, and then no step is taken.
    """
    optimizer.zero_grad()
    (loss(model(inputs), labels) * scale).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        return scale / 2
    for gradient in gradients:
        gradient /= scale
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return scale


def fit(
    model: nn.Module, train_one_epoch: Callable[[nn.Module], object], evaluate: Callable[[nn.Module], float], epochs: int, patience: int
) -> float:
    """Train until the validation loss has been no better for `patience` epochs; the best weights come back.

    Args:
        train_one_epoch: changes the model.
        evaluate: its validation loss.
        epochs: at most.
    Returns:
        The best validation loss. Parameters and buffers are those of the epoch that had it first.
    """
    stopping = EarlyStopping(patience, lower_is_better=True)
    for _ in range(epochs):
        train_one_epoch(model)
        stopping.note(evaluate(model), model.state_dict())
        if stopping.is_over:
            break
    model.load_state_dict(stopping.weights)
    return stopping.best
