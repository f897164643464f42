import json

import pytest
import torch

from tlkit.backbones import glyphnet
from tlkit.backbones.pretraining import Recipe, pretrain_glyphnet
from tlkit.data.glyphs import draw_letters


@pytest.fixture(scope="module")
def letters():
    return draw_letters(("cmr10", "cmss10"))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path, letters):
    recipe = Recipe(steps=3, batch_size=16)
    cards = [pretrain_glyphnet(tmp_path / str(run), seed, recipe, letters) for run, seed in enumerate((0, 0, 1))]
    assert cards[0]["sha256"] == cards[1]["sha256"] != cards[2]["sha256"]
    assert (tmp_path / "0" / "glyphnet.safetensors").read_bytes() == (tmp_path / "1" / "glyphnet.safetensors").read_bytes()


def test_what_pretraining_writes_can_be_loaded_and_says_how_it_was_made(tmp_path, letters):
    card = pretrain_glyphnet(tmp_path, 7, Recipe(steps=2, batch_size=16), letters)
    assert json.loads((tmp_path / "glyphnet.json").read_text()) == card
    assert card["seed"] == 7 and card["recipe"]["steps"] == 2 and card["recipe"]["hand"]["sway"] > 0
    backbone = glyphnet.build()
    backbone.load_state_dict(glyphnet.read_weights(tmp_path / "glyphnet.safetensors", tmp_path / "glyphnet.json"))
    assert torch.isfinite(backbone(torch.rand(2, 1, 8, 8))).all()


def test_a_few_steps_already_learn_letters(tmp_path, letters):
    card = pretrain_glyphnet(tmp_path, 0, Recipe(steps=60, batch_size=64, averaging=0.9), letters)
    assert card["letters_accuracy"] > 5 / len(letters.classes)
