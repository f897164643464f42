"""A sound: samples and their rate.

Axes: T samples.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np


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
