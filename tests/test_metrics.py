import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics import classification, text

from tlkit import metrics
from tlkit.errors import TlkitError

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.integers(5, size=200)
LOGITS = np.round(RANDOM.normal(size=(200, 5)) + 1.2 * np.eye(5)[TARGETS], 1)     # rounded, so that there are ties
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
PREDICTED = LOGITS.argmax(axis=1)
LABELS = (RANDOM.normal(size=(200, 5)) + LOGITS > 1).astype(int)
VALUES, NOISY = LOGITS[:, 0] + 1000, LOGITS[:, 0] + 1000 + RANDOM.normal(size=200)
SCORE, SIDE = LOGITS[:, 1] - LOGITS[:, 0], (TARGETS == 1).astype(int)

AGAINST_SCIKIT_LEARN = {
    "accuracy": (metrics.accuracy, (PREDICTED, TARGETS), sk.accuracy_score),
    "accuracy of all labels": (metrics.accuracy, (LOGITS > 0, LABELS), sk.accuracy_score),
    "balanced accuracy": (metrics.balanced_accuracy, (PREDICTED, TARGETS), sk.balanced_accuracy_score),
    "macro F1": (metrics.f1_macro, (PREDICTED, TARGETS), lambda t, p, **w: sk.f1_score(t, p, average="macro", **w)),
    "macro F1 of labels": (metrics.f1_macro, ((LOGITS > 0).astype(int), LABELS),
                           lambda t, p, **w: sk.f1_score(t, p, average="macro", **w)),
    "micro F1 of labels": (metrics.f1_micro, ((LOGITS > 0).astype(int), LABELS),
                           lambda t, p, **w: sk.f1_score(t, p, average="micro", **w)),
    "F1": (metrics.f1_binary, ((SCORE > 0).astype(int), SIDE), sk.f1_score),
    "AUC": (metrics.auc, (SCORE, SIDE), sk.roc_auc_score),
    "AUC against the rest": (metrics.auc_macro, (PROBABILITIES, TARGETS),
                             lambda t, p, **w: np.mean([sk.roc_auc_score(t == c, p[:, c], **w) for c in range(5)])),
    "AUC of labels": (metrics.auc_macro, (LOGITS, LABELS), sk.roc_auc_score),
    "MSE": (metrics.mean_squared_error, (NOISY, VALUES), sk.mean_squared_error),
    "R2": (metrics.r_squared, (NOISY, VALUES), sk.r2_score),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAINST_SCIKIT_LEARN)
def test_a_metric_is_scikit_learns_whatever_the_weights(name):
    metric, arrays, oracle = AGAINST_SCIKIT_LEARN[name]
    assert metric(*arrays) == pytest.approx(oracle(*arrays[::-1]), rel=1e-10)
    assert metric(*map(torch.tensor, arrays)) == metric(*arrays)
    weights = RANDOM.integers(4, size=(200, 3))
    each = [oracle(*arrays[::-1], sample_weight=column) for column in weights.T]
    assert metric(*arrays, weights=weights) == pytest.approx(each, rel=1e-9)
    assert metric(*arrays, weights=weights[:, 0]) == pytest.approx(each[0], rel=1e-9)


@pytest.mark.parametrize("name", AGAINST_SCIKIT_LEARN)
def test_a_weight_is_how_often_an_example_stands_there(name):
    metric, arrays, _ = AGAINST_SCIKIT_LEARN[name]
    often = RANDOM.integers(3, size=200)
    assert metric(*arrays, weights=often) == pytest.approx(metric(*(np.repeat(each, often, axis=0) for each in arrays)))


def test_calibration_error_is_torchmetrics():
    expected = classification.MulticlassCalibrationError(5, n_bins=15)(torch.tensor(PROBABILITIES), torch.tensor(TARGETS))
    assert metrics.expected_calibration_error(PROBABILITIES, TARGETS) == pytest.approx(expected.item(), abs=1e-6)
    bins = metrics.calibration_bins(PROBABILITIES, TARGETS, bins=7)
    error = sum(count * abs(right - confidence) for _, _, count, confidence, right in bins) / len(TARGETS)
    assert error == pytest.approx(metrics.expected_calibration_error(PROBABILITIES, TARGETS, bins=7))
    assert all(low < confidence <= high and count for low, high, count, confidence, _ in bins)
    assert sum(count for _, _, count, *_ in bins) == len(TARGETS)


