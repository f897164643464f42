"""torchvision's own data sets of pictures, downloaded by torchvision into the cache and decoded one by one.

Sets that are published as pickles (CIFAR) are not among them: reading a pickle can run code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlkit.data.assembly import to_task
from tlkit.data.catalogue import CATALOGUE
from tlkit.data.downloads import cache_folder, given_folder
from tlkit.data.reading import Reading
from tlkit.data.task import Task
from tlkit.errors import TlkitError


@dataclass(frozen=True)
class Facts:
    """What is known of one set.

    Args:
        class_name: in torchvision.datasets.
        parts: our split -> what its constructor is told; splits that are missing are cut from train.
        citation, shows: as for `Task`.
    """

    class_name: str
    parts: dict[str, dict]
    citation: str
    shows: str


_MNIST_PARTS = {"train": {"train": True}, "test": {"train": False}}
_THREE = {name: {"split": name} for name in ("train", "val", "test")}
SETS = {
    "mnist": Facts("MNIST", _MNIST_PARTS, "LeCun et al. (1998)", "handwritten digits"),
    "fashion_mnist": Facts("FashionMNIST", _MNIST_PARTS, "Xiao et al. (2017)", "clothes in grey"),
    "kmnist": Facts("KMNIST", _MNIST_PARTS, "Clanuwat et al. (2018)", "cursive hiragana"),
    "flowers102": Facts("Flowers102", _THREE, "Nilsback and Zisserman (2008)", "flowers"),
    "dtd": Facts("DTD", _THREE, "Cimpoi et al. (2014)", "textures"),
    "food101": Facts(
        "Food101", {"train": {"split": "train"}, "test": {"split": "test"}},
        "Bossard et al. (2014)", "plates of 101 dishes",
    ),
    "eurosat": Facts("EuroSAT", {"train": {}}, "Helber et al. (2019)", "satellite pictures of land use"),
}  # fmt: skip


class _Pictures(Sequence):
    """The pictures of one or more torchvision sets, behind one another."""

    def __init__(self, sets: list):
        self.sets = sets
        self.ends = np.cumsum([len(one) for one in sets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, number: int):
        import torch

        which = int(np.searchsorted(self.ends, number, side="right"))
        start = int(self.ends[which - 1]) if which else 0
        pixels = np.array(self.sets[which][number - start][0])
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))

    def name(self, number: int) -> str:
        """What decides the split of a picture: its number, which torchvision never changes."""
        return str(number)


def load(name: str, split_seed: int = 0) -> Task:
    """One of `SETS`; `split_seed` says what is cut from train where there is no val or no test.

    Raises:
        TlkitError: it is not here and cannot be downloaded.
    """
    from torchvision import datasets

    facts = SETS[name]
    sets = {split: _open(getattr(datasets, facts.class_name), name, options) for split, options in facts.parts.items()}
    classes = tuple(
        str(one).split(" - ")[-1].strip() for one in getattr(sets["train"], "classes", None) or _numbers(sets["train"])
    )
    labels = [classes[label] for one in sets.values() for label in _labels(one)]
    splits = [split for split, one in sets.items() for _ in range(len(one))]
    reading = Reading("classification", "image", _Pictures(list(sets.values())), labels, splits, classes=classes)
    return to_task(
        reading,
        name,
        {"val": 0.15, "test": 0.15},
        split_seed,
        licence=CATALOGUE[name].licence,
        source=f"torchvision.datasets.{facts.class_name}",
        citation=facts.citation,
        description=facts.shows,
    )


def _open(maker, name: str, options: dict):
    """A set from the given folder or the cache, else a download of it."""
    for folder in (given_folder(), cache_folder()):
        if folder is None or not (folder / name).is_dir():
            continue
        try:
            return maker(folder / name, download=False, **options)
        except RuntimeError:
            continue
    try:
        return maker(cache_folder() / name, download=True, **options)
    except Exception as error:  # torchvision raises whatever its downloads raise
        lines = str(error).splitlines() or [type(error).__name__]
        raise TlkitError(f"{name} could not be downloaded by torchvision: {lines[0][:200]}") from error


def _labels(one) -> list[int]:
    for attribute in ("targets", "_labels", "labels"):
        if hasattr(one, attribute):
            return [int(label) for label in getattr(one, attribute)]
    raise TlkitError(f"torchvision's {type(one).__name__} does not say the labels of its pictures")


def _numbers(one) -> list[str]:
    return [str(number) for number in range(1 + max(_labels(one)))]
