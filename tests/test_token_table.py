"""What is read out of a table of token scores is what the tags themselves give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from tlkit.errors import TlkitError
from tlkit.explore.ner import SOURCE_TABLE
from tlkit.spans import entity_f1
from tlkit.token_table import entity_f1_bounds, share_of_outside, token_accuracy

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def table_of(predicted, gold):
    """Rows, from scikit-learn's report."""
    flat_gold, flat = ([tag for tags in side for tag in tags] for side in (gold, predicted))
    report = classification_report(flat_gold, flat, output_dict=True, zero_division=0)
    return [(tag, report[tag]["precision"], report[tag]["recall"], int(report[tag]["support"])) for tag in TAGS if tag in report]


def proper(tags):
    """Gold tags are BIO2: an I that nothing begins becomes a B."""
    fixed = []
    for tag in tags:
        open_before = fixed and fixed[-1] != "O" and fixed[-1][2:] == tag[2:]
        fixed.append(f"B-{tag[2:]}" if tag.startswith("I-") and not open_before else tag)
    return fixed


sentences = st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(sentences, st.integers(0, 2**31))
def test_entity_f1_lies_between_the_bounds_whatever_was_predicted(gold, seed):
    rng, gold = np.random.default_rng(seed), [proper(tags) for tags in gold]
    predicted = [[str(rng.choice(TAGS)) if rng.random() < 0.3 else tag for tag in tags] for tags in gold]
    rows = table_of(predicted, gold)
    if not any(tag.startswith("B-") for tag, *_ in rows) or any(precision == 0 for tag, precision, *_ in rows if tag != "O"):
        with pytest.raises(TlkitError):
            entity_f1_bounds(rows)
        return
    low, high = entity_f1_bounds(rows)
    assert low - 1e-9 <= entity_f1(predicted, gold) <= high + 1e-9


def test_both_bounds_are_reached():
    gold, within = [["B-PER", "I-PER", "O", "B-PER", "I-PER"]], [["B-PER", "O", "O", "B-PER", "I-PER"]]
    low, high = entity_f1_bounds(table_of(within, gold))
    assert low == pytest.approx(entity_f1(within, gold)) and low < high
    other = [["B-PER", "I-PER", "O", "O", "I-PER"]]
    low, high = entity_f1_bounds(table_of(other, gold))
    assert low == pytest.approx(high) == pytest.approx(entity_f1(other, gold))


@settings(max_examples=100, deadline=None)
@given(sentences, st.integers(0, 2**31))
def test_accuracy_and_the_share_of_o_are_those_of_the_tags(gold, seed):
    rng = np.random.default_rng(seed)
    predicted = [[str(rng.choice(TAGS)) for _ in tags] for tags in gold]
    flat_gold, flat = (np.concatenate(side) for side in (gold, predicted))
    rows = table_of(predicted, gold)
    assert token_accuracy(rows) == pytest.approx(np.mean(flat_gold == flat))
    assert share_of_outside(rows) == pytest.approx(np.mean(flat_gold == "O"))


def test_the_sources_table_gives_what_the_course_says():
    low, high = entity_f1_bounds(SOURCE_TABLE)
    assert [round(value, 3) for value in (token_accuracy(SOURCE_TABLE), share_of_outside(SOURCE_TABLE), low, high)] == [0.981, 0.825, 0.856, 0.92]


def test_tables_that_say_nothing_are_refused():
    with pytest.raises(TlkitError, match="no tokens"):
        token_accuracy([])
    with pytest.raises(TlkitError, match="says nothing about entities"):
        entity_f1_bounds([("O", 1.0, 1.0, 5)])
    with pytest.raises(TlkitError, match="does not say how many"):
        entity_f1_bounds([("B-PER", 0.0, 0.5, 4)])
