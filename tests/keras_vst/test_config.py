from __future__ import annotations

import dataclasses
import json

import pytest

from keras_vst.config import (
    KINDS,
    RECIPES,
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    MotionConfig,
    RunConfig,
    ScheduleConfig,
    StudentConfig,
    TeacherConfig,
    from_dict,
    load,
    smoke_of,
    to_dict,
)
from keras_vst.errors import UserError

UNUSUAL = RunConfig(
    kind="adversarial",
    student=StudentConfig(num_styles=3, channels=(4, 6, 8), num_blocks=0, state_channels=2),
    teacher=TeacherConfig(channels=(4, 4, 4, 4)),
    discriminator=DiscriminatorConfig(channels=(4, 8), num_styles=3),
    data=DataConfig(batch=1, frames=5, margin=16, photo_side=80, motion=MotionConfig(shift=1.5, objects=0)),
    loss=LossConfig(style=2.25, temporal_from=0.5, adversarial=1.0, adversarial_form="wasserstein"),
    schedule=ScheduleConfig(
        steps=7, learning_rate=1e-4, judged_sizes=(24, 48), stage_shares=(0.25, 0.75), mixed_precision=True
    ),
    seed=11,
)

TOML = """
seed = 3
[student]
channels = [8, 16, 24]
[data.motion]
zoom = 0
[loss]
style = 7
"""


@pytest.mark.parametrize("config", [*RECIPES.values(), UNUSUAL], ids=[*RECIPES, "unusual"])
def test_a_configuration_survives_json(config):
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_to_dict_holds_plain_nested_values():
    values = to_dict(UNUSUAL)

    assert values["student"] == {"num_styles": 3, "channels": (4, 6, 8), "num_blocks": 0, "state_channels": 2}
    assert values["data"]["motion"]["shift"] == 1.5
    assert values["seed"] == 11


def test_what_a_dictionary_leaves_out_keeps_its_default():
    config = from_dict({"loss": {"style": 9}, "data": {"motion": {"noise": 0}}})

    assert config == RunConfig(loss=LossConfig(style=9.0), data=DataConfig(motion=MotionConfig(noise=0.0)))
    assert from_dict({}) == RunConfig()


def test_a_toml_file_is_read_section_by_section(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)

    config = load(path)

    assert config == RunConfig(
        seed=3,
        student=StudentConfig(channels=(8, 16, 24)),
        data=DataConfig(motion=MotionConfig(zoom=0.0)),
        loss=LossConfig(style=7.0),
    )


def test_a_whole_number_becomes_a_float_where_one_is_wanted():
    config = from_dict({"loss": {"style": 7}})

    assert isinstance(config.loss.style, float)


