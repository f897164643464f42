import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import accuracy_score
from torch import nn

from tlkit import metrics
from tlkit.data.task import Split
from tlkit.errors import TlkitError
from tlkit.evaluation import accuracy, bootstrap_interval, mean_interval, paired_difference, predict_logits

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


PREDICTED, TARGETS = (np.random.default_rng(seed).integers(3, size=150) for seed in (1, 2))
SCORES = np.random.default_rng(3).normal(size=150) + (TARGETS == 1)


@pytest.mark.parametrize(
    ("metric", "arrays"),
    [(metrics.accuracy, (PREDICTED, TARGETS)), (metrics.f1_macro, (PREDICTED, TARGETS)), (metrics.auc, (SCORES, TARGETS == 1))],
)
def test_bootstrap_interval_is_scipys(metric, arrays):
    interval = bootstrap_interval(metric, *arrays, resamples=4000, seed=5)
    expected = stats.bootstrap(arrays, metric, paired=True, vectorized=False, method="percentile", n_resamples=4000,
                               rng=np.random.default_rng(0)).confidence_interval
    assert interval.mean == metric(*arrays)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_a_metric_without_weights_is_resampled_to_the_same_interval():
    by_weight = bootstrap_interval(metrics.accuracy, PREDICTED, TARGETS, resamples=200, seed=4)
    one_by_one = bootstrap_interval(lambda p, t: accuracy_score(t, p), PREDICTED, TARGETS, resamples=200, seed=4)
    assert vars(one_by_one) == pytest.approx(vars(by_weight))


def test_bootstrap_interval_is_its_seeds_and_wider_for_a_higher_level():
    low, high = (bootstrap_interval(metrics.accuracy, PREDICTED, TARGETS, level=level, seed=1) for level in (0.8, 0.99))
    assert high.low < low.low < low.high < high.high
    assert high == bootstrap_interval(metrics.accuracy, PREDICTED, TARGETS, level=0.99, seed=1)
    assert high != bootstrap_interval(metrics.accuracy, PREDICTED, TARGETS, level=0.99, seed=2)


def test_what_belongs_together_is_drawn_together():
    sentences = np.repeat(np.arange(15), 10)
    right = np.repeat(np.random.default_rng(0).integers(2, size=15), 10)
    together = bootstrap_interval(metrics.accuracy, right, np.ones(150), groups=sentences, resamples=4000)
    whole = bootstrap_interval(metrics.accuracy, right[::10], np.ones(15), resamples=4000)
    apart = bootstrap_interval(metrics.accuracy, right, np.ones(150), resamples=4000)
    assert (together.low, together.high) == pytest.approx((whole.low, whole.high))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_resamples_that_say_nothing_are_left_out_and_all_of_them_give_nan():
    two_positives = np.isin(np.arange(150), [2, 14])    # an eighth of the resamples draws neither
    found = bootstrap_interval(metrics.auc, SCORES, two_positives)
    assert 0 <= found.low < found.mean < found.high <= 1
    nothing = bootstrap_interval(metrics.auc, SCORES, np.zeros(150))
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(TlkitError, match=r"arrays of one length, 1 or more, and got lengths \[0\]"):
        bootstrap_interval(metrics.accuracy, [], [])
    with pytest.raises(TlkitError, match=r"got lengths \[149, 150\]"):
        bootstrap_interval(metrics.accuracy, PREDICTED, TARGETS, groups=np.zeros(149))
