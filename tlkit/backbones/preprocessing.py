"""From a task's images to what a body's first stage takes. It belongs to the weights.

Axes: B batch, C channels, H height, W width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tlkit.data.pictures import as_array
from tlkit.errors import TlkitError


class OfImages:
    """What every preprocessing of images shares: `input_shape` (C, H, W) is what it gives for one image."""

    input_shape: tuple[int, ...]
    modality = "image"

    def example(self) -> torch.Tensor:
        """One example, for shapes and costs."""
        return torch.zeros(1, *self.input_shape)

    @property
    def example_size(self) -> str:
        return " x ".join(str(size) for size in self.input_shape)


@dataclass(frozen=True)
class Preprocessing(OfImages):
    """What a body's weights expect of an image: its shape, and the mean and scale that it is brought to; `body` is whose they are."""

    input_shape: tuple[int, ...]
    mean: float
    std: float
    body: str = "the body"

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """A batch (B, C, H, W) of images.

        Raises:
            TlkitError: images of another size, or what is no image.
        """
        if not isinstance(inputs, torch.Tensor):
            inputs = [as_image(image, self.input_shape[0]) for image in inputs]
            self._refuse_other_sizes(inputs)
            inputs = stack(inputs)
        self._refuse_other_sizes(inputs[:1])
        if inputs.dtype == torch.uint8:
            inputs = inputs.float() / 255
        return (inputs - self.mean) / self.std

    def _refuse_other_sizes(self, images) -> None:
        if odd := [image.shape for image in images if image.shape != self.input_shape]:
            skip = int(odd[0][:1] == self.input_shape[:1])  # channels that are right need no word
            due, here = (" x ".join(map(str, shape[skip:])) for shape in (self.input_shape, odd[0]))
            raise TlkitError(f"{self.body} reads images of {due}, and these are {here}; bring them to that size, or take a body that reads "
                             "images of any size, such as mobilenet_v2")

    def describe(self) -> str:
        """One line."""
        return f"images of {self.example_size} in [0, 1], less {self.mean}, over {self.std}"


class ImageTransform(OfImages):
    """A published transform of images (torchvision's, or an image processor's), for images of any size.

    Args:
        transform: a float or uint8 image (C, H, W) -> float32 (C, H', W').
        input_shape: (C, H', W') that it gives.
        text: what it does, in words.
    """

    def __init__(self, transform: Callable[[torch.Tensor], torch.Tensor], input_shape: tuple[int, int, int], text: str):
        self.transform = transform
        self.input_shape = input_shape
        self.text = text

    def __call__(self, inputs) -> torch.Tensor:
        """A batch (B, C, H', W') of images.

        Args:
            inputs: (B, C, H, W), or a sequence of images of any size: pictures, tensors (C, H, W), arrays (H, W) or
                (H, W, C). Whole numbers run from 0 to 255, floats from 0 to 1. Grey is repeated over the channels.
        Raises:
            TlkitError: floats outside of [0, 1], or a number of channels that is neither 1, 3 nor 4.
        """
        channels = self.input_shape[0]
        if isinstance(inputs, torch.Tensor):
            return self.transform(_to_channels(_in_range(inputs), channels, axis=1))
        return stack([self.transform(as_image(image, channels)) for image in inputs])

    def describe(self) -> str:
        """One line."""
        return self.text


def as_image(image, channels: int) -> torch.Tensor:
    """A picture, an array (H, W) or (H, W, C), or a tensor (C, H, W), as a tensor with this many channels.

    Raises:
        TlkitError: as for `ImageTransform`.
    """
    if not isinstance(image, torch.Tensor):
        is_picture = hasattr(image, "getbands") and image.mode != "F"
        pixels = as_array(image) if is_picture else np.array(image)  # the bands of palettes and CMYK are no colours
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.ndim != 3 or pixels.dtype.kind not in "uifb":
            what = f"the text {image!r:.40}" if isinstance(image, str) else f"a {type(image).__name__}"
            raise TlkitError(f"an image is a picture, an array (H, W) or (H, W, C), or a tensor (C, H, W), and this is {what}")
        image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return _to_channels(_in_range(image), channels, axis=0)


def stack(images: list[torch.Tensor]) -> torch.Tensor:
    """Images of one size as a batch (B, C, H, W).

    Raises:
        TlkitError: sizes differ, or there are no images.
    """
    if not images:
        raise TlkitError("a batch needs one image or more, and got none")
    if odd := [image.shape for image in images if image.shape != images[0].shape]:
        raise TlkitError(
            f"images of one batch must have one size, and these have {tuple(images[0].shape)} and {tuple(odd[0])}"
        )
    return torch.stack(images)


def _in_range(images: torch.Tensor) -> torch.Tensor:
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise TlkitError(f"images must be uint8 from 0 to 255 or floats from 0 to 1, and these are {images.dtype}")
    low, high = float(images.min()), float(images.max())
    if low < -1e-3 or high > 1 + 1e-3:
        raise TlkitError(f"images of floats must lie between 0 and 1, and these lie between {low:.3g} and {high:.3g}")
    return images


def _to_channels(images: torch.Tensor, channels: int, axis: int) -> torch.Tensor:
    given = images.shape[axis]
    if given == channels:
        return images
    if given == 4:  # transparency says nothing about the content
        return _to_channels(images.narrow(axis, 0, 3), channels, axis)
    if given == 1:
        return images.expand(*(-1 if place != axis else channels for place in range(images.ndim)))
    if channels == 1 and given == 3:
        grey = images.float().mean(dim=axis, keepdim=True)
        return grey.round().to(torch.uint8) if images.dtype == torch.uint8 else grey
    raise TlkitError(f"images must have 1, 3 or 4 channels, and these have {given}")
