"""What stands in more than one split: patients, and pictures.

Axes: N pictures, H height, W width.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np


def leaks(images, patients, splits: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
    """Patients with pictures in more than one split, and pairs of equal pictures of different splits.

    Args:
        images: uint8, (N, H, W).
        patients: the number of each picture's patient, (N,).
        splits: the split that each picture is in, (N,).
    Returns:
        The patients in rising order; and pairs (i, j) of picture numbers, i < j, in rising order, whose pixels are all equal.
    """
    found: dict[int, set] = {}
    for patient, split in zip(np.asarray(patients).tolist(), splits):
        found.setdefault(patient, set()).add(split)
    alike: dict[bytes, list[int]] = {}
    for number, image in enumerate(np.asarray(images)):
        alike.setdefault(image.tobytes(), []).append(number)
    pairs = [pair for numbers in alike.values() for pair in combinations(numbers, 2) if splits[pair[0]] != splits[pair[1]]]
    return sorted(patient for patient, where in found.items() if len(where) > 1), sorted(pairs)
