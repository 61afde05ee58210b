"""Every setting of a run, and how a wrong one is refused.  Comments say what a knob does to the picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_vst.errors import UserError

MOST_SEED = 2**32 - 1  # that NumPy takes
KINDS = ("base", "perceptual", "adversarial", "film", "keyframes", "distil", "look")


@dataclass(frozen=True, kw_only=True)
class StudentConfig:
    """The live network: its cost grows with the square of `channels`, linearly with `num_blocks`."""

    family: str = "student"  # which network: a row of LIVE in keras_vst/models
    channels: tuple[int, int, int] = (16, 32, 48)  # filters at 1/2, 1/4 and 1/8 of the frame
    num_blocks: int = 3  # residual blocks at 1/8; each widens what a pixel can see by 16 pixels a side

    def __post_init__(self) -> None:
        at_least(0, num_blocks=self.num_blocks)
        _filters("student.channels", self.channels, "three", "1/2, 1/4 and 1/8", "16,32,48")

    @property
    def architecture(self) -> str:
        """What two networks must share to be mixed by mixing their weights."""
        return "-".join(map(str, (self.family, *self.channels, self.num_blocks)))


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """The film network: its cost grows with the square of `channels`, linearly with `num_blocks`."""

    channels: tuple[int, int, int, int] = (32, 64, 128, 192)  # filters at full, 1/2, 1/4 and 1/8 size
    num_blocks: int = 5  # residual blocks at 1/8; more of them compose larger shapes
    noise_channels: int = 0  # above 0 a noise map varies the strokes; one map a clip, or it flickers

    def __post_init__(self) -> None:
        _filters("teacher.channels", self.channels, "four", "full, 1/2, 1/4 and 1/8", "32,64,128,192")
        at_least(0, num_blocks=self.num_blocks, noise_channels=self.noise_channels)

    @property
    def architecture(self) -> str:
        """What two networks must share to be alike."""
        return "-".join(map(str, ("teacher", *self.channels, self.num_blocks, self.noise_channels)))


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """How hard it is to fool."""

    channels: tuple[int, ...] = (32, 64, 128)  # filters; each entry halves the size, doubles a patch's reach

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1:
            raise UserError(
                "discriminator.channels needs one positive number per halving. "
                f"Received: {self.channels}. Use for example 32,64,128."
            )


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a step looks at."""

    batch: int = 4
    frames: int = 2  # length of a clip; 3 where a discriminator judges motion
    margin: int = 24  # pixels around what losses see; fewer, and it paints a frame around the picture
    photo_side: int = 420  # shorter side to which photos are brought, so that their scale is alike
    style_side: int = 512  # longer side of the style pictures; larger makes larger strokes
    jitter: float = 0.1  # change of exposure and colour from sample to sample, the same for all of a clip
    taught: int = 1500  # clips that a teacher paints beforehand, for the student to see again and again
    cache_gb: float = 8.0  # of disk at most for decoded clips; what was not used for longest makes room

    def __post_init__(self) -> None:
        at_least(0, cache_gb=self.cache_gb)
        _share(jitter=self.jitter)
        at_least(1, batch=self.batch, taught=self.taught)
        at_least(2, frames=self.frames)
        at_least(8, margin=self.margin)
        at_least(16, photo_side=self.photo_side, style_side=self.style_side)
        if self.margin % 8:
            raise UserError(
                f"data.margin must be a multiple of 8, as frames are. Received: {self.margin}. "
                f"Use {(self.margin + 7) // 8 * 8}."
            )


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The weights of the terms of the objective (training/terms.py knows them), and how some of them work."""

    weights: Mapping[str, float] = field(default_factory=dict)  # written loss.style=12; else the term's own
    memory: float = 0.75  # share of earlier batches in the statistics of style: four squares are no picture
    temporal_flat: float = 3.0  # extra temporal weight where the frame is flat: sky and skin, where dots show
    adversarial_from: float = 0.1  # until this share of the run the discriminators learn alone
    adversarial_full: float = 0.4  # share of the run at which the generator feels them fully

    def __post_init__(self) -> None:
        at_least(0, memory=self.memory, temporal_flat=self.temporal_flat, **self.weights)
        _share(adversarial_from=self.adversarial_from, adversarial_full=self.adversarial_full)
        if self.memory >= 1:
            raise UserError(
                f"`memory` must be below 1, or nothing is ever compared. Received: {self.memory}."
            )


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, how fast, and what is looked at when."""

    steps: int = 1200
    learning_rate: float = 2e-3  # falls to a fiftieth of it along a cosine
    discriminator_learning_rate: float = 4e-4  # too fast: scores part, and the generator learns nothing
    clip_norm: float = 10.0  # gradients longer than this are shortened
    judged_size: int = 256  # side of the squares that losses see: larger ones, larger forms
    norms_held_from: float = 0.6  # share of the run after which norms are as they will be when it runs
    look_every: int = 1  # steps from one look through VGG16 to the next; with a teacher most need none
    clips_from: float = 1.0  # share of the run after which real clips are mixed in; 1 is never
    mixed_precision: bool | str = "auto"  # true, false, or auto: 16 bits where the hardware has them

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps, look_every=self.look_every)
        at_least(0, learning_rate=self.learning_rate, clip_norm=self.clip_norm)
        at_least(0, discriminator_learning_rate=self.discriminator_learning_rate)
        _share(clips_from=self.clips_from, norms_held_from=self.norms_held_from)
        if self.mixed_precision not in (True, False, "auto"):
            raise _unknown("mixed_precision", self.mixed_precision, ("True", "False", "auto"))
        if self.judged_size % 8 or self.judged_size < 16:
            raise UserError(
                "schedule.judged_size must be a multiple of 8, at least 16. "
                f"Received: {self.judged_size}. Use for example 256."
            )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides the outcome of a training run."""

    kind: str = "perceptual"  # what is learned from: a picture, a collection, keyframes; film is the teacher
    student: StudentConfig = field(default_factory=StudentConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)  # trained instead of the student by `film`
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise _unknown("kind", self.kind, KINDS)
        if not 0 <= self.seed <= MOST_SEED:
            raise UserError(f"`seed` is a whole number from 0 to {MOST_SEED}. Received: {self.seed}.")
        crop = self.schedule.judged_size + 2 * self.data.margin
        if crop > self.data.photo_side:
            raise UserError(
                "schedule.judged_size and twice data.margin must fit into data.photo_side. "
                f"Received: judged_size={self.schedule.judged_size}, margin={self.data.margin}, "
                f"photo_side={self.data.photo_side}. Use photo_side={crop}, or less of the others."
            )


def at_least(least: int, **values: float) -> None:
    """Each value is a number, not infinite, not below `least`."""
    for name, value in values.items():
        if not least <= value < math.inf:  # written so that a nan is refused too
            raise UserError(f"`{name}` must be a number, at least {least}. Received: {value}.")


def _share(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise UserError(f"`{name}` is a share of the whole, from 0 to 1. Received: {value}.")


def _filters(name: str, values: tuple[int, ...], count: str, sizes: str, example: str) -> None:
    if len(values) != {"three": 3, "four": 4}[count] or min(values) < 1:
        raise UserError(
            f"{name} needs {count} positive numbers, at {sizes} size. Received: {values}. "
            f"Use for example {example}."
        )


def _unknown(name: str, value: Any, known: Iterable[str]) -> UserError:
    return UserError(f"`{name}` is one of {', '.join(known)}. Received: {value!r}.")


SIZES = {  # what --size names; docs/results.md tells how they were chosen.  Only students of one size mix
    "small": StudentConfig(channels=(8, 12, 24), num_blocks=3),  # a quarter of the arithmetic: phones
    "base": StudentConfig(),
    "large": StudentConfig(channels=(24, 48, 88), num_blocks=3),  # 2.7 times as much: desktops
}
