"""A student that learns from examples that nobody labelled."""

import dataclasses

import numpy as np
import pytest
import torch

import tlkit
from tests.small_models import apart, model_for
from tests.test_kinds import lengths
from tlkit import plans
from tlkit.distillation import Distil, distill
from tlkit.errors import TlkitError
from tlkit.pseudo_labels import pseudo_labelled

SHORT = plans.full(epochs=2, learning_rate=1e-3, batch_size=8, jitter=None)


@pytest.fixture(scope="module")
def digits():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(40)), test=task.test.select(np.arange(40)))


@pytest.fixture(scope="module")
def teacher(digits):
    model = model_for(digits, "glyphnet", seed=5, double=False)
    tlkit.adaptation.start_from_prototypes(model, digits.train)
    return model.eval()


def test_labels_are_the_teachers_answers_and_other_splits_stay(digits, teacher):
    task = pseudo_labelled(digits, teacher, digits.val.inputs)
    assert torch.equal(task.train.inputs, digits.val.inputs) and task.val is digits.val and task.test is digits.test
    assert torch.equal(task.train.labels, teacher(digits.val.inputs).argmax(dim=1))


def test_classes_are_matched_by_name(digits, teacher):
    turned = digits.with_classes(tuple(reversed(digits.classes)))
    assert torch.equal(pseudo_labelled(turned, teacher, digits.val.inputs).train.labels, 9 - pseudo_labelled(digits, teacher, digits.val.inputs).train.labels)


def test_with_the_teacher_alone_no_label_counts(digits, teacher):
    answered, runs = pseudo_labelled(digits, teacher, digits.val.inputs), []
    wrong = dataclasses.replace(answered, train=dataclasses.replace(answered.train, labels=torch.zeros_like(answered.train.labels)))
    for task in (answered, wrong):
        runs.append(distill(model_for(digits, "glyphnet_small", seed=1, pretrained=False), teacher.double(), task, SHORT, settings=Distil(4.0, 1.0), progress=False))
    teacher.float()
    assert apart(runs[0].model, runs[1].model) == 0


def test_what_cannot_be_labelled_is_refused_in_a_sentence(digits, teacher):
    numbers = lengths(tlkit.load_task("tickets", labels_per_class=1, seed=0))
    for task, inputs, said in ((numbers, ["a"], "is of kind 'regression'"), (digits, digits.val.inputs[:0], "no examples to give labels to"),
                               (digits.with_classes(["1", "2"]), digits.val.inputs, "they differ in '0', '3', '4'")):
        with pytest.raises(TlkitError, match=said):
            pseudo_labelled(task, teacher, inputs)
