"""Labels that a model gives to examples that nobody labelled (Lee 2013)."""

from dataclasses import replace
from pathlib import Path

import torch

from tlkit.data.inputs import Inputs
from tlkit.data.task import Task
from tlkit.errors import TlkitError
from tlkit.model import Model
from tlkit.predictor import Predictor
from tlkit.teacher import teacher_model


def pseudo_labelled(task: Task, teacher: "Model | Predictor | str | Path", inputs) -> Task:
    """The task with `inputs` in place of its training examples, labelled with the teacher's answers; val and test stay.

    Distilled with `Distil(soft_share=1)`, these labels do not count, and what the student learns is the teacher's
    probabilities; with `soft_share=0` it learns the answers alone.

    Args:
        task: of classes.
        teacher: a model, what `tlkit.load` gives, or the path of an artefact; its classes are the task's, in any order.
        inputs: as the task's own inputs are; nobody needs to know their classes.
    Raises:
        TlkitError: a task of another kind, other classes, or no inputs.
    """
    if task.kind != "classification":
        raise TlkitError(f"a class is given to examples without labels, and {task.name} is of kind {task.kind!r}; take examples with labels")
    model = teacher_model(teacher)
    if odd := sorted(set(task.classes) ^ set(model.classes)):
        raise TlkitError(f"{task.name} and the teacher must have the same classes, and they differ in {', '.join(map(repr, odd[:3]))}")
    if not len(inputs):
        raise TlkitError("there are no examples to give labels to")
    labels = torch.tensor([task.classes.index(answer) for answer in Predictor(model, {}).predict(inputs)])
    inputs = inputs if isinstance(inputs, (torch.Tensor, Inputs)) else Inputs(inputs)
    return replace(task, train=replace(task.train, inputs=inputs, labels=labels, groups=None, sentences=None))
