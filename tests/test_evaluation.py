import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import accuracy_score
from torch import nn

from tlkit.data.task import Split
from tlkit.errors import TlkitError
from tlkit.evaluation import accuracy, mean_interval, paired_difference, predict_logits

VALUES = np.array([0.91, 0.88, 0.93, 0.90, 0.95])
BASELINE = np.array([0.80, 0.79, 0.85, 0.80, 0.83])


def test_mean_interval_is_students():
    interval = mean_interval(VALUES)
    low, high = stats.t.interval(0.95, len(VALUES) - 1, VALUES.mean(), stats.sem(VALUES))
    assert (interval.mean, interval.low, interval.high) == pytest.approx((VALUES.mean(), low, high))


def test_paired_difference_is_that_of_the_paired_t_test():
    interval = paired_difference(VALUES, BASELINE)
    expected = stats.ttest_rel(VALUES, BASELINE).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_what_cannot_be_known_is_refused():
    with pytest.raises(TlkitError, match="two seeds or more, and got 1"):
        mean_interval([0.9])
    with pytest.raises(TlkitError, match="same seeds on both sides, and got 5 and 4"):
        paired_difference(VALUES, BASELINE[:4])


def test_accuracy_is_scikit_learns_and_does_not_depend_on_batches_or_modes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3)).train()
    split = Split("test", torch.randn(50, 1, 2, 2), torch.randint(0, 3, (50,)), ("a", "b", "c"))
    running_mean = model[1].running_mean.clone()
    predicted = predict_logits(model, split.inputs, batch_size=7).argmax(dim=1)
    assert accuracy(model, split) == pytest.approx(accuracy_score(split.labels, predicted))
    assert torch.equal(predicted, predict_logits(model, split.inputs).argmax(dim=1))
    assert model.training and torch.equal(model[1].running_mean, running_mean)
