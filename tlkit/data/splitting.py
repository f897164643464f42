"""Cutting examples into splits: by class, by group, the same on every machine.

The order comes from hashes of keys and a seed, so it depends on no library's random numbers, and an example that is
added moves no other one between splits except at the cut.

Axes: N examples.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np


def hash_order(keys: Sequence[str], seed: int) -> np.ndarray:
    """The order of the keys' hashes, int64 (N,): a shuffle that only keys and seed decide."""
    hashes = [blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest() for key in keys]
    return np.array(sorted(range(len(keys)), key=hashes.__getitem__), dtype=np.int64)


def cut(labels: Sequence, groups: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
    """Cut examples into splits, class by class, with all of a group's examples in one split.

    Args:
        labels: the class of each example, (N,); a group counts for the class of its first example.
        groups: what must stay together, such as a patient or the text itself, (N,).
        shares: split -> the share of each class's groups that it gets, rounded; "train" gets what is left.
        seed: another seed gives another cut.
    Returns:
        Split -> indices, sorted, int64; "train" first.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    by_class: dict = {}
    for group, indices in members.items():
        by_class.setdefault(labels[indices[0]], []).append(group)
    parts: dict[str, list[int]] = {name: [] for name in ("train", *shares)}
    for names in by_class.values():
        shuffled = [names[place] for place in hash_order(names, seed)]
        start = 0
        for split, share in shares.items():
            end = start + round(share * len(names))
            parts[split] += [index for group in shuffled[start:end] for index in members[group]]
            start = end
        parts["train"] += [index for group in shuffled[start:] for index in members[group]]
    return {split: np.array(sorted(indices), dtype=np.int64) for split, indices in parts.items()}
