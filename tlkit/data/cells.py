"""cells: phantom microscopy, drawn from the measurements and diagnoses of 569 real patients.

Nobody looked through a microscope at these pictures. Each is drawn so that its nuclei have, on average, the radius,
spread, elongation, dents, roughness and texture that scikit-learn's breast-cancer table gives for one patient; the
diagnosis is that patient's.

Axes: V views a patient, K nuclei, D directions, S side of a picture.
"""

from functools import lru_cache

import numpy as np
from scipy.special import ndtri
from sklearn.datasets import load_breast_cancer

from tlkit.data.inputs import Inputs
from tlkit.data.splitting import cut
from tlkit.data.task import Split, Task

SIDE = 64
VIEWS = 4
_NUCLEI = 6
_DIRECTIONS = 720
_SCALE = 0.45
_SPLIT_SEED = 0
_SHARES = {"val": 0.15, "test": 0.25}
CLASSES = ("benign", "malignant")


class Phantoms:
    """Pictures uint8 (1, S, S), drawn one by one: number n is view n % V of patient n // V."""

    def __init__(self, measurements: np.ndarray, names: list[str]):
        self.measurements = measurements
        self.column = {name: index for index, name in enumerate(names)}

    def __len__(self) -> int:
        return VIEWS * len(self.measurements)

    def __getitem__(self, number: int):
        import torch

        patient, view = divmod(number, VIEWS)
        facts = {name: float(self.measurements[patient, column]) for name, column in self.column.items()}
        return torch.from_numpy(draw(facts, seed=(patient, view)))[None]


def draw(facts: dict[str, float], seed: tuple[int, ...]) -> np.ndarray:
    """One field of view, uint8 (S, S): dark nuclei on a light ground.

    Args:
        facts: the table's columns by name.
        seed: which view of which patient; only raw uniform numbers are drawn, so every version of numpy draws the same.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    picture = 205 + 10 * _normal(generator, (SIDE, SIDE))
    grain = facts["mean texture"] * _normal(generator, (SIDE, SIDE))
    spread = max(0.02, (facts["worst radius"] - facts["mean radius"]) / (2 * facts["mean radius"]))
    for row, column in _centres(generator):
        radius = _SCALE * facts["mean radius"] * np.exp(spread * _normal(generator) - spread**2 / 2)
        directions = (np.arctan2(rows - row, columns - column) / (2 * np.pi) * _DIRECTIONS).astype(np.int64)
        reach = radius * _outline(facts, generator)[directions]
        depth = reach - np.hypot(rows - row, columns - column)  # above 0 inside
        ink = 1 / (1 + np.exp(-2 * depth))
        tone = 95 - 90 * facts["mean smoothness"] + 12 * _normal(generator)
        picture = (1 - ink) * picture + ink * (tone + grain)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _outline(facts: dict[str, float], generator: np.random.Generator) -> np.ndarray:
    """The radius in each of D directions, in units of the mean one: stretched, dented and rough as the table says."""
    angle = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    phase = 2 * np.pi * generator.random(8)
    stretch = 1.2 * facts["mean compactness"] + 0.5 * abs(facts["mean symmetry"] - 0.16)
    outline = 1 + stretch * np.cos(2 * (angle - phase[0])) * 0.5
    dents = 1.5 * facts["mean concave points"] + 0.4 * facts["mean concavity"]
    for waves in (3, 4, 5):
        outline -= dents * 0.5 * np.maximum(0, np.cos(waves * (angle - phase[waves]))) ** 3
    roughness = 10 * (facts["mean fractal dimension"] - 0.05) * facts["mean smoothness"]
    for waves in (9, 13):
        outline += roughness * np.cos(waves * angle + phase[waves % 8])
    return np.maximum(outline, 0.3)


def _centres(generator: np.random.Generator) -> np.ndarray:
    """Where nuclei lie: on a grid of 2 x 3, moved at random, so that they overlap seldom. (K, 2)"""
    grid = np.array([(row, column) for row in (0.27, 0.73) for column in (0.2, 0.5, 0.8)]) * SIDE
    return grid + (generator.random((_NUCLEI, 2)) - 0.5) * 0.2 * SIDE


def _normal(generator: np.random.Generator, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Normally distributed numbers out of uniform ones."""
    return ndtri(np.clip(generator.random(shape), 1e-12, 1 - 1e-12))


@lru_cache(maxsize=1)
def _table():
    return load_breast_cancer()


def load() -> Task:
    """2,276 phantom pictures of 569 patients, uint8 (1, 64, 64), drawn when asked for; split by patient."""
    import torch

    table = _table()
    malignant = (table.target == 0).astype(np.int64)
    patients = np.repeat(np.arange(len(malignant)), VIEWS)
    labels = torch.from_numpy(malignant[patients])
    pictures = Phantoms(table.data, list(table.feature_names))
    parts = cut(labels.tolist(), [str(patient) for patient in patients], _SHARES, _SPLIT_SEED)
    splits = {
        name: Split(name, Inputs(pictures, parts[name]), labels[parts[name]], CLASSES, groups=patients[parts[name]])
        for name in ("train", "val", "test")
    }
    return Task(
        name="cells",
        kind="classification",
        modality="image",
        classes=CLASSES,
        **splits,
        licence="CC BY 4.0",
        source="phantoms drawn for this course from scikit-learn's load_breast_cancer (UCI's Wisconsin Diagnostic data)",
        citation="Wolberg, Mangasarian, Street and Street (1995), Breast Cancer Wisconsin (Diagnostic), UCI, doi:10.24432/C5DW2B",
        description="PHANTOM microscopy: pictures drawn from real patients' measurements and diagnoses, four a patient",
        target="diagnosis",
        notes=("phantoms: no picture here was taken of a patient; split by patient, whose number is in `groups`",),
    )
