"""Probabilities that can be taken at their word: one temperature, and other shares of classes.

Axes: N examples, C classes.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

COLDEST, HOTTEST = 0.05, 20.0


def mean_loss(logits, labels) -> float:
    """-1/N sum_i log softmax(logits_i)[label_i], the mean negative log-likelihood in nats. logits (N, C), labels (N,)."""
    labels = np.asarray(labels)
    return float(-log_softmax(np.asarray(logits, float), axis=1)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits, labels) -> float:
    """The T between 0.05 and 20 whose softmax(logits / T) has the smallest mean loss (Guo et al. 2017, section 4.2).

    Args:
        logits: (N, C), of examples that the model was not trained on and that do not judge it afterwards.
        labels: (N,)
    """
    logits = np.asarray(logits, float)
    found = minimize_scalar(lambda log_t: mean_loss(logits / np.exp(log_t), labels), method="bounded",
                            bounds=np.log([COLDEST, HOTTEST]), options={"xatol": 1e-7})
    return float(np.exp(found.x))


def calibrate(val_logits, val_labels, test_logits, test_labels) -> tuple[float, float]:
    """The temperature of the validation examples, and the test examples' mean loss with it.

    Args:
        val_logits, test_logits: (N, C), N may differ.
        val_labels, test_labels: (N,)
    """
    temperature = fit_temperature(val_logits, val_labels)
    return temperature, mean_loss(np.asarray(test_logits) / temperature, test_labels)


def for_other_shares(logits, trained, expected) -> np.ndarray:
    """Probabilities where classes have other shares than in training: softmax(z_c + log(expected_c / trained_c)).

    Right where classes differ in how often they occur and not in what they look like (Saerens et al. 2002, section 2.2).
    Training with class weights w on shares pi amounts to training on shares proportional to w_c pi_c.

    Args:
        logits: z, (N, C).
        trained, expected: shares of the classes, above 0, (C,); they need not sum to 1.
    Returns:
        float64, (N, C), rows that sum to 1.
    """
    return softmax(np.asarray(logits) + np.log(expected) - np.log(trained), axis=1)