@pytest.mark.parametrize("wrap", [lambda values: values, lambda values: {"recipe": "x", "config": values}])
def test_a_json_file_may_be_the_record_of_a_run(tmp_path, wrap):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(wrap(to_dict(UNUSUAL))))

    assert load(str(path)) == UNUSUAL


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.json", b'{"seed": 1'),
        ("broken.toml", b"seed = = 1"),
        ("latin.json", b'{"name": "\xe9"}'),
    ],
)
def test_an_unreadable_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=rf"{name} cannot be read as a configuration: \S"):
        load(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.toml cannot be read as a configuration: .*No such file"):
        load(tmp_path / "absent.toml")


def test_a_json_list_is_no_configuration(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")

    with pytest.raises(UserError, match=r"`configuration` is a section of keys\. Received: \[1, 2\]"):
        load(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": 1}, r"no setting `sed`\. Known in RunConfig: .*seed"),
        ({"data": {"motion": {"spin": 1}}}, r"no setting `data\.motion\.spin`\. Known in MotionConfig"),
        ({"student": 3}, r"`student` is a section of keys\. Received: 3"),
        ({"data": {"motion": [1]}}, r"`data\.motion` is a section of keys\. Received: \[1\]"),
        ({"student": {"channels": "8"}}, r"`student\.channels` takes whole numbers\. Received: '8'"),
        ({"schedule": {"steps": None}}, r"`schedule\.steps` takes int\. Received: None"),
    ],
)
def test_a_wrong_dictionary_is_told_what_would_be_right(values, message):
    with pytest.raises(UserError, match=message):
        from_dict(values)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (StudentConfig, {"num_styles": 0}, r"`num_styles` must be a number, at least 1\. Received: 0"),
        (
            StudentConfig,
            {"state_channels": 0},
            r"`state_channels` must be a number, at least 1\. Received: 0",
        ),
        (StudentConfig, {"num_blocks": -1}, r"`num_blocks` must be a number, at least 0\. Received: -1"),
        (
            StudentConfig,
            {"channels": (8, 16)},
            r"three positive numbers.*Received: \(8, 16\)\. Use for example 16,32,64",
        ),
        (StudentConfig, {"channels": (8, 0, 16)}, r"three positive numbers.*Received: \(8, 0, 16\)"),
        (MotionConfig, {"objects": -1}, r"`objects` must be a number, at least 0\. Received: -1"),
        (MotionConfig, {"light": -0.1}, r"`light` must be a number, at least 0\. Received: -0\.1"),
        (DataConfig, {"batch": 0}, r"`batch` must be a number, at least 1\. Received: 0"),
        (DataConfig, {"frames": 1}, r"`frames` must be a number, at least 2\. Received: 1"),
        (LossConfig, {"style": -1.0}, r"`style` must be a number, at least 0\. Received: -1\.0"),
        (LossConfig, {"temporal": float("nan")}, r"`temporal` must be a number, at least 0\. Received: nan"),
        (ScheduleConfig, {"learning_rate": float("inf")}, r"`learning_rate` must be a number.*Received: inf"),
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
        ({"kind": "gan"}, r"`kind` is one of perceptual, adversarial, film, keyframes\. Received: 'gan'"),
        ({"loss": LossConfig(cycle=1.0)}, r"loss\.cycle means nothing to kind=perceptual"),
        (
            {"loss": LossConfig(content=0, style=0, temporal=0, long_term=0)},
            r"every term of kind=perceptual weighs 0",
        ),
        ({"kind": "film", "loss": LossConfig(diversity=1.0)}, r"Set teacher\.noise_channels=2"),
        (
            {"data": DataConfig(photo_side=200)},
            r"judged_sizes=\(128,\), margin=64, photo_side=200\. Use photo_side=256",
        ),
        ({"discriminator": DiscriminatorConfig(num_frames=3)}, r"num_frames is 1 in a run.*Received: 3"),
        ({"discriminator": DiscriminatorConfig(num_styles=2)}, r"Received: 2 for 1"),
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


@pytest.mark.parametrize(
    "kind",
    [
        StudentConfig,
        TeacherConfig,
        DiscriminatorConfig,
        MotionConfig,
        DataConfig,
        LossConfig,
        ScheduleConfig,
        RunConfig,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_configuration_is_frozen_and_taken_by_keyword(kind):
    config = kind()
    first = dataclasses.fields(kind)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError, match=first):
        setattr(config, first, 1)
    with pytest.raises(TypeError, match="positional"):
        kind(1)


def test_the_smallest_allowed_values_are_allowed():
    student = StudentConfig(num_styles=1, channels=(1, 1, 1), num_blocks=0, state_channels=1)
    data = DataConfig(batch=1, frames=2, margin=8, photo_side=32)

    config = RunConfig(student=student, data=data, schedule=ScheduleConfig(steps=1, judged_sizes=(16,)))

    assert from_dict(to_dict(config)) == config


def test_the_first_recipe_is_the_default_and_the_smoke_recipe_is_tiny():
    assert RECIPES["painting"] == RunConfig()
    smoke = RECIPES["smoke"]
    assert smoke.schedule.steps <= 10
    assert max(smoke.schedule.judged_sizes) + 2 * smoke.data.margin <= 64


def test_there_is_a_recipe_for_every_kind():
    assert list(RECIPES) == ["painting", "palette", "collection", "clip", "film", "keyframes", "smoke"]
    assert {config.kind for config in RECIPES.values()} == set(KINDS)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_a_smoke_size_of_the_same_kind_and_objective(name):
    recipe = RECIPES[name]

    smoke = smoke_of(recipe)

    assert (smoke.kind, smoke.loss, smoke.terms) == (recipe.kind, recipe.loss, recipe.terms)
    assert smoke.schedule.steps == 4
    assert smoke.painting_frames == recipe.painting_frames


def test_the_terms_of_a_run_are_those_of_its_kind_that_weigh_something():
    config = RunConfig(kind="keyframes", loss=LossConfig(content=0, temporal=0, long_term=0, supervised=2))

    assert config.terms == ("style", "supervised")


def test_the_film_network_counts_the_styles_of_the_teacher():
    teacher, student = TeacherConfig(num_styles=3), StudentConfig(num_styles=2)

    assert RunConfig(kind="film", teacher=teacher, student=student).num_styles == 3
    assert RunConfig(teacher=teacher, student=student).num_styles == 2
