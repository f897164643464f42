import numpy as np
from sklearn.datasets import load_iris

from tlkit.probing import probe_accuracy


def test_a_probe_reads_what_is_linear_in_the_features():
    flowers, species = load_iris(return_X_y=True)
    assert probe_accuracy(flowers[::2], species[::2], flowers[1::2], species[1::2]) > 0.9


def test_a_probe_needs_its_bias():
    features, labels = np.array([[2.0], [2.1], [6.0], [6.1]]), np.array([4, 4, 9, 9])
    assert probe_accuracy(features, labels, features, labels) == 1.0


def test_chance_is_all_that_noise_gives():
    rng = np.random.default_rng(0)
    accuracy = probe_accuracy(rng.normal(size=(400, 3)), rng.integers(2, size=400),
                              rng.normal(size=(4000, 3)), rng.integers(2, size=4000))
    assert abs(accuracy - 0.5) < 0.05
