import os
import pickle
import shutil

import numpy as np
import pytest
import torch

import tlkit
from tests.backbones import checkpoints
from tlkit.backbones.state import concatenate, select
from tlkit.data.sound import Sound
from tlkit.errors import TlkitError

TEXT_FAMILIES = ["bert", "distilbert", "roberta", "xlm-roberta", "camembert", "gpt2"]
FAMILIES = [*TEXT_FAMILIES, "vit", "wav2vec2", "wav2vec2-stable"]
TEXTS = ["the cat sat on the mat", "my card is lost, please help me now!", "dog"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Each family once: our body, and the model that was saved."""
    made = {}

    def get(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            original = checkpoints.write(folder, kind)
            made[kind] = (tlkit.load_backbone(folder), original, folder)
        return made[kind]

    return get


def inputs_of(backbone):
    generator = np.random.default_rng(0)
    if backbone.modality == "text":
        return TEXTS
    if backbone.modality == "image":
        return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return [Sound(generator.normal(size=size).astype(np.float32), 16000) for size in (900, 400, 655)]


def original_states(kind, original, state):
    """The last hidden states by the model's own forward."""
    if kind == "vit":
        return original(pixel_values=state).last_hidden_state
    if kind.startswith("wav2vec2"):
        mask = {"attention_mask": state["mask"].long()} if kind == "wav2vec2-stable" else {}
        return original(input_values=state["samples"], **mask).last_hidden_state
    return original(input_ids=state["tokens"], attention_mask=state["mask"].long()).last_hidden_state


@pytest.mark.parametrize("kind", FAMILIES)
@torch.no_grad()
def test_stage_after_stage_gives_what_the_models_own_forward_gives(loaded, kind):
    backbone, original, _ = loaded(kind)
    state = backbone.preprocessing(inputs_of(backbone))
    ours = backbone.run(state, to=list(backbone.stages)[-2])
    theirs = original_states(kind, original, state)
    valid = ours["mask"]
    torch.testing.assert_close(ours["hidden"][valid], theirs[valid], rtol=0, atol=1e-6)
    assert valid.sum() > 3 and theirs[valid].std() > 0.01


@pytest.mark.parametrize("kind", FAMILIES)
@torch.no_grad()
def test_a_stretch_taken_up_again_at_any_stage_ends_at_the_same_features(loaded, kind):
    backbone, _, _ = loaded(kind)
    inputs = inputs_of(backbone)
    expected = backbone(inputs)
    assert expected.shape == (3, backbone.feature_size)
    for boundary in list(backbone.stages)[:-1]:
        at_boundary = backbone.run(backbone.preprocessing(inputs), to=boundary)
        kept = concatenate([select(at_boundary, [2]), select(at_boundary, [0, 1])])
        again = backbone.run(select(kept, [1, 2, 0]), after=boundary)
        torch.testing.assert_close(again, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_parameter_belongs_to_exactly_one_stage(loaded, kind):
    backbone, original, _ = loaded(kind)
    ours = [parameter for stage in backbone.stages.values() for parameter in stage.parameters()]
    assert len({id(parameter) for parameter in ours}) == len(ours) == len(list(backbone.parameters()))
    pooler = [p for name, p in original.named_parameters() if name.startswith("pooler.")]
    count = sum(p.numel() for p in original.parameters()) - sum(p.numel() for p in pooler)
    assert sum(p.numel() for p in ours) == count


@pytest.mark.parametrize("kind", TEXT_FAMILIES)
def test_the_embedding_that_an_output_layer_would_share_is_named(loaded, kind):
    backbone, original, _ = loaded(kind)
    assert torch.equal(backbone.get_parameter(backbone.token_embedding), original.get_input_embeddings().weight)


@torch.no_grad()
def test_padding_does_not_change_an_examples_features(loaded):
    for kind in (*TEXT_FAMILIES, "wav2vec2-stable"):
        backbone, _, _ = loaded(kind)
        inputs = inputs_of(backbone)
        together, alone = backbone(inputs), torch.cat([backbone([one]) for one in inputs])
        torch.testing.assert_close(together, alone, rtol=0, atol=2e-6)
        assert not backbone.batch_dependence


@torch.no_grad()
def test_a_body_that_sees_its_batch_mates_says_so(loaded):
    backbone, _, _ = loaded("wav2vec2")
    sounds = inputs_of(backbone)
    assert (backbone(sounds)[1] - backbone([sounds[1]])[0]).abs().max() > 1e-3
    assert "silence" in backbone.batch_dependence and backbone.batch_dependence in backbone._repr_html_()


@torch.no_grad()
def test_poolings_are_what_they_say(loaded, tmp_path):
    _, original, folder = loaded("bert")
    for pooling in ("mean", "first", "last"):
        backbone = tlkit.load_backbone(folder, pooling=pooling)
        state = backbone.preprocessing(TEXTS)
        hidden = original_states("bert", original, state).numpy()
        lengths = state["mask"].sum(dim=1).tolist()
        pick = {"mean": lambda h, n: h[:n].mean(axis=0), "first": lambda h, n: h[0], "last": lambda h, n: h[n - 1]}[
            pooling
        ]
        expected = [pick(row, length) for row, length in zip(hidden, lengths, strict=True)]
        np.testing.assert_allclose(backbone(TEXTS).numpy(), expected, atol=1e-6)
    with pytest.raises(TlkitError, match="pooling='max' must be one of mean, first, last"):
        tlkit.load_backbone(folder, pooling="max")


@torch.no_grad()
def test_masked_frames_are_what_the_original_masks(loaded):
    backbone, original, _ = loaded("wav2vec2-stable")
    state = backbone.run(backbone.preprocessing(inputs_of(backbone)), to="convolutions")
    masked = torch.zeros_like(state["mask"])
    masked[:, 3:9] = True
    ours = backbone.run({**state, "masked": masked}, after="convolutions", to="norm")
    raw = backbone.preprocessing(inputs_of(backbone))
    theirs = original(raw["samples"], attention_mask=raw["mask"].long(), mask_time_indices=masked).last_hidden_state
    torch.testing.assert_close(ours["hidden"][ours["mask"]], theirs[ours["mask"]], rtol=0, atol=1e-6)


def test_words_given_apart_keep_their_places(loaded):
    backbone, _, _ = loaded("bert")
    state = backbone.preprocessing([["The", "unbelievably", "cat"], ["dog"]])
    assert state["words"].tolist() == [[-1, 0, 1, 1, 1, 2, -1], [-1, 0, -1, -1, -1, -1, -1]]
    assert torch.equal(backbone.run(state, to="embeddings")["words"], state["words"])


def test_texts_beyond_the_bodys_reach_are_counted(loaded):
    backbone, _, _ = loaded("roberta")
    long = "cat " * 30
    assert backbone.preprocessing.max_length == 38
    assert (backbone.preprocessing.lengths(["cat", long]) > backbone.preprocessing.max_length).tolist() == [False, True]
    with torch.no_grad():
        assert backbone([long]).isfinite().all()


@torch.no_grad()
def test_a_text_without_any_token_has_the_same_finite_features_alone_and_among_others(loaded):
    for kind in ("gpt2", "bert"):
        backbone, _, _ = loaded(kind)
        alone, among = backbone([""])[0], backbone(["", "the cat sat"])[0]
        assert alone.isfinite().all()
        torch.testing.assert_close(alone, among, rtol=0, atol=2e-6)
        assert backbone.preprocessing([[], ["cat"]])["words"][0].max() == -1


def test_sounds_come_to_the_bodys_rate_and_short_ones_get_silence(loaded):
    backbone, _, _ = loaded("wav2vec2")
    state = backbone.preprocessing([Sound(np.ones(800, np.float32), 8000), Sound(np.zeros(3, np.float32), 16000)])
    assert state["mask"].sum(dim=1).tolist() == [1600, backbone.preprocessing.shortest]
    with torch.no_grad():
        assert backbone([Sound(np.zeros(3, np.float32), 16000)]).isfinite().all()


def test_fresh_weights_come_from_the_seed_and_leave_the_random_state_alone(loaded):
    _, _, folder = loaded("bert")
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    once, again, other = (tlkit.load_backbone(folder, pretrained=False, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(2), expected)
    with torch.no_grad():
        assert torch.equal(once(TEXTS), again(TEXTS)) and not torch.equal(once(TEXTS), other(TEXTS))


def test_describe_counts_the_products_of_every_block(loaded):
    backbone, _, _ = loaded("bert")
    rows = {row.name: row for row in backbone.profile()}
    tokens, hidden, inner = 32, 32, 48
    products = tokens * hidden * (4 * hidden + 2 * inner) + 2 * tokens * tokens * hidden
    assert rows["block1"].flops == 2 * products and rows["block1"].output == (tokens, hidden)
    assert "block2" in backbone.describe() and "<table>" in backbone._repr_html_()


def test_the_hubs_cache_is_read_without_a_network(loaded, tmp_path, monkeypatch):
    _, original, folder = loaded("distilbert")
    home = tmp_path / "hub" / "models--somebody--tiny"
    snapshot = home / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    backbone = tlkit.load_backbone("somebody/tiny")
    assert backbone.name == "somebody/tiny" and list(backbone.stages) == ["embeddings", "block1", "block2", "pool"]
    with pytest.raises(TlkitError, match="somebody/absent could not be loaded") as error:
        tlkit.load_backbone("somebody/absent")
    assert "\n" not in str(error.value)


def test_a_type_without_a_depth_map_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    with pytest.raises(TlkitError, match="type 'whisper', which has no depth map here; types: bert, "):
        tlkit.load_backbone(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(TlkitError, match="holds no config.json"):
        tlkit.load_backbone(tmp_path)


class Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_a_pickle_with_code_is_refused_and_not_run(loaded, tmp_path):
    _, _, source = loaded("bert")
    folder = shutil.copytree(source, tmp_path / "trap")
    (folder / "model.safetensors").unlink()
    torch.save({"embeddings.word_embeddings.weight": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    with pytest.raises(TlkitError):
        tlkit.load_backbone(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(TlkitError):
        tlkit.load_backbone(folder)
    assert not (tmp_path / "sprung").exists()


def test_damaged_or_incomplete_weights_are_refused(loaded, tmp_path):
    from safetensors.torch import load_file, save_file

    _, _, source = loaded("bert")
    folder = shutil.copytree(source, tmp_path / "damaged")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(TlkitError, match="could not be loaded"):
        tlkit.load_backbone(folder)
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(
        TlkitError, match="lack 1 of the model's parameters, such as encoder.layer.1.output.dense.weight"
    ):
        tlkit.load_backbone(folder)


def test_a_speech_recogniser_without_a_vector_for_masked_frames_is_no_damage(loaded, tmp_path):
    from safetensors.torch import load_file, save_file

    whole, _, source = loaded("wav2vec2")
    folder = shutil.copytree(source, tmp_path / "recogniser")
    tensors = load_file(folder / "model.safetensors")
    del tensors["masked_spec_embed"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with torch.no_grad():
        assert torch.equal(tlkit.load_backbone(folder)(inputs_of(whole)), whole(inputs_of(whole)))


def test_code_that_comes_with_a_checkpoint_is_not_run(loaded, tmp_path):
    import json

    _, original, source = loaded("bert")
    folder = shutil.copytree(source, tmp_path / "remote")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Evil", "AutoConfig": "evil.Config"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(tmp_path / 'sprung')!r})")
    assert tlkit.load_backbone(folder).feature_size == 32
    assert not (tmp_path / "sprung").exists()
