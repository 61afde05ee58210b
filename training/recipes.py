"""Named settings to start from.  A term that a recipe does not name has the weight of training/terms.py."""

from __future__ import annotations

import dataclasses

from keras_vst.config import (
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    RunConfig,
    ScheduleConfig,
    StudentConfig,
    TeacherConfig,
)


def smoke_of(recipe: RunConfig) -> RunConfig:
    """The same kind with the same losses, so small that a run takes seconds."""
    return dataclasses.replace(
        recipe,
        student=StudentConfig(channels=(8, 8, 16), num_blocks=1),
        teacher=TeacherConfig(channels=(4, 8, 8, 16), num_blocks=1),
        discriminator=DiscriminatorConfig(channels=(4, 8)),
        data=dataclasses.replace(recipe.data, batch=2, margin=16, photo_side=96, style_side=64, taught=8),
        schedule=dataclasses.replace(recipe.schedule, steps=4, judged_size=32),
    )


def _adversarial(motion: float, **more: float) -> RunConfig:
    weights = {"content": 1.0, "adversarial": 1.0, "adversarial_motion": motion, **more}
    return RunConfig(
        kind="adversarial",
        data=DataConfig(batch=2, frames=3),
        loss=LossConfig(weights=weights, adversarial_from=0.05, adversarial_full=0.2),
        schedule=ScheduleConfig(steps=1500, learning_rate=1e-3),
    )


RECIPES = {
    "painting": RunConfig(),  # one picture
    "base": RunConfig(  # what every student begins from: it gives the frame back
        kind="base",
        loss=LossConfig(weights={"reconstruction": 10.0, "border": 60.0}, memory=0.0),
        schedule=ScheduleConfig(steps=1000, norms_held_from=1.0),
    ),
    # a folder of pictures of one hand; statistics lead, the discriminators refine
    "collection": _adversarial(motion=0.3, adversarial_reverse=0.05, cycle=1.0, identity=0.5),
    "clip": _adversarial(motion=0.2),  # a style video: its motion, too, is a reference
    "film": RunConfig(  # the flow-guided teacher: offline, larger, steadier
        kind="film",
        data=DataConfig(batch=2, frames=3),
        schedule=ScheduleConfig(steps=3000, learning_rate=1e-3, clips_from=0.5, judged_size=192),
    ),
    "keyframes": RunConfig(  # one to five frames of a clip that an artist painted: minutes, for this clip only
        kind="keyframes",
        data=DataConfig(batch=8, margin=48),
        loss=LossConfig(
            weights={
                "content": 0.0,
                "style": 2.0,
                "palette": 0.0,
                "temporal": 0.0,
                "supervised": 4.0,
                "adversarial": 0.1,
            },
            memory=0.0,
        ),
        schedule=ScheduleConfig(steps=1500, judged_size=64),
    ),
    "distil": RunConfig(  # what another network paints, which needs VGG16 only now and then
        kind="distil",
        data=DataConfig(batch=4),
        loss=LossConfig(weights={"content": 1.0, "style": 6.0, "palette": 1.0}, memory=0.0),
        schedule=ScheduleConfig(steps=3000, judged_size=192, look_every=10),
    ),
    "look": RunConfig(  # what a pipeline of the program makes of photos (training/looks.py): no VGG16, so quick
        kind="look",
        loss=LossConfig(
            weights={"reconstruction": 20.0, "edges": 20.0, "temporal": 0.5, "grid": 2.0, "border": 60.0},
            memory=0.0,
        ),
        # Under norms of the batch no tone is the same twice: the difference stayed at 0.06 of 1 until they were held.
        schedule=ScheduleConfig(steps=500, judged_size=192, norms_held_from=0.0),
    ),
    "smoke": smoke_of(RunConfig()),
}
