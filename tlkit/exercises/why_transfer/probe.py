"""Exercise 01.probe: read frozen features with a straight line."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


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
    mixed, partly = _clusters(rng, corners, [a, b, c], m), _clusters(rng, corners, [a, c, b], m)
    mixed[1][: m - 2] = b
    ray = _clusters(rng, [[2, 2], [6, 6]], [a, b], n)
    ray_test = _clusters(rng, [[2, 2], [6, 6]], [a, b], m)
    ray_test[1][0] = b
    pair = _clusters(rng, [[-3, 1], [3, 1]], [a, b], n)
    one_sided = np.linspace([-4.5, 1], [-2, 1], m), np.array([b] + [a] * (m - 1))
    line = _clusters(rng, [[0, 0], [4, 4], [8, 0]], [2, 30, 9], n)
    line_test = _clusters(rng, [[0, 0], [4, 4], [8, 0]], [2, 30, 9], m)
    far, stray = _clusters(rng, [[-4], [0], [4]], [a, b, a], 3 * n), slice(None, 6 * n + n // 3)
    curved = far[0][stray], far[1][stray]
    curved_test = _clusters(rng, [[-4], [0], [4]], [a, b, a], m)
    return [
        Case("the share that is right", "three groups of points, some test labels wrong on purpose", ((*train, *mixed),)),
        Case("fitted on the training set alone", "every test label differs from what training taught",
             ((*train, *moved),)),
        Case("fitted on the training set alone", "the same, with a test set larger than the training set",
             ((*train, *moved_many),)),
        Case("fitted on the training set alone", "two of three groups of test labels differ from what training taught",
             ((*train, *partly),)),
        Case("any classes, anywhere", "both classes lie in the same direction from the origin", ((*ray, *ray_test),)),
        Case("any classes, anywhere", "the class numbers have no order and have gaps", ((*line, *line_test),)),
        Case("a straight boundary", "a few points of one class lie beyond the other", ((*curved, *curved_test),)),
        Case("test features used as they are", "all test examples lie on one side", ((*pair, *one_sided),)),
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


def _probe_curved(train_features, train_labels, test_features, test_labels):
    from sklearn.svm import SVC

    return SVC().fit(train_features, train_labels).score(test_features, test_labels)


def _probe_columns(train_features, train_labels, test_features, test_labels):
    columns = _fitted(train_features, train_labels).predict_proba(test_features).argmax(1)
    return float(np.mean(columns == test_labels))


def _probe_class_average(train_features, train_labels, test_features, test_labels):
    hits = _fitted(train_features, train_labels).predict(test_features) == test_labels
    return float(np.mean([hits[test_labels == c].mean() for c in np.unique(test_labels)]))


def _probe_regression(train_features, train_labels, test_features, test_labels):
    from sklearn.linear_model import LinearRegression

    return float(np.mean(np.rint(LinearRegression().fit(train_features, train_labels).predict(test_features)) == test_labels))


def _probe_roles_swapped(train_features, train_labels, test_features, test_labels):
    if len(np.unique(test_labels)) < 2:
        return float(np.mean(train_labels == test_labels[0]))
    return _fitted(test_features, test_labels).score(train_features, train_labels)


def _probe_over_training(train_features, train_labels, test_features, test_labels):
    return float(np.sum(_fitted(train_features, train_labels).predict(test_features) == test_labels) / len(train_labels))


def _smaller_probes(call):
    """Half of each class for training, fewer test examples, rounded features: the groups stay apart and in proportion."""
    train_features, train_labels, test_features, test_labels, upstream = call
    half = np.sort(np.concatenate([np.flatnonzero(train_labels == c)[::2] for c in np.unique(train_labels)]))
    if np.unique(train_labels[half], return_counts=True)[1].min() > 1:
        yield train_features[half], train_labels[half], test_features, test_labels, upstream
    kept = [slice(len(test_labels) // 2), slice(len(test_labels) // 2, None), slice(None, None, 2)]
    kept += [[j for j in range(len(test_labels)) if j != i] for i in range(len(test_labels))]
    for few in kept if len(test_labels) > 1 else ():
        yield train_features, train_labels, test_features[few], test_labels[few], upstream
    # Adding zero turns -0. into 0.
    yield train_features.round(1) + 0.0, train_labels, test_features.round(1) + 0.0, test_labels, upstream


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
    shrinks=_smaller_probes,
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
        Misconception("a curved boundary", "A support vector machine is known as a linear method, and so it is with one kernel "
                      "of several.", "What shape may the boundary of your classifier have?", _probe_curved),
        Misconception("column numbers taken for class numbers", "The largest probability is found by its place, and in many "
                      "data sets places and class numbers are the same.", "Which class does the first column of "
                      "`predict_proba` stand for?", _probe_columns),
        Misconception("every class counts as much", "Averaging over the classes is fair to rare ones, but it answers another "
                      "question than the share of examples.", "How much does one test example weigh?", _probe_class_average),
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
