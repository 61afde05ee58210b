from __future__ import annotations

import dataclasses

import pytest

from keras_vst.config import (
    TERMS,
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    MotionConfig,
    RunConfig,
    ScheduleConfig,
    StudentConfig,
)
from keras_vst.errors import UserError

NOTHING = LossConfig(**dict.fromkeys(TERMS["perceptual"], 0.0))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (StudentConfig, {"num_blocks": -1}, r"`num_blocks` must be a number, at least 0\. Received: -1"),
        (
            StudentConfig,
            {"channels": (8, 16)},
            r"three positive numbers.*Received: \(8, 16\)\. Use for example 16,32,48",
        ),
        (StudentConfig, {"channels": (8, 0, 16)}, r"three positive numbers.*Received: \(8, 0, 16\)"),
        (MotionConfig, {"objects": -1}, r"`objects` must be a number, at least 0\. Received: -1"),
        (MotionConfig, {"light": 0.3}, r"data\.motion\.light is .* at most 0\.25.*Received: 0\.3"),
        (MotionConfig, {"light": -0.1}, r"`light` must be a number, at least 0\. Received: -0\.1"),
        (DataConfig, {"batch": 0}, r"`batch` must be a number, at least 1\. Received: 0"),
        (DataConfig, {"frames": 1}, r"`frames` must be a number, at least 2\. Received: 1"),
        (LossConfig, {"style": -1.0}, r"`style` must be a number, at least 0\. Received: -1\.0"),
        (LossConfig, {"temporal": float("nan")}, r"`temporal` must be a number, at least 0\. Received: nan"),
        (ScheduleConfig, {"learning_rate": float("inf")}, r"`learning_rate` must be a number.*Received: inf"),
        (LossConfig, {"memory": 1.0}, r"`memory` must be below 1.*Received: 1\.0"),
        (ScheduleConfig, {"average": 1.0}, r"`average` must be below 1.*Received: 1\.0"),
        (ScheduleConfig, {"steps": 0}, r"`steps` must be a number, at least 1\. Received: 0"),
    ],
)
def test_an_impossible_value_is_refused_when_the_object_is_made(kind, values, message):
    with pytest.raises(UserError, match=message):
        kind(**values)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (DataConfig, {"margin": 20}, r"data\.margin must be a multiple of 8.*Received: 20\. Use 24"),
        (DataConfig, {"margin": 0}, r"`margin` must be a number, at least 8\. Received: 0"),
        (LossConfig, {"adversarial_form": "hinges"}, r"one of nonsaturating.*Received: 'hinges'"),
        (LossConfig, {"temporal_full": 1.5}, r"`temporal_full` is a share of the run.*Received: 1\.5"),
        (ScheduleConfig, {"clips_from": -0.1}, r"`clips_from` is a share of the run.*Received: -0\.1"),
        (ScheduleConfig, {"norms_held_from": 2}, r"`norms_held_from` is a share of the run.*Received: 2"),
        (ScheduleConfig, {"mixed_precision": "yes"}, r"one of True, False, auto\. Received: 'yes'"),
        (ScheduleConfig, {"judged_sizes": (100,)}, r"multiples of 8, at least 16\. Received: \(100,\)"),
        (ScheduleConfig, {"judged_sizes": ()}, r"multiples of 8, at least 16\. Received: \(\)"),
        (ScheduleConfig, {"stage_shares": (0.5, 0.5)}, r"one positive share for each.*\(0\.5, 0\.5\)"),
        (
            ScheduleConfig,
            {"judged_sizes": (64, 128), "stage_shares": (0.5, 0.6)},
            r"together 1\. Received: \(0\.5, 0\.6\)",
        ),
    ],
)
def test_settings_of_the_schedule_and_the_objective_are_refused_in_three_parts(kind, values, message):
    with pytest.raises(UserError, match=message):
        kind(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "gan"},
            r"`kind` is one of base, perceptual, adversarial, film, keyframes\. Received: 'gan'",
        ),
        ({"loss": LossConfig(cycle=1.0)}, r"loss\.cycle means nothing to kind=perceptual"),
        (
            {"loss": NOTHING},
            r"every term of kind=perceptual weighs 0",
        ),
        ({"kind": "film", "loss": LossConfig(border=0, diversity=1.0)}, r"Set teacher\.noise_channels=2"),
        (
            {"data": DataConfig(photo_side=200)},
            r"judged_sizes=\(256,\), margin=40, photo_side=200\. Use photo_side=336",
        ),
        (
            {"kind": "keyframes", "loss": dataclasses.replace(NOTHING, supervised=1.0, memory=0.5)},
            r"keyframes compares each frame with its painting\. Received: 0\.5",
        ),
        ({"discriminator": DiscriminatorConfig(num_frames=3)}, r"num_frames is 1 in a run.*Received: 3"),
        ({"discriminator": DiscriminatorConfig(condition_channels=2)}, r"is 0, or 3.*Received: 2"),
        (
            {"kind": "adversarial", "discriminator": DiscriminatorConfig(condition_channels=3)},
            r"Set loss\.cycle above 0",
        ),
        (
            {
                "kind": "adversarial",
                "loss": LossConfig(adversarial_motion=1.0),
                "data": DataConfig(frames=2),
            },
            r"judges three frames.*Received: data\.frames=2",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        RunConfig(**values)
