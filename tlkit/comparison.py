"""Comparing two methods fairly: each at its best, chosen without the test set, and over the same seeds.

Axes: L learning rates, S seeds.
"""

import numpy as np


def tuned_test_accuracy(val_accuracy: np.ndarray, test_accuracy: np.ndarray) -> np.ndarray:
    """The test accuracies of a method at the learning rate that does best on validation data.

        l* = argmax_l mean_s val[l, s],   result = test[l*, :]

    One learning rate for all seeds; the test set has no say in the choice.

    Args:
        val_accuracy: (L, S)
        test_accuracy: the same runs on the test set. (L, S)
    Returns:
        Test accuracy of every seed at the chosen learning rate. (S,)
    """
    best = np.argmax(np.mean(val_accuracy, axis=1))
    return np.asarray(test_accuracy)[best]


def choose_temperature(runs) -> tuple[float, float]:
    """The temperature that does best on validation data, and what it reaches on the test set.

        T* = argmax_T mean_s val[T, s],   result = mean_s test[T*, s]

    Of temperatures that do equally well the lowest is taken. The distillation loss is no help here: its scale changes with T.

    Args:
        runs: tuples (temperature, seed, loss, validation accuracy, test accuracy), in any order.
    Returns:
        T*, and the mean test accuracy at T*.
    Raises:
        ValueError: no runs.
    """
    if len(runs) == 0:
        raise ValueError("without runs there is no temperature to choose")
    means = {}
    for temperature in sorted({run[0] for run in runs}):
        of_it = [run for run in runs if run[0] == temperature]
        means[temperature] = np.mean([(val, test) for *_, val, test in of_it], axis=0)
    best = max(means, key=lambda temperature: means[temperature][0])
    return best, float(means[best][1])


def paired_gain(transfer: np.ndarray, scratch: np.ndarray) -> tuple[float, float]:
    """Mean gain of one method over another over the same seeds, and the standard error of that mean.

        d_s = transfer_s - scratch_s,   gain = mean(d),   error = std(d, ddof=1) / sqrt(S)

    Seed s gives both methods the same few labelled examples, so that what is easy or hard about a draw cancels
    in the difference.

    Args:
        transfer, scratch: accuracies, seed by seed. (S,)
    Returns:
        (gain, standard error); the error is nan for a single seed, which says nothing about spread.
    """
    difference = np.asarray(transfer, float) - np.asarray(scratch, float)
    seeds = len(difference)
    error = np.sqrt(np.sum((difference - difference.mean()) ** 2) / (seeds - 1) / seeds) if seeds > 1 else np.nan
    return float(difference.mean()), float(error)
