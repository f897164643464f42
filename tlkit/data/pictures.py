"""Picture files as tensors, with care for those that are damaged or monstrous."""

import warnings
from pathlib import Path

import numpy as np

from tlkit.errors import TlkitError, TlkitWarning

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MOST_PIXELS = 50_000_000
_WHITE_OF_12_BITS = 4095


def read_picture(path: Path):
    """A picture as uint8 (C, H, W), C being 1 or 3; turned as its camera says, the first frame of several.

    Greys of 16 bits go from 0 to 65,535; where none is above 4,095 the picture is taken for a scan of 12 bits, which scanners
    store in 16, and a warning says so.

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
                pixels = as_array(ImageOps.exif_transpose(picture))
    except TlkitError:
        raise
    except Image.DecompressionBombError as error:
        raise TlkitError(f"{path} has more than the {MOST_PIXELS:,} pixels that are read") from error
    except Exception as error:  # decoders raise errors of many kinds
        reason = "no picture in a known format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise TlkitError(f"{path} cannot be read as a picture: {reason}") from error
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def as_array(picture) -> np.ndarray:
    """A picture of PIL's, of whatever mode, as pixels uint8 (H, W, C), C being 1 or 3.

    Raises:
        TlkitError: pixels that are floats.
    """
    if picture.mode in ("I;16", "I;16B", "I;16L", "I"):  # 16 bits of grey: PIL itself would clip at 255
        grey = np.asarray(picture).astype(np.float64)
        white = 65535
        if 0 < grey.max() <= _WHITE_OF_12_BITS:
            white = _WHITE_OF_12_BITS
            warnings.warn("a picture of 16 bits in which nothing is brighter than 4,095 is read as a scan of 12 bits, 4,095 being white; "
                          "store it with 8 bits where that is wrong", TlkitWarning, stacklevel=2)
        return np.round(grey * (255 / white)).clip(0, 255).astype(np.uint8)[..., None]
    if picture.mode == "F":
        raise TlkitError("its pixels are floats of unknown range")
    pixels = np.array(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels
