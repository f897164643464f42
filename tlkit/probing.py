"""Linear probing: how much of a task can be read from frozen features by a straight line.

Axes: N training examples, M test examples, F features.
"""

import numpy as np


def probe_accuracy(
    train_features: np.ndarray, train_labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray
) -> float:
    """Test accuracy of a linear classifier (with bias) that is fitted on the training features alone.

        y_hat = argmax_c (w_c . z + b_c),   accuracy = share of the M test examples with y_hat = y

    w and b minimise the L2-regularised cross-entropy over the N training examples (Alain and Bengio 2016).

    Args:
        train_features: z, the frozen body's output. (N, F)
        train_labels: whole numbers, at least two classes, not necessarily 0, 1, 2, ... (N,)
        test_features: (M, F)
        test_labels: (M,)
    Returns:
        A share between 0 and 1.
    """
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(max_iter=1000).fit(train_features, train_labels)
    return float(np.mean(classifier.predict(test_features) == test_labels))
