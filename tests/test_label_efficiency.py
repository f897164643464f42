import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlkit.label_efficiency import label_efficiency, labels_needed

LABELS = np.array([1, 2, 5, 10, 20, 50])
RISING = np.array([0.5, 0.6, 0.72, 0.8, 0.86, 0.91])


@given(st.floats(0.5, 0.91))
def test_on_a_rising_curve_it_is_numpys_interpolation_in_log_labels(target):
    assert labels_needed(LABELS, RISING, target) == pytest.approx(np.exp(np.interp(target, RISING, np.log(LABELS))))


@pytest.mark.parametrize("target", [0.499, 0.911])
def test_outside_of_the_measured_range_it_is_nan(target):
    assert np.isnan(labels_needed(LABELS, RISING, target))


def test_the_first_crossing_counts_on_a_curve_that_dips():
    assert 2 < labels_needed([1, 2, 5, 10], [0.5, 0.6, 0.8, 0.7], 0.75) < 5


def test_half_the_labels_for_every_accuracy_is_an_efficiency_of_two():
    transfer = np.interp(np.log(2 * LABELS), np.log(LABELS), RISING)
    assert label_efficiency(LABELS, RISING, transfer, 0.7) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("labels", "accuracy", "words"),
    [([1, 2], [0.5], "two lists of one length"), ([2, 1], [0.5, 0.6], "increasing"), ([0, 1], [0.5, 0.6], "positive")],
)
def test_bad_curves_are_refused(labels, accuracy, words):
    with pytest.raises(ValueError, match=words):
        labels_needed(labels, accuracy, 0.55)
