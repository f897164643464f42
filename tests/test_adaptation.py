import dataclasses

import pytest
import torch
from scipy.spatial.distance import cdist

import tlkit
from tlkit.errors import TlkitError
from tlkit.evaluation import predict_logits
from tlkit.adaptation import draw_fresh_weights, start_from_prototypes


@pytest.fixture(scope="module")
def task():
    return tlkit.load_task("digits", labels_per_class=3, seed=0)


def test_a_classification_task_gets_one_output_a_class_and_cross_entropy(task):
    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task)
    assert model(task.train.inputs[:4]).shape == (4, 10)
    assert "loss: CrossEntropy" in model.describe()


def test_the_head_is_drawn_from_its_seed_alone(task):
    heads = []
    for seed in (0, 0, 1):
        torch.rand(3)
        heads.append(tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed).head.weight)
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


def test_drawing_leaves_the_global_random_state_alone(task):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    draw_fresh_weights(tlkit.adapt(tlkit.load_backbone("glyphnet", pretrained=False), task), seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_fresh_weights_leave_nothing_of_the_old_ones(task):
    first, second = (tlkit.adapt(tlkit.load_backbone("glyphnet", pretrained=p), task) for p in (True, False))
    draw_fresh_weights(first, seed=4)
    draw_fresh_weights(second, seed=4)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_prototypes_name_what_the_nearest_mean_direction_names(task):
    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task)
    start_from_prototypes(model, task.train)
    train, test = (predict_logits(model.backbone, split.inputs) for split in (task.train, task.test))
    means = torch.stack([train[task.train.labels == index].mean(dim=0) for index in range(10)])
    nearest = cdist(test.numpy(), means.numpy(), metric="cosine").argmin(axis=1)
    assert (predict_logits(model, task.test.inputs).argmax(dim=1).numpy() == nearest).all()
