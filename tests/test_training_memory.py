import pytest
import torch

import tlkit
from tlkit.freezing import freeze
from tlkit.training_memory import training_bytes


@pytest.fixture(scope="module")
def by_depth():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    found = {}
    for frozen in range(5):
        model = freeze(tlkit.adapt(tlkit.load_backbone("glyphnet"), task), frozen).train()
        trains = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        found[frozen] = training_bytes(model, task.train.inputs[:6], task.train.labels[:6]), trains
    return found


def test_gradients_and_moments_are_counted_for_what_trains(by_depth):
    for counted, trains in by_depth.values():
        assert (counted.gradients, counted.moments) == (4 * trains, 8 * trains)
        assert counted.total == counted.weights + 12 * trains + counted.activations


def test_the_deeper_one_freezes_the_less_is_kept_for_the_way_back(by_depth):
    activations = [counted.activations for counted, _ in by_depth.values()]
    assert activations == sorted(activations, reverse=True)


def test_a_frozen_body_keeps_the_heads_input_and_the_losses_own(by_depth):
    features, logits = 6 * 512 * 4, 6 * 10 * 4
    assert features + logits <= by_depth[4][0].activations <= features + 2 * logits + 200


def test_twice_the_batch_keeps_twice_the_activations():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task).train()
    small, large = (training_bytes(model, task.train.inputs[:size], torch.zeros(size, dtype=torch.long)).activations for size in (8, 16))
    assert 1.9 < large / small < 2.0
