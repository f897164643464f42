"""The methods as parts of the one pipeline: what trains, what stays, what is saved, and what is refused."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import tlkit
from tests.small_models import apart, model_for, transformer
from tests.test_freezing import StopAfter
from tlkit import peft, plans
from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.defaults import default_plan
from tlkit.errors import TlkitError
from tlkit.freezing import freeze, parameter_groups
from tlkit.predictor import Predictor

SHORT = {"epochs": 2, "batch_size": 8}
PLANS = {
    "lora": plans.lora(rank=2, **SHORT),
    "adapters": plans.adapters(bottleneck=3, **SHORT),
    "bitfit": plans.bitfit(**SHORT),
    "prompt_tuning": plans.prompt_tuning(count=3, **SHORT),
    "prefix_tuning": plans.prefix_tuning(count=3, **SHORT),
    "ia3": plans.ia3(**SHORT),
}
BOTH = [(name, body) for name in PLANS for body in ("cnn", "bert", "gpt2") if not (body == "cnn" and name.startswith("pr"))]


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def digits():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(20)), test=task.test.select(np.arange(20)))


@pytest.fixture(scope="module")
def tickets():
    task = tlkit.load_task("tickets", labels_per_class=1, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(20)), test=task.test.select(np.arange(20)))


@pytest.fixture
def make(bodies, digits, tickets):
    """(body, double) -> a fresh model and its task."""
    def model(body, double=True):
        task, place = (digits, "glyphnet") if body == "cnn" else (tickets, transformer(bodies, body, dropout=0.1))
        return model_for(task, place, double=double), task
    return model


@pytest.mark.parametrize("name", PLANS)
def test_plans_are_plain_data_that_prints_itself(name):
    plan = PLANS[name]
    assert plans.Plan.from_json(plan.to_json()) == plan and plan.method is not None
    assert plan.name in str(plan) and "the body's own weights" in str(plan) and str(plan.method) in str(plan)


@pytest.mark.parametrize("name", PLANS)
def test_every_method_is_a_plan_for_the_command_line(name, make):
    for body in ("cnn", "bert"):
        plan = default_plan(name, make(body)[0].backbone, epochs=3)
        assert (plan.name, plan.method.name, plan.epochs) == (name, name, 3) and plan.phases[0].learning_rate > 0


@pytest.mark.parametrize("name, body", BOTH)
def test_the_bodys_own_weights_and_statistics_stay_to_the_bit(name, body, make):
    model, task = make(body)
    before = {key: values.clone() for key, values in model.backbone.stages.state_dict().items()}
    run = tlkit.finetune(model, task, PLANS[name], progress=False)
    added = model.backbone.added
    learned = {id(parameter) for parameter in added.parameters}
    assert any(not torch.equal(values, run.start[f"backbone.{key}"]) for key, values in model.backbone.named_parameters() if id(values) in learned)
    assert {id(p) for p in model.parameters() if p.requires_grad} == learned | {id(p) for p in model.head.parameters()}
    released = set(added.released)
    peft.remove(model)
    after = model.backbone.stages.state_dict()
    assert after.keys() == before.keys() and all(torch.equal(after[key], before[key]) for key in before)  # biases too: they are put back
    assert not released or name in ("bitfit", "adapters")


@pytest.mark.parametrize("name, body", BOTH)
def test_frozen_weights_get_no_gradient_and_are_in_no_group(name, body, make):
    model, task = make(body)
    added = peft.place(model.backbone, PLANS[name].method)
    freeze(model, [])
    model.train()
    model.loss(model(task.train.inputs), task.train.labels).backward()
    learned = {id(parameter) for parameter in added.parameters} | {id(parameter) for parameter in model.head.parameters()}
    assert {id(parameter) for parameter in model.parameters() if parameter.grad is not None} == learned
    assert {id(parameter) for group in parameter_groups(model, 1e-3, 1e-2) for parameter in group["params"]} == learned
    own = {part for around in added.arounds.values() for module in around.own_modules() for part in module.modules()}
    assert not any(module.training for module in model.backbone.modules()
                   if isinstance(module, (nn.Dropout, nn.modules.batchnorm._BatchNorm)) and module not in own)


def test_input_dropout_draws_in_training_alone_and_in_frozen_stages_not_at_all(make):
    model, _ = make("bert")
    peft.place(model.backbone, peft.LoRA(rank=2, input_dropout=0.5))
    freeze(model, ["block1"])
    model.train()
    modes = {name: around.dropout.training for name, around in model.backbone.added.arounds.items()}
    assert modes == {name: name.startswith("block2") for name in modes}
    assert not any(around.dropout.training for around in model.eval().backbone.added.arounds.values())


@pytest.mark.parametrize("name, body", [(name, body) for name, body in BOTH if name in ("lora", "adapters", "bitfit", "ia3")])
def test_at_the_start_nothing_changes(name, body, make):
    model, task = make(body)
    with model.evaluating():
        before = model(task.train.inputs)
        peft.place(model.backbone, PLANS[name].method)
        assert float((model(task.train.inputs) - before).abs().max()) < 1e-12


@pytest.mark.parametrize("name, body", BOTH)
def test_saved_whole_and_saved_small_answer_as_the_run_does(name, body, make, tmp_path):
    model, task = make(body, double=False)
    run = tlkit.finetune(model, task, PLANS[name], progress=False)
    whole, small = run.save(tmp_path / "whole.tl"), run.save(tmp_path / "small.tl", body=False)
    assert small.stat().st_size < whole.stat().st_size / 2
    plain = make(body, double=False)[0].backbone
    for predictor in (tlkit.load(whole), tlkit.load(small, body=plain)):
        assert apart(run.model, predictor.model) == 0 and predictor.classes == task.classes
        inputs = task.test.inputs[torch.arange(5)]
        assert predictor.predict(inputs) == [task.classes[index] for index in run.model(inputs).argmax(dim=1)]
    from tlkit.artefact import read
    _, tensors, _ = read(small)
    learned = {f"backbone.{key}" for key in model.backbone.added.trained_names()}
    assert {key for key in tensors if key.startswith("backbone.")} == learned | {key for key in model.state_dict() if "running_" in key or "num_batches" in key}
    assert "head.weight" in tensors


@pytest.mark.parametrize("name", ["lora", "bitfit", "adapters"])
def test_the_very_body_comes_back_out_of_a_whole_artefact(name, make, digits, tmp_path):
    run = tlkit.finetune(make("cnn", double=False)[0], digits, PLANS[name], progress=False)
    path, published = run.save(tmp_path / "whole.tl"), tlkit.load_backbone("glyphnet")
    for _ in range(2):  # loaded, and saved and loaded again
        loaded = tlkit.load(path).model
        assert apart(loaded, run.model) == 0
        path = dataclasses.replace(run, model=loaded).save(tmp_path / "again.tl")
        peft.remove(loaded)
        assert apart(loaded.backbone, published) == 0


def test_a_whole_artefact_that_does_not_say_what_the_body_was_predicts_and_refuses_to_take_the_method_out(make, digits, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    run = tlkit.finetune(make("cnn", double=False)[0], digits, PLANS["bitfit"], progress=False)
    with safe_open(run.save(tmp_path / "new.tl"), framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys() if not key.startswith("before.")}  # noqa: SIM118
        save_file(tensors, tmp_path / "old.tl", file.metadata())
    loaded = tlkit.load(tmp_path / "old.tl").model
    assert apart(loaded, run.model) == 0
    with pytest.raises(TlkitError, match="old.tl does not say what stem.1.bias was before bitfit, so the body cannot be had back from it"):
        peft.remove(loaded)
    assert apart(loaded, run.model) == 0


@pytest.mark.parametrize("name", PLANS)
def test_a_body_with_a_parametrised_convolution_takes_every_method(name, bodies, tmp_path):
    from tests.test_kinds import speech_task

    task = speech_task()
    model = model_for(task, transformer(bodies, "wav2vec2"), double=False)
    plain = copy.deepcopy(model.backbone)
    assert any(hasattr(module, "parametrizations") for module in plain.modules())
    run = tlkit.finetune(model, task, PLANS[name].changed(phases=(plans.Phase(1, 1e-3),)), progress=False)
    assert apart(tlkit.load(run.save(tmp_path / "small.tl", body=False), body=copy.deepcopy(plain)).model, run.model) == 0
    peft.remove(model)
    assert apart(model.backbone, plain) == 0


def test_a_body_of_fresh_weights_is_drawn_again_for_its_small_artefact(digits, tmp_path):
    for name, seed in (("glyphnet_small", 3), ("glyphnet", 2)):
        body = tlkit.load_backbone(name, pretrained=False, seed=seed)
        run = tlkit.finetune(tlkit.adapt(body, digits), digits, PLANS["lora"], progress=False)
        assert apart(tlkit.load(run.save(tmp_path / "small.tl", body=False)).model, run.model) == 0


def test_a_body_that_learned_before_has_to_be_given_for_its_small_artefact(digits, tmp_path):
    body = tlkit.load_backbone("glyphnet")
    with torch.no_grad():
        body.stages["block1"].residual[0].weight += 1
    learned = copy.deepcopy(body)
    path = tlkit.finetune(tlkit.adapt(body, digits), digits, PLANS["lora"], progress=False).save(tmp_path / "small.tl", body=False)
    with pytest.raises(TlkitError, match=r"was made for another body than this glyphnet: .* differ; give the body that it was made for: tlkit.load\(path, body=...\)"):
        tlkit.load(path)
    assert tlkit.load(path, body=learned).classes == digits.classes


def own_body(vectors=False):
    """A Backbone of one's own, made of plain modules; all its stages may give vectors."""
    torch.manual_seed(0)
    first = nn.Sequential(nn.Flatten(), nn.Linear(64, 8)) if vectors else nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
    second = nn.Sequential(nn.ReLU(), nn.Linear(8, 6)) if vectors else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6))
    return Backbone("own", {"first": first, "second": second}, 6, tlkit.load_backbone("glyphnet").preprocessing, "mine").eval()


