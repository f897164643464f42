"""Entities from BIO tags, against seqeval on random tags, broken ones included."""

import warnings

import numpy as np
import pytest

from tlkit.errors import TlkitError
from tlkit.spans import Span, entity_counts, entity_errors, entity_f1, spans

TAGS = np.array(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-a-b", "I-a-b"])


@pytest.fixture(scope="module")
def random_tags():
    """10,000 sentences of 0 to 12 words with any tags whatever, twice; the second side often repeats the first."""
    rng = np.random.default_rng(0)
    gold = [list(rng.choice(TAGS, rng.integers(0, 13))) for _ in range(10_000)]
    predicted = [[str(rng.choice(TAGS)) if rng.random() < 0.3 else tag for tag in tags] for tags in gold]
    return predicted, [[str(tag) for tag in tags] for tags in gold]


def test_strict_spans_are_seqevals(random_tags):
    from seqeval.scheme import IOB2, Entities

    for tags in random_tags[1]:
        theirs = [Span(entity.tag, entity.start, entity.end) for entity in Entities([tags], IOB2).entities[0]] if tags else []
        assert spans(tags) == theirs, tags


def test_conllevals_spans_are_seqevals_lenient_ones(random_tags):
    from seqeval.metrics.sequence_labeling import get_entities

    for tags in random_tags[1]:
        assert spans(tags, "conlleval") == [Span(kind, start, end + 1) for kind, start, end in get_entities(tags)], tags


@pytest.mark.parametrize("scheme", ["strict", "conlleval"])
def test_f1_precision_and_recall_are_seqevals(random_tags, scheme):
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    predicted, gold = random_tags
    mode = {"mode": "strict", "scheme": IOB2} if scheme == "strict" else {}
    right, named, there = (counts.sum() for counts in entity_counts(predicted, gold, scheme))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert entity_f1(predicted, gold, scheme) == pytest.approx(f1_score(gold, predicted, **mode), abs=1e-12)
        assert right / named == pytest.approx(precision_score(gold, predicted, **mode), abs=1e-12)
        assert right / there == pytest.approx(recall_score(gold, predicted, **mode), abs=1e-12)


def test_one_type_alone_is_counted_as_seqevals_report_does(random_tags):
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    predicted, gold = random_tags
    report = classification_report(gold, predicted, mode="strict", scheme=IOB2, output_dict=True)
    for kind in ("PER", "LOC", "a-b"):
        assert entity_f1(predicted, gold, type=kind) == pytest.approx(report[kind]["f1-score"], abs=1e-12)
        assert entity_counts(predicted, gold, type=kind).there.sum() == report[kind]["support"]


def test_an_i_without_a_beginning_is_no_entity_and_begins_one_for_conlleval():
    assert spans(["O", "I-PER", "I-PER"]) == []
    assert spans(["O", "I-PER", "I-PER"], "conlleval") == [Span("PER", 1, 3)]
    assert spans(["B-PER", "I-LOC"]) == [Span("PER", 0, 1)]
    assert spans(["B-PER", "I-LOC"], "conlleval") == [Span("PER", 0, 1), Span("LOC", 1, 2)]


def test_neighbours_of_one_type_are_two():
    assert spans(["B-PER", "B-PER", "I-PER"]) == [Span("PER", 0, 1), Span("PER", 1, 3)]


def test_every_entity_is_sorted_by_what_went_wrong_with_it():
    gold = [["B-PER", "I-PER", "O", "B-LOC", "O", "B-PER", "O", "B-LOC", "I-LOC", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-PER", "O", "O", "B-LOC", "B-LOC", "O", "O"]]
    errors = entity_errors(predicted, gold)
    assert [span for _, span in errors.right] == [Span("PER", 0, 2)]
    assert [span for _, span in errors.type] == [Span("LOC", 3, 4)]
    assert [span for _, span in errors.missed] == [Span("PER", 5, 6)]
    assert [span for _, span in errors.boundary] == [Span("LOC", 7, 9)]
    assert [span for _, span in errors.invented] == [Span("LOC", 6, 7)]
    assert [span for _, span in entity_errors([["B-PER", "I-PER"]], [["O", "B-LOC"]]).both] == [Span("LOC", 1, 2)]


def test_errors_and_right_ones_are_all_that_is_there(random_tags):
    predicted, gold = (side[:500] for side in random_tags)
    errors, counts = entity_errors(predicted, gold), entity_counts(predicted, gold)
    assert sum(map(len, errors[:5])) == counts.there.sum() and len(errors.right) == counts.right.sum()


def test_nothing_there_and_nothing_named_is_zero():
    assert entity_f1([["O"]], [["O"]]) == 0.0 and entity_f1([], []) == 0.0


@pytest.mark.parametrize("predicted, gold, scheme, said", [
    ([["O"]], [["O"], ["O"]], "strict", "of 1 sentences and gold tags of 2"),
    ([["O", "O"]], [["O"]], "strict", "sentence 0 has 2 predicted tags and 1 gold tags"),
    ([["PER"]], [["O"]], "strict", "'PER' is no BIO tag"),
    ([["E-PER"]], [["O"]], "strict", "'E-PER' is no BIO tag"),
    ([["B-"]], [["O"]], "strict", "'B-' is no BIO tag"),
    ([["O"]], [["O"]], "lenient", "must be one of strict, conlleval"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(predicted, gold, scheme, said):
    with pytest.raises(TlkitError, match=said):
        entity_f1(predicted, gold, scheme)
