from __future__ import annotations

import dataclasses
import json

import pytest

from keras_vst.config import (
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    RunConfig,
    ScheduleConfig,
    StudentConfig,
    TeacherConfig,
)
from keras_vst.config.overrides import from_dict, load, to_dict, with_overrides
from keras_vst.errors import UserError

UNUSUAL = RunConfig(
    kind="adversarial",
    student=StudentConfig(channels=(4, 6, 8), num_blocks=0),
    teacher=TeacherConfig(channels=(4, 4, 4, 4)),
    discriminator=DiscriminatorConfig(channels=(4, 8)),
    data=DataConfig(batch=1, frames=5, margin=16, photo_side=80),
    loss=LossConfig(weights={"style": 2.25, "adversarial": 1.0}, adversarial_from=0.25),
    schedule=ScheduleConfig(steps=7, learning_rate=1e-4, judged_size=48, mixed_precision=True),
    seed=11,
)

TOML = """
seed = 3
[student]
channels = [8, 16, 24]
[data]
jitter = 0
[loss]
style = 7
"""


@pytest.mark.parametrize("config", [RunConfig(), UNUSUAL])
def test_a_configuration_survives_json(config):
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_what_a_dictionary_leaves_out_keeps_its_default():
    config = from_dict({"loss": {"style": 9}, "data": {"jitter": 0}})

    assert config == RunConfig(loss=LossConfig(weights={"style": 9.0}), data=DataConfig(jitter=0.0))
    assert from_dict({}) == RunConfig()


def test_a_toml_file_is_read_section_by_section(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)

    config = load(path)

    assert config == RunConfig(
        seed=3,
        student=StudentConfig(channels=(8, 16, 24)),
        data=DataConfig(jitter=0.0),
        loss=LossConfig(weights={"style": 7.0}),
    )


@pytest.mark.parametrize("wrap", [lambda values: values, lambda values: {"recipe": "x", "config": values}])
def test_a_json_file_may_be_the_record_of_a_run(tmp_path, wrap):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(wrap(to_dict(UNUSUAL))))

    assert load(str(path)) == UNUSUAL


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.json", b'{"seed": 1'), ("broken.toml", b"seed = = 1"), ("latin.json", b'{"name": "\xe9"}')],
)
def test_an_unreadable_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=rf"{name} cannot be read as a configuration: \S"):
        load(tmp_path / name)


def test_a_json_list_is_no_configuration(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")

    with pytest.raises(UserError, match=r"`configuration` is a section of keys\. Received: \[1, 2\]"):
        load(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": 1}, r"no setting `sed`\. Known in RunConfig: .*seed"),
        ({"data": {"spin": 1}}, r"no setting `data\.spin`\. Known in DataConfig"),
        ({"student": 3}, r"`student` is a section of keys\. Received: 3"),
        ({"student": {"channels": "8"}}, r"`student\.channels` takes whole numbers\. Received: '8'"),
        ({"schedule": {"steps": None}}, r"`schedule\.steps` takes int\. Received: None"),
    ],
)
def test_a_wrong_dictionary_is_told_what_would_be_right(values, message):
    with pytest.raises(UserError, match=message):
        from_dict(values)


def test_networks_are_alike_where_their_architecture_is():
    assert StudentConfig().architecture == "student-16-32-48-3"
    assert TeacherConfig(noise_channels=2).architecture == "teacher-32-64-128-192-5-2"
    assert StudentConfig(num_blocks=2).architecture != StudentConfig().architecture


SMALL = RunConfig(
    student=StudentConfig(channels=(4, 6, 8)),
    data=DataConfig(batch=1),
    loss=LossConfig(weights={"style": 2.25}),
    seed=11,
)


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("seed=7", lambda config: config.seed, 7),
        ("loss.style=8", lambda config: config.loss.weights["style"], 8.0),
        ("schedule.clip_norm=5e-1", lambda config: config.schedule.clip_norm, 0.5),
        ("student.channels=8,16,32", lambda config: config.student.channels, (8, 16, 32)),
        ("data.jitter=.5", lambda config: config.data.jitter, 0.5),
        ("discriminator.channels=64", lambda config: config.discriminator.channels, (64,)),
        ("kind=adversarial", lambda config: config.kind, "adversarial"),
        ("schedule.mixed_precision=false", lambda config: config.schedule.mixed_precision, False),
        (" data.batch = 2 ", lambda config: config.data.batch, 2),
    ],
)
def test_an_override_sets_one_value_in_its_own_type(override, read, value):
    config = with_overrides(SMALL, [override])

    assert read(config) == value
    assert type(read(config)) is type(value)
    assert read(SMALL) != value


