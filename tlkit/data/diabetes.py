"""Progression of diabetes within a year, from ten measurements of 442 patients: a regression on a table."""

import numpy as np
import torch
from sklearn.datasets import load_diabetes

from tlkit.data.splitting import cut
from tlkit.data.task import Split, Task

_SPLIT_SEED = 0
_SHARES = {"val": 0.15, "test": 0.25}


def load() -> Task:
    """Ten measurements (N, 10), as they were taken (years, mmHg, ...), and a number for progression (N,)."""
    table = load_diabetes(scaled=False)
    inputs = torch.from_numpy(table.data).float()
    labels = torch.from_numpy(table.target).float()
    thirds = np.searchsorted(np.quantile(table.target, [1 / 3, 2 / 3]), table.target)
    parts = cut(thirds.tolist(), [str(patient) for patient in range(len(labels))], _SHARES, _SPLIT_SEED)
    splits = {
        name: Split(name, inputs[indices], labels[indices], (), "regression", "table", indices)
        for name, indices in ((name, parts[name]) for name in ("train", "val", "test"))
    }
    return Task(
        name="diabetes",
        kind="regression",
        modality="table",
        classes=(),
        **splits,
        licence="no licence stated; published with the paper and distributed by scikit-learn",
        source="scikit-learn's load_diabetes",
        citation="Efron, Hastie, Johnstone and Tibshirani (2004), Least Angle Regression, Annals of Statistics 32(2)",
        description="progression of diabetes after a year, from age, sex, body mass index, blood pressure and six blood values",
        target="progression",
    )
