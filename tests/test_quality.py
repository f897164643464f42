import json

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from tlkit.errors import TlkitError
from tlkit.evaluation import Interval
from tlkit.quality import Evaluation, evaluate_outputs

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.integers(3, size=120)
LOGITS = RANDOM.normal(size=(120, 3)) + 1.5 * np.eye(3)[TARGETS]
NAMES = ("cat", "dog", "owl")


def evaluate(*arguments, **options) -> Evaluation:
    return evaluate_outputs(*arguments, **{"resamples": 50, **options})


def values(evaluation: Evaluation) -> dict[str, float]:
    return {name: interval.mean for name, interval in evaluation.metrics.items()}


def test_classification_is_judged_by_class_too():
    found = evaluate("classification", torch.tensor(LOGITS), torch.tensor(TARGETS), NAMES)
    predicted = LOGITS.argmax(axis=1)
    probabilities = torch.tensor(LOGITS).softmax(dim=1).numpy()
    assert list(found.metrics) == ["accuracy", "balanced accuracy", "macro F1", "AUC", "ECE"]
    assert values(found)["accuracy"] == pytest.approx(sk.accuracy_score(TARGETS, predicted))
    assert values(found)["AUC"] == pytest.approx(sk.roc_auc_score(TARGETS, probabilities, multi_class="ovr"))
    assert np.array(found.confusion).tolist() == sk.confusion_matrix(TARGETS, predicted).tolist()
    assert [score.recall for score in found.per_class] == pytest.approx(sk.recall_score(TARGETS, predicted, average=None))
    assert found.classes == NAMES and found.count == 120 and sum(each.count for each in found.calibration) == 120
    assert all(interval.low <= interval.mean <= interval.high for name, interval in found.metrics.items() if name != "ECE")


def test_two_classes_are_judged_by_the_second():
    targets = (TARGETS == 1).astype(int)
    found = evaluate("classification", 40 * LOGITS[:, :2], targets, ("ill", "well"))
    score = LOGITS[:, 1] - LOGITS[:, 0]
    assert values(found)["F1"] == pytest.approx(sk.f1_score(targets, score > 0))
    # At these logits many probabilities round to 0 and 1, and the order among them would be lost.
    assert values(found)["AUC"] == pytest.approx(sk.roc_auc_score(targets, score))


@pytest.mark.parametrize("labels", [1, 3])
def test_multi_label_is_judged_label_by_label(labels):
    logits, targets = LOGITS[:, :labels], (RANDOM.normal(size=(120, labels)) + LOGITS[:, :labels] > 0.5).astype(np.float32)
    found = evaluate("multi-label", logits, targets, NAMES[:labels])
    predicted = (logits > 0).astype(int)
    each = [sk.f1_score(targets[:, label], predicted[:, label]) for label in range(labels)]
    assert [score.f1 for score in found.per_class] == pytest.approx(each)
    assert values(found)["macro F1"] == pytest.approx(np.mean(each))
    assert values(found)["micro F1"] == pytest.approx(sk.f1_score(targets.ravel(), predicted.ravel()))
    assert values(found)["accuracy of whole examples"] == pytest.approx((predicted == targets).all(axis=1).mean())


def test_regression_is_judged_by_error_and_variance():
    truth = RANDOM.normal(size=120).astype(np.float32)
    found = values(evaluate("regression", truth + LOGITS[:, 0], truth))
    assert found["MSE"] == pytest.approx(sk.mean_squared_error(truth, truth + LOGITS[:, 0]))
    assert found["R2"] == pytest.approx(sk.r2_score(truth, truth + LOGITS[:, 0]))


def test_tokens_are_judged_without_o_and_by_sentence():
    sentences = np.repeat(np.arange(12), 10)
    tags = ("O", "B-PER", "I-PER")
    found = evaluate("token classification", LOGITS, TARGETS, tags, groups=sentences)
    assert values(found)["macro F1"] == pytest.approx(
        sk.f1_score(TARGETS, LOGITS.argmax(axis=1), labels=[1, 2], average="macro"))
    assert found.unit == "tokens"
    assert found.metrics["token accuracy"] != evaluate("token classification", LOGITS, TARGETS, tags).metrics["token accuracy"]


def test_entities_are_judged_as_wholes_and_by_sentence():
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    sentences, tags = np.repeat(np.arange(12), 10), np.array(["O", "B-PER", "I-PER"])
    found = evaluate("token classification", LOGITS, TARGETS, tuple(tags), groups=sentences)
    gold, said = (tags[side].reshape(12, 10).tolist() for side in (TARGETS, LOGITS.argmax(axis=1)))
    strict = {"mode": "strict", "scheme": IOB2}
    for name, theirs in (("entity F1", f1_score), ("entity precision", precision_score), ("entity recall", recall_score)):
        assert values(found)[name] == pytest.approx(theirs(gold, said, **strict))
    assert found.metrics["entity F1"].low < values(found)["entity F1"] < found.metrics["entity F1"].high
    assert "entity F1" not in evaluate("token classification", LOGITS, TARGETS, ("O", "noun", "verb"), groups=sentences).metrics


def test_generated_texts_are_judged_by_token():
    found = values(evaluate("generation", [[4.0, 1], [2.0, 3]], [2, 4]))
    assert found == pytest.approx({"perplexity": np.exp(6 / 6), "token accuracy": 4 / 6})


def test_speech_is_judged_by_symbol():
    said = [torch.tensor([1, 2, 3]), [4], [5, 5]]
    found = values(evaluate("speech", [[1, 3], torch.tensor([4]), [5, 6, 5, 5]], said))
    assert found == pytest.approx({"symbol error rate": (1 + 0 + 2) / 6, "accuracy of whole sequences": 1 / 3})


def test_an_evaluation_survives_json():
    for kind, outputs, targets, names in (
        ("classification", LOGITS, TARGETS, NAMES), ("regression", LOGITS[:, 0], LOGITS[:, 1], ())):
        found = evaluate(kind, outputs, targets, names)
        assert Evaluation.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert isinstance(found.metrics["MSE"], Interval)


def test_one_class_alone_has_no_auc():
    found = evaluate("classification", LOGITS[:, :2], np.zeros(120, int), ("a", "b"))
    assert np.isnan(values(found)["AUC"]) and values(found)["accuracy"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clustering", [0], [0]), "kind='clustering' must be one of classification, multi-label"),
        (("classification", np.zeros((0, 3)), [], NAMES), "1 or more, and got 0 and 0"),
        (("classification", LOGITS, TARGETS, ("a", "b")), r"with 2 classes needs outputs \(120, 2\)"),
        (("classification", LOGITS, TARGETS + 1, NAMES), "between 0 and 2, and these lie between 1 and 3"),
        (("token classification", LOGITS, TARGETS - 1, NAMES), "these lie between -1 and 1"),
        (("regression", LOGITS * np.nan, LOGITS), r"outputs \(120,\) and targets \(120,\), and got \(120, 3\)"),
        (("regression", LOGITS[:, 0] * np.nan, LOGITS[:, 1]), "120 of the outputs are NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(TlkitError, match=message):
        evaluate(*arguments)