def test_overrides_touch_nothing_else():
    config = with_overrides(SMALL, ["loss.content=3", "data.frames=4"])

    assert config == dataclasses.replace(
        SMALL,
        loss=dataclasses.replace(SMALL.loss, weights={"style": 2.25, "content": 3.0}),
        data=dataclasses.replace(SMALL.data, frames=4),
    )


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_overrides_are_judged_together_whatever_their_order(order):
    config = with_overrides(RunConfig(), ["data.photo_side=800", "data.margin=240"][order])

    assert (config.data.margin, config.data.photo_side) == (240, 800)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss.style", r"An override is written key=value\. Received: 'loss\.style'\. Try loss\.style=8"),
        ("style=8", r"no setting `style`\. Known in RunConfig: kind, student, teacher, discriminator, data"),
        ("data.spin=1", r"no setting `data\.spin`\. Known in DataConfig: batch, frames, margin"),
        ("loss=8", r"`loss` is a section of keys\. Received: 8"),
        ("loss.style.deep=8", r"`loss\.style` takes float\. Received: \{'deep': 8\}"),
        ("loss.style=bold", r"`loss\.style` takes float\. Received: 'bold'"),
        ("loss.style=True", r"`loss\.style` takes float\. Received: True"),
        ("seed=", r"`seed` takes int\. Received: ''"),
        ("schedule.mixed_precision=0.5", r"`schedule\.mixed_precision` takes bool \| str\. Received: 0\.5"),
        ("kind=3", r"`kind` takes str\. Received: 3"),
        ("student.channels=a,b,c", r"`student\.channels` takes whole numbers\. Received: 'a,b,c'"),
    ],
)
def test_a_wrong_override_is_told_what_would_be_right(override, message):
    with pytest.raises(UserError, match=message):
        with_overrides(RunConfig(), [override])


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
        (DataConfig, {"batch": 0}, r"`batch` must be a number, at least 1\. Received: 0"),
        (DataConfig, {"frames": 1}, r"`frames` must be a number, at least 2\. Received: 1"),
        (LossConfig, {"weights": {"style": -1.0}}, r"`style` must be a number, at least 0\. Received: -1\.0"),
        (
            LossConfig,
            {"weights": {"temporal": float("nan")}},
            r"`temporal` must be a number, at least 0\. Received: nan",
        ),
        (ScheduleConfig, {"learning_rate": float("inf")}, r"`learning_rate` must be a number.*Received: inf"),
        (LossConfig, {"memory": 1.0}, r"`memory` must be below 1.*Received: 1\.0"),
        (ScheduleConfig, {"steps": 0}, r"`steps` must be a number, at least 1\. Received: 0"),
        (DataConfig, {"margin": 20}, r"data\.margin must be a multiple of 8.*Received: 20\. Use 24"),
        (DataConfig, {"margin": 0}, r"`margin` must be a number, at least 8\. Received: 0"),
        (
            LossConfig,
            {"adversarial_full": 1.5},
            r"`adversarial_full` is a share of the whole.*Received: 1\.5",
        ),
        (ScheduleConfig, {"clips_from": -0.1}, r"`clips_from` is a share of the whole.*Received: -0\.1"),
        (ScheduleConfig, {"norms_held_from": 2}, r"`norms_held_from` is a share of the whole.*Received: 2"),
        (ScheduleConfig, {"mixed_precision": "yes"}, r"one of True, False, auto\. Received: 'yes'"),
        (ScheduleConfig, {"judged_size": 100}, r"multiple of 8, at least 16\. Received: 100"),
        (ScheduleConfig, {"judged_size": 8}, r"multiple of 8, at least 16\. Received: 8"),
    ],
)
def test_an_impossible_value_is_refused_when_the_object_is_made(kind, values, message):
    with pytest.raises(UserError, match=message):
        kind(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "gan"},
            r"`kind` is one of base, perceptual, adversarial, film, keyframes, distil, look\. Received: 'gan'",
        ),
        ({"seed": -1}, r"`seed` is a whole number from 0 to 4294967295\. Received: -1"),
        ({"seed": 2**32}, r"`seed` is a whole number from 0 to 4294967295\. Received: 4294967296"),
        (
            {"data": DataConfig(photo_side=200)},
            r"judged_size=256, margin=24, photo_side=200\. Use photo_side=304",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        RunConfig(**values)


def test_the_record_of_an_older_run_is_read_without_the_settings_that_are_gone():
    values = to_dict(UNUSUAL)
    values["data"] = {**values["data"], "flow": "dis", "real_share": 0.5}
    values["data"]["motion"] = {"shift": 5.0, "zoom": 0.015}
    values["discriminator"] = {**values["discriminator"], "num_frames": 1, "condition_channels": 0}
    values["loss"] = {**values["loss"], "adversarial_form": "hinge", "temporal_raised": 1.5}
    values["schedule"] = {**values["schedule"], "average": 0.996, "judged_sizes": [48], "stage_shares": [1.0]}
    del values["schedule"]["judged_size"]

    assert from_dict(values) == UNUSUAL
    with pytest.raises(UserError, match=r"no setting `data\.flow`"):
        with_overrides(UNUSUAL, ["data.flow=dis"])
