"""The recipes: named settings to start from."""

from __future__ import annotations

import dataclasses

from keras_vst.config.networks import DiscriminatorConfig, StudentConfig, TeacherConfig
from keras_vst.config.run import RunConfig
from keras_vst.config.settings import DataConfig, LossConfig, ScheduleConfig

BORDER = 100.0  # the error is 0.003 to 0.01 untrained; a fifth of that after some hundred steps

MEMORY = 0.75  # of the style: about as many squares as a picture of 512 pixels holds

PAINTING = RunConfig(loss=LossConfig(border=BORDER, style_memory=MEMORY))  # one picture

PALETTE = RunConfig(  # several pictures, a style each; each of them is seen every num_styles-th step
    student=StudentConfig(num_styles=4),
    loss=LossConfig(border=BORDER, style_memory=MEMORY),
    schedule=ScheduleConfig(steps=6000),
)

COLLECTION = RunConfig(  # a folder of pictures of one hand; Gram matrices lead, the discriminators refine
    kind="adversarial",
    data=DataConfig(batch=2),
    loss=LossConfig(
        content=1.0,
        style=4.0,
        adversarial=0.1,
        adversarial_motion=0.1,
        adversarial_reverse=0.05,
        cycle=1.0,
        identity=0.5,
        border=BORDER,
    ),
    schedule=ScheduleConfig(steps=6000, learning_rate=1e-3),
)

CLIP = RunConfig(  # a style video: its motion, too, is a reference
    kind="adversarial",
    data=DataConfig(batch=2),
    loss=LossConfig(content=1.0, style=4.0, adversarial=0.1, adversarial_motion=0.2, border=BORDER),
    schedule=ScheduleConfig(steps=6000, learning_rate=1e-3),
)

FILM = RunConfig(  # the flow-guided teacher: offline, larger, steadier
    kind="film",
    data=DataConfig(batch=2),
    schedule=ScheduleConfig(steps=6000, learning_rate=1e-3, clips_from=0.5),
)

KEYFRAMES = RunConfig(  # one to five frames of a clip that an artist painted: minutes, for this clip only
    kind="keyframes",
    data=DataConfig(batch=8, margin=48),
    loss=LossConfig(
        content=0.0,
        style=2.0,
        temporal=0.0,
        long_term=0.0,
        supervised=4.0,
        adversarial=0.1,
    ),
    discriminator=DiscriminatorConfig(condition_channels=3),
    schedule=ScheduleConfig(steps=1500, judged_sizes=(64,)),
)


def smoke_of(recipe: RunConfig) -> RunConfig:
    """The same kind with the same losses, so small that a run takes seconds: for tests."""
    tiny = {"num_blocks": 1, "num_styles": min(2, recipe.num_styles)}
    discriminator = dataclasses.replace(recipe.discriminator, channels=(4, 8), num_scales=2)
    if discriminator.num_styles:
        discriminator = dataclasses.replace(discriminator, num_styles=tiny["num_styles"])
    schedule = dataclasses.replace(recipe.schedule, steps=4, judged_sizes=(32,), stage_shares=(1.0,))
    frames = min(recipe.data.frames, recipe.painting_frames + 1)
    data = dataclasses.replace(recipe.data, batch=2, frames=frames, margin=16, photo_side=96, style_side=64)
    noise = min(recipe.teacher.noise_channels, 1)
    return dataclasses.replace(
        recipe,
        student=StudentConfig(channels=(8, 8, 16), state_channels=4, **tiny),
        teacher=TeacherConfig(channels=(4, 8, 8, 16), noise_channels=noise, **tiny),
        discriminator=discriminator,
        data=data,
        schedule=schedule,
    )


RECIPES: dict[str, RunConfig] = {
    "painting": PAINTING,
    "palette": PALETTE,
    "collection": COLLECTION,
    "clip": CLIP,
    "film": FILM,
    "keyframes": KEYFRAMES,
    "smoke": smoke_of(PAINTING),
}
