"""From a task's sounds to samples at the rate that belongs to the weights.

Axes: B batch, T samples.
"""

from collections.abc import Sequence

import numpy as np
import torch

from tlkit.backbones.state import State


class Waveforms:
    """Sounds brought to the sampling rate and the scale that a checkpoint was trained with.

    Args:
        rate: samples a second that the body expects.
        normalise: whether each sound is brought to mean 0 and variance 1.
        shortest: samples that the body needs to give one frame; shorter sounds get silence behind them.
    """

    modality = "sound"
    example_size = "a sound of 1 second"

    def __init__(self, rate: int, normalise: bool, shortest: int):
        self.rate = rate
        self.normalise = normalise
        self.shortest = shortest

    def __call__(self, inputs: Sequence) -> State:
        """Sounds -> `samples` float32 (B, T) and `mask` (B, T), True on what was heard; silence behind it.

        Args:
            inputs: a sequence of `tlkit.data.sound.Sound`, each with its own rate.
        """
        sounds = [self._prepare(sound) for sound in inputs]
        longest = max(self.shortest, *(len(samples) for samples in sounds))
        samples = torch.zeros(len(sounds), longest)
        mask = torch.zeros(len(sounds), longest, dtype=torch.bool)
        for row, heard in enumerate(sounds):
            samples[row, : len(heard)] = torch.from_numpy(heard)
            mask[row, : max(self.shortest, len(heard))] = True
        return {"samples": samples, "mask": mask}

    def _prepare(self, sound) -> np.ndarray:
        samples = sound.resampled(self.rate).samples.astype(np.float32)
        if self.normalise and len(samples):
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        return samples

    def example(self) -> State:
        """One example, for shapes and costs."""
        return {"samples": torch.zeros(1, self.rate), "mask": torch.ones(1, self.rate, dtype=torch.bool)}

    def describe(self) -> str:
        """One line."""
        return f"sounds at {self.rate:,} Hz" + (", each at mean 0 and variance 1" if self.normalise else "")
