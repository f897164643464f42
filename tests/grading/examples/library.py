"""What the example exercises rebuild: one small reference of every kind."""

import numpy as np
import torch
from torch import nn


def cross_entropy(logits, labels):
    """Mean over the batch of log sum_c exp(z_c) - z_y. logits (B, C), labels (B,); returns a scalar."""
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_probabilities = shifted - torch.log(torch.exp(shifted).sum(dim=1, keepdim=True))
    return -log_probabilities[torch.arange(len(labels)), labels].mean()


class LowRank(nn.Module):
    """A frozen base plus a low-rank update: base(x) + alpha / rank * x down^T up^T."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        for parameter in base.parameters():
            parameter.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, 3))
        self.up = nn.Parameter(torch.zeros(2, rank))
        self.scale = alpha / rank

    def forward(self, inputs):
        """(B, 3) -> (B, 2)"""
        return self.base(inputs) + self.scale * inputs @ self.down.T @ self.up.T


def train_epoch(model, batches, loss, optimizer):
    """One pass over the batches; the mean loss over all examples, however they are batched."""
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


def evaluate(model, batches):
    """Accuracy over all examples, in evaluation mode and without gradients."""
    model.eval()
    right, count = 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            right += int((model(inputs).argmax(1) == labels).sum())
            count += len(labels)
    return right / count


def share_of_errors():
    """The share of wrong answers among 12 of 80."""
    wrong, total = 12, 80
    return wrong / total


def slope(p, y):
    """d/dz of binary cross-entropy for p = sigmoid(z), times p (1 - p)."""
    return (p - y) * p * (1 - p)


def slopes(step, p, y):
    """The steps to d/dz of the squared error (p - y)^2 / 2 for p = sigmoid(z)."""
    if step == "outer":
        return p - y
    return p * (1 - p) if step == "inner" else (p - y) * p * (1 - p)


def gentle_plan():
    """Train the head alone first, then everything, slowly."""
    return {"phases": [{"epochs": 3, "frozen": ["body"]}, {"epochs": 5, "frozen": []}], "learning_rate": 1e-3}


def learning_curve(labels, accuracy):
    """Mean accuracy over seeds against labels, on a logarithmic axis. labels (K,), accuracy (K, S)."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(labels, np.mean(accuracy, axis=1))
    axes.set_xscale("log")
    axes.set_xlabel("labels per class")
    axes.set_ylabel("accuracy")
    return figure
