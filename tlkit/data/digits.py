"""Real handwritten digits: the 1,797 images of 8 x 8 pixels that scikit-learn carries."""

import numpy as np
import torch
from sklearn.datasets import load_digits

from tlkit.data.task import Split, Task

_SPLIT_SEED = 20240
_VAL_SHARE, _TEST_SHARE = 1 / 6, 1 / 3


def load() -> Task:
    """The digits, half of them to train on, a sixth to choose with and a third to be judged by.

    Inputs are float32 (N, 1, 8, 8) in [0, 1]: each pixel says which share of a 4 x 4 block of a scanned
    32 x 32 bitmap is ink. The split is stratified and always the same.
    """
    images, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(images.reshape(-1, 1, 8, 8) / 16).float()
    labels = torch.from_numpy(labels).long()
    classes = tuple("0123456789")
    splits = {
        name: Split(name, inputs[indices], labels[indices], classes) for name, indices in _split(labels.numpy()).items()
    }
    return Task(
        name="digits",
        kind="classification",
        modality="image",
        classes=classes,
        **splits,
        licence="CC BY 4.0",
        source="scikit-learn's load_digits: the test set of UCI's Optical Recognition of Handwritten Digits",
        citation="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49",
        description="real handwritten digits by 13 people, scanned and brought to 8 x 8 pixels",
    )


def _split(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Indices of each split: every class is shuffled on its own and cut at the same shares."""
    generator = np.random.default_rng(_SPLIT_SEED)
    parts = {"train": [], "val": [], "test": []}
    for digit in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == digit))
        val_end = round(_VAL_SHARE * len(members))
        test_end = val_end + round(_TEST_SHARE * len(members))
        parts["val"].append(members[:val_end])
        parts["test"].append(members[val_end:test_end])
        parts["train"].append(members[test_end:])
    return {name: np.sort(np.concatenate(chunks)) for name, chunks in parts.items()}
