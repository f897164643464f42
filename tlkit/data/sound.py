"""A sound: samples and their rate.

Axes: T samples.
"""

import warnings
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from tlkit.errors import TlkitError

ENDINGS = (".wav",)


@dataclass(frozen=True, eq=False)
class Sound:
    """One recording, one channel.

    Args:
        samples: float32 (T,), in [-1, 1].
        rate: samples a second.
    """

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def resampled(self, rate: int) -> "Sound":
        """The same sound at another rate, through scipy's polyphase filter, which keeps out what would fold back."""
        if rate == self.rate or not len(self.samples):
            return Sound(self.samples, rate)
        from scipy.signal import resample_poly

        shared = gcd(rate, self.rate)
        return Sound(resample_poly(self.samples, rate // shared, self.rate // shared).astype(np.float32), rate)


def read_wav(path: Path) -> Sound:
    """A wav file of any width, rate and number of channels; several channels become their mean.

    Raises:
        TlkitError: no wav, a damaged one, or one without samples.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)
            try:
                rate, samples = wavfile.read(path)
            except wavfile.WavFileWarning as warning:
                if "Chunk (non-data) not understood" not in str(warning):
                    raise TlkitError(f"{path} is damaged: {warning}") from warning
                warnings.simplefilter("ignore", wavfile.WavFileWarning)
                rate, samples = wavfile.read(path)
    except TlkitError:
        raise
    except Exception as error:  # scipy raises errors of many kinds on damaged files
        raise TlkitError(f"{path} cannot be read as a wav: {str(error) or type(error).__name__}") from error
    if not samples.size:
        raise TlkitError(f"{path} holds no samples")
    if not rate:
        raise TlkitError(f"{path} has a sampling rate of 0")
    return Sound(_to_floats(samples), int(rate))


def _to_floats(samples: np.ndarray) -> np.ndarray:
    """Samples of any width as float32 in [-1, 1], (T,). scipy gives 24 bits in the upper bits of 32."""
    if samples.dtype == np.uint8:
        scaled = (samples.astype(np.float64) - 128) / 128
    elif np.issubdtype(samples.dtype, np.integer):
        scaled = samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    else:
        scaled = np.nan_to_num(samples.astype(np.float64))
    return (scaled.mean(axis=1) if scaled.ndim == 2 else scaled).astype(np.float32)
