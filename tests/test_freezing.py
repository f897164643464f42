import pytest
import torch

import tlkit
from tests.small_models import model_for, transformer
from tlkit import plans
from tlkit.callbacks import Callback
from tlkit.errors import TlkitError
from tlkit.freezing import freeze, groups_by_depth, parameter_groups, stages_named

BODY = ["stem", "block1", "block2", "block3", "pool"]


@pytest.fixture
def task():
    return tlkit.load_task("digits", labels_per_class=2, seed=0)


@pytest.fixture
def model(task):
    return tlkit.adapt(tlkit.load_backbone("glyphnet"), task)


def one_step(model, task):
    model.train()
    model.loss(model(task.train.inputs), task.train.labels).backward()


class StopAfter(Callback):
    def on_epoch(self, record):
        return True


def test_frozen_parameters_get_no_gradient_not_even_zero(model, task):
    one_step(model, task)
    freeze(model, BODY[:3])
    one_step(model, task)
    for name, stage in model.stages.items():
        for parameter in stage.parameters():
            assert (parameter.grad is None) == (name in BODY[:3])


def test_frozen_batchnorm_does_not_move(model, task):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    freeze(model, ["stem", "block1"])
    one_step(model, task)
    for name, value in model.state_dict().items():
        is_frozen = name.startswith(("backbone.stages.stem", "backbone.stages.block1"))
        if "running_mean" in name:
            assert torch.equal(value, before[name]) == is_frozen, name


def test_frozen_stages_stay_in_eval_mode_through_train(model):
    freeze(model, ["block2"])
    model.train()
    assert not any(module.training for module in model.stages["block2"].modules())
    assert all(module.training for module in model.stages["block3"].modules())
    freeze(model, [])
    assert all(module.training for module in model.train().stages["block2"].modules())


def test_frozen_means_bit_identical_after_training(model, task):
    freeze(model, BODY[:3])
    prefixes = tuple(f"backbone.stages.{stage}." for stage in BODY[:3])
    frozen = {name: value.clone() for name, value in model.state_dict().items() if name.startswith(prefixes)}
    phase = plans.Phase(3, 1e-2, 1e-2, frozen=tuple(BODY[:3]))
    tlkit.finetune(model, task, plans.Plan("half", (phase,)))
    assert len(frozen) > 20
    for name, value in frozen.items():
        assert torch.equal(model.state_dict()[name], value), name


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do(model):
    with pytest.raises(TlkitError, match="no stage 'block9'; stages from the input on: stem, block1"):
        freeze(model, ["block9"])


def test_groups_hold_every_trainable_parameter_once_and_no_frozen_one(model):
    freeze(model, ["stem"])
    grouped = [id(p) for group in parameter_groups(model, 1e-3, 1e-2) for p in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in model.parameters() if p.requires_grad}


def test_learning_rates_fall_with_depth(model):
    rates = {group["stage"]: group["lr"] for group in parameter_groups(model, 1e-3, 1e-2, depth_decay=0.5)}
    assert rates == {"stem": 1e-3 / 16, "block1": 1e-3 / 8, "block2": 1e-3 / 4, "block3": 1e-3 / 2, "head": 1e-2}


def test_norms_and_biases_are_not_decayed(model):
    decays = {id(p): g["weight_decay"] for g in parameter_groups(model, 1e-3, 1e-2, weight_decay=0.1) for p in g["params"]}
    for parameter in model.parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim > 1 else 0.0)


def test_stages_are_counted_as_a_slice_counts(model):
    assert stages_named(model, 2) == ["stem", "block1"]
    assert stages_named(model, -1) == ["stem", "block1", "block2"]
    assert stages_named(model, 4) == BODY  # what pools behind the last one has no weights and goes with it
    assert stages_named(model, 0) == [] and stages_named(model, "block1") == ["block1"]
    with pytest.raises(TlkitError, match="frozen=5 but the body has 4 stages with parameters: stem, block1, block2, block3"):
        stages_named(model, 5)


