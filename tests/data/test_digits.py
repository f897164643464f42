import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import tlkit
from tlkit.errors import TlkitError


@pytest.fixture(scope="module")
def task():
    return tlkit.load_task("digits")


def test_the_splits_hold_every_digit_of_scikit_learn_once(task):
    splits = (task.train, task.val, task.test)
    ours = np.concatenate([split.inputs.reshape(len(split), 64).numpy() * 16 for split in splits])
    images, labels = load_digits(return_X_y=True)
    our_labels = np.concatenate([split.labels.numpy() for split in splits])
    assert sorted(map(tuple, np.column_stack([ours, our_labels]))) == sorted(map(tuple, np.column_stack([images, labels])))


def test_inputs_are_float_images_between_0_and_1(task):
    assert task.test.inputs.dtype == torch.float32 and task.test.inputs.shape[1:] == (1, 8, 8)
    assert task.test.labels.dtype == torch.int64
    assert task.train.inputs.min() == 0 and task.train.inputs.max() == 1


def test_every_split_holds_every_class_in_proportion(task):
    for split in (task.train, task.val, task.test):
        shares = np.array(list(split.class_counts.values())) / len(split)
        assert abs(shares - 0.1).max() < 0.01


def test_few_labels_come_from_the_train_pool_and_leave_the_judges_whole(task):
    few = tlkit.load_task("digits", labels_per_class=5, seed=3)
    assert list(few.train.class_counts.values()) == [5] * 10
    pool = {tuple(image) for image in task.train.inputs.flatten(1).tolist()}
    assert all(tuple(image) in pool for image in few.train.inputs.flatten(1).tolist())
    assert torch.equal(few.val.inputs, task.val.inputs) and torch.equal(few.test.labels, task.test.labels)


def test_the_seed_decides_which_labels(task):
    again = [tlkit.load_task("digits", labels_per_class=2, seed=seed).train.inputs for seed in (0, 0, 1)]
    assert torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2])


def test_bad_requests_are_answered_in_one_sentence():
    with pytest.raises(TlkitError, match="no task 'digit'; tasks: .*digits"):
        tlkit.load_task("digit")
    with pytest.raises(TlkitError, match="labels_per_class=500 but class '0' has only 89 training examples"):
        tlkit.load_task("digits", labels_per_class=500)


def test_a_task_says_what_it_is(task):
    for word in ("digits", "CC BY 4.0", "scikit-learn", "train: 899", "val: 299", "test: 599"):
        assert word in task.describe()


def test_sampling_needs_no_torch():
    code = "import sys, tlkit.data.sampling; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
