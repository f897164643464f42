"""Grad-CAM computes its formula, and finds a cue that was planted."""

import numpy as np
import pytest
import torch

from tlkit import adapt, finetune, metrics, plans
from tlkit.errors import TlkitError
from tlkit.explore.medical_images import share_on_mark
from tlkit.gradcam import grad_cam
from tlkit.prediction import collect
from tlkit.scans import small_body, small_phantoms, with_mark


@pytest.fixture(scope="module")
def task():
    return small_phantoms(views=1)


@pytest.fixture(scope="module")
def model(task):
    return adapt(small_body(), task, seed=1)


def test_the_map_is_the_formula_term_by_term(model, task):
    images = task.val.inputs[:3]
    model.eval()
    activations = model.backbone.run(model.backbone.prepare(images), to="block2").detach().requires_grad_()
    logits = model.outputs(activations, after="block2")
    for row in range(3):
        gradient, = torch.autograd.grad(logits[row, 1], activations, retain_graph=True)
        due = sum(gradient[row, k].mean() * activations[row, k] for k in range(activations.shape[1])).clamp(min=0)
        assert torch.allclose(grad_cam(model, images, "block2", 1)[row], due, atol=1e-6)


def test_the_model_is_left_as_it_was(model, task):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grad_cam(model, task.val.inputs[:2], "block1", 0)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("stage, target, said", (("pool", 1, "no height and width"), ("block9", 1, "no stage"), ("block2", 2, "no class")))
def test_what_has_no_map_is_refused(model, task, stage, target, said):
    with pytest.raises(TlkitError, match=said):
        grad_cam(model, task.val.inputs[:1], stage, target)


def test_a_planted_cue_is_found(task):
    """A network that learned the mark looks at the mark; it is wrong without it, and the map says why."""
    marked = with_mark(task)
    model = finetune(adapt(small_body(), marked), marked, plans.full(epochs=4, learning_rate=1e-3, jitter=None), progress=False).model
    ill = np.flatnonzero(task.test.labels.numpy() == 1)[:40]
    outputs = collect(model, marked.test).outputs
    assert metrics.auc(outputs[:, 1] - outputs[:, 0], marked.test.labels.numpy()) > 0.99
    assert (collect(model, task.test).outputs.argmax(axis=1) == 1)[ill].mean() < 0.5

    def on_mark(model):
        return np.nanmedian([share_on_mark(heat) for heat in grad_cam(model, marked.test.inputs[ill], "block3", 1).numpy()])

    honest = finetune(adapt(small_body(), task), task, plans.full(epochs=4, learning_rate=1e-3, jitter=None), progress=False).model
    assert on_mark(model) > 0.2 > 2 / 16 > on_mark(honest)      # the corner is a sixteenth of the places
