"""Right answers to the exercises of unit 00, written in other ways."""


def loop(predicted, labels):
    if len(predicted) != len(labels):
        raise ValueError("as many predictions as labels, please")
    if len(labels) == 0:
        raise ValueError("at least one example, please")
    right = 0
    for one, other in zip(predicted, labels):
        if one == other:
            right += 1
    return right / len(labels)


def vectorised(predicted, labels):
    import numpy as np

    if np.shape(predicted) != np.shape(labels) or not len(labels):
        raise ValueError("as many predictions as labels, and at least one")
    return np.equal(predicted, labels).mean()


def in_torch(predicted, labels):
    import torch

    predicted, labels = torch.as_tensor(predicted), torch.as_tensor(labels)
    if predicted.shape != labels.shape or labels.numel() == 0:
        raise ValueError("as many predictions as labels, and at least one")
    return (predicted == labels).double().mean()


def less_the_wrong_ones(predicted, labels):
    import numpy as np

    if len(labels) == 0 or len(predicted) != len(labels):
        raise ValueError
    return 1 - np.count_nonzero(predicted - labels) / len(labels)


ALTERNATIVES = {"00.warm_up": (loop, vectorised, in_torch, less_the_wrong_ones)}

_TWO_EQUAL_SIDES = "equality has two equal sides"

EQUIVALENT_MUTANTS = {
    "00.warm_up": {
        "for one, other in zip(labels, predicted):": _TWO_EQUAL_SIDES,
        "return np.equal(labels, predicted).mean()": _TWO_EQUAL_SIDES,
    },
}
