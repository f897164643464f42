"""Small phantoms: normalised as torchvision does, split by patient, and marked where it was asked."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import normalize

from tlkit.data.overlap import leaks
from tlkit.scans import SIDE, prepared, small_body, small_phantoms, with_mark


@pytest.fixture(scope="module")
def task():
    return small_phantoms(views=1)


def test_preparing_is_torchvisions_normalisation():
    images = torch.randint(0, 256, (3, 5, 4), dtype=torch.uint8)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    due = normalize((images / 255)[:, None].expand(-1, 3, -1, -1), mean, std)
    assert torch.allclose(prepared(images, mean, std), due, atol=1e-6) and prepared(images, mean, std).dtype == torch.float32


def test_one_view_of_each_training_patient_and_four_of_the_others(task):
    assert len(np.unique(task.train.groups)) == len(task.train) and len(task.test) == 4 * len(np.unique(task.test.groups))
    assert task.train.inputs.shape[1:] == (1, SIDE, SIDE) and task.train.inputs.dtype == torch.uint8


def test_no_patient_and_no_picture_is_in_two_splits(task):
    images = torch.cat([split.inputs[:, 0] for split in task.splits.values()]).numpy()
    owners = np.concatenate([split.groups for split in task.splits.values()])
    names = [name for name, split in task.splits.items() for _ in range(len(split))]
    assert leaks(images, owners, names) == ([], [])


def test_leaks_of_both_kinds_are_found():
    images = np.zeros((4, 2, 2), np.uint8)
    images[1:, 0, 0] = [1, 2, 1]
    assert leaks(images, [7, 8, 7, 9], ["train", "train", "val", "test"]) == ([7], [(1, 3)])
    assert leaks(images, [7, 8, 7, 9], ["train"] * 4) == ([], [])


def test_the_mark_is_on_the_ill_alone(task):
    changed = (with_mark(task).train.inputs != task.train.inputs).flatten(1)
    assert (changed.any(dim=1) == (task.train.labels == 1)).all() and int(changed.sum(dim=1).max()) == 4


def test_the_body_is_glyphnet_with_a_mean_at_its_end(task):
    body = small_body()
    assert body(task.val.inputs[:2]).shape == (2, body.feature_size) == (2, 128)
