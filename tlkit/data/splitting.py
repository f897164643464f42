"""Cutting examples into splits: by class, by group, the same on every machine.

The order comes from hashes of keys and a seed, so it depends on no library's random numbers, and an example that is
added moves no other one between splits except at the cut.

Axes: N examples.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from hashlib import blake2b

import numpy as np


def hashes(keys: Iterable[str], seed: int, count: int) -> np.ndarray:
    """A number for each of `count` keys, uint64 (N,), that only key and seed decide."""
    digests = (blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest() for key in keys)
    return np.fromiter((int.from_bytes(digest, "big") for digest in digests), np.uint64, count)


def cut(
    labels: Sequence[Hashable], groups: Iterable[str], shares: Mapping[str, float], seed: int
) -> dict[str, np.ndarray]:
    """Cut examples into splits, class by class, with all of a group's examples in one split.

    Args:
        labels: the class of each example, (N,); a group counts for the class of its first example.
        groups: what must stay together, such as a patient or the text itself, (N,).
        shares: split -> the share of each class's groups that it gets, rounded; "train" gets what is left.
        seed: another seed gives another cut.
    Returns:
        Split -> indices, sorted, int64; "train" first.
    """
    number_of: dict = {}
    codes = np.fromiter((number_of.setdefault(label, len(number_of)) for label in labels), np.int64, len(labels))
    _, first, group_of = np.unique(hashes(groups, seed, len(labels)), return_index=True, return_inverse=True)
    names = ["train", *shares]
    split_of_group = np.zeros(len(first), np.int8)
    for code in range(len(number_of)):
        members = np.flatnonzero(codes[first] == code)  # in the order of their hashes
        start = 0
        for number, share in enumerate(shares.values(), start=1):
            end = start + round(share * len(members))
            split_of_group[members[start:end]] = number
            start = end
    split_of = split_of_group[group_of]
    return {name: np.flatnonzero(split_of == number) for number, name in enumerate(names)}