@pytest.mark.parametrize("body", ["cnn", "transformer"])
@pytest.mark.parametrize("cache", [True, False])
def test_frozen_means_bit_identical_through_training_saving_and_going_on(tmp_path, body, cache):
    """Weights, BatchNorm's buffers and what the frozen stages say in eval mode."""
    task = tlkit.load_task("digits" if body == "cnn" else "tickets", labels_per_class=2, seed=0)
    place = "glyphnet" if body == "cnn" else transformer(tmp_path, "bert", dropout=0.1)
    model = model_for(task, place, double=False)
    last = model.body[1]
    state = model.backbone.prepare(task.train.inputs[torch.arange(5)])
    frozen = {name: value.clone() for name, value in model.state_dict().items()
              if name.startswith(tuple(f"backbone.stages.{stage}." for stage in model.body[:2]))}
    with model.evaluating():
        said = model.backbone.run(state, to=last)
    plan = plans.full(epochs=2, learning_rate=1e-2, frozen=2, jitter=None)
    options = {"cache": cache, "progress": False, "checkpoint": tmp_path / "checkpoint"}
    tlkit.finetune(model, task, plan, callbacks=[StopAfter()], **options)
    again = model_for(task, place, double=False)
    run = tlkit.finetune(again, task, plan, **options)
    assert len(run.records) == 2
    loaded = tlkit.load(run.save(tmp_path / "m.tl")).model
    for each in (model, again, loaded):
        each.train()
        assert each is loaded or not any(module.training for module in each.stages[last].modules())
        for name, value in frozen.items():
            assert torch.equal(each.state_dict()[name], value), name
        with each.evaluating():
            now = each.backbone.run(state, to=last)
        for first, second in zip(*((t.values() if isinstance(t, dict) else [t]) for t in (said, now)), strict=True):
            assert torch.equal(first, second)
    assert not torch.equal(again.head.weight, model_for(task, place, double=False).head.weight)


def test_what_a_frozen_stage_shares_stays_frozen(tmp_path):
    from tests.test_feature_cache import generation_task

    model = model_for(generation_task(), transformer(tmp_path, "gpt2"))
    freeze(model, 1)
    assert not model.head.linear.weight.requires_grad
    with pytest.raises(TlkitError, match="nothing trains: every stage is frozen, and the head has its weights from a frozen one"):
        tlkit.finetune(model, generation_task(), plans.linear_probe(epochs=1), progress=False)


def test_single_stages_can_have_rates_of_their_own(model):
    rates = {g["stage"]: g["lr"] for g in parameter_groups(model, 1e-3, 1e-2, stage_rates={"block2": 0.5})}
    assert rates == {"stem": 1e-3, "block1": 1e-3, "block2": 0.5, "block3": 1e-3, "head": 1e-2}


@pytest.mark.parametrize("statistics", ["adapted", "frozen"])
def test_a_plan_says_whether_batchnorms_statistics_move_while_its_weights_train(model, task, statistics):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tlkit.finetune(model, task, plans.full(epochs=1, jitter=None, frozen="stem", batchnorm=statistics), progress=False)
    for name, value in model.state_dict().items():
        if "running" in name:
            assert torch.equal(value, before[name]) == (statistics == "frozen" or ".stem." in name), name
    norm = "backbone.stages.block1.residual.1.weight"
    assert not torch.equal(model.state_dict()[norm], before[norm])


def test_with_frozen_statistics_a_batch_of_one_can_train(model, task):
    tlkit.finetune(model, task, plans.full(epochs=1, jitter=None, batch_size=1, batchnorm="frozen"), progress=False)


def test_statistics_of_a_network_without_pretraining_cannot_be_frozen():
    with pytest.raises(TlkitError, match="keeps the statistics of pretraining, and fresh_weights=True has none"):
        plans.scratch(batchnorm="frozen")
    with pytest.raises(TlkitError, match="batchnorm='off' must be 'adapted' or 'frozen'"):
        plans.full(batchnorm="off")


def test_groups_by_depth_count_every_layer_of_a_row_the_head_last():
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.LayerNorm(3), torch.nn.Linear(3, 2))
    groups = groups_by_depth(layers, 1e-2, 0.5, 0.1, 0.3)
    assert [(group["stage"], group["weight_decay"]) for group in groups] == [(0, 0.3), (0, 0.0), (2, 0.0), (3, 0.3), (3, 0.0)]
    assert [group["lr"] for group in groups] == pytest.approx([1e-4, 1e-4, 1e-2, 0.5, 0.5])
