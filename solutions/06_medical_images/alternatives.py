"""Right answers to the exercises of unit 06, written in other ways."""


def prepare_by_loop(images, mean, std):
    import torch

    pixels = images.double() / 255
    return torch.stack([(pixels - centre) / spread for centre, spread in zip(mean, std)], dim=1).float()


def prepare_by_view(images, mean, std):
    import torch

    count = len(mean)
    pixels = images.unsqueeze(1).repeat(1, count, 1, 1).to(torch.float32) / 255.0
    return (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def prepare_by_numpy(images, mean, std):
    import numpy as np
    import torch

    pixels = images.numpy()[..., None] / 255
    return torch.from_numpy(((pixels - mean) / std).transpose(0, 3, 1, 2)).float()


def rates_by_counting(predicted, labels):
    found = missed = let_go = alarmed = 0
    for said, label in zip(predicted, labels):
        if label == 1:
            found, missed = found + (said == 1), missed + (said == 0)
        else:
            alarmed, let_go = alarmed + (said == 1), let_go + (said == 0)
    nan = float("nan")
    return found / (found + missed) if found + missed else nan, let_go / (let_go + alarmed) if let_go + alarmed else nan


def rates_by_numpy(predicted, labels):
    import numpy as np

    right = predicted == labels
    sides = right[labels == 1], right[labels == 0]
    return np.array([np.count_nonzero(side) / len(side) if len(side) else np.nan for side in sides])


def rates_by_products(predicted, labels):
    ill, healthy = int(labels.sum()), int((1 - labels).sum())
    sensitivity = int((predicted * labels).sum()) / ill if ill else float("nan")
    specificity = int(((1 - predicted) * (1 - labels)).sum()) / healthy if healthy else float("nan")
    return [sensitivity, specificity]


def auc_by_loop(scores, labels):
    ill = [score for score, label in zip(scores, labels) if label == 1]
    healthy = [score for score, label in zip(scores, labels) if label == 0]
    if not ill or not healthy:
        return float("nan")
    won = sum(1.0 if one > other else 0.5 if one == other else 0.0 for one in ill for other in healthy)
    return won / (len(ill) * len(healthy))


def auc_by_ranks(scores, labels):
    import numpy as np
    from scipy.stats import rankdata

    ill = labels == 1
    p, n = int(ill.sum()), int((~ill).sum())
    if p * n == 0:
        return np.nan
    return (float(rankdata(scores)[ill].sum()) - p * (p + 1) / 2) / (p * n)


def auc_by_trapezoids(scores, labels):
    import numpy as np

    p, n = labels.tolist().count(1), labels.tolist().count(0)
    if p == 0 or n == 0:
        return float("nan")
    area = alarmed_before = found_before = 0.0
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        alarmed, found = int((called & (labels == 0)).sum()) / n, int((called & (labels == 1)).sum()) / p
        area += (alarmed - alarmed_before) * (found + found_before) / 2
        alarmed_before, found_before = alarmed, found
    return area


def threshold_by_sorting(scores, labels, sensitivity):
    ill = sorted(scores[labels == 1], reverse=True)
    if not ill or not 0 < sensitivity <= 1:
        raise ValueError("no threshold")
    for found, score in enumerate(ill, start=1):
        if found / len(ill) >= sensitivity:
            return score


def threshold_by_walking(scores, labels, sensitivity):
    import numpy as np

    if sensitivity <= 0 or sensitivity > 1 or labels.sum() == 0:
        raise ValueError("no threshold")
    for threshold in np.unique(scores)[::-1]:
        if ((scores >= threshold) & (labels == 1)).sum() / labels.sum() >= sensitivity:
            return threshold


def threshold_by_quantile(scores, labels, sensitivity):
    import numpy as np

    ill = np.sort(scores[labels == 1])
    if len(ill) == 0 or not 0 < sensitivity <= 1:
        raise ValueError("no threshold")
    return ill[len(ill) - int(np.ceil(round(sensitivity * len(ill), 9)))]


def calibrate_by_grid(val_logits, val_labels, test_logits, test_labels):
    import numpy as np

    def loss(logits, labels, temperature):
        z = logits / temperature
        return np.mean(np.logaddexp.reduce(z, axis=1) - z[range(len(labels)), labels])

    best = min(np.geomspace(0.05, 20, 6000), key=lambda temperature: loss(val_logits, val_labels, temperature))
    return best, loss(test_logits, test_labels, best)


def calibrate_by_torch(val_logits, val_labels, test_logits, test_labels):
    import torch
    from torch.nn.functional import cross_entropy

    val_logits, val_labels, test_logits, test_labels = map(torch.as_tensor, (val_logits, val_labels, test_logits, test_labels))
    low, high = 0.05, 20.0
    while high / low > 1.0001:
        one, other = low ** (2 / 3) * high ** (1 / 3), low ** (1 / 3) * high ** (2 / 3)
        if cross_entropy(val_logits / one, val_labels) < cross_entropy(val_logits / other, val_labels):
            high = other
        else:
            low = one
    middle = (low * high) ** 0.5
    return middle, float(cross_entropy(test_logits / middle, test_labels))


def calibrate_by_root(val_logits, val_labels, test_logits, test_labels):
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import logsumexp, softmax

    right = val_logits[np.arange(len(val_labels)), val_labels]
    inverse = brentq(lambda b: ((softmax(b * val_logits, axis=1) * val_logits).sum(axis=1) - right).mean(), 1 / 20, 1 / 0.05)
    z = test_logits * inverse
    return 1 / inverse, (logsumexp(z, axis=1) - z[np.arange(len(test_labels)), test_labels]).mean()


def leaks_by_loops(images, patients, splits):
    shared, pairs = [], []
    for i in range(len(images)):
        for j in range(i + 1, len(images)):
            if splits[i] == splits[j]:
                continue
            if patients[i] == patients[j] and patients[i] not in shared:
                shared.append(patients[i])
            if (images[i] == images[j]).all():
                pairs.append((i, j))
    return sorted(shared), pairs


def leaks_by_numpy(images, patients, splits):
    import numpy as np

    where = np.array(splits)
    other = where[:, None] != where[None]
    same_patient = (patients[:, None] == patients[None]) & other
    flat = np.array([image.ravel() for image in images])
    same_image = (flat[:, None] == flat[None]).all(axis=2) & other
    return np.unique(patients[same_patient.any(axis=1)]), np.argwhere(np.triu(same_image))


def leaks_by_sets(images, patients, splits):
    places = {name: {patient for patient, split in zip(patients.tolist(), splits) if split == name} for name in set(splits)}
    shared = {patient for one in places for other in places if one < other for patient in places[one] & places[other]}
    prints = [image.tolist() for image in images]
    pairs = [[i, j] for j in range(len(prints)) for i in range(j) if prints[i] == prints[j] and splits[i] != splits[j]]
    return sorted(shared), sorted(pairs)


def shares_by_bayes(logits, trained, expected):
    import numpy as np

    rows = []
    for row in logits:
        weighed = np.exp(row - max(row)) * expected / trained
        rows.append(weighed / sum(weighed))
    return np.array(rows)


def shares_by_logs(logits, trained, expected):
    import numpy as np
    from scipy.special import logsumexp

    z = (logits + np.log(expected) - np.log(trained)).T
    return np.exp(z - logsumexp(z, axis=0)).T


def shares_by_torch(logits, trained, expected):
    import torch

    logits, trained, expected = map(torch.as_tensor, (logits, trained, expected))
    return torch.softmax(logits + torch.log(expected / trained), dim=-1).numpy()


def calibration_error_by_loop(probabilities, labels, bins):
    confidence = [max(row) for row in probabilities]
    right = [list(row).index(max(row)) == label for row, label in zip(probabilities, labels)]
    total = 0.0
    for b in range(bins):
        inside = [i for i, value in enumerate(confidence) if b / bins < value <= (b + 1) / bins]
        if inside:
            share = sum(right[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(labels) * abs(share - mean)
    return total


def calibration_error_by_digitize(probabilities, labels, bins):
    import numpy as np

    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    where = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    return sum(abs(right[where == b].sum() - confidence[where == b].sum()) for b in range(bins)) / len(labels)


def calibration_error_by_bincount(probabilities, labels, bins):
    import numpy as np

    confidence, right = np.max(probabilities, 1), np.equal(np.argmax(probabilities, 1), labels)
    where = np.searchsorted(np.arange(1, bins) / bins, confidence, side="left")
    gaps = np.bincount(where, weights=right - confidence)
    return np.abs(gaps).sum() / confidence.size


def calibration_error_by_torch(probabilities, labels, bins):
    import torch

    confidence, answers = torch.as_tensor(probabilities).max(dim=1)
    difference = (answers == torch.as_tensor(labels)).double() - confidence
    error = torch.zeros(())
    for low, high in zip(torch.linspace(0, 1, bins + 1)[:-1], torch.linspace(0, 1, bins + 1)[1:]):
        error = error + difference[(confidence > low) & (confidence <= high)].sum().abs()
    return float(error / len(labels))


ALTERNATIVES = {
    "06.prepare": (prepare_by_loop, prepare_by_view, prepare_by_numpy),
    "06.rates": (rates_by_counting, rates_by_numpy, rates_by_products),
    "06.auc": (auc_by_loop, auc_by_ranks, auc_by_trapezoids),
    "06.threshold": (threshold_by_sorting, threshold_by_walking, threshold_by_quantile),
    "06.temperature": (calibrate_by_grid, calibrate_by_torch, calibrate_by_root),
    "06.leaks": (leaks_by_loops, leaks_by_numpy, leaks_by_sets),
    "06.shares": (shares_by_bayes, shares_by_logs, shares_by_torch),
    "06.calibration_error": (calibration_error_by_loop, calibration_error_by_digitize, calibration_error_by_bincount, calibration_error_by_torch),
}

_ROOT = "inverse = brentq(lambda b: ((softmax(b * val_logits, axis={}) * val_logits).sum(axis={}) - right).mean(), {})"

EQUIVALENT_MUTANTS = {
    "06.calibration_error": {
        **dict.fromkeys(("confidence = probabilities.max(axis=-1)", "right = probabilities.argmax(axis=-1) == labels",
                         "confidence, right = (np.max(probabilities, -1), np.equal(np.argmax(probabilities, 1), labels))",
                         "confidence, right = (np.max(probabilities, 1), np.equal(np.argmax(probabilities, -1), labels))",
                         "confidence, answers = torch.as_tensor(probabilities).max(dim=-1)"), "the classes are the last axis"),
        "confidence, right = (np.max(probabilities, 1), np.equal(labels, np.argmax(probabilities, 1)))": "which is compared with which does not matter",
        "where = np.digitize(confidence, np.linspace(1, 0, bins + 1)[1:-1], right=True)": "the same bins, numbered from the other end",
        "where = np.searchsorted(np.arange(1, bins) / bins, confidence)": "left is what searchsorted does by itself",
        "where = np.searchsorted(np.arange(-1, bins) / bins, confidence, side='left')": "edges below every confidence number the bins otherwise, and part nothing",
    },
    "06.prepare": {"return torch.from_numpy(((pixels - mean) / std).transpose(0, 3, 1, -2)).float()": "of four axes the third is the last but one"},
    "06.temperature": {
        **dict.fromkeys((f"best = min(np.geomspace({grid}), key=lambda temperature: loss(val_logits, val_labels, temperature))"
                         for grid in ("20, 0.05, 6000", "0.05, 21, 6000", "0.05, 20, 6001")), "another fine grid"),
        "return np.mean(np.logaddexp.reduce(z, axis=-1) - z[range(len(labels)), labels])": "the classes are the last axis",
        "while high / low >= 1.0001:": "a step more or less", "low, high = (0.05, 21.0)": "a little wider", "if cross_entropy(val_logits / one, val_labels) "
        "<= cross_entropy(val_logits / other, val_labels):": "at equality the minimum lies between",
        **dict.fromkeys((_ROOT.format(1, 1, ends) for ends in ("2 / 20, 1 / 0.05", "-1 / 20, 1 / 0.05", "1 / 21, 1 / 0.05", "1 / -20, 1 / 0.05", "1 / 20, 2 / 0.05")),
                        "the slope has one root, which lies between these too"),
        **dict.fromkeys((_ROOT.format(1, -1, "1 / 20, 1 / 0.05"), _ROOT.format(-1, 1, "1 / 20, 1 / 0.05"),
                         "return (1 / inverse, (logsumexp(z, axis=-1) - z[np.arange(len(test_labels)), test_labels]).mean())"), "the classes are the last axis"),
    },
    "06.leaks": {
        "for j in range(i, len(images)):": "a picture lies in its own split",
        "return (np.unique(patients[same_patient.any(axis=-1)]), np.argwhere(np.triu(same_image)))": "it is the last of two axes",
    },
    "06.shares": dict.fromkeys(("return torch.softmax(logits + torch.log(expected / trained), dim=1).numpy()",
                                "return torch.softmax(logits + torch.log(expected / trained), dim=--1).numpy()"), "the classes are the last axis"),
    "06.rates": {"return np.array([np.count_nonzero(side) / len(side) for side in sides])": "numpy's 0 / 0 is nan"},
    "06.threshold": {"return ill[len(ill) - int(np.ceil(round(sensitivity * len(ill), 10)))]": "a digit more or less rounds the same error away"},
}
