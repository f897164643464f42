"""Sentences that are too long are read in windows, and no word's tag is lost on the way, in training, judging or answering."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tlkit
from tests.small_models import apart, model_for, transformer
from tlkit import plans
from tlkit.data.inputs import Inputs
from tlkit.heads import IGNORED
from tlkit.predictor import Predictor
from tlkit.prediction import collect
from tlkit.windows import in_windows, windows


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 7), max_size=60), st.integers(1, 20))
def test_windows_fit_share_words_and_count_each_word_once(pieces, room):
    found = windows(pieces, room)
    assert [word for window in found for word in range(window.first, window.last)] == list(range(len(pieces)))
    for window in found:
        assert window.start <= window.first <= window.last <= window.end
        assert sum(pieces[window.start : window.end]) <= room or window.end == window.start + 1
    for one, other in zip(found, found[1:]):
        assert one.start < other.start and one.end < other.end and other.start <= one.end
    if sum(pieces) <= room:
        assert len(found) == 1


def test_a_word_is_judged_where_there_are_words_on_both_sides_of_it():
    found = windows([1] * 100, 20)
    assert all(window.first - window.start >= 2 for window in found[1:]) and all(window.end - window.last >= 2 for window in found[:-1])


@pytest.fixture(scope="module")
def task():
    """Sentences of up to a few hundred words, made of the course's own put together."""
    short = tlkit.load_task("entities", examples=40)

    def joined(split, sizes):
        words, tags, at = [], [], 0
        for size in sizes:
            chosen = [index % len(split) for index in range(at, at + size)]
            words.append(tuple(word for index in chosen for word in split.inputs[index]))
            tags.append(torch.cat([split.labels[index] for index in chosen]))
            at += size
        return dataclasses.replace(split, inputs=Inputs(words), labels=Inputs(tags), groups=None)

    return dataclasses.replace(short, train=joined(short.train, (1, 12, 2, 7)), val=joined(short.val, (3, 9)), test=joined(short.test, (20, 1, 6)))


@pytest.fixture(scope="module")
def model(task, tmp_path_factory):
    return model_for(task, transformer(tmp_path_factory.mktemp("bodies"), "bert"))


def test_no_gold_tag_is_lost(task, model):
    for split in task.splits.values():
        cut = in_windows(split, model.backbone.preprocessing)
        assert len(cut) > len(split)
        assert max(model.backbone.preprocessing.lengths(cut.inputs)) <= model.backbone.preprocessing.max_length
        for number, tags in enumerate(split.labels):
            parts = [cut.labels[index] for index in np.flatnonzero(cut.sentences == number)]
            assert torch.cat([part[part != IGNORED] for part in parts]).tolist() == tags.tolist()


def test_sentences_that_fit_stay_as_they_are(task, model):
    short = tlkit.load_task("digits")
    assert in_windows(short.train, model.backbone.preprocessing) is short.train
    few = task.train.select([0])
    few = dataclasses.replace(few, inputs=Inputs([few.inputs[0][:3]]), labels=Inputs([few.labels[0][:3]]))
    assert in_windows(few, model.backbone.preprocessing) is few
    cut = in_windows(task.train, model.backbone.preprocessing)
    assert in_windows(cut, model.backbone.preprocessing) is cut


def test_every_word_is_judged_and_entities_across_windows_are_whole(task, model):
    found = collect(model, task.test)
    assert len(found.targets) == sum(map(len, task.test.labels))
    assert found.targets.tolist() == torch.cat(list(task.test.labels)).tolist()
    perfect = np.eye(len(task.classes))[found.targets] * 10
    whole = dataclasses.replace(found, outputs=perfect).evaluation(resamples=1).metrics
    assert whole["entity F1"].mean == whole["entity recall"].mean == 1
    assert found.metric() == found.evaluation(resamples=1).metrics["entity F1"].mean


def test_what_is_judged_is_what_is_answered(task, model):
    found, answers = collect(model, task.test), Predictor(model, {}).predict(task.test.inputs)
    assert [len(tags) for tags in answers] == [len(words) for words in task.test.inputs]
    assert [tag for tags in answers for tag in tags] == [task.classes[index] for index in found.outputs.argmax(axis=1)]


def test_a_sentence_of_two_thousand_words_gets_two_thousand_tags(model):
    words = tuple(f"word{number % 13}" for number in range(2000))
    (tags,) = Predictor(model, {}).predict([words])
    assert len(tags) == 2000


def test_a_word_without_tokens_is_o_and_moves_no_tag(task, model):
    words = tuple(task.test.inputs[1])[:8]
    (tags,), (with_empty,) = (Predictor(model, {}).predict([each]) for each in (words, (*words[:3], "\x00", *words[3:])))
    assert with_empty == [*tags[:3], "O", *tags[3:]]
    labels = torch.tensor([0, 1, 0, 1, 2, 0, 0, 0, 0]).clamp(max=len(task.classes) - 1)
    split = dataclasses.replace(task.test, inputs=Inputs([(*words[:3], "\x00", *words[3:])]), labels=Inputs([labels]))
    found = collect(model, split)
    assert found.targets.tolist() == labels.tolist() and task.classes[found.outputs[3].argmax()] == "O"


def test_training_learns_from_the_words_behind_the_first_window(task, tmp_path):
    far = task.train.select([1])
    nothing = torch.full_like(far.labels[0], task.classes.index("O"))
    last = nothing.clone()
    last[-1] = 1

    def trained(tags):
        one = dataclasses.replace(task, train=dataclasses.replace(far, labels=Inputs([tags])))
        return tlkit.finetune(model_for(one, transformer(tmp_path, "bert")), one, plans.full(epochs=1, patience=None), progress=False).model

    assert apart(trained(nothing), trained(nothing)) == 0 < apart(trained(nothing), trained(last))


def test_a_plan_that_changes_images_leaves_texts_alone(task, tmp_path):
    run = tlkit.finetune(model_for(task, transformer(tmp_path, "bert")), task, plans.full(epochs=1, patience=None), progress=False)
    assert plans.full().jitter is not None and run.plan.jitter is None
