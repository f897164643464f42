import numpy as np
import pytest

from tlkit.data.sampling import stratified_sample
from tlkit.errors import TlkitError

LABELS = np.array([2, 0, 1, 1, 2, 0, 2, 1, 0, 2, 2])


@pytest.mark.parametrize("labels_per_class", [1, 2, 3])
def test_every_class_is_drawn_equally_often_and_nothing_twice(labels_per_class):
    drawn = stratified_sample(LABELS, labels_per_class, seed=3)
    assert drawn.dtype == np.int64
    assert len(set(drawn)) == len(drawn)
    assert np.bincount(LABELS[drawn]).tolist() == [labels_per_class] * 3


def test_the_seed_decides_and_the_global_random_state_does_not():
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    labels = np.repeat(np.arange(4), 30)
    first = stratified_sample(labels, 5, seed=0)
    np.random.seed(2)
    assert (stratified_sample(labels, 5, seed=0) == first).all()
    assert not (stratified_sample(labels, 5, seed=1) == first).all()
    np.random.seed(1)
    stratified_sample(labels, 5, seed=0)
    assert (np.random.get_state()[1] == state).all()


def test_every_example_can_be_drawn():
    seen = {index for seed in range(60) for index in stratified_sample(LABELS, 1, seed)}
    assert seen == set(range(len(LABELS)))


def test_names_of_classes_may_be_text():
    drawn = stratified_sample(np.array(["cat", "dog", "cat", "dog"]), 1, seed=0)
    assert len(drawn) == 2


def test_more_than_a_class_has_is_refused_with_the_class_and_its_size():
    with pytest.raises(TlkitError, match="labels_per_class=3 but class cat has only 2"):
        stratified_sample(np.array(["cat", "cat", "dog", "dog", "dog"]), 3)
    with pytest.raises(TlkitError, match="must be 1 or more"):
        stratified_sample(LABELS, 0)
