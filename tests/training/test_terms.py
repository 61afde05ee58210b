from __future__ import annotations

import dataclasses

import keras
import pytest

from keras_vst.config import KINDS, DataConfig, LossConfig, RunConfig
from keras_vst.errors import UserError
from keras_vst.runs import RunDirectory
from tests.training.runs import tiny_vgg16
from training import loop
from training.fit import main
from training.recipes import RECIPES, smoke_of
from training.terms import TERMS, VGG16, Term, active, completed, weight_of


def of(kind="perceptual", **weights):
    memory = 0.0 if kind in ("keyframes", "distil") else 0.75
    return RunConfig(kind=kind, loss=LossConfig(weights=weights, memory=memory))


def test_every_recipe_is_complete_and_there_is_one_for_every_kind():
    assert {config.kind for config in RECIPES.values()} == set(KINDS)
    for recipe in RECIPES.values():
        whole = completed(recipe)
        assert completed(whole) == whole
        assert active(whole) == active(recipe)
        assert set(whole.loss.weights) == {name for name, term in TERMS.items() if recipe.kind in term.kinds}
        assert smoke_of(recipe).loss == recipe.loss


def test_a_term_that_is_not_named_has_the_weight_of_the_table_where_its_kind_knows_it():
    config = of("film", style=3.0, palette=0.0)

    assert weight_of("style", config) == 3.0
    assert weight_of("content", config) == TERMS["content"].weight > 0
    assert weight_of("border", config) == 0
    assert active(config) == ("content", "style", "field", "temporal", "grid")
    assert active(config, VGG16) == ("content", "style", "field")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (of(stile=8.0), r"no setting `loss\.stile`\. Known in LossConfig: content, style, palette, .*memory"),
        (of(cycle=1.0), r"loss\.cycle means nothing to kind=perceptual, which knows content, style"),
        (of(**dict.fromkeys(TERMS, 0.0)), r"every term of kind=perceptual weighs 0"),
        (of("film", diversity=1.0), r"Set teacher\.noise_channels=2"),
        (
            RunConfig(kind="keyframes", loss=LossConfig(weights={"supervised": 1.0}, memory=0.5)),
            r"keyframes compares each frame with its painting\. Received: 0\.5",
        ),
        (
            dataclasses.replace(of("adversarial", adversarial_motion=1.0), data=DataConfig(frames=2)),
            r"judges three frames.*Received: data\.frames=2",
        ),
    ],
)
def test_weights_that_make_no_sense_are_refused(config, message):
    with pytest.raises(UserError, match=message):
        completed(config)


def test_a_new_loss_is_a_function_and_a_row_and_a_new_recipe_is_a_row(
    monkeypatch, photos, painting, tmp_path
):
    """What CONTRIBUTING promises, through the command line."""

    def brightness(stylized, wanted):
        return keras.ops.mean(keras.ops.square(stylized - wanted))

    monkeypatch.setattr(loop, "load_vgg16", tiny_vgg16)
    monkeypatch.setitem(TERMS, "brightness", Term(lambda it: brightness(it.shown, 0.5), 1.5))
    weights = {name: 0.0 for name, term in TERMS.items() if "perceptual" in term.kinds}
    bright = smoke_of(RunConfig(loss=LossConfig(weights={**weights, "brightness": 2.0})))
    monkeypatch.setitem(RECIPES, "bright", bright)
    words = [
        "--recipe",
        "bright",
        "--style",
        str(painting),
        "--photos",
        str(photos),
        "--no-export",
        "--quiet",
    ]
    settings = ["--set", "schedule.steps=1", "--set", "loss.content=1", "--set", "loss.brightness=3"]

    assert main([*words, *settings, "--run", str(tmp_path / "run")]) == 0

    run = RunDirectory(tmp_path / "run")
    (row,) = run.rows()
    assert row["weighted_brightness"] == pytest.approx(3 * row["brightness"]) != 0
    assert set(row) >= {"content", "weighted_content"}
    assert run.record()["recipe"] == "bright"
    assert run.config().loss.weights["brightness"] == 3.0