def test_a_body_of_ones_own_is_saved_without_itself_and_given_when_loading(digits, tmp_path):
    run = tlkit.finetune(tlkit.adapt(own_body(), digits), digits, PLANS["lora"], progress=False)
    with pytest.raises(TlkitError, match=r"own was not made by load_backbone, .* save with body=False, and tlkit.load\(path, body=...\) puts the rest onto it"):
        run.save(tmp_path / "own.tl")
    path = run.save(tmp_path / "own.tl", body=False)
    assert apart(tlkit.load(path, body=own_body()).model, run.model) == 0
    assert apart(peft.Shelf(own_body()).add("own", path).model, run.model) == 0
    with pytest.raises(TlkitError, match=r"holds no body of its own, and own was not made by load_backbone; give it: tlkit.load\(path, body=...\)"):
        tlkit.load(path)


def test_adapters_that_find_no_place_are_refused():
    with pytest.raises(TlkitError, match=r"own has no stage that gives a map or a sequence, .* name linear layers, such as targets=\('first.1', 'second.1'\)"):
        peft.place(own_body(vectors=True), peft.Adapters(2))
    assert len(peft.place(own_body(vectors=True), peft.Adapters(2, targets=("first.1", "second.1"))).arounds) == 2


def test_a_loaded_method_learns_on_and_a_published_body_is_found_by_its_name(make, digits, tmp_path):
    model, _ = make("cnn", double=False)
    run = tlkit.finetune(model, digits, PLANS["lora"], progress=False)
    loaded = tlkit.load(run.save(tmp_path / "small.tl", body=False)).model
    learned = {name: values.clone() for name, values in loaded.backbone.state_dict().items() if name in loaded.backbone.added.trained_names()}
    further = tlkit.finetune(tlkit.adapt(loaded, digits), digits, PLANS["lora"], progress=False)
    assert any(not torch.equal(values, learned[name]) for name, values in further.model.backbone.state_dict().items() if name in learned)
    assert torch.equal(further.start["backbone.stages.stem.0.up"], learned["stages.stem.0.up"])


@pytest.mark.parametrize("name, body", [("lora", "cnn"), ("bitfit", "bert"), ("prefix_tuning", "gpt2")])
def test_cut_short_and_gone_on_with_it_ends_in_the_weights_of_an_unbroken_run(name, body, make, tmp_path):
    whole = tlkit.finetune(*make(body), PLANS[name], seed=3, progress=False)
    cut = tlkit.finetune(*make(body), PLANS[name], seed=3, progress=False, checkpoint=tmp_path, callbacks=[StopAfter()])
    assert len(cut.records) == 1
    resumed = tlkit.finetune(*make(body), PLANS[name], seed=3, progress=False, checkpoint=tmp_path)
    assert len(resumed.records) == 2 and apart(resumed.model, whole.model) == 0
    from tlkit import checkpoints
    assert not [key for key in checkpoints.load(tmp_path).part("now") if key.endswith("base.weight")]  # the body is not in the checkpoint
    with pytest.raises(TlkitError, match="is of a run with another"):
        tlkit.finetune(*make(body), PLANS["ia3"], seed=3, progress=False, checkpoint=tmp_path)


def test_the_cache_stops_below_what_learns_and_says_so(make):
    model, task = make("bert")
    upper = plans.lora(rank=2, targets=("block2.*.query",), **SHORT)
    assert tlkit.finetune(model, task, upper, progress=False).kept[0]["after"] == "block1"
    model, task = make("bert")
    kept = tlkit.finetune(model, task, PLANS["prompt_tuning"], progress=False).kept[0]
    assert kept["after"] is None and "no activations: stage embeddings trains its prompts, as the method prompt_tuning wants" in kept["note"]


