"""Figures of unit 08: the table is the source's, mistakes do what their names say, and pictures have words."""

import pytest

from tlkit.explore import ner
from tlkit.explore.figures import failures
from tlkit.spans import entity_errors, entity_f1, spans


def test_the_table_has_the_sources_tokens():
    assert sum(support for *_, support in ner.SOURCE_TABLE) == 46435
    words = ner.source_table().alt
    assert all(tag in words for tag, *_ in ner.SOURCE_TABLE)


@pytest.mark.parametrize("words, gold", ner.SENTENCES, ids=lambda side: " ".join(side[:2]))
def test_every_mistake_is_of_the_kind_that_its_name_says(words, gold):
    assert len(words) == len(gold)
    found = {name: entity_errors([mistake(gold)], [gold]) for name, mistake in ner.MISTAKES.items()}
    there = len(spans(gold))
    assert len(found["none"].right) == there and entity_f1([list(gold)], [gold]) == 1
    assert len(found["one word short"].boundary) == len(found["one word long"].boundary) == 1
    assert len(found["wrong type"].type) == 1
    assert len(found["I where B is due"].missed) == len(found["one missed"].missed) == 1
    assert len(found["one invented"].invented) == 1 and len(found["one invented"].right) == there
    assert len(found["O everywhere"].missed) == there


def test_no_mistake_changes_the_gold_tags():
    for words, gold in ner.SENTENCES:
        before = tuple(gold)
        for mistake in ner.MISTAKES.values():
            mistake(gold)
        assert tuple(gold) == before


def test_the_figure_follows_sentence_and_mistake():
    box = ner.explore_spans()
    sentence, mistake, page = box.children
    before = page.value
    mistake.value = "O everywhere"
    assert "F1 0.00" in page.value and page.value != before
    sentence.value = 2
    assert "Bergen" in page.value
    mistake.value = "none"
    assert "F1 1.00" in page.value and failures == []


def test_every_span_is_drawn_above_and_below():
    words, gold = ner.SENTENCES[0]
    axes = ner.draw_spans(words, gold, ner.MISTAKES["one missed"](gold)).axes[0]
    assert len(axes.patches) == 2 * len(spans(gold)) - 1
    said = {text.get_text() for text in axes.texts}
    assert set(words) <= said and {"is there", "was named", "PER ✓", "LOC ✗"} <= said
