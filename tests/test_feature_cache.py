import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import tlkit
from tests.small_models import apart, model_for, transformer
from tlkit import plans
from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.data.augmentation import Jitter
from tlkit.data.inputs import Inputs
from tlkit.feature_cache import FeatureCache, freeze_boundary, open_examples
from tlkit.feature_key import feature_key
from tlkit.freezing import freeze

HALF = plans.full(epochs=3, learning_rate=1e-3, frozen=2, jitter=None)
PLANS = {
    "probe": plans.linear_probe(epochs=3),
    "half": HALF,
    "gradual": plans.gradual_unfreezing(steps=2, epochs=2, probe_epochs=2),
    "lp_ft": plans.lp_ft(epochs=2, probe_epochs=2),
    "dropout": HALF.changed(dropout=0.3),
    "accumulated": HALF.changed(accumulate=3, clip_norm=0.1, l2_sp=0.1),
}


@pytest.fixture(scope="module")
def digits():
    return tlkit.load_task("digits", labels_per_class=4, seed=0)


@pytest.fixture(scope="module")
def tickets():
    return tlkit.load_task("tickets", labels_per_class=3, seed=0)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return transformer(tmp_path_factory.mktemp("bodies"), "bert", dropout=0.1)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("body", ["cnn", "transformer"])
def test_kept_and_recomputed_activations_end_in_the_same_weights(body, name, digits, tickets, bert):
    task, place = (digits, "glyphnet") if body == "cnn" else (tickets, bert)
    plan = PLANS[name]
    if body == "transformer":
        plan = plan.changed(phases=tuple(dataclasses.replace(phase, frozen=1 if phase.frozen == 2 else phase.frozen) for phase in plan.phases))
    runs = [tlkit.finetune(model_for(task, place), task, plan, seed=1, cache=cache, progress=False) for cache in (True, False)]
    assert runs[0].kept[0]["kept"] and runs[0].kept[0]["after"] and not runs[1].kept[0]["kept"]
    assert apart(runs[0].model, runs[1].model) < 1e-9
    assert [r["loss"] for r in runs[0].records] == pytest.approx([r["loss"] for r in runs[1].records], abs=1e-9)


def test_the_kept_boundary_moves_with_the_frozen_one(digits):
    run = tlkit.finetune(model_for(digits, "glyphnet"), digits, PLANS["gradual"], progress=False)
    assert [phase["after"] for phase in run.kept] == ["pool", "block2", "block1"]


def test_on_disk_and_in_memory_are_the_same_and_the_files_are_found_again(tickets, bert, tmp_path, monkeypatch):
    disk = FeatureCache(memory_limit=0, folder=str(tmp_path))  # text is a path here as elsewhere
    plan = plans.full(epochs=2, learning_rate=1e-3, frozen=1, jitter=None)
    first = tlkit.finetune(model_for(tickets, bert), tickets, plan, cache=disk, progress=False)
    memory = tlkit.finetune(model_for(tickets, bert), tickets, plan, progress=False)
    assert "on disk" in first.kept[0]["note"] and "in memory" in memory.kept[0]["note"]
    assert apart(first.model, memory.model) == 0
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert files and not list(tmp_path.rglob("*.part"))
    written = [path.stat().st_mtime_ns for path in files]
    again = tlkit.finetune(model_for(tickets, bert), tickets, plan, cache=disk, progress=False)
    assert apart(first.model, again.model) == 0
    assert [path.stat().st_mtime_ns for path in files] == written


def test_two_processes_fill_one_store(tickets, bert, tmp_path):
    from tlkit.feature_store import DiskStore

    model = freeze(model_for(tickets, bert), 1).train()
    stores = [DiskStore(tmp_path / "both", len(tickets.train), process, 2) for process in (0, 1)]
    from tlkit.examples import FreshExamples
    from tlkit.feature_cache import _Prefix
    import contextlib

    prefix = _Prefix(model, FreshExamples(model, tickets.train), "embeddings", contextlib.nullcontext)
    prefix.fill(stores[0], range(0, len(tickets.train), 2), 8)
    assert not stores[1].is_complete()
    prefix.fill(stores[1], range(1, len(tickets.train), 2), 8)
    assert stores[0].is_complete()
    stores[0].open()
    batch = stores[0].fetch(torch.tensor([3, 0, 2]))
    with torch.no_grad():
        expected = model.backbone.run(model.backbone.prepare(tickets.train.inputs[torch.tensor([3, 0, 2])]), to="embeddings")
    valid = expected["mask"]
    assert torch.equal(batch["mask"], valid) and torch.allclose(batch["hidden"][valid], expected["hidden"][valid])


