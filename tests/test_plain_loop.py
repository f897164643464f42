"""The loop written out does what torch, one large batch, and `finetune` do."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import tlkit
from tests.small_models import apart, model_for
from tlkit.adamw import adamw_step
from tlkit.early_stopping import EarlyStopping, stopping_point
from tlkit.freezing import parameter_groups
from tlkit.plain_loop import accumulated_step, evaluate, fit, paced_epoch, scaled_step, train_epoch
from tlkit.plans import Phase, Plan
from tlkit.schedules import rate_factor


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def net(*extra):
    return nn.Sequential(nn.Linear(3, 4), *extra, nn.Tanh(), nn.Linear(4, 3)).double()


def examples(count):
    return torch.randn(count, 3, dtype=torch.float64), torch.randint(0, 3, (count,))


def twins(*extra):
    one, other = net(*extra), net(*extra)
    other.load_state_dict(one.state_dict())
    return one, other


def test_adamw_written_out_is_torchs():
    theirs = nn.Parameter(torch.randn(3, 2, dtype=torch.float64))
    optimizer = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3)
    mine, first, second = theirs.detach().clone(), torch.zeros_like(theirs), torch.zeros_like(theirs)
    for step in range(1, 6):
        gradient = torch.randn_like(mine)
        theirs.grad = gradient.clone()
        optimizer.step()
        mine, first, second = adamw_step(mine, gradient, first.detach(), second.detach(), step, 0.1, 0.3)
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-12)


def test_an_epoch_reports_the_mean_over_examples_however_they_are_cut():
    inputs, labels = examples(7)
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    whole = cross_entropy(model(inputs), labels).item()
    for size in (1, 3, 6, 7):
        batches = list(zip(inputs.split(size), labels.split(size), strict=True))
        assert train_epoch(model, batches, cross_entropy, optimizer) == pytest.approx(whole, rel=1e-12)
        assert evaluate(model, batches, cross_entropy)[0] == pytest.approx(whole, rel=1e-12)


def test_an_evaluation_leaves_no_trace():
    model = net(nn.BatchNorm1d(4))
    inputs, labels = examples(6)
    for training in (True, False):
        model.train(training)
        before = {name: values.clone() for name, values in model.state_dict().items()}
        _, accuracy = evaluate(model, [(inputs[:4], labels[:4]), (inputs[4:], labels[4:])], cross_entropy)
        assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
        assert model.training is training and all(parameter.grad is None for parameter in model.parameters())
        assert accuracy == pytest.approx((model.eval()(inputs).argmax(1) == labels).double().mean().item())


def test_uneven_parts_give_the_step_of_the_whole_batch():
    one, other = twins()
    inputs, labels = examples(8)
    labels[[1, 4, 7]] = -100
    parts = list(zip(inputs.split([3, 4, 1]), labels.split([3, 4, 1]), strict=True))
    mine, theirs = (torch.optim.AdamW(model.parameters(), lr=0.1) for model in (one, other))
    loss = cross_entropy(other(inputs), labels)
    loss.backward()
    theirs.step()
    assert accumulated_step(one, parts, mine) == pytest.approx(loss.item(), rel=1e-12)
    assert apart(one, other) < 1e-12


def test_nothing_to_learn_from_moves_nothing():
    one, other = twins()
    inputs, labels = examples(4)
    optimizer = torch.optim.AdamW(one.parameters(), lr=0.1, weight_decay=0.5)
    assert accumulated_step(one, [(inputs, torch.full_like(labels, -100))], optimizer) == 0.0
    assert apart(one, other) == 0


@pytest.mark.parametrize("scale", [4.0, 65536.0])
def test_a_scaled_step_is_that_of_torchs_scaler(scale):
    one, other = twins()
    inputs, labels = examples(5)
    mine, theirs = (torch.optim.SGD(model.parameters(), lr=0.5) for model in (one, other))
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    scaler.scale(cross_entropy(other(inputs), labels)).backward()
    scaler.unscale_(theirs)
    nn.utils.clip_grad_norm_(other.parameters(), 0.1)
    scaler.step(theirs)
    assert scaled_step(one, inputs, labels, cross_entropy, mine, scale, 0.1) == scale
    assert apart(one, other) < 1e-12


def test_an_overflow_takes_no_step_and_halves_the_scale():
    one, other = twins()
    inputs, labels = examples(5)
    optimizer = torch.optim.SGD(one.parameters(), lr=0.5)
    assert scaled_step(one, inputs, labels, lambda *pair: 1e9 * cross_entropy(*pair), optimizer, 1e305, 0.1) == 5e304
    assert apart(one, other) == 0


def test_fitting_stops_and_brings_parameters_and_buffers_of_the_best_epoch_back():
    model = net(nn.BatchNorm1d(4))
    losses, seen = iter([0.9, 0.4, math.nan, 0.4, 0.5, 0.1]), []

    def train_one_epoch(model):
        with torch.no_grad():
            for values in model.state_dict().values():
                values.add_(1)
        seen.append({name: values.clone() for name, values in model.state_dict().items()})

    assert fit(model, train_one_epoch, lambda model: next(losses), epochs=9, patience=3) == 0.4
    assert len(seen) == 5
    assert all(torch.equal(values, seen[1][name]) for name, values in model.state_dict().items())


def test_where_early_stopping_cuts():
    losses = [0.9, 0.8, 0.85, 0.7, 0.7, 0.75, 0.6]
    assert stopping_point(losses, 1, lower_is_better=True) == (2, 3)
    assert stopping_point(losses, 2, lower_is_better=True) == (4, 6)
    assert stopping_point(losses, 3, lower_is_better=True) == (7, 7)
    assert stopping_point(losses, None, lower_is_better=True) == (7, 7)
    assert stopping_point(losses, 2) == (1, 3)


def test_early_stopping_keeps_a_copy():
    stopping, weights = EarlyStopping(2), {"w": torch.ones(2)}
    assert stopping.note(0.5, weights)
    weights["w"] += 1
    assert not stopping.note(0.5, weights) and stopping.weights["w"].tolist() == [1, 1]


def test_finetune_and_the_loop_written_out_give_the_same_weights():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    plan = Plan("both", (Phase(2, 3e-3, 3e-3),), batch_size=8, clip_norm=0.5, warmup=0.25)
    by_finetune, by_hand = model_for(task, "glyphnet"), model_for(task, "glyphnet")
    tlkit.finetune(by_finetune, task, plan, seed=3, progress=False)

    optimizer = torch.optim.AdamW(parameter_groups(by_hand, 3e-3, 3e-3, weight_decay=plan.weight_decay), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_factor("cosine", step, 6, 0.25))
    order = torch.Generator().manual_seed(3)
    for _ in range(2):
        parts = torch.randperm(len(task.train), generator=order).split(8)
        assert [len(part) for part in parts] == [8, 8, 4]
        batches = [(task.train.inputs[part], task.train.labels[part]) for part in parts]
        loss = paced_epoch(by_hand, batches, cross_entropy, optimizer, scheduler, 0.5)
    assert apart(by_finetune, by_hand.eval()) < 1e-9
    assert np.isfinite(loss)
