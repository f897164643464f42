"""Right answers to unit 01, written other ways: the grader must accept every one of them."""

import bisect
import math
import random
import statistics

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def sample_shuffled(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    taken = {}
    for index in order:
        members = taken.setdefault(labels[index], [])
        if len(members) < labels_per_class:
            members.append(index)
    if any(len(members) < labels_per_class for members in taken.values()):
        raise ValueError("a class has too few examples")
    return np.array([index for members in taken.values() for index in members])


def sample_python_random(labels, labels_per_class, seed):
    rng = random.Random(int(seed))
    chosen = []
    for label in sorted(set(labels.tolist())):
        pool = [i for i, other in enumerate(labels.tolist()) if other == label]
        chosen += rng.sample(pool, labels_per_class)
    return chosen


def sample_torch(labels, labels_per_class, seed):
    generator = torch.Generator().manual_seed(int(seed))
    labels = torch.as_tensor(labels)
    parts = []
    for label in labels.unique():
        pool = torch.nonzero(labels == label).flatten()
        if len(pool) < labels_per_class:
            raise ValueError(f"only {len(pool)} examples of class {label}")
        parts.append(pool[torch.randperm(len(pool), generator=generator)[:labels_per_class]])
    return torch.cat(parts)


def sample_random_state(labels, labels_per_class, seed):
    state = np.random.RandomState(seed)
    draws = [state.choice(np.where(labels == c)[0], labels_per_class, replace=False) for c in set(labels)]
    return state.permutation(np.hstack(draws))


def probe_pipeline(train_features, train_labels, test_features, test_labels):
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=2000))
    return probe.fit(train_features, train_labels).score(test_features, test_labels)


def probe_ridge(train_features, train_labels, test_features, test_labels):
    return RidgeClassifier(alpha=0.1).fit(train_features, train_labels).score(test_features, test_labels)


def probe_discriminant(train_features, train_labels, test_features, test_labels):
    predicted = LinearDiscriminantAnalysis().fit(train_features, train_labels).predict(test_features)
    return sum(int(p == t) for p, t in zip(predicted, test_labels)) / len(test_labels)


def probe_torch(train_features, train_labels, test_features, test_labels):
    classes = np.unique(train_labels)
    x = torch.as_tensor(train_features, dtype=torch.float32)
    y = torch.as_tensor(np.searchsorted(classes, train_labels))
    torch.manual_seed(0)
    layer = torch.nn.Linear(x.shape[1], len(classes))
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(x), y) + 1e-3 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        scores = layer(torch.as_tensor(test_features, dtype=torch.float32))
    return float(np.mean(classes[scores.argmax(1).numpy()] == test_labels))


def tuned_loop(val_accuracy, test_accuracy):
    best, best_mean = 0, -1.0
    for row in range(len(val_accuracy)):
        mean = sum(val_accuracy[row]) / len(val_accuracy[row])
        if mean > best_mean:
            best, best_mean = row, mean
    return [float(value) for value in test_accuracy[best]]


def tuned_sum(val_accuracy, test_accuracy):
    return test_accuracy[val_accuracy.sum(axis=1).argmax(), :].copy()


def tuned_torch(val_accuracy, test_accuracy):
    return torch.as_tensor(test_accuracy)[torch.as_tensor(val_accuracy).mean(dim=1).argmax()]


def gain_numpy(transfer, scratch):
    difference = transfer - scratch
    return np.mean(difference), np.std(difference, ddof=1) / np.sqrt(len(difference))


def gain_statistics(transfer, scratch):
    difference = [float(t) - float(s) for t, s in zip(transfer, scratch)]
    if len(difference) < 2:
        return difference[0], math.nan
    return statistics.mean(difference), statistics.stdev(difference) / math.sqrt(len(difference))


def gain_torch(transfer, scratch):
    difference = torch.as_tensor(transfer) - torch.as_tensor(scratch)
    return [difference.mean(), difference.std() / len(difference) ** 0.5]


def needed_vectorised(labels, accuracy, target):
    reached = np.flatnonzero(accuracy >= target)
    if len(reached) == 0 or (reached[0] == 0 and accuracy[0] > target):
        return np.nan
    after = reached[0]
    if after == 0:
        return float(labels[0])
    return np.exp(np.interp(target, accuracy[after - 1:after + 1], np.log(labels[after - 1:after + 1])))


def needed_geometric(labels, accuracy, target):
    if target < accuracy[0] or target > max(accuracy):
        return float("nan")
    previous = 0
    for i, reached in enumerate(accuracy):
        if reached == target:
            return labels[i]
        if reached > target:
            share = (target - accuracy[previous]) / (reached - accuracy[previous])
            return labels[previous] * (labels[i] / labels[previous]) ** share
        previous = i


def needed_running_best(labels, accuracy, target):
    best = np.maximum.accumulate(accuracy).tolist()
    i = bisect.bisect_left(best, target)
    if i == len(best) or (i == 0 and best[0] > target):
        return math.nan
    if i == 0:
        return int(labels[0])
    low, high = float(accuracy[i - 1]), float(accuracy[i])
    share = (target - low) / (high - low)
    return 10 ** (math.log10(labels[i - 1]) * (1 - share) + math.log10(labels[i]) * share)


