"""Picture files as tensors, with care for those that are damaged or monstrous."""

import warnings
from pathlib import Path

import numpy as np

from tlkit.errors import TlkitError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MOST_PIXELS = 50_000_000


def read_picture(path: Path):
    """A picture as uint8 (C, H, W), C being 1 or 3; turned as its camera says, the first frame of several.

    Raises:
        TlkitError: no picture, a damaged one, or one of more than 50 million pixels.
    """
    import torch
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise TlkitError(
                        f"{path} has {width:,} x {height:,} pixels, more than the {MOST_PIXELS:,} that are read"
                    )
                pixels = _as_array(ImageOps.exif_transpose(picture))
    except TlkitError:
        raise
    except Image.DecompressionBombError as error:
        raise TlkitError(f"{path} has more than the {MOST_PIXELS:,} pixels that are read") from error
    except Exception as error:  # decoders raise errors of many kinds
        reason = "no picture in a known format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise TlkitError(f"{path} cannot be read as a picture: {reason}") from error
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def _as_array(picture) -> np.ndarray:
    """Pixels uint8 (H, W, C)."""
    if picture.mode in ("I;16", "I;16B", "I;16L", "I"):  # 16 bits of grey: PIL itself would clip at 255
        grey = np.asarray(picture).astype(np.float64)
        return np.round(grey / 257).clip(0, 255).astype(np.uint8)[..., None]
    if picture.mode == "F":
        raise TlkitError("its pixels are floats of unknown range")
    pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels
