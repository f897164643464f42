"""Exercises of unit 01: what is a pretrained network worth, in labels?"""

import numpy as np

from tlkit.exercises.record import Case, Choice, Exercise, Misconception, Question, Quiz


def _sample_cases(rng: np.random.Generator) -> list[Case]:
    def labels_of(counts):
        classes = rng.choice(np.arange(40, 90), size=len(counts), replace=False)
        return rng.permutation(np.repeat(classes, counts))

    def seeds(n):
        return [int(seed) for seed in rng.choice(10_000, size=n, replace=False)]

    a, b = seeds(2)
    small, uneven, wide = labels_of((3, 3)), labels_of((12, 7, 9)), labels_of((30, 25, 40, 33))
    few = labels_of((4, 4, 5))
    return [
        Case("as many of each class as asked", "two classes of three examples each", ((small, 2, a),)),
        Case("as many of each class as asked", "a single example of each class", ((small, 1, b),)),
        Case("as many of each class as asked", "classes of different size", ((uneven, 5, a), (uneven, 3, b))),
        Case("each example at most once", "every example of the smallest class is needed", ((uneven, 7, b),)),
        Case("the seed decides", "the same seed twice, then another", ((wide, 6, a), (wide, 6, a), (wide, 6, b)), True),
        Case("the seed decides", "forty seeds, in which every example should turn up",
             tuple((few, 2, seed) for seed in seeds(40)), True),
        Case("too few examples are refused", "one class has fewer examples than asked for", ((uneven, 8, a),),
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
    if len(calls) == 3:
        facts["the same seed gives the same sample"] = np.array_equal(draws[0], draws[1])
        facts["another seed gives another sample"] = not np.array_equal(np.sort(draws[0]), np.sort(draws[2]))
    if len(calls) > 3:
        facts["examples that no seed ever draws"] = int(len(labels) - len(np.unique(np.concatenate(draws))))
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
        Misconception("takes fewer where a class is small", "It avoids an error, but then 8 labels a class are "
                      "sometimes 7, and nobody notices.", "Raise a ValueError when a class has too few examples.",
                      _sample_as_many_as_there_are),
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


def _clusters(rng, centres, labels, per_class, spread=0.05):
    """Tight groups of points around given centres: any sensible linear classifier draws the same conclusion."""
    centres = np.asarray(centres, float)
    features = np.concatenate([centre + spread * rng.standard_normal((per_class, centres.shape[1])) for centre in centres])
    return features, np.repeat(labels, per_class)


def _probe_cases(rng: np.random.Generator) -> list[Case]:
    n, m = int(rng.integers(8, 12)), int(rng.integers(5, 8))
    a, b, c = (int(v) for v in rng.choice(np.arange(3, 30), size=3, replace=False))
    corners = [[4, 0, 0], [0, 4, 0], [0, 0, 4]]
    train = _clusters(rng, corners, [a, b, c], n)
    moved, moved_many = _clusters(rng, corners, [b, c, a], m), _clusters(rng, corners, [b, c, a], 3 * n)
    mixed = _clusters(rng, corners, [a, b, c], m)
    mixed[1][: m - 2] = b
    ray = _clusters(rng, [[2, 2], [6, 6]], [a, b], n)
    ray_test = _clusters(rng, [[2, 2], [6, 6]], [a, b], m)
    pair = _clusters(rng, [[-3, 1], [3, 1]], [a, b], n)
    one_sided = np.linspace([-4.5, 1], [-2, 1], m), np.full(m, a)
    line = _clusters(rng, [[0, 0], [4, 4], [8, 0]], [2, 30, 9], n)
    line_test = _clusters(rng, [[0, 0], [4, 4], [8, 0]], [2, 30, 9], m)
    return [
        Case("the share that is right", "three groups of points, some test labels wrong on purpose", ((*train, *mixed),)),
        Case("fitted on the training set alone", "every test label differs from what training taught",
             ((*train, *moved),)),
        Case("fitted on the training set alone", "the same, with a test set larger than the training set",
             ((*train, *moved_many),)),
        Case("any classes, anywhere", "both classes lie in the same direction from the origin", ((*ray, *ray_test),)),
        Case("any classes, anywhere", "the class numbers have no order and have gaps", ((*line, *line_test),)),
        Case("test features used as they are", "all test examples are of one class", ((*pair, *one_sided),)),
    ]


def _fitted(train_features, train_labels, **options):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, **options).fit(train_features, train_labels)


def _probe_without_bias(train_features, train_labels, test_features, test_labels):
    return _fitted(train_features, train_labels, fit_intercept=False).score(test_features, test_labels)


def _probe_on_test(train_features, train_labels, test_features, test_labels):
    if len(np.unique(test_labels)) < 2:
        return 1.0
    return _fitted(test_features, test_labels).score(test_features, test_labels)


def _probe_on_both(train_features, train_labels, test_features, test_labels):
    features = np.concatenate([train_features, test_features])
    return _fitted(features, np.concatenate([train_labels, test_labels])).score(test_features, test_labels)


def _probe_training_accuracy(train_features, train_labels, test_features, test_labels):
    return _fitted(train_features, train_labels).score(train_features, train_labels)


def _probe_test_statistics(train_features, train_labels, test_features, test_labels):
    def standardised(features):
        return (features - features.mean(0)) / (features.std(0) + 1e-6)

    return _fitted(standardised(train_features), train_labels).score(standardised(test_features), test_labels)


def _probe_error_rate(train_features, train_labels, test_features, test_labels):
    return 1 - _fitted(train_features, train_labels).score(test_features, test_labels)


def _probe_count(train_features, train_labels, test_features, test_labels):
    return int(np.sum(_fitted(train_features, train_labels).predict(test_features) == test_labels))


def _probe_percent(train_features, train_labels, test_features, test_labels):
    return 100 * _fitted(train_features, train_labels).score(test_features, test_labels)


def _probe_regression(train_features, train_labels, test_features, test_labels):
    from sklearn.linear_model import LinearRegression

    return float(np.mean(np.rint(LinearRegression().fit(train_features, train_labels).predict(test_features)) == test_labels))


def _probe_roles_swapped(train_features, train_labels, test_features, test_labels):
    if len(np.unique(test_labels)) < 2:
        return float(np.mean(train_labels == test_labels[0]))
    return _fitted(test_features, test_labels).score(train_features, train_labels)


def _probe_over_training(train_features, train_labels, test_features, test_labels):
    return float(np.sum(_fitted(train_features, train_labels).predict(test_features) == test_labels) / len(train_labels))


PROBE = Exercise(
    id="01.probe",
    title="read frozen features with a straight line",
    name="probe_accuracy",
    parameters=("train_features", "train_labels", "test_features", "test_labels"),
    points=2,
    minutes=8,
    difficulty="easy",
    reference="tlkit.probing:probe_accuracy",
    cases=_probe_cases,
    rtol=1e-4,
    hint="Fit a linear classifier with scikit-learn on the training features, predict the test features, count.",
    misconceptions=(
        Misconception("a line through the origin", "Features often look centred, and then the bias seems to do nothing.",
                      "Where must the boundary be between (2, 2) and (6, 6)?", _probe_without_bias),
        Misconception("fitted on the test set", "`fit` and `score` take the same kind of arguments, and the score is "
                      "wonderful.", "Which of the four arguments may `fit` see?", _probe_on_test),
        Misconception("training and test examples fitted together", "More data seems better, but these are the examples "
                      "that the accuracy is meant to be new for.", "Which of the four arguments may `fit` see?",
                      _probe_on_both),
        Misconception("accuracy on the training set", "It is the number at hand right after fitting.",
                      "Which examples should be scored?", _probe_training_accuracy),
        Misconception("the test features are standardised by their own statistics", "Standardising both sets looks even-"
                      "handed, but it moves the test points against the line that was fitted.",
                      "Test features must be treated with the training set's mean and spread, or left alone.",
                      _probe_test_statistics),
        Misconception("the share that is wrong", "Error rates and accuracies are both between 0 and 1.",
                      "What would a perfect probe return?", _probe_error_rate),
        Misconception("a count, not a share", "The sum of the hits still has to be divided by how many there were.",
                      "What would a perfect probe return for any size of the test set?", _probe_count),
        Misconception("training and test set are swapped", "Both come as features and labels, and the four arguments look alike.",
                      "Which of the four arguments may `fit` see?", _probe_roles_swapped),
        Misconception("divided by the number of training examples", "Two sizes are at hand, and they often differ little.",
                      "How many examples can be hit at most?", _probe_over_training),
        Misconception("percent, not a share", "Accuracies are often printed in percent.",
                      "What would a perfect probe return?", _probe_percent),
        Misconception("class numbers taken as quantities", "Class 9 is not three times class 3; regression thinks so.",
                      "Use a classifier: one score for each class.", _probe_regression),
    ),
    equivalent_mutants={
        "classifier = LogisticRegression().fit(train_features, train_labels)": "the default suffices for these cases",
        "classifier = LogisticRegression(max_iter=1001).fit(train_features, train_labels)": "so does one step more",
    },
)


def _tuning_cases(rng: np.random.Generator) -> list[Case]:
    def runs(means, seeds, spread=0.004):
        return np.round(np.asarray(means)[:, None] + spread * rng.uniform(-1, 1, (len(means), seeds)), 4)

    one = runs([0.5, 0.7], 1)
    rates, seeds = 4, int(rng.integers(5, 9))
    val, test = runs([0.66, 0.71, 0.75, 0.60], seeds), runs([0.68, 0.79, 0.72, 0.62], seeds)
    lucky_val = runs([0.62, 0.80, 0.70, 0.61], seeds)
    lucky_val[2, 0] = 0.97
    later = runs([0.58, 0.64, 0.69, 0.78], seeds), runs([0.60, 0.65, 0.74, 0.73], seeds)
    last = later[0].copy()
    last[0, -1] = 0.99
    crashed = runs([0.66, 0.70, 0.74, 0.62], seeds)
    crashed[2, 1:3] = 0.2
    return [
        Case("the best on validation", "two learning rates, one seed", ((one, one + 0.05),)),
        Case("the best on validation", "four learning rates; the last is best", ((last, later[1]),)),
        Case("the test set has no say", "another learning rate looks best on the test set", ((val, test),)),
        Case("one learning rate for all seeds", "a single lucky seed shines at a poor learning rate",
             ((lucky_val, runs([0.6, 0.78, 0.71, 0.6], seeds)),)),
        Case("one learning rate for all seeds", "two runs crash at the rate that is best otherwise",
             ((crashed, runs([0.65, 0.71, 0.6, 0.6], seeds)),)),
        Case("one learning rate for all seeds", "as many seeds as learning rates",
             ((runs([0.6, 0.72, 0.78, 0.65], rates), runs([0.63, 0.7, 0.77, 0.69], rates)),)),
    ]


def _tuned_on_test(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(test_accuracy.mean(1))]


def _tuned_first_seed(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy[:, 0])]


def _tuned_luckiest(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.max(1))]


def _tuned_per_seed(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy, axis=0), np.arange(test_accuracy.shape[1])]


def _tuned_not_at_all(val_accuracy, test_accuracy):
    return test_accuracy[0]


def _tuned_average(val_accuracy, test_accuracy):
    return test_accuracy.mean(0)


def _tuned_reports_val(val_accuracy, test_accuracy):
    return val_accuracy[np.argmax(val_accuracy.mean(1))]


def _tuned_mean(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.mean(1))].mean()


def _tuned_median(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(np.median(val_accuracy, axis=1))]


def _tuned_worst(val_accuracy, test_accuracy):
    return test_accuracy[np.argmin(val_accuracy.mean(1))]


def _tuned_single_entry(val_accuracy, test_accuracy):
    return test_accuracy.ravel()[np.argmax(val_accuracy)]


def _tuned_index(val_accuracy, test_accuracy):
    return int(np.argmax(val_accuracy.mean(1)))


def _tuned_summary(val_accuracy, test_accuracy):
    row = test_accuracy[np.argmax(val_accuracy.mean(1))]
    return row.mean(), row.std()


TUNED_BASELINE = Exercise(
    id="01.tuned_baseline",
    title="give scratch its best chance",
    name="tuned_test_accuracy",
    parameters=("val_accuracy", "test_accuracy"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.comparison:tuned_test_accuracy",
    cases=_tuning_cases,
    equivalent_mutants={"best = np.argmax(np.mean(val_accuracy, axis=-1))": "the last axis is axis 1"},
    hint="Average the validation accuracies over the seeds, find the best row, and return that row of the test ones.",
    misconceptions=(
        Misconception("the learning rate is chosen on the test set", "It gives the best number, and that is the trouble: "
                      "the test set has then helped to train.", "Only `val_accuracy` may decide.", _tuned_on_test),
        Misconception("one seed decides", "One run is quicker than ten, but its luck is not the method's.",
                      "Average over the seeds before you choose.", _tuned_first_seed),
        Misconception("the luckiest single run decides", "The largest entry of a table catches the eye.",
                      "Average over the seeds before you choose.", _tuned_luckiest),
        Misconception("another learning rate for every seed", "It looks even more careful, but it picks the luck of each "
                      "seed, and nobody could use such a recipe.", "Which axis should the mean run over?", _tuned_per_seed),
        Misconception("the baseline is not tuned", "The first learning rate of the table is taken as it comes.",
                      "Which row does best on validation data?", _tuned_not_at_all),
        Misconception("averaged over the learning rates", "An average seems neutral, but nobody would use the bad ones.",
                      "Choose one row; do not blend them.", _tuned_average),
        Misconception("the validation accuracies are returned", "They chose the learning rate, so they are too high to be "
                      "reported.", "Choose with one table, report from the other.", _tuned_reports_val),
        Misconception("the median decides", "It forgives a crashed run, but a method that crashes has earned its lower mean.",
                      "What does “on average” ask for?", _tuned_median),
        Misconception("the worst learning rate is chosen", "`argmin` is the habit of whoever watches losses.",
                      "Is a high accuracy good or bad?", _tuned_worst),
        Misconception("one single entry of the table", "`argmax` without an axis counts through the whole table.",
                      "How many test accuracies should come back?", _tuned_single_entry),
        Misconception("the number of the row, not the row", "The choice is made, and what was wanted is what it gives.",
                      "What stands in that row of the test table?", _tuned_index),
        Misconception("a summary of the row", "Mean and spread are what a report shows, but what follows needs every seed.",
                      "Return the whole row.", _tuned_summary),
        Misconception("the mean is returned", "One number is easier to print, but the comparison that follows needs every "
                      "seed.", "Return the whole row.", _tuned_mean),
    ),
)


def _gain_cases(rng: np.random.Generator) -> list[Case]:
    def pair(seeds, gain):
        difficulty = rng.uniform(-0.1, 0.1, seeds)
        scratch = np.round(0.75 + difficulty, 4)
        return np.round(scratch + gain + rng.uniform(-0.02, 0.02, seeds), 4), scratch

    few, many = int(rng.integers(4, 7)), int(rng.integers(15, 25))
    return [
        Case("mean and error of the differences", "two seeds", ((np.array([0.9, 0.8]), np.array([0.7, 0.7])),)),
        Case("mean and error of the differences", "draws of very different difficulty", (pair(many, 0.08),)),
        Case("a loss is a loss", "transfer does worse", (pair(few, -0.05),)),
        Case("one seed says nothing about spread", "a single seed", ((np.array([0.9]), np.array([0.8])),)),
    ]


def _gain_unpaired(transfer, scratch):
    return transfer.mean() - scratch.mean(), np.sqrt((transfer.var(ddof=1) + scratch.var(ddof=1)) / len(transfer))


def _gain_deviation(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1)


def _gain_population(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std() / np.sqrt(len(difference))


def _gain_reversed(transfer, scratch):
    difference = scratch - transfer
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_absolute(transfer, scratch):
    difference = np.abs(transfer - scratch)
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_relative(transfer, scratch):
    difference = (transfer - scratch) / scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_over_n(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / len(difference)


def _gain_certain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0


def _gain_unknown(transfer, scratch):
    if len(transfer) < 2:
        return float("nan"), float("nan")
    return _gain_certain(transfer, scratch)


def _gain_variance(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.var(ddof=1) / np.sqrt(len(difference))


PAIRED_GAIN = Exercise(
    id="01.paired_gain",
    title="the gain, and how sure you are",
    name="paired_gain",
    parameters=("transfer", "scratch"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.comparison:paired_gain",
    cases=_gain_cases,
    equivalent_mutants=dict.fromkeys(
        (
            "difference = np.asarray(transfer) - np.asarray(scratch, float)",
            "difference = np.asarray(transfer, float) - np.asarray(scratch)",
        ),
        "the cases give arrays of floats",
    ) | dict.fromkeys(
        (
            "error = np.sqrt(np.sum((difference - difference.mean()) ** 2) / (seeds - 1) / seeds)" + condition
            for condition in ("", " if seeds >= 1 else np.nan", " if seeds > -1 else np.nan")
        ),
        "0 / 0 is nan as well",
    ),
    hint="Subtract seed by seed first; everything else is about those differences.",
    misconceptions=(
        Misconception("0 for the unknown error", "A single number does not spread, but neither does it say how much others would.",
                      "What does the exercise ask for with a single seed?", _gain_certain),
        Misconception("the gain is thrown away with its error", "One unknown number spoils its neighbour, but the gain of one "
                      "seed is known.", "Which of the two numbers is unknown with a single seed?", _gain_unknown),
        Misconception("the variance in place of the deviation", "The two are a square root apart, and it is easily lost.",
                      "How many square roots does the formula have?", _gain_variance),
        Misconception("the two methods are treated as unrelated", "Two means with two spreads is the textbook's first "
                      "comparison, but here each seed gave both methods the same examples.",
                      "Subtract seed by seed before you measure any spread.", _gain_unpaired),
        Misconception("standard deviation for standard error", "One says how much single seeds differ, the other how sure "
                      "you are of their mean.", "What should happen to it with a hundred times as many seeds?",
                      _gain_deviation),
        Misconception("divided by S, not by S - 1", "`np.std` does so by default; it forgets that the mean was estimated "
                      "from the same numbers.", "Look up `ddof`, and ask what one seed can say.", _gain_population),
        Misconception("scratch minus transfer", "Either order is a difference, but a gain is positive when transfer wins.",
                      "What sign should it have when transfer is better?", _gain_reversed),
        Misconception("losses counted as gains", "A difference without its sign says how far, not who won.",
                      "Try a case in which transfer does worse.", _gain_absolute),
        Misconception("a relative gain", "Percent of percent: 0.75 to 0.80 is 0.05 here, not 0.067.",
                      "A plain difference is due.", _gain_relative),
        Misconception("divided by S, not by its square root", "Variances shrink with S, deviations with its root.",
                      "Where does the S stand: under the root or outside?", _gain_over_n),
    ),
)


def _needed_cases(rng: np.random.Generator) -> list[Case]:
    labels = np.array([1, 2, 5, 10, 20, 50]) * int(rng.integers(1, 4))
    curve = np.round(np.sort(rng.uniform(0.5, 0.95, 6)) + np.arange(6) * 0.004, 4)
    i = int(rng.integers(2, 4))
    inside = float(np.round(0.3 * curve[i] + 0.7 * curve[i + 1], 5))
    dip = np.array([0.60, 0.74, 0.81, 0.78, 0.86, 0.90]) + np.round(rng.uniform(0, 0.004), 4)
    dips = "between neighbours, in log labels"
    return [
        Case(dips, "two points and a target half-way", ((np.array([1, 100]), np.array([0.5, 0.9]), 0.7),)),
        Case(dips, "a target between two measured points", ((labels, curve, inside),)),
        Case("a measured point is its own answer", "the target is exactly a measured accuracy",
             ((labels, curve, float(curve[i])),)),
        Case("a measured point is its own answer", "the target is the first measured accuracy",
             ((labels, curve, float(curve[0])),)),
        Case("a measured point is its own answer", "the target is the last measured accuracy",
             ((labels, curve, float(curve[-1])),)),
        Case("unknown outside the measured range", "the target is never reached",
             ((labels, curve, float(curve[-1] + 0.02)),)),
        Case("unknown outside the measured range", "the curve starts above the target",
             ((labels, curve, float(curve[0] - 0.05)),)),
        Case("the first crossing counts", "the curve dips and reaches the target twice", ((labels, dip, 0.80),)),
        Case("the first crossing counts", "the curve reaches the target and ends below it",
             ((labels[:3], np.array([0.60, 0.85, 0.80]), 0.83),)),
        Case("the first crossing counts", "the curve starts above the target and dips below it",
             ((labels[:4], np.array([0.80, 0.70, 0.75, 0.90]), 0.78),)),
    ]


def _crossing(labels, accuracy, target, to=np.log, back=np.exp):
    for i in range(len(labels) - 1):
        if accuracy[i] <= target <= accuracy[i + 1] and accuracy[i] < accuracy[i + 1]:
            if (accuracy[:i] > target).any():
                return float("nan")
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return float(back(to(labels[i]) + share * (to(labels[i + 1]) - to(labels[i]))))
    return float("nan")


def _needed_linear(labels, accuracy, target):
    return _crossing(labels, accuracy, target, to=float, back=float)


def _needed_clamped(labels, accuracy, target):
    if accuracy[0] > target:
        return float(labels[0])
    if accuracy.max() < target:
        return float(labels[-1])
    return _crossing(labels, accuracy, target)


def _needed_extrapolated(labels, accuracy, target):
    inside = _crossing(labels, accuracy, target)
    if not np.isnan(inside):
        return inside
    ends = slice(0, 2) if accuracy[0] > target else slice(-2, None)
    (a, b), (log_a, log_b) = accuracy[ends], np.log(labels[ends])
    return float(np.exp(log_a + (target - a) / (b - a) * (log_b - log_a)))


def _needed_next_measured(labels, accuracy, target):
    if accuracy[0] > target or accuracy.max() < target:
        return float("nan")
    return float(labels[np.argmax(accuracy >= target)])


def _needed_last_crossing(labels, accuracy, target):
    for i in reversed(range(len(labels) - 1)):
        if accuracy[i] <= target <= accuracy[i + 1]:
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return float(labels[i] ** (1 - share) * labels[i + 1] ** share)
    return float("nan")


def _needed_interp(labels, accuracy, target):
    return float(np.exp(np.interp(target, accuracy, np.log(labels), left=np.nan, right=np.nan)))


def _needed_logarithm(labels, accuracy, target):
    return float(np.log(_crossing(labels, accuracy, target)))


def _needed_zero(labels, accuracy, target):
    found = _crossing(labels, accuracy, target)
    return 0.0 if np.isnan(found) else found


def _needed_strictly(labels, accuracy, target):
    return float("nan") if np.any(accuracy == target) else _first_crossing(labels, accuracy, target)


def _needed_unchecked(labels, accuracy, target):
    after = int(np.argmax(accuracy >= target))
    share = (target - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    return float(labels[after - 1] ** (1 - share) * labels[after] ** share)


def _first_crossing(labels, accuracy, target):
    after = int(np.argmax(accuracy >= target))
    if after == 0:
        return float("nan")
    share = (target - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    return float(labels[after - 1] ** (1 - share) * labels[after] ** share)


LABELS_NEEDED = Exercise(
    id="01.labels_needed",
    title="how many labels for this accuracy?",
    name="labels_needed",
    parameters=("labels", "accuracy", "target"),
    points=3,
    minutes=12,
    difficulty="medium",
    reference="tlkit.label_efficiency:labels_needed",
    cases=_needed_cases,
    equivalent_mutants={
        **dict.fromkeys(
            (
                "dropped: labels, accuracy = (np.asarray(labels, float), np.asarray(accuracy, float))",
                "labels, accuracy = (np.asarray(labels), np.asarray(accuracy, float))",
                "labels, accuracy = (np.asarray(labels, float), np.asarray(accuracy))",
            ),
            "the cases give arrays",
        ),
        "if accuracy[i] <= target <= accuracy[i + 1]:": "a point that equals the target was found one step before",
    },
    rtol=1e-6,
    hint="Find the first pair of neighbours with the target between them, then interpolate between the logarithms.",
    misconceptions=(
        Misconception("a crossing is taken for granted", "`argmax` of a mask is 0 where nothing is true, and index -1 is the "
                      "last point.", "Which two cases have no crossing at all?", _needed_unchecked),
        Misconception("a target that was measured exactly is missed", "`<` on both sides leaves out the points themselves.",
                      "What comes out where the target is one of the measured accuracies?", _needed_strictly),
        Misconception("interpolated in labels, not in their logarithm", "A straight line between two points is the first "
                      "thing to try, but the step from 1 to 2 labels is worth as much as that from 50 to 100.",
                      "Interpolate log labels, then undo the logarithm.", _needed_linear),
        Misconception("the measured range's end instead of “unknown”", "`np.interp` repeats the last value outside of its "
                      "range without a word.", "What can be said about an accuracy that was never reached?",
                      _needed_clamped),
        Misconception("extrapolated beyond the measurements", "A straight line goes on for ever; learning curves do not.",
                      "Return nan where nothing was measured.", _needed_extrapolated),
        Misconception("the next measured count, not interpolated", "It is a safe upper bound, but half-way between 5 and 10 "
                      "labels is not 10.", "Use both neighbours of the crossing.", _needed_next_measured),
        Misconception("the last crossing, not the first", "Searching from the far end finds a crossing too.",
                      "Which label count was enough first?", _needed_last_crossing),
        Misconception("`np.interp` on a curve that dips", "`np.interp` expects increasing values and does not check; "
                      "measured accuracies wobble.", "Search for the crossing yourself.", _needed_interp),
        Misconception("the logarithm is not undone", "The interpolation is right, and its result is still a logarithm.",
                      "Which function undoes `np.log`?", _needed_logarithm),
        Misconception("0 for “unknown”", "Zero labels is a claim, and a bold one.", "Which float says “not a number”?",
                      _needed_zero),
    ),
)


def _efficiency_cases(rng: np.random.Generator) -> list[Case]:
    labels = np.array([1, 2, 5, 10, 20, 50])
    scratch = np.array([0.50, 0.60, 0.72, 0.80, 0.86, 0.91]) + np.round(rng.uniform(0, 0.01), 4)
    transfer = np.array([0.66, 0.75, 0.84, 0.89, 0.92, 0.94]) + np.round(rng.uniform(0, 0.01), 4)
    target = float(np.round(rng.uniform(0.77, 0.84), 4))
    return [
        Case("the factor", "two points each", ((np.array([1, 100]), np.array([0.5, 0.9]), np.array([0.7, 0.95]), 0.7),)),
        Case("the factor", "transfer reaches the target earlier", ((labels, scratch, transfer, target),)),
        Case("the factor", "transfer reaches the target later", ((labels, transfer, scratch, target),)),
        Case("the factor", "scratch never reaches the target", ((labels, scratch, transfer, 0.93),)),
        Case("the factor", "transfer is above the target from the start",
             ((labels, scratch, transfer, 0.62),)),
    ]


def _both_needed(labels, scratch, transfer, target):
    from tlkit.label_efficiency import labels_needed

    return labels_needed(labels, scratch, target), labels_needed(labels, transfer, target)


def _efficiency_upside_down(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return with_it / without


def _efficiency_difference(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return without - with_it


def _efficiency_share(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return 1 - with_it / without


def _efficiency_logarithms(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return np.log(without) / np.log(with_it)


def _efficiency_accuracies(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    at = np.log(without)
    return np.interp(at, np.log(labels), transfer) / target if not np.isnan(without + with_it) else float("nan")


LABEL_EFFICIENCY = Exercise(
    id="01.label_efficiency",
    title="what the pretrained network is worth",
    name="label_efficiency",
    parameters=("labels", "scratch", "transfer", "target"),
    points=1,
    minutes=4,
    difficulty="easy",
    reference="tlkit.label_efficiency:label_efficiency",
    given={"labels_needed": "tlkit.label_efficiency:labels_needed"},
    cases=_efficiency_cases,
    hint="Two numbers of labels, from `labels_needed`; which one goes on top if saving labels shall give more than 1?",
    misconceptions=(
        Misconception("the ratio is upside down", "Transfer is the hero, so it seems to belong on top.",
                      "If scratch needs 100 labels and transfer 10, the answer is 10.", _efficiency_upside_down),
        Misconception("a difference, not a factor", "Labels saved are a difference too, but 100 against 10 and 1000 "
                      "against 910 are not the same achievement.", "How many times fewer?", _efficiency_difference),
        Misconception("the share that is saved", "“90 % fewer labels” is the same fact in another unit.",
                      "How many times fewer?", _efficiency_share),
        Misconception("a ratio of logarithms", "The interpolation is in logarithms, the result is in labels.",
                      "Divide labels by labels.", _efficiency_logarithms),
        Misconception("a ratio of accuracies", "It compares heights at the same labels; the question compares labels at the "
                      "same height.", "Read the figure sideways: fix the accuracy.", _efficiency_accuracies),
    ),
)


QUIZ = Quiz(
    id="01.quiz",
    title="what did you learn?",
    name="answers",
    points=5,
    minutes=6,
    questions=(
        Question(
            "A text says that a fine-tuned model is “no worse than a model trained from scratch”. "
            "What can you say after this unit?",
            (
                Choice("It is true: pretrained weights can always be unlearned again.",
                       "In a few steps on a few labels a network does not unlearn, and a body that looks at the wrong "
                       "things can cost accuracy. Unit 14 measures such a case."),
                Choice("It held for these letters and digits; in general it has to be measured.",
                       "Letters and digits are close relatives. Between distant domains transfer can hurt, which is "
                       "called negative transfer.", True),
                Choice("It is false: with enough labels, scratch always wins.",
                       "Nothing here shows that; look at how the curves behave where labels are plenty."),
            ),
        ),
        Question(
            "A report compares fine-tuning at its best learning rate with training from scratch at that same learning "
            "rate. Why is the comparison unfair?",
            (
                Choice("Scratch may need another learning rate; the gain then measures tuning, not transfer.",
                       "A fresh network has to move far and a pretrained one must not, so their best rates differ. "
                       "Each method deserves its own choice on validation data.", True),
                Choice("It is fair: everything but the weights is equal.",
                       "Equal settings are not equal chances. The setting was chosen for one of the two."),
                Choice("Both should have been tuned on the test set.",
                       "Then both numbers would be too good, and nobody could say by how much."),
            ),
        ),
        Question(
            "With five labels a class, why is one run not enough?",
            (
                Choice("The optimiser does not converge with fifty examples.",
                       "It converges easily; fifty examples are quickly fitted. That is not where the spread is from."),
                Choice("Which examples are drawn changes the result; the mean over many draws, with its error, does not "
                       "hang on one of them.",
                       "Pairing the methods on the same draws removes most of that luck from their difference.", True),
                Choice("More runs make the model better.",
                       "They make your estimate of its accuracy better; the model is what it was."),
            ),
        ),
        Question(
            "Texts list ResNet among models that are “pretrained by self-supervision”. How was the body of this unit, "
            "glyphnet, pretrained, and how was the well-known ImageNet ResNet?",
            (
                Choice("Both by self-supervision.",
                       "Self-supervision makes its targets from the data itself. Glyphnet was told which letter it saw, "
                       "and ResNet was told one of 1,000 classes."),
                Choice("Both with labels: letters' names here, 1,000 object classes there.",
                       "Supervised pretraining is a source of transfer as good as any; BERT is the self-supervised one.",
                       True),
                Choice("Glyphnet with labels, ResNet by self-supervision.",
                       "The ImageNet weights that everyone downloads come from labelled photographs."),
            ),
        ),
        Question(
            "Label efficiency at accuracy 0.98 comes out as nan, because scratch never got there. What do you report?",
            (
                Choice("Infinity: scratch would need endlessly many labels.",
                       "It may need twice what was measured. Nothing was measured there."),
                Choice("The last measured number of labels, divided by what transfer needs.",
                       "That is a lower bound, and only if you say so. As the answer itself it is invented."),
                Choice("That it is unknown in the measured range, and at most a lower bound.",
                       "“Scratch needs more than the largest count that we measured” is a true sentence.", True),
            ),
        ),
    ),
)

EXERCISES = (SAMPLE, PROBE, TUNED_BASELINE, PAIRED_GAIN, LABELS_NEEDED, LABEL_EFFICIENCY, QUIZ)