def test_views_keep_several_versions_of_each_image(digits):
    jitter = Jitter(10, 0.1, 0.1, 0.5)
    plan = plans.linear_probe(epochs=4, jitter=jitter, views=2)
    runs = [tlkit.finetune(model_for(digits, "glyphnet"), digits, plan, cache=cache, progress=False) for cache in (True, False)]
    assert runs[0].kept[0]["after"] == "pool"
    assert apart(runs[0].model, runs[1].model) < 1e-9
    still = tlkit.finetune(model_for(digits, "glyphnet"), digits, plan.changed(jitter=None, views=0), progress=False)
    assert apart(runs[0].model, still.model) > 1e-6


def note_for(model, task, plan=HALF, split=None):
    model.train()
    return open_examples(model, split or task.train, plan)


def refusal(model, task, plan=HALF):
    examples = note_for(model, task, plan)
    assert examples.after is None
    return examples.note


def test_random_changes_of_images_are_a_reason(digits):
    model = freeze(model_for(digits, "glyphnet"), 2)
    assert "changed at random at every epoch" in refusal(model, digits, HALF.changed(jitter=Jitter(shift=1)))


def test_mixup_is_a_reason(digits):
    assert "mixup" in refusal(freeze(model_for(digits, "glyphnet"), 2), digits, HALF.changed(mixup=0.2))


def test_a_loss_that_reads_the_inputs_is_a_reason(digits):
    model = freeze(model_for(digits, "glyphnet"), 2)
    model.loss.reads_inputs = True
    assert "CrossEntropy looks at the inputs" in refusal(model, digits)


def test_a_parameter_that_trains_upstream_is_a_reason(digits):
    model = freeze(model_for(digits, "glyphnet"), 3)
    model.stages["block1"].low_rank = nn.Parameter(torch.zeros(2, 2))  # as LoRA, prompts or trained biases put it there
    examples = note_for(model, digits)
    assert examples.after == "stem"
    assert freeze_boundary(model)[1] == "stage block1 trains its low_rank"


def test_biases_that_train_are_a_reason(tickets, bert):
    model = freeze(model_for(tickets, bert), -1)
    for name, parameter in model.backbone.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    assert "stage embeddings trains its embeddings.LayerNorm.bias" in refusal(model, tickets)


def test_weights_tied_across_the_boundary_are_a_reason(tmp_path):
    task = generation_task()
    model = freeze(model_for(task, transformer(tmp_path, "gpt2")), 1)
    assert note_for(model, task).after == "embeddings"  # frozen with the embeddings, the output layer stays as well
    model.head.linear.weight.requires_grad_(True)
    assert "stage embeddings trains its wte.weight, which head shares" in refusal(model, task)


def generation_task():
    tickets = tlkit.load_task("tickets", labels_per_class=2)
    def texts(split):
        return dataclasses.replace(split, kind="generation", labels=Inputs([tickets.classes[label] for label in split.labels.tolist()]), classes=())
    return dataclasses.replace(tickets, kind="generation", classes=(), train=texts(tickets.train), val=texts(tickets.val), test=texts(tickets.test))


class RootMasks(nn.Module):
    """Draws at random as long as the root trains, although it is in eval mode itself (as SpecAugment can)."""

    def __init__(self, root):
        super().__init__()
        self.root = [root]

    def forward(self, x):
        return x * (torch.rand(1).item() < 0.9) if self.root[0].training else x


class LooksAtTheBatch(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0)


def with_stage(task, stage, name="odd"):
    body = tlkit.load_backbone("glyphnet")
    stages = {"stem": body.stages["stem"], name: stage, **{key: body.stages[key] for key in list(body.stages)[1:]}}
    made = Backbone("made", stages, body.feature_size, Preprocessing((1, 8, 8), 0.3, 0.37), "BSD").double()
    return tlkit.adapt(made, task)


def test_random_flags_of_the_root_are_a_reason_although_every_stage_is_in_eval_mode(digits):
    odd = RootMasks(None)
    model = with_stage(digits, odd)
    odd.root[0] = model
    freeze(model, model.body)
    assert "draws random numbers although every stage is in eval mode" in refusal(model, digits)


def test_activations_that_depend_on_batch_mates_are_a_reason(digits):
    model = freeze(with_stage(digits, LooksAtTheBatch()), 4)
    assert "depend on what it is batched with" in refusal(model, digits)


def test_batchnorm_without_running_statistics_is_a_reason(digits):
    model = freeze(with_stage(digits, nn.BatchNorm2d(32, track_running_stats=False)), -1)
    assert note_for(model, digits).after == "stem"
    assert "has no running statistics" in freeze_boundary(model)[1]


def test_spectral_norm_in_training_mode_is_a_reason(digits):
    stage = nn.utils.parametrizations.spectral_norm(nn.Conv2d(32, 32, 1))
    model = freeze(with_stage(digits, stage), -1).train()
    assert freeze_boundary(model)[0] == "block2"
    stage.parametrizations.weight[0].train()
    assert freeze_boundary(model)[0] == "stem" and "training mode" in freeze_boundary(model)[1]


def test_a_body_that_sees_padding_is_a_reason_unless_nothing_is_padded(tmp_path):
    task = tlkit.load_task("tones", labels_per_class=2)
    body = transformer(tmp_path, "wav2vec2")
    model = freeze(model_for(task, body), 1)
    lengths = {len(sound.samples) for sound in task.train.inputs}
    assert len(lengths) > 1 and "sees the silence behind shorter sounds" in refusal(model, task)
    one = np.flatnonzero([len(sound.samples) == len(task.train.inputs[0].samples) for sound in task.train.inputs])
    assert note_for(model, task, split=task.train.select(one)).after is not None
    stable = freeze(model_for(task, transformer(tmp_path, "wav2vec2-stable")), 1)
    assert note_for(stable, task).after is not None


def test_data_without_numbers_is_a_reason(digits):
    class Stream:
        def __iter__(self):
            yield from ()

    streamed = dataclasses.replace(digits.train, inputs=Stream())
    examples = open_examples(freeze(model_for(digits, "glyphnet"), 2), streamed, HALF)
    assert "can only be read in turn" in examples.note


def test_too_little_room_on_the_disk_is_a_reason(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 100})())
    model = freeze(model_for(digits, "glyphnet"), 2).train()
    examples = open_examples(model, digits.train, HALF, FeatureCache(memory_limit=0, folder=tmp_path))
    assert "would be needed" in examples.note and not list(tmp_path.iterdir())


def test_a_store_that_could_not_be_filled_leaves_nothing_behind(digits, tmp_path, monkeypatch):
    model = freeze(model_for(digits, "glyphnet"), 2).train()
    calls = []
    run = model.backbone.run

    def breaks(*args, **kwargs):
        calls.append(1)
        if len(calls) > 5:
            raise OSError("cut")
        return run(*args, **kwargs)

    monkeypatch.setattr(model.backbone, "run", breaks)
    with pytest.raises(OSError, match="cut"):
        open_examples(model, digits.train, HALF.changed(batch_size=4), FeatureCache(memory_limit=0, folder=tmp_path))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_key_changes_with_all_that_an_activation_depends_on(digits, tickets, bert):
    import contextlib

    def key(model=None, split=digits.train, boundary="block1", plan=HALF, autocast=contextlib.nullcontext):
        return feature_key(model or model_for(digits, "glyphnet"), split, boundary, plan, 0, autocast)

    changed = model_for(digits, "glyphnet")
    changed.backbone.stages["stem"][1].running_mean[0] += 1e-12
    behind = model_for(digits, "glyphnet")
    with torch.no_grad():
        behind.backbone.stages["block3"][0].residual[0].weight[0] += 1
    other_order = digits.train.select(np.arange(len(digits.train))[::-1].copy())
    keys = [
        key(), key(changed), key(boundary="block2"), key(split=other_order), key(model_for(digits, "glyphnet", double=False)),
        key(autocast=lambda: torch.autocast("cpu", torch.bfloat16)), key(plan=HALF.changed(jitter=Jitter(1), views=2)),
    ]
    assert len(set(keys)) == len(keys)
    assert key(behind) == key() == key(model_for(digits, "glyphnet", seed=5))
