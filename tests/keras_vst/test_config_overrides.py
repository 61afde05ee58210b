from __future__ import annotations

import dataclasses

import pytest

from keras_vst.config import DataConfig, LossConfig, MotionConfig, RunConfig, StudentConfig, with_overrides
from keras_vst.errors import UserError

UNUSUAL = RunConfig(
    student=StudentConfig(channels=(4, 6, 8)),
    data=DataConfig(batch=1, motion=MotionConfig(shift=1.5)),
    loss=LossConfig(style=2.25),
    seed=11,
)


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("seed=7", lambda config: config.seed, 7),
        ("loss.style=8", lambda config: config.loss.style, 8.0),
        ("schedule.average=5e-1", lambda config: config.schedule.average, 0.5),
        ("student.channels=8,16,32", lambda config: config.student.channels, (8, 16, 32)),
        ("student.channels=[8, 16, 24]", lambda config: config.student.channels, (8, 16, 24)),
        ("data.motion.shift=.5", lambda config: config.data.motion.shift, 0.5),
        ("schedule.judged_sizes=64", lambda config: config.schedule.judged_sizes, (64,)),
        ("student.channels=2,4,6", lambda config: config.student.channels, (2, 4, 6)),
        ("kind=adversarial", lambda config: config.kind, "adversarial"),
        ("loss.adversarial_form=wasserstein", lambda config: config.loss.adversarial_form, "wasserstein"),
        ("schedule.mixed_precision=false", lambda config: config.schedule.mixed_precision, False),
        (" data.batch = 2 ", lambda config: config.data.batch, 2),
    ],
)
def test_an_override_sets_one_value_in_its_own_type(override, read, value):
    config = with_overrides(UNUSUAL, [override])

    assert read(config) == value
    assert type(read(config)) is type(value)
    assert read(UNUSUAL) != value


def test_overrides_touch_nothing_else():
    config = with_overrides(UNUSUAL, ["loss.content=3", "data.frames=4"])

    assert config == dataclasses.replace(
        UNUSUAL,
        loss=dataclasses.replace(UNUSUAL.loss, content=3.0),
        data=dataclasses.replace(UNUSUAL.data, frames=4),
    )
    assert UNUSUAL.loss.content == LossConfig().content


def test_an_override_may_name_several_stages():
    config = with_overrides(RunConfig(), ["schedule.judged_sizes=64,128", "schedule.stage_shares=.5,.5"])

    assert (config.schedule.judged_sizes, config.schedule.stage_shares) == ((64, 128), (0.5, 0.5))


def test_the_later_of_two_overrides_wins():
    assert with_overrides(RunConfig(), ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_overrides_are_judged_together_whatever_their_order(order):
    config = with_overrides(RunConfig(), ["data.photo_side=800", "data.margin=240"][order])

    assert (config.data.margin, config.data.photo_side) == (240, 800)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss.style", r"An override is written key=value\. Received: 'loss\.style'\. Try loss\.style=8"),
        ("style=8", r"no setting `style`\. Known in RunConfig: kind, student, teacher, discriminator, data"),
        (
            "losss.style=8",
            r"no setting `losss`\. Known in RunConfig: kind, student, teacher, discriminator, data",
        ),
        (
            "loss.stile=8",
            r"no setting `loss\.stile`\. Known in LossConfig: content, style, palette, field",
        ),
        (
            "data.motion.spin=1",
            r"no setting `data\.motion\.spin`\. Known in MotionConfig: shift, zoom, rotation",
        ),
        ("loss=8", r"`loss` is a section of keys\. Received: 8"),
        ("loss.style.deep=8", r"`loss\.style` takes float\. Received: \{'deep': 8\}"),
        ("seed.deep=8", r"`seed` takes int\. Received: \{'deep': 8\}"),
        ("loss.style=bold", r"`loss\.style` takes float\. Received: 'bold'"),
        ("loss.style=True", r"`loss\.style` takes float\. Received: True"),
        ("seed=1.5", r"`seed` takes int\. Received: 1\.5"),
        ("seed=True", r"`seed` takes int\. Received: True"),
        ("seed=", r"`seed` takes int\. Received: ''"),
        ("student.channels=8", r"student\.channels needs three positive numbers.*Received: \(8,\)"),
        ("schedule.stage_shares=all", r"`schedule\.stage_shares` takes numbers\. Received: 'all'"),
        ("schedule.mixed_precision=0.5", r"`schedule\.mixed_precision` takes bool \| str\. Received: 0\.5"),
        ("kind=3", r"`kind` takes str\. Received: 3"),
        ("student.channels=a,b,c", r"`student\.channels` takes whole numbers\. Received: 'a,b,c'"),
        ("student.channels=8,16,2.5", r"`student\.channels` takes int\. Received: 2\.5"),
    ],
)
def test_a_wrong_override_is_told_what_would_be_right(override, message):
    with pytest.raises(UserError, match=message):
        with_overrides(RunConfig(), [override])
