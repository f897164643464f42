"""A temperature makes the loss smallest, leaves the order, and other shares follow Bayes' rule."""

import numpy as np
import pytest
from scipy.special import softmax
from torch import tensor
from torch.nn.functional import cross_entropy

from tlkit import metrics
from tlkit.calibration import calibrate, fit_temperature, for_other_shares, mean_loss


def _examples(seed, count, factor, classes=3):
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.5, (count, classes))
    return honest * factor, np.array([rng.choice(classes, p=row) for row in softmax(honest, axis=1)])


def test_the_loss_is_torchs():
    logits, labels = _examples(0, 40, 2.0)
    assert mean_loss(logits, labels) == pytest.approx(float(cross_entropy(tensor(logits), tensor(labels))))


@pytest.mark.parametrize("factor", (0.3, 1.0, 4.0))
def test_the_factor_that_was_put_on_is_found_again(factor):
    logits, labels = _examples(1, 20000, factor)
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(factor, rel=0.05)
    for other in (0.98, 1.02):
        assert mean_loss(logits / temperature, labels) <= mean_loss(logits / (other * temperature), labels)


def test_a_temperature_of_validation_examples_makes_test_examples_honest():
    val, val_labels = _examples(2, 2000, 3.0)
    test, test_labels = _examples(3, 2000, 3.0)
    temperature, loss = calibrate(val, val_labels, test, test_labels)
    assert temperature == fit_temperature(val, val_labels) and loss == pytest.approx(mean_loss(test / temperature, test_labels))
    assert loss < mean_loss(test, test_labels)
    before, after = (metrics.expected_calibration_error(softmax(test / t, axis=1), test_labels) for t in (1, temperature))
    assert after < before / 2


def test_other_shares_are_bayes_rule():
    rng = np.random.default_rng(4)
    likelihood, trained, expected = rng.uniform(0.1, 1, (6, 3)), np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.1, 0.8])
    due = likelihood * expected / (likelihood * expected).sum(axis=1, keepdims=True)
    assert np.allclose(for_other_shares(np.log(likelihood * trained), trained, expected), due)
    assert np.allclose(for_other_shares(np.log(likelihood), trained, trained), likelihood / likelihood.sum(axis=1, keepdims=True))
