"""Arrays in MedMNIST's layout: train_images, train_labels, val_images, ... in one .npz.

Axes: N examples, H height, W width, C channels or classes.
"""

import zipfile
from pathlib import Path

import numpy as np

from tlkit.errors import TlkitError

MOST_BYTES = 16 * 2**30


def read_npz(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split -> images uint8 (N, C, H, W) and labels, int64 (N,) or, where each example may have several, float32 (N, C).

    Raises:
        TlkitError: no npz, Python objects in it, a missing member, or arrays that do not fit together.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > MOST_BYTES:
                raise TlkitError(f"{path} would unpack to {size:,} bytes, more than the {MOST_BYTES:,} that are read")
        with np.load(path, allow_pickle=False) as arrays:
            names = set(arrays.files)
            splits = [split for split in ("train", "val", "test") if f"{split}_images" in names]
            if not splits:
                raise TlkitError(f"{path} has no train_images; it holds {', '.join(sorted(names)) or 'nothing'}")
            if missing := [f"{split}_labels" for split in splits if f"{split}_labels" not in names]:
                raise TlkitError(f"{path} has no {missing[0]}; it holds {', '.join(sorted(names))}")
            read = {split: (arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in splits}
    except TlkitError:
        raise
    except ValueError as error:
        reason = "it holds Python objects, which could run code" if "allow_pickle" in str(error) else str(error)
        raise TlkitError(f"{path} cannot be read: {reason}") from error
    except Exception as error:  # zip and numpy raise errors of many kinds on damaged files
        raise TlkitError(f"{path} cannot be read as npz: {error}") from error
    return {
        split: (_images(path, split, images), _labels(path, split, labels, len(images)))
        for split, (images, labels) in read.items()
    }


def _images(path: Path, split: str, images: np.ndarray) -> np.ndarray:
    if images.dtype != np.uint8:
        raise TlkitError(f"{path}: {split}_images are {images.dtype}, and should be uint8 from 0 to 255")
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[-1] in (1, 3):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    raise TlkitError(f"{path}: {split}_images have shape {images.shape}, and should have (N, H, W) or (N, H, W, 3)")


def _labels(path: Path, split: str, labels: np.ndarray, count: int) -> np.ndarray:
    if len(labels) != count:
        raise TlkitError(f"{path} has {count:,} {split}_images and {len(labels):,} {split}_labels")
    if not np.issubdtype(labels.dtype, np.number) or not np.all(labels == np.floor(labels)) or (labels < 0).any():
        raise TlkitError(f"{path}: {split}_labels must be whole numbers from 0 on, and are {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.max(initial=0) > 1:
            raise TlkitError(
                f"{path}: {split}_labels with {labels.shape[1]} columns must be 0 or 1, and reach {labels.max()}"
            )
        return labels.astype(np.float32)
    if labels.ndim > 2:
        raise TlkitError(f"{path}: {split}_labels have shape {labels.shape}, and should have (N,) or (N, classes)")
    return labels.reshape(-1).astype(np.int64)
