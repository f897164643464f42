"""LoRA here and in Hugging Face's peft are the same numbers: peft is the oracle, on the original models."""

import copy
from collections import OrderedDict

import peft as hf
import pytest
import torch
import torchvision
from torch import nn

import tlkit
from tests.backbones import checkpoints
from tlkit import peft, plans
from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.backbones.torchvision_stages import split_into_stages
from tlkit.errors import TlkitError


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Small models of transformers in float64, and ours made of the same files."""
    folder = tmp_path_factory.mktemp("bodies")
    def pair(kind):
        model = checkpoints.write(folder / kind, kind).double().eval()
        return model, tlkit.load_backbone(folder / kind).double()
    return pair


def stirred(body, method, seed=0):
    """A method in its place with nothing at zero, so that everything counts."""
    added = peft.place(body, method, seed)
    torch.manual_seed(seed)
    for parameter in added.parameters:
        nn.init.normal_(parameter, std=0.1)
    return added


def tokens(body, texts=("the cat sat on the mat", "my card is lost please help me now", "unbelievably")):
    return body.prepare(list(texts))


def gradients(there) -> dict[str, torch.Tensor]:
    return {name.replace(".default", ""): parameter.grad for name, parameter in there.named_parameters() if "lora_" in name}


def compare(body, there, ours, theirs, tolerance=1e-6):
    """Outputs, then the gradients of everything that LoRA learns."""
    assert float((ours - theirs).detach().abs().max()) < tolerance
    weights = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1), dtype=ours.dtype)
    for parameter in body.added.parameters:
        parameter.grad = None
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    from tlkit.peft.hugging_face import _as_there
    found = gradients(there)
    count = 0
    for name, around in body.added.arounds.items():
        original = body.original_names.get(name, name)
        for end, parameter in _as_there(around).items():
            matching = [values for key, values in found.items() if key.endswith(f"{original}.{end}")]
            assert len(matching) == 1, (original, end, list(found)[:3])
            learned = parameter if parameter.is_leaf else around.up  # a convolution's `up` has two more axes there
            assert float((learned.grad.reshape(matching[0].shape) - matching[0]).abs().max()) < tolerance * max(1.0, float(matching[0].abs().max()))
            count += 1
    assert count == len(found)


@pytest.mark.parametrize("kind, targets", [
    ("bert", None), ("bert", ("query", "key", "value", "dense")), ("bert", ("word_embeddings", "query")), ("gpt2", None), ("gpt2", ("c_fc", "c_proj")),
])
@pytest.mark.parametrize("rank_stabilised", [False, True])
def test_forward_gradients_and_merged_weights_are_pefts(kind, targets, rank_stabilised, originals, tmp_path):
    model, body = originals(kind)
    stirred(body, peft.LoRA(rank=3, alpha=5.0, rank_stabilised=rank_stabilised, targets=targets))
    there = hf.PeftModel.from_pretrained(model, peft.to_peft(body, tmp_path), is_trainable=True)
    state = tokens(body)
    last = list(body.stages)[-2]
    ask = {"input_ids": state["tokens"], "attention_mask": state["mask"].long()}
    seen = state["mask"]
    compare(body, there, body.run(state, to=last)["hidden"][seen], there(**ask).last_hidden_state[seen])
    before = body.run(state)
    peft.merge(body)
    merged = there.merge_and_unload()
    assert float((body.run(state) - before).detach().abs().max()) < 1e-9
    for name, around in body.added.arounds.items():
        theirs = merged.get_submodule(body.original_names[name]).weight
        assert float((around.base.weight - theirs).abs().max()) < 1e-9


def tiny_vit(image_size=16):
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(image_size, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=24).double().eval()
    body = Backbone("tiny-vit", split_into_stages(model), 16, Preprocessing((3, image_size, image_size), 0.0, 1.0), "none").double().eval()
    return model, body.note_original_names(model)


def tiny_cnn():
    body = tlkit.load_backbone("glyphnet").double()
    return nn.Sequential(OrderedDict(body.stages.items())), body


def exported(make, targets, folder):
    """A body with a stirred LoRA, a copy of the original model, and that copy as peft wraps it."""
    model, body = make()
    model = copy.deepcopy(model)  # the body is made of its very modules
    if hasattr(model, "heads"):
        model.heads = nn.Identity()
    stirred(body, peft.LoRA(rank=2, targets=targets))
    there = hf.PeftModel.from_pretrained(copy.deepcopy(model), peft.to_peft(body, folder), is_trainable=True)
    shape = body.preprocessing.input_shape
    return model, body, there, torch.randn(3, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_convolutions_are_pefts(tmp_path):
    _, body, there, images = exported(tiny_cnn, None, tmp_path)
    compare(body, there, body.run(images), there(images))
    ours = body.run(images)
    peft.merge(body)
    assert float((body.run(images) - ours).abs().max()) < 1e-9


def test_attention_in_one_piece_has_pefts_updates_once_each(tmp_path):
    """peft adds the output projection's update twice here (in 0.21.2), so its updates are put into the weights by hand."""
    model, body, there, images = exported(tiny_vit, None, tmp_path)
    with torch.no_grad():
        for name, around in body.added.arounds.items():
            original = body.original_names[name]
            wrapped, plain = there.base_model.model.get_submodule(original), model.get_submodule(original)
            plain.in_proj_weight += wrapped.get_delta_weight("default")
            plain.out_proj.weight += wrapped.base_layer.out_proj.get_delta_weight("default")
    ours, theirs = body.run(images), model(images)
    assert float((ours - theirs).detach().abs().max()) < 1e-9
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for name, around in body.added.arounds.items():
        into = model.get_submodule(body.original_names[name]).in_proj_weight.grad       # dL/dW, so dL/dB = scale dL/dW A^T
        expected = around.scale * into @ around.down["in_proj_weight"].T
        assert float((around.up["in_proj_weight"].grad - expected).abs().max()) < 1e-9
    with torch.no_grad():
        assert float((body.run(images) - ours).abs().max()) < 1e-9  # without gradients torch takes a fast path of its own
    peft.merge(body)
    assert float((body.run(images) - ours).detach().abs().max()) < 1e-9
    peft.unmerge(body)
    assert torch.equal(body.run(images), ours)


