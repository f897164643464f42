import copy

import numpy as np
import pytest
import torch

import tlkit
from tlkit import plans
from tlkit.data.augmentation import Jitter
from tlkit.evaluation import accuracy
from tlkit.schedules import warmup_cosine


@pytest.fixture(scope="module")
def task():
    return tlkit.load_task("digits", labels_per_class=3, seed=0)


def glyphnet_for(task, seed=0):
    return tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed)


def weights_of(run):
    return torch.cat([value.flatten().double() for value in run.model.state_dict().values()])


@pytest.mark.parametrize("plan", [plans.lp_ft(epochs=2), plans.scratch(epochs=2)], ids=lambda plan: plan.name)
def test_the_seed_decides_the_weights(task, plan):
    once, again, other = (weights_of(tlkit.finetune(glyphnet_for(task), task, plan, seed=s)) for s in (0, 0, 1))
    assert torch.equal(once, again) and not torch.equal(once, other)


def test_one_step_is_one_step_of_adamw(task):
    model = glyphnet_for(task)
    expected = copy.deepcopy(model.head)
    model.eval()
    features = model.backbone(task.train.inputs).detach()
    optimizer = torch.optim.AdamW(
        [{"params": [expected.weight], "weight_decay": 0.1}, {"params": [expected.bias], "weight_decay": 0.0}], lr=0.01
    )
    torch.nn.functional.cross_entropy(expected(features), task.train.labels).backward()
    optimizer.step()
    plan = plans.linear_probe(epochs=1, learning_rate=0.01, weight_decay=0.1, batch_size=100, warmup=0.0, jitter=None)
    tlkit.finetune(model, task, plan.changed(head_start="random"))
    assert torch.allclose(model.head.weight, expected.weight, atol=1e-6)
    assert torch.allclose(model.head.bias, expected.bias, atol=1e-6)


def test_features_computed_once_train_the_same_head_as_features_computed_always(task):
    plan = plans.linear_probe(epochs=4, jitter=None)
    still = Jitter()
    once = tlkit.finetune(glyphnet_for(task), task, plan)
    always = tlkit.finetune(glyphnet_for(task), task, plan.changed(jitter=still))
    assert abs(once.accuracy("test") - always.accuracy("test")) < 0.02
    assert torch.equal(once.model.backbone.stages["stem"][0].weight, always.model.backbone.stages["stem"][0].weight)


def test_early_stopping_restores_the_best_weights(task):
    wild = plans.Plan("wild", (plans.Phase(12, 3e-2, 3e-2),), patience=4)
    run = tlkit.finetune(glyphnet_for(task), task, wild)
    reached = [record["val_accuracy"] for record in run.records]
    assert len(reached) < 12 and np.argmax(reached) == len(reached) - 1 - 4
    assert run.accuracy("val") == max(reached) > reached[-1]


def test_the_validation_split_is_not_looked_at_without_early_stopping(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe(epochs=2))
    assert "val_accuracy" not in run.records[0]


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [warmup_cosine(step, 100, 0.1) for step in range(101)]
    assert np.argmax(rates) == 10 and rates[10] == 1 and rates[100] == pytest.approx(0)
    assert all(np.diff(rates[:11]) > 0) and all(np.diff(rates[10:]) < 0)
    assert rates[55] == pytest.approx(0.5)


def test_jitter_of_nothing_changes_nothing_and_jitter_moves_as_far_as_it_says(task):
    images = task.train.inputs
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(Jitter()(images, generator), images, atol=1e-5)
    square = torch.zeros(200, 1, 9, 9)
    square[:, :, 3:6, 3:6] = 1
    shifted = Jitter(shift=2)(square, generator)
    rows = (shifted.sum((1, 3)) * torch.arange(9)).sum(1) / shifted.sum((1, 2, 3))
    assert 1.8 < (rows - 4).abs().max() <= 2 + 1e-4


def test_a_run_reports_what_it_did(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe())
    assert "linear_probe on digits with 30 training examples" in str(run.report())
    assert f"{run.accuracy('test'):.3f}" in str(run.report())
    assert run.accuracy("test") == run.accuracy(task.test) == accuracy(run.model, task.test)


def test_transfer_beats_starting_from_scratch_at_five_labels_a_class():
    gains = []
    for seed in (100, 101):
        few = tlkit.load_task("digits", labels_per_class=5, seed=seed)
        tuned = tlkit.finetune(glyphnet_for(few, seed), few, plans.lp_ft(), seed).accuracy("test")
        scratch = tlkit.finetune(glyphnet_for(few, seed), few, plans.scratch(epochs=30), seed).accuracy("test")
        gains.append(tuned - scratch)
    assert min(gains) > 0.02
