"""One task with several ends of the network, right and wrong: what unit 02 trains, and what `benchmarks.heads_and_losses` measures.

Axes: N examples, C classes.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from tlkit import adapt, finetune
from tlkit.data.task import Task
from tlkit.heads import CrossEntropy
from tlkit.plans import Plan
from tlkit.run import Run


class SoftmaxTwice(CrossEntropy):
    """Cross-entropy of a softmax that is given the probabilities of another softmax."""

    def total(self, outputs, targets):
        return super().total(outputs.softmax(dim=-1), targets)


def as_yes_or_no(task: Task) -> Task:
    """A task of classification as one yes-or-no question for each class; with two classes, for the second alone."""
    classes = task.classes if len(task.classes) > 2 else task.classes[1:]

    def asked(split):
        answers = nn.functional.one_hot(split.labels, len(task.classes)).float()[:, -len(classes):]   # (N, C)
        return replace(split, kind="multi-label", labels=answers, classes=classes)

    return replace(task, kind="multi-label", classes=classes, **{name: asked(split) for name, split in task.splits.items()})


def as_number(task: Task) -> Task:
    """A task of classification as a task of regression on the class's number."""
    def numbered(split):
        return replace(split, kind="regression", labels=split.labels.float(), classes=())

    return replace(task, kind="regression", classes=(), **{name: numbered(split) for name, split in task.splits.items()})


ENDS = {
    "classes": lambda task: task,
    "softmax twice": lambda task: task,
    "yes or no": as_yes_or_no,
    "number": as_number,
}


def train(end: str, body, task: Task, plan: Plan, seed: int, class_weights: str | None = None) -> Run:
    """The body with one of the `ENDS`, trained.

    Args:
        task: of classification; the end decides as what it is asked.
        class_weights: as for `tlkit.adapt`.
    """
    asked = ENDS[end](task)
    model = adapt(body, asked, seed=seed, class_weights=class_weights)
    if end == "softmax twice":
        model.loss = SoftmaxTwice()
    return finetune(model, asked, plan, seed=seed, progress=False)


def classes_said(end: str, outputs: Tensor) -> Tensor:
    """The class that the outputs of an end stand for: (N, C), or (N,) for a number -> (N,)."""
    if end == "number":
        return outputs.round().long()
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0).long()
    return outputs.argmax(dim=1)


def accuracy(end: str, model, split) -> float:
    """The share of the split's examples whose class an end says. The split holds class numbers."""
    with model.evaluating():
        said = torch.cat([classes_said(end, model(part)) for part in split.inputs.split(64)])
    return float((said == split.labels).float().mean())
