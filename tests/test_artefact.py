import dataclasses
import json

import numpy as np
import pytest
import torch

import tlkit
from tests.small_models import apart, model_for, transformer
from tests.test_feature_cache import generation_task
from tests.test_kinds import lengths, multi_label, speech_task
from tlkit import plans
from tlkit.errors import TlkitError
from tlkit.prediction import collect

SHORT = plans.full(epochs=1, learning_rate=1e-3, batch_size=8, jitter=None)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def tickets():
    return tlkit.load_task("tickets", labels_per_class=2)


@pytest.fixture(scope="module")
def digits():
    return tlkit.load_task("digits", labels_per_class=3)


def saved(task, body, path, plan=SHORT, **options):
    small = dataclasses.replace(task, test=task.test.select(np.arange(6)))
    run = tlkit.finetune(model_for(small, body, double=False, **options), small, plan, progress=False)
    run.save(path)
    return run, tlkit.load(path)


@pytest.mark.parametrize("kind", ["images", "torchvision", "classification", "multi-label", "regression", "token classification", "generation", "speech"])
def test_what_is_loaded_answers_as_what_was_saved(kind, tickets, digits, bodies, tmp_path, monkeypatch):
    if kind == "torchvision":
        task = tlkit.load_task("cells", examples=16)
        body = tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=32)
        run = tlkit.finetune(tlkit.adapt(body, task), task, plans.linear_probe(epochs=1), progress=False)
        run.save(tmp_path / "m.tl")
        predictor = tlkit.load(tmp_path / "m.tl")
        inputs = task.test.inputs[torch.arange(5)]
    else:
        task, body = {
            "images": (digits, "glyphnet"),
            "classification": (tickets, transformer(bodies, "bert")),
            "multi-label": (multi_label(tickets), transformer(bodies, "bert")),
            "regression": (lengths(tickets), transformer(bodies, "distilbert")),
            "token classification": (tlkit.load_task("entities", examples=8), transformer(bodies, "roberta")),
            "generation": (generation_task(), transformer(bodies, "gpt2")),
            "speech": (speech_task(), transformer(bodies, "wav2vec2")),
        }[kind]
        run, predictor = saved(task, body, tmp_path / "m.tl")
        inputs = task.test.inputs[torch.arange(5)]
    assert apart(run.model, predictor.model) == 0
    answers = predictor.predict(inputs)
    assert len(answers) == 5
    if kind in ("images", "torchvision", "classification"):
        with run.model.evaluating():
            expected = run.model(inputs).argmax(dim=1)
        assert answers == [task.classes[index] for index in expected]
        assert np.allclose(predictor.probabilities(inputs).sum(axis=1), 1)
    if kind == "token classification":
        assert [len(tags) for tags in answers] == [len(words) for words in inputs]
    if kind == "generation":
        assert all(isinstance(text, str) for text in answers)


def test_an_artefact_says_where_it_comes_from(digits, tmp_path):
    _, predictor = saved(digits, "glyphnet", tmp_path / "m.tl")
    assert predictor.facts["task"]["name"] == "digits" and predictor.facts["plan"]["name"] == "full"
    assert set(predictor.facts["versions"]) == {"tlkit", "torch", "torchvision", "transformers"}
    assert "glyphnet for digits (classification), plan full, seed 0" in repr(predictor)


def test_an_artefact_runs_no_code(digits, tmp_path):
    saved(digits, "glyphnet", tmp_path / "m.tl")
    content = (tmp_path / "m.tl").read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert json.loads(content[8 : 8 + size])["__metadata__"].keys() == {"tlkit", "format"}


def test_a_loaded_model_is_trained_further(digits, tmp_path):
    run, predictor = saved(digits, "glyphnet", tmp_path / "m.tl", plans.linear_probe(epochs=20))
    again = tlkit.adapt(predictor.model, digits)
    assert collect(again, digits.test).metric() == run.accuracy("test") or len(run.task.test) != len(digits.test)
    assert torch.equal(again.head.weight, run.model.head.weight)
    further = tlkit.finetune(again, digits, plans.full(epochs=2, jitter=None), progress=False)
    assert further.accuracy("train") >= run.accuracy("train")


def test_labels_that_changed_keep_what_was_learned_of_those_that_stayed(digits, tmp_path):
    run, predictor = saved(digits, "glyphnet", tmp_path / "m.tl", plans.linear_probe(epochs=20))
    fewer = digits.with_classes(["7", "3", "1"])
    model = tlkit.adapt(predictor.model, fewer)
    assert torch.equal(model.head.weight, run.model.head.weight[[7, 3, 1]]) and torch.equal(model.head.bias, run.model.head.bias[[7, 3, 1]])
    assert collect(model, fewer.test).metric() > 0.9


def test_folders_files_and_what_is_none_of_ours(digits, tmp_path):
    saved(digits, "glyphnet", tmp_path / "run" / "model.tl")
    assert tlkit.load(tmp_path / "run").classes == digits.classes
    with pytest.raises(TlkitError, match="there is no artefact"):
        tlkit.load(tmp_path / "nothing.tl")
    content = (tmp_path / "run" / "model.tl").read_bytes()
    for name, bad in (("cut", content[: len(content) // 2]), ("text", b"hello"), ("empty", b"")):
        (tmp_path / f"{name}.tl").write_bytes(bad)
        with pytest.raises(TlkitError, match=f"{name}.tl is no artefact that can be read"):
            tlkit.load(tmp_path / f"{name}.tl")
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(2)}, tmp_path / "other.tl")
    with pytest.raises(TlkitError, match="other.tl is no artefact that can be read: it holds no word of tlkit's"):
        tlkit.load(tmp_path / "other.tl")
    newer = content.replace(b'\\"format\\": 1', b'\\"format\\": 9', 1)
    (tmp_path / "newer.tl").write_bytes(newer)
    with pytest.raises(TlkitError, match="has format 9, and this version of tlkit reads format 1"):
        tlkit.load(tmp_path / "newer.tl")


def test_single_examples_in_place_of_several_are_refused(digits, tickets, bodies, tmp_path):
    _, images = saved(digits, "glyphnet", tmp_path / "i.tl")
    with pytest.raises(TlkitError, match=r"predict\(image\[None\]\)"):
        images.predict(digits.test.inputs[0])
    _, texts = saved(tickets, transformer(bodies, "bert"), tmp_path / "t.tl")
    with pytest.raises(TlkitError, match="takes a list of texts, and one text was given"):
        texts.predict("where is my parcel")
    _, numbers = saved(lengths(tickets), transformer(bodies, "bert"), tmp_path / "n.tl")
    with pytest.raises(TlkitError, match="has no probabilities"):
        numbers.probabilities(["a"])