@pytest.mark.parametrize("name", ["lora", "prefix_tuning"])
def test_kept_and_recomputed_activations_end_in_the_same_weights(name, make):
    runs = [tlkit.finetune(*make("bert"), PLANS[name], seed=1, cache=cache, progress=False) for cache in (True, False)]
    assert runs[0].kept[0]["kept"] and not runs[1].kept[0]["kept"]
    assert apart(runs[0].model, runs[1].model) < 1e-9


def test_a_probe_before_the_method_trains_the_head_alone(make):
    model, task = make("bert")
    plan = plans.lora(rank=2, **SHORT)
    plan = plan.changed(phases=(plans.Phase(1, 0.0, 1e-2), *plan.phases), patience=3)
    run = tlkit.finetune(model, task, plan, progress=False)
    assert [phase["after"] for phase in run.kept] == ["pool", "embeddings"]
    report = run.report()
    assert "in the body: lora, rank 2, alpha 16.0, 512 parameters that learn" in model.describe()
    assert report.trainable_parameters == sum(p.numel() for p in model.backbone.added.parameters) + sum(p.numel() for p in model.head.parameters())


@pytest.mark.parametrize("body", ["cnn", "bert", "gpt2"])
@pytest.mark.parametrize("name", ["lora", "ia3"])
def test_merged_the_body_alone_answers_the_same_and_unmerged_it_is_what_it_was(name, body, make, tmp_path):
    model, task = make(body)
    run = tlkit.finetune(model, task, PLANS[name], progress=False)
    inputs = task.test.inputs[torch.arange(6)]
    said = model(inputs)
    learned = {key: values.clone() for key, values in model.state_dict().items()}
    peft.merge(model)
    with pytest.raises(TlkitError, match="is merged already; merging twice would add what was learned twice"):
        peft.merge(model)
    with pytest.raises(TlkitError, match="merged into .*; unmerge it to save"):
        run.save(tmp_path / "m.tl")
    assert float((model(inputs) - said).detach().abs().max()) < 1e-9
    peft.unmerge(model)
    assert all(torch.equal(values, learned[key]) for key, values in model.state_dict().items())
    with pytest.raises(TlkitError, match="is not merged"):
        peft.unmerge(model)
    peft.merge(model)
    peft.remove(model)
    assert not any(isinstance(module, peft.Around) for module in model.modules())
    assert float((model(inputs) - said).detach().abs().max()) < 1e-9
    assert apart(tlkit.load(run.save(tmp_path / "plain.tl")).model, model) == 0


@pytest.mark.parametrize("name", ["adapters", "prompt_tuning", "bitfit"])
def test_what_no_weights_can_hold_cannot_be_merged(name, make):
    model, _ = make("bert")
    peft.place(model.backbone, PLANS[name].method)
    with pytest.raises(TlkitError, match="cannot be merged|nothing to merge"):
        peft.merge(model)


def test_several_adapters_share_one_body_and_are_switched_by_name(make, digits, tmp_path):
    shelf, expected = peft.Shelf(make("cnn", double=False)[0].backbone), {}
    plain = copy.deepcopy(shelf.body)
    few = digits.with_classes(["3", "7"])
    for name, task in (("lora", digits), ("bitfit", few), ("adapters", digits)):
        run = tlkit.finetune(model_for(task, "glyphnet", double=False), task, PLANS[name], progress=False)
        path = run.save(tmp_path / f"{name}.tl", body=False)
        expected[name] = tlkit.load(path).probabilities(few.test.inputs)
        shelf.add(name, path)
    assert shelf.names == ["lora", "bitfit", "adapters"] and shelf.active == "adapters"
    held = {name: shelf[name] for name in shelf.names}
    for name in ("bitfit", "lora", "adapters", "bitfit"):
        assert np.array_equal(held[name].probabilities(few.test.inputs), expected[name]) and shelf.active == name
    assert held["bitfit"].classes == ("3", "7")
    shelf.use(None)
    assert shelf.active is None and apart(shelf.body, plain) == 0
    with pytest.raises(TlkitError, match="there is no adapter 'ia3'; names: lora, bitfit, adapters"):
        shelf["ia3"]


