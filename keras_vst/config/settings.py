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

    shift: float = 6.0  # pixels a frame, at most
    zoom: float = 0.02  # relative change a frame, at most
    rotation: float = 1.0  # degrees a frame, at most
    objects: int = 1  # pieces of another photo that move by themselves
    light: float = 0.06  # brightness change a frame, at most
    noise: float = 2.0  # sensor noise, standard deviation in 1/255; what the network learns not to amplify

    def __post_init__(self) -> None:
        at_least(0, **dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a step looks at."""

    batch: int = 4
    frames: int = 3  # length of a clip; the state is carried through it
    margin: int = 48  # pixels around what losses see; fewer, and it paints a frame around the picture
    photo_side: int = 480  # shorter side to which photos are brought, so that their scale is alike
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

    content: float = 1.0  # more keeps the scene readable
    style: float = 8.0  # Gram matrices: more paints more boldly
    palette: float = 0.0  # means and deviations of features: colours and contrast without the texture
    temporal: float = 120.0  # more holds strokes still from frame to frame, and weakens them
    long_term: float = 40.0  # the same between the first frame and the last: nothing drifts
    temporal_features: float = 0.0  # holds still what strokes are made of, before they are painted
    smoothness: float = 0.0  # more irons out fine grain
    stability: float = 0.0  # the same frame with other sensor noise must be painted alike: calms flat areas
    border: float = 0.0  # a frame's border is painted as the same place inside a larger frame would be
    supervised: float = 0.0  # keyframes: nearness to what the artist painted
    adversarial: float = 0.0  # passes for a painting of the collection: handwriting that Gram matrices miss
    adversarial_motion: float = (
        0.0  # moves like the collection: three aligned frames; pressure against flicker
    )
    adversarial_reverse: float = (
        0.0  # painting -> photo must pass for a photo; sharpens what `cycle` asks for
    )
    cycle: float = 0.0  # the photo can be recovered from the painting: nothing is invented or lost
    identity: float = 0.0  # a painting is left as it is: keeps the palette
    diversity: float = 0.0  # film with noise: other noise must give other strokes

    adversarial_form: str = (
        "hinge"  # hinge is steady; wasserstein adds a gradient penalty and a third to a step
    )
    gradient_penalty: float = 10.0  # wasserstein only; less lets the discriminator become steeper
    style_each: tuple[float, ...] = ()  # factors on `style`, one a style: bolder where texture is the point
    style_memory: float = 0.0  # share of earlier batches in what is compared: each alone is a few squares
    temporal_flat: float = 0.0  # extra temporal weight where the frame is flat: sky and skin, where dots show
    temporal_by_contrast: bool = False  # harder styles are held harder: weight * their Gram trace / a mid one
    temporal_from: float = 0.0  # share of the run after which the temporal terms enter
    temporal_full: float = 0.25  # share of the run at which they have their full weight
    temporal_raised: float = 1.5  # factor on them once the adversarial terms have entered, which like flicker
    adversarial_from: float = 0.1  # until this share of the run the discriminators learn alone
    adversarial_full: float = 0.4  # share of the run at which the generator feels them fully

    def __post_init__(self) -> None:
        one_of(ADVERSARIAL_FORMS, adversarial_form=self.adversarial_form)
        numbers = {
            name: value for name, value in dataclasses.asdict(self).items() if isinstance(value, float)
        }
        at_least(0, **numbers)
        for factor in self.style_each:
            at_least(0, style_each=factor)
        for name in ("temporal", "adversarial"):
            first, full = getattr(self, f"{name}_from"), getattr(self, f"{name}_full")
            share(**{f"{name}_from": first, f"{name}_full": full})
        if self.style_memory >= 1:
            raise UserError(
                f"`style_memory` must be below 1, or nothing is ever compared. Received: {self.style_memory}."
            )


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, how fast, and what is looked at when."""

    steps: int = 2000
    learning_rate: float = 2e-3  # falls to a hundredth of it along a cosine
    discriminator_learning_rate: float = 4e-4  # too fast: scores part, and the generator learns nothing
    average: float = 0.998  # decay of the running mean of the weights; the mean is what is exported
    clip_norm: float = 10.0  # gradients longer than this are shortened
    judged_sizes: tuple[int, ...] = (
        128,
    )  # squares that losses see, stage by stage: larger ones, larger forms
    stage_shares: tuple[float, ...] = (1.0,)  # share of the run that each of them takes
    clips_from: float = 1.0  # share of the run after which real clips are mixed in; 1 is never
    mixed_precision: bool | str = "auto"  # true, false, or auto: bfloat16 where a GPU has it

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps)
        at_least(0, learning_rate=self.learning_rate, average=self.average, clip_norm=self.clip_norm)
        at_least(0, discriminator_learning_rate=self.discriminator_learning_rate)
        share(clips_from=self.clips_from)
        one_of((True, False, "auto"), mixed_precision=self.mixed_precision)
        if self.average >= 1:
            raise UserError(f"`average` must be below 1, or nothing is learned. Received: {self.average}.")
        if not self.judged_sizes or any(side % 8 or side < 16 for side in self.judged_sizes):
            raise UserError(
                "schedule.judged_sizes must be multiples of 8, at least 16. "
                f"Received: {self.judged_sizes}. Use for example 128,192."
            )
        shares = self.stage_shares
        if len(shares) != len(self.judged_sizes) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise UserError(
                "schedule.stage_shares needs one positive share for each of judged_sizes, together 1. "
                f"Received: {shares} for {self.judged_sizes}. Use for example 0.6,0.4."
            )