def efficiency_by_hand(labels, scratch, transfer, target):
    return needed_vectorised(labels, scratch, target) / needed_vectorised(labels, transfer, target)


def efficiency_logarithms(labels, scratch, transfer, target):
    without, with_it = (needed_running_best(labels, curve, target) for curve in (scratch, transfer))
    if math.isnan(without) or math.isnan(with_it):
        return math.nan
    return math.exp(math.log(without) - math.log(with_it))


def efficiency_numpy(labels, scratch, transfer, target):
    needed = np.array([needed_geometric(labels, curve, target) for curve in (scratch, transfer)])
    return np.divide(*needed)


ALTERNATIVES = {
    "01.sample": (sample_shuffled, sample_python_random, sample_torch, sample_random_state),
    "01.probe": (probe_pipeline, probe_ridge, probe_discriminant, probe_torch),
    "01.tuned_baseline": (tuned_loop, tuned_sum, tuned_torch),
    "01.paired_gain": (gain_numpy, gain_statistics, gain_torch),
    "01.labels_needed": (needed_vectorised, needed_geometric, needed_running_best),
    "01.label_efficiency": (efficiency_by_hand, efficiency_logarithms, efficiency_numpy),
}

_SETTINGS = "a setting of the classifier that these cases do not depend on"
_SAME_AXIS = "the last axis is axis 1, or the only one"
EQUIVALENT_MUTANTS = {
    "01.sample": {
        "for label in set(labels.tolist()):": "the order of the classes does not matter",
        "draws = [state.choice(np.where(labels == c)[-1], labels_per_class, replace=False) for c in set(labels)]": _SAME_AXIS,
    },
    "01.probe": {
        **dict.fromkeys((
            "probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))",
            "probe = make_pipeline(StandardScaler(), LogisticRegression(C=10))",
            "probe = make_pipeline(StandardScaler(), LogisticRegression(C=11, max_iter=2000))",
            "probe = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=2001))",
            "return RidgeClassifier().fit(train_features, train_labels).score(test_features, test_labels)",
            "return RidgeClassifier(alpha=1.1).fit(train_features, train_labels).score(test_features, test_labels)",
            "optimizer = torch.optim.LBFGS(layer.parameters(), line_search_fn='strong_wolfe')",
            "optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200)",
            "optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=201, line_search_fn='strong_wolfe')",
            "loss = torch.nn.functional.cross_entropy(layer(x), y)",
            "loss = torch.nn.functional.cross_entropy(layer(x), y) + 0.001 / layer.weight.square().sum()",
            "loss = torch.nn.functional.cross_entropy(layer(x), y) + 0.001",
            "loss = torch.nn.functional.cross_entropy(layer(x), y) + layer.weight.square().sum()",
            "loss = torch.nn.functional.cross_entropy(layer(x), y) + 1.001 * layer.weight.square().sum()",
        ), _SETTINGS),
        **dict.fromkeys(("dropped: torch.manual_seed(0)", "torch.manual_seed(1)", "torch.manual_seed(-1)"),
                        "the loss is convex, so the start does not matter"),
        "dropped: with torch.no_grad():": "the gradients are not looked at",
        "layer = torch.nn.Linear(x.shape[-1], len(classes))": _SAME_AXIS,
        "return float(np.mean(classes[scores.argmax(-1).numpy()] == test_labels))": _SAME_AXIS,
        "return sum((int(p == t) for p, t in zip(test_labels, predicted))) / len(test_labels)": "equality has two equal sides",
    },
    "01.tuned_baseline": {
        **dict.fromkeys(("best, best_mean = (1, -1.0)", "best, best_mean = (-1, -1.0)", "best, best_mean = (0, -2.0)"),
                        "every accuracy is above the start"),
        **dict.fromkeys(("mean = sum(val_accuracy[row]) * len(val_accuracy[row])", "mean = sum(val_accuracy[row])"),
                        "every row has as many seeds, so sums are ordered as means are"),
        "if mean >= best_mean:": "the exercise does not say what a tie is worth",
        "return test_accuracy[val_accuracy.sum(axis=1).argmax(), :]": "a view is returned, and nobody writes to it",
        "return test_accuracy[val_accuracy.sum(axis=-1).argmax(), :].copy()": _SAME_AXIS,
        "return torch.as_tensor(test_accuracy)[torch.as_tensor(val_accuracy).mean(dim=-1).argmax()]": _SAME_AXIS,
    },
    "01.paired_gain": {"return (difference[-1], math.nan)": "the only entry is the last as well"},
    "01.labels_needed": {
        **dict.fromkeys(("dropped: previous = 0", "previous = 1", "previous = -1"),
                        "it is set anew before it is used"),
        "if reached >= target:": "equality was dealt with one line before",
        **dict.fromkeys(("dropped: if i == 0:\n    return int(labels[0])", "if i == -1:"),
                        "the share is then 1, which gives the first label count as well"),
    },
    "01.label_efficiency": {
        **dict.fromkeys((
            "dropped: if math.isnan(without) or math.isnan(with_it):\n    return math.nan",
            "if math.isnan(without) and math.isnan(with_it):",
        ), "nan goes through logarithm and difference by itself"),
    },
}