def test_a_shelf_whose_body_holds_a_merged_adapter_does_not_switch(make, digits, tmp_path):
    shelf, expected = peft.Shelf(make("cnn", double=False)[0].backbone), {}
    for name in ("lora", "ia3"):
        run = tlkit.finetune(model_for(digits, "glyphnet", double=False), digits, PLANS[name], progress=False)
        expected[name] = shelf.add(name, run.save(tmp_path / f"{name}.tl", body=False)).probabilities(digits.test.inputs)
    peft.merge(shelf.use("lora"))
    assert np.allclose(shelf["lora"].probabilities(digits.test.inputs), expected["lora"], atol=1e-5)
    for switch in (lambda: shelf["ia3"], lambda: shelf.use(None), lambda: shelf.add("more", tmp_path / "ia3.tl")):
        with pytest.raises(TlkitError, match=r"'lora' is merged into the weights of glyphnet; unmerge it first: tlkit.peft.unmerge\(shelf.body\)"):
            switch()
    peft.unmerge(shelf.body)
    assert all(np.array_equal(shelf[name].probabilities(digits.test.inputs), expected[name]) for name in ("ia3", "lora"))
    peft.merge(shelf.body)
    peft.remove(shelf.body)
    with pytest.raises(TlkitError, match="'lora' is merged into the weights of glyphnet and was taken out, so no other fits them any more"):
        shelf["ia3"]


def test_an_adapter_for_another_body_is_refused_with_the_stages_that_differ(make, digits, tmp_path):
    model, _ = make("cnn", double=False)
    path = tlkit.finetune(model, digits, PLANS["lora"], progress=False).save(tmp_path / "m.tl", body=False)
    other = tlkit.load_backbone("glyphnet")
    with torch.no_grad():
        other.stages["block2"][0].residual[0].weight[0, 0, 0, 0] += 1
    with pytest.raises(TlkitError, match=r"was made for another body than this glyphnet: by sha256, the weights of block2 \([0-9a-f]{12}... here, [0-9a-f]{12}... there\) differ"):
        tlkit.load(path, body=other)
    assert other.added is None
    assert tlkit.load(path, body=tlkit.load_backbone("glyphnet").double()).model.head.weight.dtype == torch.float64  # the same weights


def test_batchnorms_statistics_go_with_the_adapter_and_the_bodys_come_back(make, digits, tmp_path):
    model, _ = make("cnn", double=False)
    run = tlkit.finetune(model, digits, PLANS["lora"], progress=False)
    path = run.save(tmp_path / "m.tl", body=False)
    other = tlkit.load_backbone("glyphnet")
    other.stages["stem"][1].running_mean += 1
    loaded = tlkit.load(path, body=other).model
    assert apart(loaded, run.model) == 0
    peft.remove(loaded)
    assert torch.equal(other.stages["stem"][1].running_mean, tlkit.load_backbone("glyphnet").stages["stem"][1].running_mean + 1)


def test_prompts_are_seen_by_attention_and_by_no_pooling_tag_or_target(bodies):
    task = tlkit.load_task("entities", examples=4)
    model = model_for(task, transformer(bodies, "roberta"))
    peft.place(model.backbone, peft.PromptTuning(3))
    state = model.backbone.prepare(task.train.inputs)
    inside = model.backbone.run(state, to="embeddings")
    assert inside["hidden"].shape[1] == state["tokens"].shape[1] + 3 and inside["mask"][:, :3].all() and (inside["words"][:, :3] == -1).all()
    assert model.outputs(state).shape[1] == state["tokens"].shape[1]
    run = tlkit.finetune(model, task, plans.prompt_tuning(count=3, epochs=1), progress=False)
    assert [len(tags) for tags in Predictor(run.model, {}).predict(task.train.inputs)] == [len(words) for words in task.train.inputs]