def test_what_peft_saved_is_read_back_and_goes_out_again_unchanged(originals, tmp_path):
    model, body = originals("bert")
    config = hf.LoraConfig(r=2, lora_alpha=6, target_modules=["query", "value"], use_rslora=True, init_lora_weights=False)
    there = hf.get_peft_model(model, config)
    there.save_pretrained(tmp_path / "theirs")
    added = peft.from_peft(body, tmp_path / "theirs")
    assert (added.method.rank, added.method.alpha, added.method.rank_stabilised, len(added.arounds)) == (2, 6, True, 4)
    state = tokens(body)
    seen = state["mask"]
    theirs = there(input_ids=state["tokens"], attention_mask=seen.long()).last_hidden_state
    assert float((body.run(state, to="block2")["hidden"][seen] - theirs[seen]).detach().abs().max()) < 1e-9
    peft.to_peft(body, tmp_path / "ours")
    from safetensors.torch import load_file
    first, second = (load_file(tmp_path / which / "adapter_model.safetensors") for which in ("theirs", "ours"))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_trained_by_the_one_loop_the_updates_are_those_of_a_plain_loop_over_peft(tmp_path):
    """MiniLM, float64, dropout 0, one batch of everything a step: forward, gradients, AdamW's steps, merging."""
    task = tlkit.load_task("tickets", labels_per_class=1, seed=0)
    task = task.with_classes(task.classes[:3])
    plan = plans.lora(rank=4, alpha=8.0, epochs=3, learning_rate=1e-3, head_learning_rate=1e-2, batch_size=len(task.train), weight_decay=0.0,
                      schedule="constant", warmup=0.0)
    model = tlkit.adapt(tlkit.load_backbone("minilm").double(), task, seed=0)
    peft.place(model.backbone, plan.method, seed=0)
    from transformers import AutoModel

    from tlkit.backbones.minilm import find_folder
    there = hf.PeftModel.from_pretrained(AutoModel.from_pretrained(find_folder()).double().eval(), peft.to_peft(model, tmp_path), is_trainable=True)
    head = copy.deepcopy(model.head)
    run = tlkit.finetune(model, task, plan, seed=0, progress=False)
    assert "behind embeddings" in run.kept[0]["note"]  # what lies below the first update is computed once

    state, labels = model.backbone.prepare(task.train.inputs), task.train.labels
    there.eval()
    learned = [parameter for parameter in there.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW([{"params": learned, "lr": 1e-3}, {"params": head.parameters(), "lr": 1e-2}], weight_decay=0.0)
    def outputs(body):
        hidden, mask = body(input_ids=state["tokens"], attention_mask=state["mask"].long()).last_hidden_state, state["mask"][..., None].double()
        return head((hidden * mask).sum(dim=1) / mask.sum(dim=1))
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(outputs(there), labels).backward()
        optimizer.step()
    theirs = dict(there.named_parameters())
    for name, around in model.backbone.added.arounds.items():
        end = f"base_model.model.{model.backbone.original_names[name]}"
        assert float((around.up - theirs[f"{end}.lora_B.default.weight"]).detach().abs().max()) < 1e-6
        assert float((around.down - theirs[f"{end}.lora_A.default.weight"]).detach().abs().max()) < 1e-6
        assert float(around.up.detach().abs().max()) > 1e-4  # it moved
    with torch.no_grad():
        said = model(task.train.inputs)
        assert float((said - outputs(there)).abs().max()) < 1e-6
        peft.merge(model)
        assert float((model(task.train.inputs) - said).abs().max()) < 1e-6
        assert float((model(task.train.inputs) - outputs(there.merge_and_unload())).abs().max()) < 1e-6


@pytest.mark.parametrize("change, said", [
    ({"peft_type": "IA3"}, "holds IA3, and LORA alone can be read"),
    ({"use_dora": True}, "was made with use_dora=True, which has no counterpart here"),
    ({"bias": "all"}, "was made with bias=all, which has no counterpart here"),
    ({"r": 3}, "of shape (3, 32)"),
    ({"r": "2"}, "adapter_config.json: rank='2' must be a whole number from 1 on"),
    ({"r": None}, "adapter_config.json: rank=None must be a whole number from 1 on"),
    ({"init_lora_weights": "pissa"}, "was made with init_lora_weights='pissa', which changed the model's own weights too"),
    ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights='pissa_niter_4'"),
    ({"init_lora_weights": "olora"}, "init_lora_weights='olora'"),
    ({"init_lora_weights": "corda"}, "init_lora_weights='corda'"),
    ({"init_lora_weights": "loftq"}, "init_lora_weights='loftq'"),
    ({"init_lora_weights": "lora_ga"}, "init_lora_weights='lora_ga'"),
    ({"alora_invocation_tokens": [5]}, "was made with alora_invocation_tokens=[5], which has no counterpart here"),
    ({"something_new": True}, "was made with something_new=True, which has no counterpart here"),
])
def test_what_peft_made_and_cannot_be_read_is_refused_in_a_sentence(change, said, originals, tmp_path):
    import json
    _, body = originals("bert")
    peft.place(body, peft.LoRA(rank=2))
    folder = peft.to_peft(body, tmp_path)
    peft.remove(body)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(TlkitError) as caught:
        peft.from_peft(body, folder)
    assert said in str(caught.value) and body.added is None


def test_files_of_peft_that_lack_something_are_refused_in_a_sentence(originals, tmp_path):
    import json

    from safetensors.torch import load_file, save_file
    _, body = originals("bert")
    peft.place(body, peft.LoRA(rank=2))
    folder = peft.to_peft(body, tmp_path)
    peft.remove(body)
    settings, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    config, tensors = json.loads(settings.read_text()), load_file(weights)
    first = next(iter(tensors))
    for change, said in [
        (lambda: settings.write_text("[]"), "adapter_config.json holds a list, and settings by name are due"),
        (lambda: settings.write_text(json.dumps({name: value for name, value in config.items() if name != "r"})), "adapter_config.json lacks r,"),
        (lambda: settings.write_text(json.dumps({name: value for name, value in config.items() if name != "lora_alpha"})), "lacks lora_alpha,"),
        (lambda: save_file({}, weights), "holds no tensors, so there is no update to read"),
        (lambda: save_file({**tensors, first: tensors[first] * float("nan")}, weights), f"holds numbers in {first} that are not finite"),
    ]:
        settings.write_text(json.dumps(config))
        save_file(tensors, weights)
        change()
        with pytest.raises(TlkitError) as caught:
            peft.from_peft(body, folder)
        assert said in str(caught.value) and "\n" not in str(caught.value) and body.added is None


@pytest.mark.parametrize("start, same", [("gaussian", True), ("orthogonal", True), ("pissa", False), ("olora", False)])
def test_a_start_is_refused_where_peft_changes_the_models_own_weights(start, same, originals, tmp_path):
    model, body = originals("bert")
    model = model.float()
    before = copy.deepcopy(model.state_dict())
    there = hf.get_peft_model(model, hf.LoraConfig(r=2, target_modules=["query"], init_lora_weights=start))
    there.save_pretrained(tmp_path / "theirs")
    kept = all(torch.equal(values, before[name]) for name, values in there.unload().state_dict().items())
    assert kept == same
    if same:
        assert len(peft.from_peft(body, tmp_path / "theirs").arounds) == 2
    else:
        with pytest.raises(TlkitError, match="init_lora_weights"):
            peft.from_peft(body, tmp_path / "theirs")


def test_what_peft_trained_learns_on_by_its_own_method(originals, tmp_path):
    model, body = originals("bert")
    hf.get_peft_model(model, hf.LoraConfig(r=2, target_modules=["query"])).save_pretrained(tmp_path)
    added = peft.from_peft(body, tmp_path)
    task = tlkit.load_task("tickets", labels_per_class=1, seed=0)
    run = tlkit.finetune(tlkit.adapt(body, task), task, plans.few_parameters(added.method, epochs=1), progress=False)
    assert run.model.backbone.added is added and any(float(around.up.detach().abs().max()) > 0 for around in added.arounds.values())
