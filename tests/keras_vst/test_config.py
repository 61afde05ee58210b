from __future__ import annotations

import dataclasses
import json

import pytest

from keras_vst.config import (
    KINDS,
    RECIPES,
    TERMS,
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
    student=StudentConfig(channels=(4, 6, 8), num_blocks=0),
    teacher=TeacherConfig(channels=(4, 4, 4, 4)),
    discriminator=DiscriminatorConfig(channels=(4, 8)),
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

    assert values["student"] == {"channels": (4, 6, 8), "num_blocks": 0}
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
    student = StudentConfig(channels=(1, 1, 1), num_blocks=0)
    data = DataConfig(batch=1, frames=2, margin=8, photo_side=32)

    config = RunConfig(student=student, data=data, schedule=ScheduleConfig(steps=1, judged_sizes=(16,)))

    assert from_dict(to_dict(config)) == config


def test_the_first_recipe_is_the_default_and_the_smoke_recipe_a_tiny_one_of_it():
    painting, smoke = RECIPES["painting"], RECIPES["smoke"]

    assert painting == RunConfig()
    assert smoke.loss == painting.loss
    assert smoke.schedule.steps <= 10
    assert max(smoke.schedule.judged_sizes) + 2 * smoke.data.margin <= 64


def test_there_is_a_recipe_for_every_kind():
    assert list(RECIPES) == ["painting", "base", "collection", "clip", "film", "keyframes", "smoke"]
    assert {config.kind for config in RECIPES.values()} == set(KINDS)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_a_smoke_size_of_the_same_kind_and_objective(name):
    recipe = RECIPES[name]

    smoke = smoke_of(recipe)

    assert (smoke.kind, smoke.loss, smoke.terms) == (recipe.kind, recipe.loss, recipe.terms)
    assert smoke.schedule.steps == 4
    assert smoke.painting_frames == recipe.painting_frames


def test_the_terms_of_a_run_are_those_of_its_kind_that_weigh_something():
    none = dict.fromkeys(TERMS["perceptual"], 0.0)
    config = RunConfig(
        kind="keyframes", loss=LossConfig(**{**none, "style": 1.0}, memory=0.0, supervised=2.0)
    )

    assert config.terms == ("style", "supervised")


def test_networks_are_alike_where_their_architecture_is():
    assert StudentConfig().architecture == "student-16-32-48-3"
    assert TeacherConfig(noise_channels=2).architecture == "teacher-32-64-128-192-5-2"
    assert StudentConfig(num_blocks=2).architecture != StudentConfig().architecture
