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
