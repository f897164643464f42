"""Drawing a few labelled examples of every class."""

import numpy as np

from tlkit.errors import TlkitError


def stratified_sample(labels: np.ndarray, labels_per_class: int, seed: int = 0) -> np.ndarray:
    """Draw the same number of examples of every class, without replacement.

    Args:
        labels: the class of each example, (N,); any values that sort.
        labels_per_class: K, how many examples to draw of each of the C classes that occur in `labels`.
        seed: the same seed gives the same sample; numpy's global random state is neither read nor moved.
    Returns:
        Indices into `labels`, int64 (C * K,), each at most once, class by class in sorted order.
    Raises:
        TlkitError: labels_per_class is below 1 or above the size of the smallest class.
    """
    labels = np.asarray(labels)
    if labels_per_class < 1:
        raise TlkitError(f"labels_per_class={labels_per_class} must be 1 or more")
    generator = np.random.default_rng(seed)
    drawn = []
    for name in np.unique(labels):
        members = np.flatnonzero(labels == name)
        if labels_per_class > len(members):
            raise TlkitError(
                f"labels_per_class={labels_per_class} but class {name!s} has only {len(members)} examples; "
                f"ask for {len(members)} or fewer"
            )
        drawn.append(generator.choice(members, size=labels_per_class, replace=False))
    return np.concatenate(drawn).astype(np.int64)


def sample_of_every_class(presence: np.ndarray, labels_per_class: int, seed: int = 0) -> np.ndarray:
    """Draw few examples, each of which may hold several classes, so that every class occurs often enough.

    Classes are served from the rarest to the most common; each takes shuffled examples that hold it until it occurs K
    times, those counted that were taken for another class (Yang and Katiyar 2020, section 4.1).

    Args:
        presence: how often each of C classes occurs in each of N examples, (N, C).
        labels_per_class: K, how often each class must occur at least.
        seed: the same seed gives the same sample.
    Returns:
        Indices, int64, each at most once, in the order in which they were drawn.
    Raises:
        TlkitError: labels_per_class is below 1, or a class occurs less often.
    """
    if labels_per_class < 1:
        raise TlkitError(f"labels_per_class={labels_per_class} must be 1 or more")
    totals = presence.sum(axis=0)
    if (totals < labels_per_class).any():
        raise TlkitError(f"labels_per_class={labels_per_class} but a class occurs only {totals.min()} times")
    order = np.random.default_rng(seed).permutation(len(presence))
    drawn: list[int] = []
    have = np.zeros(presence.shape[1], np.int64)
    for column in np.argsort(totals, kind="stable"):
        for index in order[presence[order, column] > 0]:
            if have[column] >= labels_per_class:
                break
            if index not in drawn:
                drawn.append(int(index))
                have += presence[index]
    return np.array(drawn, dtype=np.int64)
