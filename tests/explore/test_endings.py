"""The ends that unit 02 compares: the same digits, asked in other ways."""

import pytest
import torch

import tlkit
from tlkit import plans
from tlkit.explore import endings


@pytest.fixture(scope="module")
def few():
    return tlkit.load_task("digits", labels_per_class=2, seed=0)


def test_yes_or_no_asks_every_class_and_of_two_only_the_second(few):
    asked = endings.as_yes_or_no(few)
    assert asked.kind == "multi-label" and asked.train.labels.shape == (20, 10)
    assert torch.equal(asked.train.labels.argmax(1), few.train.labels) and asked.train.labels.sum() == 20
    two = few.with_classes(few.classes[:2])
    assert torch.equal(endings.as_yes_or_no(two).train.labels[:, 0].long(), two.train.labels)
    assert endings.as_yes_or_no(two).classes == few.classes[1:2]


def test_a_number_keeps_the_classes_numbers(few):
    assert endings.as_number(few).train.labels.tolist() == few.train.labels.tolist()


def test_softmax_twice_is_cross_entropy_of_probabilities():
    logits, labels = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1, 0])
    assert torch.allclose(endings.SoftmaxTwice()(logits, labels), torch.nn.functional.cross_entropy(logits.softmax(1), labels))


def test_what_outputs_say():
    outputs = torch.tensor([[0.1, -3.0, 0.4], [-1.0, -2.0, -5.0]])
    assert endings.classes_said("yes or no", outputs).tolist() == endings.classes_said("classes", outputs).tolist() == [2, 0]
    assert endings.classes_said("yes or no", torch.tensor([[0.2], [-0.2]])).tolist() == [1, 0]
    assert endings.classes_said("number", torch.tensor([2.6, -0.2, 11.0])).tolist() == [3, 0, 11]


@pytest.mark.parametrize("end", endings.ENDS)
def test_every_end_trains(few, end):
    run = endings.train(end, tlkit.load_backbone("glyphnet"), few, plans.linear_probe(epochs=20), seed=0)
    assert run.records[-1]["loss"] < run.records[0]["loss"]
    assert endings.accuracy(end, run.model, few.train) > (0.2 if end == "number" else 0.9)
