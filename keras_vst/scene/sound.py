"""The film's soundtrack, synthesised: waves and plucked strings by day, crickets and a slower tune at dusk.

Sound is float32 in [-1, 1], (samples, 2) as (left, right), 48,000 samples a second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 48_000
_Sound = npt.NDArray[np.float64]

# (seconds, MIDI note): two bars of an arpeggio, G major then E minor
_DAY = tuple(zip(np.arange(0, 3, 0.25), (67, 71, 74, 79, 78, 74, 71, 74, 72, 76, 79, 74), strict=True))
_DUSK = tuple(zip(np.arange(3, 5.5, 0.42), (64, 71, 76, 79, 78, 71), strict=True))


def soundtrack(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """(samples, 2); the change from day to dusk is in the middle of the six seconds it is written for."""
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    random = np.random.default_rng([seed, 3])
    dusk = 1 / (1 + np.exp(-(time - 3.0) * 12))
    waves = [
        _surf(count, random) * (0.55 + 0.45 * np.sin(2 * np.pi * time / 2.7 + turn)) for turn in (0, 0.9)
    ]
    crickets = np.sin(2 * np.pi * 4300 * time) * np.maximum(np.sin(2 * np.pi * 21 * time), 0) ** 3
    crickets *= np.maximum(np.sin(2 * np.pi * 1.3 * time), 0) * dusk
    tune = sum((_pluck(time - start, note) for start, note in (*_DAY, *_DUSK)), np.zeros(count))
    echo = np.concatenate([np.zeros(min(9600, count)), tune])[:count]
    left = 0.20 * tune + 0.08 * echo + 0.10 * waves[0] * (1 - 0.8 * dusk) + 0.012 * crickets
    right = 0.16 * tune + 0.11 * echo + 0.10 * waves[1] * (1 - 0.8 * dusk) + 0.020 * crickets
    fade = np.clip(np.minimum(time / 0.15, (seconds - time) / 0.6), 0, 1)[:, None]
    return np.clip(np.stack([left, right], -1) * fade, -1, 1).astype(np.float32)


def _pluck(time: _Sound, note: int) -> _Sound:
    """A string: harmonics that die the sooner the higher they are."""
    age = np.maximum(time, 0)
    pitch = 440 * 2 ** ((note - 69) / 12)
    harmonics = (
        np.sin(2 * np.pi * pitch * n * age) * np.exp(-age * (2.2 + 1.6 * n)) / n for n in range(1, 6)
    )
    return sum(harmonics, np.zeros_like(age)) * (time > 0) * np.minimum(age / 0.004, 1)


def _surf(count: int, random: np.random.Generator) -> _Sound:
    """Noise without its treble, at an RMS of 1."""
    spectrum = np.fft.rfft(random.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    sound = np.fft.irfft(spectrum / (1 + (frequency / 500) ** 1.5), count)
    return sound / max(float(np.sqrt(np.mean(sound**2))), 1e-9)