def test_a_prefix_is_what_attention_over_more_keys_and_values_gives():
    """The oracle is torch's own attention over the longer sequence."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *sizes: torch.randn(*sizes, generator=generator, dtype=torch.float64)  # noqa: E731
    query, key, value, keys, values = draw(2, 3, 5, 4), draw(2, 3, 5, 4), draw(2, 3, 5, 4), draw(3, 2, 4), draw(3, 2, 4)
    mask = torch.ones(2, 1, 5, 5, dtype=torch.bool)
    mask[1, :, :, 3:] = False
    for seen, causal in ((None, False), (mask, False), (torch.where(mask, 0.0, -1e30).double(), False), (None, True)):
        found = peft.attention_with_prefix(query, key, value, keys, values, seen, causal)
        for row in range(2):
            for head in range(3):
                for place in range(5):
                    visible = [at for at in range(5) if (mask[row, 0, place, at] if seen is not None else not causal or at <= place)]
                    k, v = (torch.cat([front[head], own[row, head, visible]]) for front, own in ((keys, key), (values, value)))
                    weights = (query[row, head, place] @ k.T / 2).softmax(dim=0)
                    assert torch.allclose(found[row, head, place], weights @ v, atol=1e-12)


def test_padding_changes_nothing_beside_prompts_and_prefixes(make):
    for method in (peft.PromptTuning(2), peft.PrefixTuning(2)):
        for kind in ("bert", "gpt2"):
            model, _ = make(kind)
            peft.place(model.backbone, method)
            with model.evaluating():
                alone, together = model(["my card"]), model(["my card", "the cat sat on the mat again please help me now"])
            assert float((alone[0] - together[0]).abs().max()) < 1e-9


def attention_body(name="vit"):
    import torchvision

    from tlkit.backbones.torchvision_stages import split_into_stages
    torch.manual_seed(0)
    if name == "vit":
        model = torchvision.models.VisionTransformer(16, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=24)
    else:
        model = torchvision.models.SwinTransformer([2, 2], 8, [1, 1], [2, 2], [2, 2])
    size = 16 if name == "vit" else 16
    return Backbone(name, split_into_stages(model), size, Preprocessing((3, 16, 16), 0.0, 1.0), "none").double().eval()


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_attention_that_reads_its_weights_itself_learns_and_merges(name):
    draw = lambda *sizes: torch.randn(*sizes, generator=torch.Generator().manual_seed(len(sizes)), dtype=torch.float64)  # noqa: E731
    images = draw(5, 3, 16, 16)
    for method in (peft.LoRA(rank=2), peft.IA3(), peft.Adapters(8, norms=False), *([peft.PromptTuning(2)] if name == "vit" else [])):
        body = attention_body(name)
        before = body.run(images)
        added = peft.place(body, method)
        torch.manual_seed(1)
        for parameter in added.parameters:
            nn.init.normal_(parameter, std=0.3)
        said = body.run(images)
        (said * draw(*said.shape)).sum().backward()  # a norm's outputs add up to the same whatever happens
        assert float((said - before).abs().max()) > 1e-3
        assert all(float(parameter.grad.abs().max()) > 0 for around in added.arounds.values() for parameter in around.own_parameters() if parameter.ndim > 1)
        if method.name in ("lora", "ia3"):
            peft.merge(body)
            assert float((body.run(images) - said).abs().max()) < 1e-9
            peft.unmerge(body)
        peft.remove(body)
        assert torch.equal(body.run(images), before)


def test_factors_are_not_decayed_towards_zero(make):
    model, _ = make("bert")
    peft.place(model.backbone, peft.IA3())
    freeze(model, [])
    factors = {id(around.factors) for around in model.backbone.added.arounds.values()}
    assert {id(p) for group in parameter_groups(model, 1e-3, 1e-2, weight_decay=0.1) if group["weight_decay"] == 0 for p in group["params"]} >= factors


def test_drawing_a_method_leaves_the_global_random_state_alone(make):
    first, second = (make("cnn")[0] for _ in range(2))
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    peft.place(first.backbone, peft.LoRA(rank=2), seed=1)
    assert torch.equal(torch.rand(2), expected)
    peft.place(second.backbone, peft.LoRA(rank=2), seed=1)
    assert apart(first, second) == 0


@pytest.mark.parametrize("make_it, said", [
    (lambda: plans.lora(rank=0), "rank=0 must be a whole number from 1 on"),
    (lambda: plans.lora(alpha=0), "alpha=0 must be above 0"),
    (lambda: plans.adapters(bottleneck=0), "bottleneck=0 must be a whole number from 1 on"),
    (lambda: plans.prompt_tuning(count=0), "count=0 must be a whole number from 1 on"),
    (lambda: plans.lora().changed(fresh_weights=True), "needs pretrained weights beside it"),
    (lambda: plans.lora(learning_rate=0.0), "every phase freezes the whole body, so the plan's method would learn nothing"),
    (lambda: plans.Plan.from_json('{"name": "x", "phases": [{"epochs": 1, "learning_rate": 1}], "method": {"name": "dora"}}'), "there is no method 'dora'; methods: lora, adapters"),
    (lambda: plans.Plan.from_json('{"name": "x", "phases": [{"epochs": 1, "learning_rate": 1}], "method": {"name": "lora", "width": 3}}'), "method lora has no such setting: 'width'"),
])
def test_a_method_that_makes_no_sense_is_refused(make_it, said):
    with pytest.raises(TlkitError) as caught:
        make_it()
    assert said in str(caught.value)


@pytest.mark.parametrize("setting", [
    {"rank": "8"}, {"rank": None}, {"rank": float("nan")}, {"rank": 2.0}, {"rank": True}, {"alpha": "16"}, {"alpha": float("inf")}, {"alpha": None},
    {"input_dropout": "a"}, {"input_dropout": None}, {"rank_stabilised": "False"}, {"rank_stabilised": 1}, {"targets": 3}, {"targets": ("query", 3)},
    {"targets": b"query"}, {"targets": ()}, {"targets": ("query", "")},
    {"bottleneck": "16"}, {"bottleneck": float("nan")}, {"norms": "yes"}, {"count": None}, {"count": float("nan")}, {"count": 2.0},
])
def test_a_setting_of_another_type_is_refused_by_its_name(setting):
    (name, value), = setting.items()
    methods = {"bottleneck": [peft.Adapters], "norms": [peft.Adapters], "count": [peft.PromptTuning, peft.PrefixTuning],
               "targets": [peft.LoRA, peft.Adapters, peft.BitFit, peft.IA3]}
    for method in methods.get(name, [peft.LoRA]):
        with pytest.raises(TlkitError) as caught:
            method(**setting)
        assert str(caught.value).startswith(f"{name}={value!r} ") and "\n" not in str(caught.value)


def test_numbers_of_numpy_are_settings_as_good_as_any():
    assert plans.lora(rank=np.int64(4), alpha=np.float32(8)).to_json() == plans.lora(rank=4, alpha=8.0).to_json()


@pytest.mark.parametrize("call, said", [
    (lambda body: peft.merge(3), "is due, and 3 was given"),
    (lambda body: peft.unmerge(None), "is due, and None was given"),
    (lambda body: peft.remove("glyphnet"), "is due, and 'glyphnet' was given"),
    (lambda body: peft.merge(Predictor(None, {})), "is due, and a Predictor was given; take its model"),
    (lambda body: peft.place(nn.Linear(2, 2), peft.LoRA()), "is due, and a Linear was given"),
    (lambda body: peft.place(body, "lora"), "a method such as tlkit.peft.LoRA(rank=8) is due, with its settings, and 'lora' was given"),
    (lambda body: peft.place(body, peft.LoRA), "and the class LoRA was given"),
    (lambda body: peft.Shelf("glyphnet"), "is due, and 'glyphnet' was given"),
    (lambda body: peft.from_peft("glyphnet", "folder"), "is due, and 'glyphnet' was given"),
    (lambda body: peft.to_peft(3, "folder"), "is due, and 3 was given"),
    (lambda body: peft.candidates(3), "is due, and 3 was given"),
    (lambda body: peft.Shelf(body).add(None, "m.tl"), "name=None must be a text"),
])
def test_what_is_no_body_no_model_and_no_method_is_refused(call, said):
    with pytest.raises(TlkitError) as caught:
        call(tlkit.load_backbone("glyphnet"))
    assert said in str(caught.value)


def test_a_model_does_where_a_body_does(make):
    model, _ = make("cnn")
    added = peft.place(model, peft.LoRA(rank=2))
    assert model.backbone.added is added and peft.body_digests(model) == added.digests and peft.candidates(model).keys() == peft.candidates(model.backbone).keys()
    peft.remove(model)
    assert peft.Shelf(model).body is model.backbone


def test_a_pattern_passes_over_what_a_method_cannot_be_put_around_and_a_whole_name_does_not():
    body = tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=32)
    grouped = {name for name, module in peft.candidates(body).items() if getattr(module, "groups", 1) > 1}
    found = set(peft.LoRA(rank=1, targets=("*",)).modules(body))
    assert grouped and found == peft.candidates(body).keys() - grouped
    with pytest.raises(TlkitError, match="a convolution in 32 groups has no low-rank update"):
        peft.place(body, peft.LoRA(rank=1, targets=sorted(grouped)[:1]))


@pytest.mark.parametrize("method, said", [
    (peft.LoRA(rank=16), "stem.0: rank=16 must lie between 1 and 9 for a layer of 9 inputs and 32 outputs; or name targets without it, such as "
                         "targets=('block1.*', 'block2.*', 'block3.*')"),
    (peft.LoRA(targets="block1"), "target 'block1' matches nothing in glyphnet; block1 has parts, and all of them are 'block1.*'"),
    (peft.BitFit(targets="block1"), "target 'block1' matches nothing in glyphnet that has a bias; block1 has parts, and all of them are 'block1.*'"),
    (peft.BitFit(targets="conv"), "names that could be meant: stem.1, block1.residual.1, block1.residual.4, "),
])
def test_the_refusal_names_targets_that_do(method, said):
    body = tlkit.load_backbone("glyphnet")
    with pytest.raises(TlkitError) as caught:
        peft.place(body, method)
    assert said in str(caught.value) and body.added is None
    for does in (peft.LoRA(rank=16, targets=("block1.*", "block2.*", "block3.*")), peft.BitFit(targets="block1.*")):
        peft.place(body, does)
        peft.remove(body)


@pytest.mark.parametrize("body, plan, said", [
    ("bert", plans.lora(rank=33), "block1.layer.attention.self.query: rank=33 must lie between 1 and 32 for a layer of 32 inputs and 32 outputs"),
    ("bert", plans.lora(targets="q_proj"), "target 'q_proj' matches nothing in"),
    ("bert", plans.lora(targets="q_proj"), "names that could be meant: word_embeddings, position_embeddings, token_type_embeddings, query, key, value, dense"),
    ("bert", plans.bitfit(targets="conv"), "target 'conv' matches nothing in"),
    ("cnn", plans.prompt_tuning(), "does not read a sequence of places"),
    ("cnn", plans.prefix_tuning(), "has no attention that a prefix could be put into"),
    ("bert", plans.lora(frozen=("block1", "block2")), "every phase freezes block1, block2, and that is all that lora put something into"),
])
def test_a_method_that_does_not_fit_the_body_is_refused_and_leaves_it_alone(body, plan, said, make):
    model, task = make(body)
    before = copy.deepcopy(model)
    with pytest.raises(TlkitError) as caught:
        tlkit.finetune(model, task, plan, progress=False)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    if model.backbone.added is not None:
        peft.remove(model)
    assert apart(model, before) == 0


def test_a_plan_that_is_not_the_bodys_method_is_refused(make):
    model, task = make("cnn")
    peft.place(model.backbone, peft.LoRA(rank=2))
    for plan in (plans.full(epochs=1, jitter=None), plans.ia3(epochs=1)):
        with pytest.raises(TlkitError, match="carries a method .lora, rank 2, alpha 16.0. that is not the plan's"):
            tlkit.finetune(model, task, plan, progress=False)
    tlkit.finetune(model, task, plans.linear_probe(epochs=1), progress=False)  # the head alone may learn
    peft.merge(model)
    with pytest.raises(TlkitError, match="lora is merged into glyphnet, so it cannot learn"):
        tlkit.finetune(model, task, plans.lora(rank=2, epochs=1), progress=False)


def test_weights_that_changed_cannot_be_left_out(make, tmp_path):
    model, task = make("cnn")
    run = tlkit.finetune(model, task, plans.full(epochs=1, jitter=None), progress=False)
    with pytest.raises(TlkitError, match="the plan full changed the body's own weights .stem.0.weight among them., so they cannot be left out"):
        run.save(tmp_path / "m.tl", body=False)


def test_a_method_that_was_taken_out_is_not_there_to_be_saved_by_itself(make, digits, tmp_path):
    run = tlkit.finetune(make("cnn", double=False)[0], digits, PLANS["lora"], progress=False)
    peft.remove(run.model)
    with pytest.raises(TlkitError, match="lora was taken out of glyphnet, so there is nothing of it to save by itself; save with body=True, or"):
        run.save(tmp_path / "m.tl", body=False)
    assert not (tmp_path / "m.tl").exists()


def test_quantised_and_tied_weights_are_refused(make, bodies):
    from tests.test_feature_cache import generation_task

    model, _ = make("bert", double=False)
    layer = model.stages["block1"].layer.attention.self
    layer.query = torch.ao.nn.quantized.dynamic.Linear(32, 32)
    with pytest.raises(TlkitError, match="block1.layer.attention.self.query is quantised .torch.ao.nn.quantized"):
        peft.place(model.backbone, peft.LoRA(rank=2))
    layer.query = nn.Linear(32, 32)
    layer.query.weight = nn.Parameter(torch.zeros(32, 32, dtype=torch.int8), requires_grad=False)
    with pytest.raises(TlkitError, match=r"is quantised \(torch.int8\)"):
        peft.place(model.backbone, peft.LoRA(rank=2))
    layer.query = nn.Linear(32, 32)
    layer.query.weight = layer.key.weight
    with pytest.raises(TlkitError, match="block1.layer.attention.self.query shares its weights with block1.layer.attention.self.key"):
        peft.place(model.backbone, peft.LoRA(rank=2))
    task = generation_task()
    writer = model_for(task, transformer(bodies, "gpt2"))
    with pytest.raises(TlkitError, match="the head has its weights from embeddings.wte"):
        tlkit.finetune(writer, task, plans.lora(rank=2, targets=("wte",), epochs=1), progress=False)
    run = tlkit.finetune(model_for(task, transformer(bodies, "gpt2")), task, plans.lora(rank=2, epochs=1), progress=False)
    assert not run.model.head.linear.weight.requires_grad  # the tied table stays


def test_a_layer_that_is_never_called_is_refused():
    body = attention_body("vit")
    body.stages["block1"].idle = nn.Linear(16, 16).double()
    with pytest.raises(TlkitError, match="never calls block1.idle"):
        peft.place(body, peft.LoRA(rank=2, targets=("idle",)))
    assert body.added is None and isinstance(body.stages["block1"].idle, nn.Linear)
