import numpy as np
import pytest
from scipy import stats

from tlkit.comparison import choose_temperature, paired_gain, tuned_test_accuracy


def test_gain_and_error_are_those_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    scratch = rng.uniform(0.6, 0.8, 12)
    transfer = scratch + rng.normal(0.05, 0.02, 12)
    gain, error = paired_gain(transfer, scratch)
    assert gain / error == pytest.approx(stats.ttest_rel(transfer, scratch).statistic)
    assert error == pytest.approx(stats.sem(transfer - scratch))


def test_what_both_methods_share_does_not_widen_the_error():
    luck = np.array([-0.2, 0.1, 0.15, -0.05])
    assert paired_gain(0.8 + luck, 0.7 + luck) == pytest.approx((0.1, 0.0))


def test_one_seed_says_nothing_about_spread():
    gain, error = paired_gain([0.9], [0.8])
    assert gain == pytest.approx(0.1)
    assert np.isnan(error)


def test_the_test_set_has_no_say_in_the_choice():
    val = np.array([[0.6, 0.6], [0.7, 0.7]])
    assert tuned_test_accuracy(val, [[0.99, 0.99], [0.1, 0.2]]).tolist() == [0.1, 0.2]


def test_a_temperature_is_chosen_by_validation_and_reported_by_test():
    runs = [(4.0, 0, 0.1, 0.75, 0.5), (1.0, 0, 0.9, 0.5, 0.9), (1.0, 1, 0.9, 0.875, 0.9), (4.0, 1, 0.1, 0.75, 0.75), (2.0, 1, 0.5, 1.0, 0.25),
            (2.0, 0, 0.5, 0.5, 0.125)]
    assert choose_temperature(runs) == (2.0, 0.1875)
    assert choose_temperature(runs[:4]) == (4.0, 0.625)
    with pytest.raises(ValueError, match="no temperature to choose"):
        choose_temperature([])
