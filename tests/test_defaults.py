"""What is taken where nothing is said suits the body."""

import pytest

import tlkit
from tlkit.defaults import default_plan
from tlkit.errors import TlkitError


@pytest.fixture(scope="module")
def pretrained():
    """A convolutional body that says that it is pretrained; its weights do not matter here."""
    body = tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=32)
    body.recipe = {**body.recipe, "pretrained": True}
    return body


@pytest.mark.parametrize("name", ["full", "discriminative", "gradual_unfreezing", "lp_ft"])
def test_a_pretrained_convolutional_body_keeps_its_running_statistics(pretrained, name):
    plan = default_plan(name, pretrained)
    assert plan.batchnorm == "frozen" and "batchnorm: frozen" in str(plan)
    assert default_plan(name, pretrained, batchnorm="adapted").batchnorm == "adapted"


@pytest.mark.parametrize("name", ["scratch", "linear_probe", "lora", "bitfit"])
def test_a_plan_that_leaves_the_body_or_begins_anew_says_nothing_of_them(pretrained, name):
    assert default_plan(name, pretrained).batchnorm == "adapted"


@pytest.mark.parametrize("body, options", [
    ("mobilenet_v2", {"pretrained": False, "image_size": 32}),      # fresh statistics know nothing
    ("convnext_tiny", {"pretrained": False, "image_size": 32}),     # has no BatchNorm
    ("glyphnet", {}),
    ("minilm_small", {}),
])
def test_other_bodies_have_none_that_should_stay(body, options):
    body = tlkit.load_backbone(body, **options)
    body.recipe = body.recipe if body.name == "mobilenet_v2" else {**(body.recipe or {}), "pretrained": True}
    assert default_plan("full", body).batchnorm == "adapted"


@pytest.mark.parametrize("name", ["full", "lp_ft", "scratch", "gradual_unfreezing", "linear_probe", "lora"])
def test_a_rate_of_0_that_was_asked_for_is_not_taken_for_none(pretrained, name):
    if name == "full":
        assert default_plan(name, pretrained, learning_rate=0).phases[0].freezes_body
        assert default_plan(name, pretrained, head_learning_rate=0).phases[0].head_learning_rate == 0
    else:
        rate = "head_learning_rate" if name == "linear_probe" else "learning_rate"
        with pytest.raises(TlkitError, match="nothing would learn|would learn nothing"):
            default_plan(name, pretrained, **{rate: 0})
    with pytest.raises(TlkitError, match="epochs.*=0 must be"):
        default_plan(name, pretrained, epochs=0)


def test_frozen_statistics_of_fresh_weights_are_refused(pretrained):
    with pytest.raises(TlkitError, match="batchnorm='frozen' keeps the statistics of pretraining"):
        default_plan("scratch", pretrained, batchnorm="frozen")
    with pytest.raises(TlkitError, match="must be 'adapted' or 'frozen'"):
        default_plan("full", pretrained, batchnorm="still")
