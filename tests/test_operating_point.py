"""Rates, thresholds and the ROC curve agree with scikit-learn and with counting."""

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_curve

from tlkit import metrics
from tlkit.errors import TlkitError
from tlkit.evaluation import bootstrap_interval
from tlkit.operating_point import rates, roc, sensitivity_at, threshold_for


@pytest.fixture(params=range(4))
def patients(request):
    rng = np.random.default_rng(request.param)
    labels = rng.permutation(np.repeat([1, 0], [23, 41]))
    return np.round(labels + rng.normal(0, 1.2, 64), 1 if request.param % 2 else 6), labels


def test_rates_are_the_recalls_of_both_classes(patients):
    scores, labels = patients
    called = (scores > 0.4).astype(int)
    assert rates(called, labels) == pytest.approx((recall_score(labels, called), recall_score(labels, called, pos_label=0)))


def test_nothing_is_known_of_a_class_that_is_missing():
    assert np.isnan(rates([1, 0], [0, 0])[0]) and np.isnan(rates([1, 0], [1, 1])[1])
    assert np.isnan(sensitivity_at([0.1, 0.2], [1, 1], 0.9))


@pytest.mark.parametrize("wanted", (0.05, 0.5, 0.9, 0.95, 1.0))
def test_the_threshold_reaches_what_was_wanted_and_no_higher_one_does(patients, wanted):
    scores, labels = patients
    threshold = threshold_for(scores, labels, wanted)
    assert rates((scores >= threshold).astype(int), labels)[0] >= wanted
    higher = scores[scores > threshold]
    assert not len(higher) or rates((scores >= higher.min()).astype(int), labels)[0] < wanted


@pytest.mark.parametrize("labels, wanted, said", (([0, 0], 0.9, "nobody is ill"), ([0, 1], 0.0, "above 0"), ([0, 1], 90, "1 at most")))
def test_a_threshold_that_cannot_be_chosen_is_refused(labels, wanted, said):
    with pytest.raises(ValueError, match=said):
        threshold_for([0.1, 0.2], labels, wanted)


def test_the_curve_is_scikit_learns(patients):
    scores, labels = patients
    thresholds, sensitivities, specificities = roc(scores, labels)
    alarms, found, at = roc_curve(labels, scores, drop_intermediate=False)
    assert np.allclose(sensitivities, found) and np.allclose(1 - specificities, alarms) and np.allclose(thresholds[1:], at[1:])
    area = np.trapezoid(sensitivities, 1 - specificities) if hasattr(np, "trapezoid") else np.trapz(sensitivities, 1 - specificities)
    assert area == pytest.approx(metrics.auc(scores, labels))


def test_a_curve_needs_both_classes():
    with pytest.raises(TlkitError, match="both classes"):
        roc([0.1, 0.2], [1, 1])


def test_sensitivity_at_a_specificity_is_the_best_of_all_thresholds(patients):
    scores, labels = patients
    best = max(rates((scores >= t).astype(int), labels)[0] for t in [*scores, np.inf] if rates((scores >= t).astype(int), labels)[1] >= 0.8)
    assert sensitivity_at(scores, labels, 0.8) == pytest.approx(best)
    interval = bootstrap_interval(lambda s, t: sensitivity_at(s, t, 0.8), scores, labels, resamples=50)
    assert interval.low <= best <= interval.high
