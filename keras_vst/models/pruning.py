"""Channels of a student taken out whole: a network and which channels stay -> a smaller student that paints the same.

Channels that are added to or read by each other go together.  Such groups follow from the layers' names; those of one
level (1/2, 1/4, 1/8 of the frame) keep equally many, so that what is left is a student like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from keras_vst.config import StudentConfig
from keras_vst.models.student import build_student

STEP = 4  # channels that go at once: the fast kernels work on fours
LEAST = 4  # channels that stay at every level
BLOCK = 4  # pixels of a sub-pixel step; a widened channel stands once for each of them
Field = npt.NDArray[np.float32]
Kept = Mapping[str, npt.NDArray[np.intp]]  # group -> the channels of it that stay, in order


@dataclass(frozen=True)
class Group:
    """Convolutions that make the same channels, and those that read them."""

    level: int  # in StudentConfig.channels
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


def groups(config: StudentConfig) -> dict[str, Group]:
    """Every group of a student, by the name of the layer where its channels meet."""
    blocks = [f"block_{index}" for index in range(config.num_blocks)]
    trunk = (
        ("down_8", *(f"{block}_b" for block in blocks)),
        (*(f"{block}_a" for block in blocks), "up_4_widen"),
    )
    return {
        "skip_2": Group(0, ("stem", "up_2_widen"), ("down_4", "mix_2")),
        "mix_2": Group(0, ("mix_2",), ("paint",)),
        "skip_4": Group(1, ("down_4", "up_4_widen"), ("down_8", "smooth_4")),
        "smooth_4": Group(1, ("smooth_4",), ("up_2_widen",)),
        "trunk": Group(2, *trunk),
        **{block: Group(2, (f"{block}_a",), (f"{block}_b",)) for block in blocks},
    }


def importance(student: keras.Model, group: Group) -> Field:
    """Of each channel, its share of the group's: how strongly it is made, times how strongly it is read."""
    made = sum(_relative(_made(student, name)) for name in group.producers)
    read = sum(_relative(_norms(_kernel(student, name), keep=2)) for name in group.consumers)
    return made * read / np.sum(made * read)


def choose(student: keras.Model, config: StudentConfig, macs: float) -> tuple[StudentConfig, Kept]:
    """The channels that stay where a frame of 640x368 may take so many multiply-accumulates.

    Four of a level at a time, those whose importance is least for what they cost, as long as there are any.
    """
    shares = {name: importance(student, group) for name, group in groups(config).items()}
    levels = {name: group.level for name, group in groups(config).items()}
    while student_macs(config) > macs:
        cuts = [cut for level in range(3) if (cut := _narrower(config, level))]
        if not cuts:
            break

        def loss(cut: StudentConfig, before: StudentConfig = config) -> float:
            lost = [
                _held(shares[name], before.channels[at]) - _held(shares[name], cut.channels[at])
                for name, at in levels.items()
            ]
            return sum(lost) / (student_macs(before) - student_macs(cut))

        config = min(cuts, key=loss)
    return config, {name: _most(shares[name], config.channels[level]) for name, level in levels.items()}


def pruned(student: keras.Model, config: StudentConfig, kept: Kept) -> keras.Model:
    """The student without the other channels, `config` saying how many stay at each level."""
    smaller, known = build_student(config), groups(config)
    made = {layer: kept[name] for name, group in known.items() for layer in group.producers}
    read = {layer: kept[name] for name, group in known.items() for layer in group.consumers}
    for layer in smaller.layers:
        if layer.weights:
            layer.set_weights(_taken(student.get_layer(layer.name), made, read))
    return smaller


def student_macs(config: StudentConfig) -> int:
    """Multiply-accumulates of the convolutions for a frame of 640x368, as `count_macs` counts them in a network."""
    half, quarter, eighth = config.channels
    at_half = 48 * half + 9 * 12 * half + half * half
    at_quarter = 9 * half * quarter + 9 * quarter * quarter + 4 * half * quarter
    at_eighth = 9 * quarter * eighth + 18 * config.num_blocks * eighth * eighth + 4 * eighth * quarter
    pixels = 640 * 368
    return pixels // 4 * at_half + pixels // 16 * at_quarter + pixels // 64 * at_eighth


def _narrower(config: StudentConfig, level: int) -> StudentConfig | None:
    """Four channels fewer at a level; None where too few would stay."""
    channels = list(config.channels)
    channels[level] = (channels[level] - 1) // STEP * STEP
    return replace(config, channels=tuple(channels)) if channels[level] >= LEAST else None


def _most(shares: Field, count: int) -> npt.NDArray[np.intp]:
    """Where the `count` greatest are, in order."""
    return np.sort(np.argsort(-shares, kind="stable")[:count])


def _held(shares: Field, count: int) -> float:
    return float(np.sort(shares)[::-1][:count].sum())


def _made(student: keras.Model, name: str) -> Field:
    """How strongly a convolution makes each channel: the deviation that its norm gives it, or its kernel's length."""
    if name.endswith("_widen"):
        return np.linalg.norm(_norms(_kernel(student, name), keep=3).reshape(BLOCK, -1), axis=0)
    return np.abs(np.asarray(student.get_layer(f"{name}_norm").gamma))


def _kernel(student: keras.Model, name: str) -> Field:
    return np.asarray(student.get_layer(name).kernel)


def _norms(kernel: Field, keep: int) -> Field:
    """The length of a kernel (h, w, in, out) along one axis."""
    return np.sqrt(np.square(kernel).sum(axis=tuple(axis for axis in range(4) if axis != keep)))


def _relative(values: Field) -> Field:
    return values / max(float(values.mean()), 1e-12)


def _taken(layer: Any, made: Kept, read: Kept) -> list[Field]:
    """The weights of a layer, without what belongs to channels that go."""
    name = layer.name.removesuffix("_norm")
    if name.endswith("_blur"):  # a kernel for each channel, (h, w, C, 1)
        return [layer.get_weights()[0][:, :, made[name.replace("_blur", "_widen")]]]
    first, *others = layer.get_weights()
    stay = _spread(made[name], first.shape[-1], name) if name in made else np.arange(first.shape[-1])
    first = first[..., stay] if name not in read or first.ndim == 1 else first[:, :, read[name]][..., stay]
    return [first, *(each[stay] for each in others)]


def _spread(kept: npt.NDArray[np.intp], width: int, name: str) -> npt.NDArray[np.intp]:
    """Channels before a sub-pixel step: all of the first pixel, then all of the second ..."""
    if not name.endswith("_widen"):
        return kept
    return np.concatenate([pixel * (width // BLOCK) + kept for pixel in range(BLOCK)])
