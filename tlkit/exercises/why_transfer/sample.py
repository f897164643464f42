"""Exercise 01.sample: draw a few labels, fairly."""

from itertools import combinations

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _sample_cases(rng: np.random.Generator) -> list[Case]:
    def labels_of(counts):
        classes = rng.choice(np.arange(40, 90), size=len(counts), replace=False)
        return rng.permutation(np.repeat(classes, counts))

    def seeds(n):
        return [int(seed) for seed in rng.choice(10_000, size=n, replace=False)]

    a, b = seeds(2)
    small, uneven, wide = labels_of((3, 3)), labels_of((12, 7, 9)), labels_of((30, 25, 40, 33))
    few, shares = labels_of((4, 3, 4)), labels_of((120, 24, 24))
    return [
        Case("as many of each class as asked", "two classes of three examples each", ((small, 2, a),)),
        Case("as many of each class as asked", "a single example of each class", ((small, 1, b),)),
        Case("as many of each class as asked", "classes of different size", ((uneven, 5, a), (uneven, 3, b))),
        Case("as many of each class as asked", "one class is five times as large as the others", ((shares, 14, a),)),
        Case("each example at most once", "every example of the smallest class is needed", ((uneven, 7, b),)),
        Case("the seed decides", "the same seed twice, then another", ((wide, 6, a), (wide, 6, a), (wide, 6, b)), True),
        # A right answer misses one of the 15 pairs with a probability below 12 (5/6)^140 + 3 (2/3)^140 < 1e-10.
        Case("the seed decides", "140 seeds, in which every example and every pair should turn up",
             tuple((few, 2, seed) for seed in seeds(140)), True),
        Case("too few examples are refused", "one class has just enough", ((uneven, 7, a),)),
        Case("too few examples are refused", "one class has fewer examples than asked for", ((uneven, 8, a),), True,
             raises="ValueError"),
    ]


def _sample_view(values: list, calls: tuple) -> dict:
    """What every right draw shares, whatever it drew."""
    draws = [np.asarray(value) for value in values]
    (labels, per_class, _), first = calls[0], draws[0]
    inside = bool(np.all((first >= 0) & (first < len(labels))))
    counts = [int(np.sum(labels[first % len(labels)] == c)) for c in np.unique(labels)]
    facts = {
        "the sample is a list of whole numbers": first.ndim == 1 and first.dtype.kind in "iu",
        "the sample's size": int(first.size),
        "every index lies inside `labels`": inside,
        "no example is drawn twice": len(np.unique(first)) == first.size,
        "every class has `labels_per_class` examples": inside and set(counts) == {per_class},
    }
    if len(calls) == 1:
        in_proportion = np.array(counts) * len(labels) == first.size * np.unique(labels, return_counts=True)[1]
        facts["every class keeps the share that it has in `labels`"] = inside and bool(in_proportion.all())
    if len(calls) == 3:
        facts["the same seed gives the same sample"] = np.array_equal(draws[0], draws[1])
        facts["another seed gives another sample"] = not np.array_equal(np.sort(draws[0]), np.sort(draws[2]))
    if len(calls) > 3:
        facts["examples that no seed ever draws"] = int(len(labels) - len(np.unique(np.concatenate(draws))))
        together = {frozenset(pair) for draw in draws for pair in combinations(draw.ravel().tolist(), 2)}
        pairs = [pair for pair in combinations(range(len(labels)), 2) if labels[pair[0]] == labels[pair[1]]]
        facts["pairs of one class that no seed ever draws together"] = sum(frozenset(p) not in together for p in pairs)
    return facts


def _draw(labels, labels_per_class, rng, replace=False):
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), labels_per_class, replace) for c in np.unique(labels)])


def _sample_with_replacement(labels, labels_per_class, seed):
    if np.unique(labels, return_counts=True)[1].min() < labels_per_class:
        raise ValueError("too few")
    return _draw(labels, labels_per_class, np.random.default_rng(seed), replace=True)


def _sample_unseeded(labels, labels_per_class, seed):
    return _draw(labels, labels_per_class, np.random.default_rng())


def _sample_fixed(labels, labels_per_class, seed):
    return _draw(labels, labels_per_class, np.random.default_rng(0))


def _sample_one_too_few(labels, labels_per_class, seed):
    if np.unique(labels, return_counts=True)[1].min() < labels_per_class:
        raise ValueError("too few")
    return _draw(labels, labels_per_class - 1, np.random.default_rng(seed))


def _sample_not_stratified(labels, labels_per_class, seed):
    size = labels_per_class * len(np.unique(labels))
    return np.random.default_rng(seed).choice(len(labels), size, replace=False)


def _sample_total(labels, labels_per_class, seed):
    return np.random.default_rng(seed).choice(len(labels), labels_per_class, replace=False)


def _sample_positions_in_class(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice(np.sum(labels == c), labels_per_class, replace=False) for c in np.unique(labels)])


def _sample_labels(labels, labels_per_class, seed):
    return labels[_draw(labels, labels_per_class, np.random.default_rng(seed))]


def _sample_global_state(labels, labels_per_class, seed):
    np.random.seed(seed)
    return _draw(labels, labels_per_class, np.random)


def _sample_as_many_as_there_are(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    pools = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return np.concatenate([rng.choice(pool, min(labels_per_class, len(pool)), replace=False) for pool in pools])


def _sample_never_the_last(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    pools = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    if min(map(len, pools)) < labels_per_class:
        raise ValueError("too few")
    return np.concatenate([
        rng.choice(pool[:-1] if len(pool) > labels_per_class else pool, labels_per_class, replace=False)
        for pool in pools
    ])


def _sample_neighbours(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    runs = []
    for c in np.unique(labels):
        pool = np.flatnonzero(labels == c)
        start = rng.integers(0, len(pool) - labels_per_class + 1)
        runs.append(pool[start:start + labels_per_class])
    return np.concatenate(runs)


def _sample_in_proportion(labels, labels_per_class, seed):
    from sklearn.model_selection import train_test_split

    classes, counts = np.unique(labels, return_counts=True)
    size = labels_per_class * len(classes)
    if counts.min() < labels_per_class:
        raise ValueError("too few")
    if size == len(labels):
        return np.arange(size)
    return train_test_split(np.arange(len(labels)), train_size=size, stratify=labels, random_state=seed)[0]


def _sample_refuses_just_enough(labels, labels_per_class, seed):
    if np.unique(labels, return_counts=True)[1].min() <= labels_per_class:
        raise ValueError("too few")
    return _draw(labels, labels_per_class, np.random.default_rng(seed))


def _sample_by_class(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    return [rng.choice(np.flatnonzero(labels == c), labels_per_class, replace=False) for c in np.unique(labels)]


def _sample_mask(labels, labels_per_class, seed):
    chosen = _draw(labels, labels_per_class, np.random.default_rng(seed))
    return np.isin(np.arange(len(labels)), chosen)


def _sample_counted_classes(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), labels_per_class, replace=False)
                           for c in range(labels.max() + 1)])


def _sample_state_after_error(labels, labels_per_class, seed):
    state = np.random.get_state()
    np.random.seed(seed)
    chosen = _draw(labels, labels_per_class, np.random)
    np.random.set_state(state)
    return chosen


SAMPLE = Exercise(
    id="01.sample",
    title="draw a few labels, fairly",
    name="stratified_sample",
    parameters=("labels", "labels_per_class", "seed"),
    points=3,
    minutes=10,
    difficulty="easy",
    reference="tlkit.data.sampling:stratified_sample",
    cases=_sample_cases,
    view=_sample_view,
    equivalent_mutants={
        "dropped: labels = np.asarray(labels)": "the cases give arrays",
        **dict.fromkeys(
            (
                "dropped: if labels_per_class < 1:\n    raise TlkitError(f'labels_per_class={labels_per_class} must be 1 or more')",
                "dropped: raise TlkitError(f'labels_per_class={labels_per_class} must be 1 or more')",
                "if labels_per_class < -1:",
            ),
            "the exercise does not ask for less than one",
        ),
        **dict.fromkeys(
            (
                "dropped: if labels_per_class > len(members):\n    raise TlkitError(f'labels_per_class={labels_per_class} but "
                "class {name!s} has only {len(members)} examples; ask for {len(members)} or fewer')",
                "dropped: raise TlkitError(f'labels_per_class={labels_per_class} but class {name!s} has only "
                "{len(members)} examples; ask for {len(members)} or fewer')",
            ),
            "choice without replacement raises a ValueError of its own",
        ),
    },
    hint="For each class: find the indices that carry it, then let a generator made from the seed choose among them.",
    misconceptions=(
        Misconception("drawn with replacement", "`rng.choice` puts each example back unless it is told not to.",
                      "Look up what `replace` is by default in `Generator.choice`.", _sample_with_replacement),
        Misconception("the seed is not used", "A generator without a seed starts somewhere else at every call.",
                      "Where should the argument `seed` go?", _sample_unseeded),
        Misconception("every seed gives the same sample", "With a fixed seed inside, or the first examples of each "
                      "class, nothing depends on `seed` any more.", "Call it with two seeds and compare.", _sample_fixed),
        Misconception("one example too few a class", "Ranges and slices leave their end out, so subtracting one more "
                      "is one too many.", "Count what comes back for `labels_per_class=1`.", _sample_one_too_few),
        Misconception("drawn from all classes together", "On average each class gets its share, so it looks stratified; "
                      "in a single small draw it is not.", "Draw within one class at a time.", _sample_not_stratified),
        Misconception("labels_per_class taken as the total", "`train_test_split(train_size=k)` and its like count the "
                      "whole sample.", "How many examples should 3 classes give for `labels_per_class=2`?", _sample_total),
        Misconception("positions within the class, not within `labels`", "After `labels[labels == c]` the counting starts "
                      "anew, and those positions point at other examples.",
                      "Keep the original indices: `np.flatnonzero(labels == c)`.", _sample_positions_in_class),
        Misconception("returns the labels, not where they are", "The drawn values are at hand, but whoever calls wants "
                      "to pick images with them.", "The result is used as `images[result]`.", _sample_labels),
        Misconception("seeds numpy's global random state", "`np.random.seed` works here, and silently resets the dice of "
                      "everything else in the program.", "`np.random.default_rng(seed)` is a generator of your own.",
                      _sample_global_state),
        Misconception("the global random state stays moved after an error", "It is put back on the last line, and an "
                      "exception leaves before.", "Which lines run when the ValueError is raised?",
                      _sample_state_after_error),
        Misconception("takes fewer where a class is small", "It avoids an error, but then 8 labels a class are "
                      "sometimes 7, and nobody notices.", "Raise a ValueError when a class has too few examples.",
                      _sample_as_many_as_there_are),
        Misconception("neighbours are drawn together", "A random start and a slice give the right number, but whoever is "
                      "drawn brings the next ones along.", "Can the first and the last example of a class meet in a small "
                      "sample?", _sample_neighbours),
        Misconception("classes keep their shares", "“Stratified” often means so, as in `train_test_split(stratify=...)`.",
                      "How many examples of a rare class should come back, and how many of a frequent one?",
                      _sample_in_proportion),
        Misconception("a class with just enough examples is refused", "`<=` and `<` differ at one value only.",
                      "What should happen if a class has exactly `labels_per_class` examples?", _sample_refuses_just_enough),
        Misconception("one array for each class, not one list", "Collecting the draws in a list is half of the way.",
                      "What does `images[result]` do with a list of arrays?", _sample_by_class),
        Misconception("a mask, not indices", "A mask picks the same images, but nobody can count or order with it.",
                      "How long should the result be?", _sample_mask),
        Misconception("class numbers taken to be 0, 1, 2, ...", "In most data sets they are, until somebody takes a part of one.",
                      "Which class numbers occur? Ask the labels.", _sample_counted_classes),
        Misconception("the last example of a class is never drawn", "An end that is left out twice, once by the range "
                      "and once by subtracting one.", "Which indices can come out for a class of two?",
                      _sample_never_the_last),
    ),
)
