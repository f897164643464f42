"""Every kind of task: its head, its targets, and a model that learns it."""

import dataclasses

import numpy as np
import pytest
import torch

import tlkit
from tests.small_models import model_for, transformer
from tests.test_feature_cache import generation_task
from tlkit import plans
from tlkit.backbones.backbone import Backbone
from tlkit.data.inputs import Inputs
from tlkit.data.sound import Sound
from tlkit.errors import TlkitError
from tlkit.kinds import KINDS, end_of_network, first_tokens
from tlkit.prediction import collect


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def tickets():
    return tlkit.load_task("tickets", labels_per_class=2)


def multi_label(tickets):
    """Which of three letters a text begins its words with."""
    def split(each):
        rows = [[float(any(word.lower().startswith(letter) for word in text.split())) for letter in "mti"] for text in each.inputs]
        return dataclasses.replace(each, kind="multi-label", labels=torch.tensor(rows), classes=("m", "t", "i"))
    return dataclasses.replace(tickets, kind="multi-label", classes=("m", "t", "i"), **{n: split(s) for n, s in tickets.splits.items()})


def lengths(tickets):
    """How many words a text has, in hundreds, far from 0 and 1."""
    def split(each):
        return dataclasses.replace(each, kind="regression", labels=torch.tensor([1000 + 100.0 * len(text.split()) for text in each.inputs]), classes=())
    return dataclasses.replace(tickets, kind="regression", classes=(), **{n: split(s) for n, s in tickets.splits.items()})


def tasks(tickets):
    return {
        "classification": (tickets, "roberta"),
        "multi-label": (multi_label(tickets), "roberta"),
        "regression": (lengths(tickets), "roberta"),
        "token classification": (tlkit.load_task("entities", examples=24), "bert"),
        "generation": (generation_task(), "gpt2"),
        "speech": (speech_task(), "wav2vec2-stable"),
    }


def speech_task():
    """The beginnings of a few phrases: small bodies give a frame every 10 samples."""
    task = tlkit.load_task("tones", target="sequence", examples=12)
    def short(split):
        return dataclasses.replace(split, inputs=Inputs([Sound(sound.samples[:800], sound.rate) for sound in split.inputs]))
    few = {name: short(split.select(np.arange(12))) for name, split in task.splits.items()}
    return dataclasses.replace(task, **few)


@pytest.mark.parametrize("kind", ["classification", "multi-label", "regression", "token classification", "generation", "speech"])
def test_every_kind_gets_a_head_and_a_loss_and_learns(kind, tickets, bodies):
    task, family = tasks(tickets)[kind]
    small = dataclasses.replace(task, test=task.test.select(np.arange(8)), val=task.train)
    # Fresh weights, since the checkpoint's own, drawn wide, say nearly the same of every text.
    model = model_for(small, transformer(bodies, family), double=False, pooling="mean", pretrained=False)
    assert f"head for {kind}" in model.describe() and "loss: " in model.describe()
    before = collect(model, small.train).loss
    run = tlkit.finetune(model, small, plans.full(epochs=12, learning_rate=3e-3, head_learning_rate=3e-2, batch_size=8, jitter=None), progress=False)
    assert collect(run.model, small.train).loss < 0.9 * before
    assert run.evaluate("test").metrics


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_network_is_the_one_that_it_gets(kind, tickets, bodies):
    task, family = tasks(tickets)[kind]
    model = model_for(task, transformer(bodies, family), double=False, pretrained=False)
    layer = getattr(model.head, "linear", model.head)
    said = end_of_network(kind, layer.weight.shape[0] if kind == "generation" else len(task.classes))
    assert said["outputs"] == layer.weight.shape[0]
    names = {"CrossEntropy": "cross-entropy", "BinaryCrossEntropy": "binary cross-entropy", "SquaredError": "squared error", "CTC": "CTC"}
    assert said["loss"] == names[type(model.loss).__name__]


def test_an_answer_is_read_as_the_kind_says():
    outputs = torch.tensor([[0.4, -1.0, 0.2], [-3.0, -0.1, -2.0]])
    assert KINDS["classification"].answers(outputs, None) == outputs.argmax(1).tolist()
    assert KINDS["multi-label"].answers(outputs, None) == [[0, 2], []]
    assert KINDS["regression"].answers(outputs[0], None) == outputs[0].tolist()


