"""tones: short sung syllables by synthetic voices, in four tones: high, rising, dipping, falling.

Two questions: which tone a single syllable has, or (target "sequence") which tones a phrase of one to four syllables has.

Axes: T samples.
"""

import numpy as np

from tlkit.data.inputs import Inputs
from tlkit.data.sound import Sound
from tlkit.data.task import Split, Task
from tlkit.errors import TlkitError

RATE = 8000
CLASSES = ("high", "rising", "dipping", "falling")
VOICES = 20
_CLIPS_A_VOICE = 48
_SPLIT_OF_VOICE = {"train": range(12), "val": range(12, 15), "test": range(15, 20)}
_CONTOURS = ((1.0, 1.0, 1.0), (0.75, 0.85, 1.15), (0.85, 0.62, 0.95), (1.2, 0.95, 0.65))
_FORMANTS = ((730, 1090), (270, 2290), (300, 870), (530, 1840), (570, 840))


class Syllables:
    """Sounds made one by one: number n is clip n % 48 of voice n // 48."""

    def __init__(self, phrases: bool):
        self.phrases = phrases

    def __len__(self) -> int:
        return VOICES * _CLIPS_A_VOICE

    def tones(self, number: int) -> list[int]:
        """The tones that are sung; every voice sings every tone equally often where it sings one at a time."""
        if not self.phrases:
            return [number % len(CLASSES)]
        generator = self._generator(number, 1)
        return [int(4 * generator.random()) for _ in range(1 + int(4 * generator.random()))]

    def __getitem__(self, number: int) -> Sound:
        voice = self._generator(number // _CLIPS_A_VOICE, 0)
        pitch, stretch, breath = 90 * 2.6 ** voice.random(), 0.85 + 0.3 * voice.random(), 0.01 + 0.05 * voice.random()
        generator = self._generator(number, 2)
        pieces = [np.zeros(int(RATE * (0.03 + 0.07 * generator.random())))]
        for tone in self.tones(number):
            pieces += [
                _sing(tone, pitch, stretch, breath, generator),
                np.zeros(int(RATE * (0.05 + 0.05 * generator.random()))),
            ]
        return Sound(np.concatenate(pieces).astype(np.float32), RATE)

    def _generator(self, number: int, purpose: int) -> np.random.Generator:
        """Only its raw uniform numbers are used, which every version of numpy gives alike."""
        return np.random.Generator(np.random.PCG64((number, purpose, int(self.phrases))))


def _sing(tone: int, pitch: float, stretch: float, breath: float, generator: np.random.Generator) -> np.ndarray:
    """One syllable: harmonics of a moving pitch, louder near a vowel's formants, with some breath. (T,) in [-1, 1]"""
    length = int(RATE * (0.25 + 0.15 * generator.random()))
    time = np.linspace(0, 1, length)
    shifts = 1 + 0.05 * (generator.random(3) - 0.5)
    contour = np.interp(time, [0, 0.5, 1], np.array(_CONTOURS[tone]) * shifts)
    frequency = pitch * contour * (1 + 0.01 * np.sin(2 * np.pi * 5 * time * length / RATE))
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    formants = np.array(_FORMANTS[int(len(_FORMANTS) * generator.random())]) * stretch
    voice = np.zeros(length)
    for harmonic in range(1, 15):
        heard = harmonic * frequency
        loudness = sum(np.exp(-(((heard - formant) / 150) ** 2)) for formant in formants) + 0.1 / harmonic
        voice += np.where(heard < 0.45 * RATE, loudness, 0) * np.sin(harmonic * phase)
    voice += breath * (2 * generator.random(length) - 1) * np.abs(voice).max()
    envelope = np.minimum(1, np.minimum(time, 1 - time) * 12)
    return (0.3 + 0.5 * generator.random()) * envelope * voice / np.abs(voice).max()


def load(target: str = "tone") -> Task:
    """960 clips of 20 voices at 8 kHz, made when asked for; no voice is in two splits."""
    import torch

    if target not in ("tone", "sequence"):
        raise TlkitError(f"tones has no target {target!r}; targets: tone, sequence")
    phrases = target == "sequence"
    clips = Syllables(phrases)
    kind = "speech" if phrases else "classification"
    voices = np.repeat(np.arange(VOICES), _CLIPS_A_VOICE)
    splits = {}
    for name, members in _SPLIT_OF_VOICE.items():
        indices = np.flatnonzero(np.isin(voices, list(members)))
        tones = [torch.tensor(clips.tones(int(number))) for number in indices]
        labels = Inputs(tones) if phrases else torch.cat(tones)
        splits[name] = Split(name, Inputs(clips, indices), labels, CLASSES, kind, "sound", voices[indices])
    return Task(
        name="tones",
        kind=kind,
        modality="sound",
        classes=CLASSES,
        **splits,
        licence="CC BY 4.0",
        source="made by this course's own synthesiser",
        citation="none; the four tones follow those of Mandarin",
        description="synthetic voices that sing syllables in four tones"
        + (", one to four a phrase" if phrases else ""),
        target=target,
        notes=("synthetic: no person was recorded; no voice is in two splits, and its number is in `groups`",),
    )
