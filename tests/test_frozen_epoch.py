import copy

import torch
from torch import nn

import tlkit
from tests.small_models import model_for
from tlkit import plans
from tlkit.freezing import groups_by_depth
from tlkit.frozen_epoch import frozen_epoch


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()


def some_batches(size=12, batch_size=5):
    dice = torch.Generator().manual_seed(1)
    inputs, labels = torch.randn(size, 3, generator=dice, dtype=torch.float64), torch.randint(2, (size,), generator=dice)
    return list(zip(inputs.split(batch_size), labels.split(batch_size), strict=True))


def test_what_is_frozen_stays_to_the_last_bit_under_weight_decay_and_the_rest_moves():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frozen_epoch(model, 3, some_batches(), nn.functional.cross_entropy, torch.optim.AdamW(model.parameters(), 0.1, weight_decay=0.5))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == (int(name[0]) < 3), name


def test_the_loss_is_the_mean_over_examples_in_batches_of_any_size():
    model = network()
    expected = 0.0
    twin = copy.deepcopy(model).train()
    twin[:3].eval()
    for inputs, labels in some_batches():
        expected += nn.functional.cross_entropy(twin(inputs), labels, reduction="sum").item() / 12
    assert abs(frozen_epoch(model, 3, some_batches(), nn.functional.cross_entropy, torch.optim.SGD(model.parameters(), 0.0)) - expected) < 1e-12


def test_the_pipeline_does_the_same_to_the_last_digit():
    task = tlkit.load_task("digits", labels_per_class=3, seed=0)
    model = model_for(task, "glyphnet")
    layers = nn.Sequential(*copy.deepcopy(list(model.stages.values())))
    inputs = model.backbone.prepare(task.train.inputs)
    plan = plans.Plan("one epoch", (plans.Phase(1, 1e-2, 3e-2, 0.5, frozen=2),), batch_size=8, weight_decay=0.3, schedule="constant", warmup=0.0)
    run = tlkit.finetune(model, task, plan, seed=4, progress=False)
    order = torch.randperm(len(task.train), generator=torch.Generator().manual_seed(4)).split(8)
    optimizer = torch.optim.AdamW(groups_by_depth(layers, 1e-2, 3e-2, 0.5, 0.3))
    loss = frozen_epoch(layers, 2, [(inputs[part], task.train.labels[part]) for part in order], nn.functional.cross_entropy, optimizer)
    assert abs(loss - run.records[0]["loss"]) < 1e-9
    for stage, layer in zip(model.stages.values(), layers, strict=True):
        for ours, theirs in zip(layer.state_dict().values(), stage.state_dict().values(), strict=True):
            assert (ours.double() - theirs.double()).abs().max() < 1e-9