def test_a_words_tag_is_asked_at_its_first_token(bodies):
    task = tlkit.load_task("entities", examples=6)
    model = model_for(task, transformer(bodies, "bert"))
    state, targets = model.kind.prepare(model.backbone, task.train.inputs, task.train.labels)
    for row, tags in enumerate(task.train.labels):
        asked = targets[row][targets[row] != -100]
        seen = state["words"][row].max() + 1  # long sentences are cut
        assert asked.tolist() == tags[:seen].tolist()
    assert first_tokens(torch.tensor([[-1, 0, 0, 1, 2, 2, -1, -1]])).tolist() == [[False, True, False, True, True, False, False, False]]


def test_only_the_answer_is_asked_and_the_end_with_it(bodies):
    task = generation_task()
    model = model_for(task, transformer(bodies, "gpt2"))
    tokenizer = model.backbone.preprocessing.tokenizer
    state, targets = model.kind.prepare(model.backbone, ["ab", "a longer question"], ["xy", "z"])
    for row, answer in enumerate(("xy", "z")):
        asked = targets[row][targets[row] != -100].tolist()
        assert asked == [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        first = int((targets[row] != -100).nonzero()[0])
        assert state["tokens"][row, first + 1] == asked[0]  # the place before the answer predicts its first token


def test_the_output_layer_of_a_generator_is_the_table_of_its_tokens(bodies):
    model = model_for(generation_task(), transformer(bodies, "gpt2"))
    assert model.head.linear.weight is model.stages["embeddings"].wte.weight


def test_a_number_starts_near_the_mean_and_learns_in_its_own_unit(tickets, bodies):
    task = lengths(tickets)
    model = model_for(task, transformer(bodies, "bert"))
    start = collect(model, task.test)
    mean, spread = float(task.train.labels.mean()), float(task.train.labels.std())
    assert abs(start.outputs.mean() - mean) < 3 * spread
    assert start.loss == pytest.approx(((start.outputs - start.targets) ** 2).mean() / task.train.labels.double().std(correction=0) ** 2)


def test_bodies_that_cannot_serve_a_task_are_refused(tickets, bodies):
    with pytest.raises(TlkitError, match="tickets is made of text and glyphnet reads image"):
        tlkit.adapt(tlkit.load_backbone("glyphnet"), tickets)
    with pytest.raises(TlkitError, match="sees what comes after a token, so it cannot generate"):
        model_for(generation_task(), transformer(bodies, "bert"))
    digits = tlkit.load_task("digits", labels_per_class=2)
    with pytest.raises(TlkitError, match="needs a body that reads sequences, and glyphnet gives one vector"):
        tlkit.adapt(tlkit.load_backbone("glyphnet"), dataclasses.replace(digits, kind="token classification"))
    bert = tlkit.load_backbone(transformer(bodies, "bert"))
    last = list(bert.stages)[-1]
    alone = Backbone("short", {last: bert.stages[last]}, bert.feature_size, bert.preprocessing, "none")
    with pytest.raises(TlkitError, match=f"needs a stage in front of {last}, and short has that one alone"):
        tlkit.adapt(alone, tlkit.load_task("entities", examples=4))


def test_options_that_a_kind_does_not_have_are_refused(tickets, bodies):
    body = transformer(bodies, "bert")
    with pytest.raises(TlkitError, match="label_smoothing belongs to cross-entropy"):
        model_for(lengths(tickets), body, label_smoothing=0.1)
    with pytest.raises(TlkitError, match="robust belongs to regression"):
        model_for(tickets, body, robust=True)
    with pytest.raises(TlkitError, match="class_weights='heavy' must be 'balanced' or None"):
        model_for(tickets, body, class_weights="heavy")
    assert "Huber" in model_for(lengths(tickets), body, robust=True).describe()


def test_balanced_weights_let_every_class_count_alike(bodies):
    task = tlkit.load_task("cells", examples=60)
    model = tlkit.adapt(tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=32), task, class_weights="balanced")
    weights, labels = model.loss.class_weights, task.train.labels
    totals = [float(weights[labels[labels == c]].sum()) for c in range(2)]
    assert totals[0] == pytest.approx(totals[1]) == pytest.approx(30)
