"""The recipes: named settings to start from."""

from __future__ import annotations

import dataclasses

from keras_vst.config.networks import DiscriminatorConfig, StudentConfig, TeacherConfig
from keras_vst.config.run import RunConfig
from keras_vst.config.settings import DataConfig, LossConfig, ScheduleConfig

PAINTING = RunConfig()  # one picture

BASE = RunConfig(  # what every student begins from: it gives the frame back
    kind="base",
    loss=LossConfig(
        content=0.0, style=0.0, palette=0.0, field=0.0, temporal=0.0, reconstruction=10.0, memory=0.0
    ),
    schedule=ScheduleConfig(steps=450),
)

_ADVERSARIAL = LossConfig(
    content=1.0, adversarial=0.3, adversarial_motion=0.1, adversarial_from=0.05, adversarial_full=0.2
)

COLLECTION = RunConfig(  # a folder of pictures of one hand; statistics lead, the discriminators refine
    kind="adversarial",
    data=DataConfig(batch=2, frames=3),
    loss=dataclasses.replace(_ADVERSARIAL, adversarial_reverse=0.05, cycle=1.0, identity=0.5),
    schedule=ScheduleConfig(steps=1500, learning_rate=1e-3),
)

CLIP = RunConfig(  # a style video: its motion, too, is a reference
    kind="adversarial",
    data=DataConfig(batch=2, frames=3),
    loss=dataclasses.replace(_ADVERSARIAL, adversarial_motion=0.2),
    schedule=ScheduleConfig(steps=1500, learning_rate=1e-3),
)

FILM = RunConfig(  # the flow-guided teacher: offline, larger, steadier
    kind="film",
    data=DataConfig(batch=2, frames=3),
    loss=LossConfig(border=0.0),
    schedule=ScheduleConfig(steps=3000, learning_rate=1e-3, clips_from=0.5, judged_sizes=(192,)),
)

KEYFRAMES = RunConfig(  # one to five frames of a clip that an artist painted: minutes, for this clip only
    kind="keyframes",
    data=DataConfig(batch=8, margin=48),
    loss=LossConfig(
        content=0.0,
        style=2.0,
        palette=0.0,
        field=0.0,
        temporal=0.0,
        border=0.0,
        memory=0.0,
        supervised=4.0,
        adversarial=0.1,
    ),
    discriminator=DiscriminatorConfig(condition_channels=3),
    schedule=ScheduleConfig(steps=1500, judged_sizes=(64,)),
)


def smoke_of(recipe: RunConfig) -> RunConfig:
    """The same kind with the same losses, so small that a run takes seconds: for tests."""
    data = dataclasses.replace(recipe.data, batch=2, margin=16, photo_side=96, style_side=64)
    return dataclasses.replace(
        recipe,
        student=StudentConfig(channels=(8, 8, 16), num_blocks=1),
        teacher=TeacherConfig(
            channels=(4, 8, 8, 16), num_blocks=1, noise_channels=min(recipe.teacher.noise_channels, 1)
        ),
        discriminator=dataclasses.replace(recipe.discriminator, channels=(4, 8), num_scales=2),
        data=data,
        schedule=dataclasses.replace(recipe.schedule, steps=4, judged_sizes=(32,), stage_shares=(1.0,)),
    )


RECIPES: dict[str, RunConfig] = {
    "painting": PAINTING,
    "base": BASE,
    "collection": COLLECTION,
    "clip": CLIP,
    "film": FILM,
    "keyframes": KEYFRAMES,
    "smoke": smoke_of(PAINTING),
}