def test_macro_f1_is_torchmetrics_and_leaves_out_the_tag_of_no_entity():
    expected = classification.MulticlassF1Score(5, average="macro")(torch.tensor(PREDICTED), torch.tensor(TARGETS))
    assert metrics.f1_macro(PREDICTED, TARGETS) == pytest.approx(expected.item())
    without = sk.f1_score(TARGETS, PREDICTED, labels=[0, 1, 3, 4], average="macro")
    assert metrics.f1_macro(PREDICTED, TARGETS, without=2) == pytest.approx(without)
    assert metrics.f1_macro(PREDICTED, TARGETS, without=7) == pytest.approx(expected.item())


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_of_classes_are_scikit_learns(multi_label):
    predicted, targets = ((LOGITS > 0).astype(int), LABELS) if multi_label else (PREDICTED, TARGETS)
    expected = sk.precision_recall_fscore_support(targets, predicted, labels=range(5))
    assert np.array(metrics.class_scores(predicted, targets, 5)).T == pytest.approx(np.array(expected))


def test_perplexity_and_rates_weigh_tokens_not_examples():
    losses, tokens = np.array([2.0, 9.0, 1.0]), np.array([1, 10, 4])
    assert metrics.perplexity(losses, tokens) == pytest.approx(np.exp(12 / 15))
    assert metrics.ratio([1, 0, 2], tokens) == pytest.approx(3 / 15)
    per_token = torch.distributions.Dirichlet(torch.ones(1, 6, 9)).sample()
    target = torch.arange(6)[None]
    loss = -per_token.gather(2, target[..., None]).log().sum()
    assert metrics.perplexity([loss], [6]) == pytest.approx(text.Perplexity()(per_token.log(), target).item(), rel=1e-5)


@given(st.text("abc ", max_size=9), st.text("abc ", max_size=9))
@settings(max_examples=60, deadline=None)
def test_edit_distance_is_torchmetrics(reference, hypothesis):
    assert metrics.edit_distance(reference, hypothesis) == text.EditDistance(reduction="sum")([hypothesis], [reference])


def test_what_cannot_be_known_is_nan():
    assert np.isnan(metrics.auc(SCORE, np.ones(200)))
    assert np.isnan(metrics.auc(SCORE, np.zeros(200)))
    assert np.isnan(metrics.f1_binary(np.zeros(4), np.zeros(4)))
    assert np.isnan(metrics.f1_macro(np.zeros((4, 2), int), np.zeros((4, 2), int)))
    assert np.isnan(metrics.r_squared(NOISY, np.full(200, 0.1)))
    assert np.isnan(metrics.r_squared([1.0], [2.0]))
    assert np.isnan(metrics.ratio([1, 2], [0, 0]))
    assert np.isnan(metrics.class_scores(np.array([0]), np.array([0]), 2)[1][:3]).all()


def test_classes_without_examples_do_not_count():
    assert metrics.balanced_accuracy([0, 4, 0], [0, 0, 0]) == pytest.approx(2 / 3)
    assert metrics.f1_macro([0, 4, 4], [0, 4, 4]) == 1
    targets = np.where(TARGETS == 3, 0, TARGETS)
    known = [sk.roc_auc_score(targets == c, PROBABILITIES[:, c]) for c in (0, 1, 2, 4)]
    assert metrics.auc_macro(PROBABILITIES, targets) == pytest.approx(np.mean(known))


def test_no_examples_and_other_lengths_are_refused():
    with pytest.raises(TlkitError, match="accuracy needs one example or more, and got none"):
        metrics.accuracy([], [])
    with pytest.raises(TlkitError, match="auc needs as many targets as outputs, and got 3 and 2"):
        metrics.auc([0.1, 0.2], [0, 1, 1])
