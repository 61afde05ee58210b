"""What a step looks at, what it is told, and how long it goes on.  Comments say what a knob does to the picture."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from keras_vst.config.checks import at_least, one_of, share
from keras_vst.errors import UserError

FLOW_METHODS = ("dis", "farneback", "lucas-kanade")
ADVERSARIAL_FORMS = ("nonsaturating", "least_squares", "hinge", "wasserstein")


@dataclass(frozen=True, kw_only=True)
class MotionConfig:
    """How clips are made from one photo: a camera that drifts, an object that crosses, light that changes."""

    shift: float = 5.0  # pixels a frame, at most
    zoom: float = 0.015  # relative change a frame, at most
    rotation: float = 0.9  # degrees a frame, at most
    objects: int = 1  # pieces of another photo that move by themselves
    light: float = 0.06  # relative change of brightness a frame, at most
    noise: float = 2.0  # sensor noise, standard deviation in 1/255; what the network learns not to amplify

    def __post_init__(self) -> None:
        at_least(0, **dataclasses.asdict(self))
        if self.light > 0.25:
            raise UserError(
                "data.motion.light is a relative change a frame, at most 0.25: beyond that a clip goes black. "
                f"Received: {self.light}. Use for example 0.06."
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
    real_share: float = 0.5  # of the samples that are real clips, once schedule.clips_from is reached
    flow: str = "dis"  # how motion in real clips is found: dis, farneback or lucas-kanade
    cache_gb: float = 8.0  # of disk at most for decoded clips; what was not used for longest makes room
    motion: MotionConfig = field(default_factory=MotionConfig)

    def __post_init__(self) -> None:
        one_of(FLOW_METHODS, flow=self.flow)
        at_least(0, real_share=self.real_share, jitter=self.jitter, cache_gb=self.cache_gb)
        if max(self.real_share, self.jitter) > 1:
            raise UserError(
                "data.real_share and data.jitter are parts of 1. "
                f"Received: {self.real_share} and {self.jitter}. Use for example 0.5 and 0.1."
            )
        at_least(1, batch=self.batch)
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
    """The weight of each term of the objective; a term of weight 0 is neither computed nor logged."""

    content: float = 1.1  # forms stay readable; contrast and colour are free
    style: float = 12.0  # texture: more paints more boldly
    palette: float = 4.0  # the painting's colours, each as often as there
    field: float = 1.0  # different things get different colours
    temporal: float = 16.0  # more holds strokes still from frame to frame
    border: float = 200.0  # a frame's border is painted as the same place inside a larger frame would be
    grid: float = 80.0  # flat areas stay free of a pattern of two pixels
    reconstruction: float = 0.0  # gives the frame back: what a base begins with
    supervised: float = 0.0  # keyframes: nearness to what the artist painted
    adversarial: float = 0.0  # passes for a painting of the collection: handwriting that statistics miss
    adversarial_motion: float = 0.0  # moves like the collection: three aligned frames; against flicker
    adversarial_reverse: float = 0.0  # painting -> photo must pass for a photo; sharpens `cycle`
    cycle: float = 0.0  # the photo can be recovered from the painting: nothing is invented or lost
    identity: float = 0.0  # a painting is left as it is
    diversity: float = 0.0  # film with noise: other noise must give other strokes

    adversarial_form: str = (
        "hinge"  # hinge is steady; wasserstein adds a gradient penalty and a third to a step
    )
    gradient_penalty: float = 10.0  # wasserstein only; less lets the discriminator become steeper
    memory: float = 0.75  # share of earlier batches in the statistics of style: four squares are no picture
    temporal_flat: float = 3.0  # extra temporal weight where the frame is flat: sky and skin, where dots show
    temporal_from: float = 0.06  # share of the run after which the temporal term enters
    temporal_full: float = 0.36  # share of the run at which it has its full weight
    temporal_raised: float = 1.5  # factor on it once the adversarial terms have entered, which like flicker
    adversarial_from: float = 0.1  # until this share of the run the discriminators learn alone
    adversarial_full: float = 0.4  # share of the run at which the generator feels them fully

    def __post_init__(self) -> None:
        one_of(ADVERSARIAL_FORMS, adversarial_form=self.adversarial_form)
        values = dataclasses.asdict(self)
        at_least(0, **{name: value for name, value in values.items() if isinstance(value, float)})
        for name in ("temporal", "adversarial"):
            share(**{f"{name}_{point}": values[f"{name}_{point}"] for point in ("from", "full")})
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
    average: float = 0.996  # decay of the running mean of the weights; the mean is what is exported
    clip_norm: float = 10.0  # gradients longer than this are shortened
    judged_sizes: tuple[int, ...] = (
        256,
    )  # squares that losses see, stage by stage: larger ones, larger forms
    stage_shares: tuple[float, ...] = (1.0,)  # share of the run that each of them takes
    norms_held_from: float = 0.6  # share of the run after which norms are as they will be when it runs
    clips_from: float = 1.0  # share of the run after which real clips are mixed in; 1 is never
    mixed_precision: bool | str = "auto"  # true, false, or auto: 16 bits where the hardware has them

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps)
        at_least(0, learning_rate=self.learning_rate, average=self.average, clip_norm=self.clip_norm)
        at_least(0, discriminator_learning_rate=self.discriminator_learning_rate)
        share(clips_from=self.clips_from, norms_held_from=self.norms_held_from)
        one_of((True, False, "auto"), mixed_precision=self.mixed_precision)
        if self.average >= 1:
            raise UserError(f"`average` must be below 1, or nothing is learned. Received: {self.average}.")
        if not self.judged_sizes or any(side % 8 or side < 16 for side in self.judged_sizes):
            raise UserError(
                "schedule.judged_sizes must be multiples of 8, at least 16. "
                f"Received: {self.judged_sizes}. Use for example 128,256."
            )
        shares = self.stage_shares
        if len(shares) != len(self.judged_sizes) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise UserError(
                "schedule.stage_shares needs one positive share for each of judged_sizes, together 1. "
                f"Received: {shares} for {self.judged_sizes}. Use for example 0.6,0.4."
            )
