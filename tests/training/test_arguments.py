from __future__ import annotations

import json

import pytest

from keras_vst.config import RECIPES, to_dict
from training.arguments import inputs_of, parser
from training.fit import configured, main


def settings(*words: str):
    """What the words of a command line ask for."""
    arguments = parser().parse_args(list(words))
    return configured(arguments, inputs_of(arguments))


def test_without_knobs_the_recipe_is_as_it_is(painting):
    assert settings("--style", str(painting)) == RECIPES["painting"]
    assert settings("--style", str(painting), "--strokes", "1", "--calm", "1") == RECIPES["painting"]


def test_each_knob_turns_what_it_says(painting):
    recipe = RECIPES["painting"]
    turned = settings("--style", str(painting), "--strokes", "1.5", "--faithful", "4", "--calm", "2")

    assert turned.data.style_side == round(1.5 * recipe.data.style_side)
    assert turned.loss.content == pytest.approx(4 * recipe.loss.content)
    assert turned.loss.style == pytest.approx(recipe.loss.style / 2)
    assert turned.loss.temporal == pytest.approx(2 * recipe.loss.temporal)
    assert turned.loss.palette == recipe.loss.palette


def test_strokes_stay_within_what_vgg16_can_read(painting):
    assert settings("--style", str(painting), "--strokes", "10").data.style_side == 1536
    assert settings("--style", str(painting), "--strokes", "0.1").data.style_side == 128


def test_set_has_the_last_word(painting):
    words = "--style", str(painting), "--calm", "2", "--set", "loss.temporal=5"
    assert settings(*words).loss.temporal == 5


@pytest.mark.parametrize("factor", ["0", "-1", "100", "much", "nan"])
def test_a_knob_that_makes_no_sense_is_refused(painting, factor, capsys):
    with pytest.raises(SystemExit):
        settings("--style", str(painting), "--calm", factor)
    assert "a factor from 0.1 to 10" in capsys.readouterr().err


def test_a_recipe_and_a_file_of_settings_are_not_both_taken(painting, tmp_path, capsys):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(to_dict(RECIPES["smoke"])))

    assert main(["--style", str(painting), "--recipe", "smoke", "--config", str(file)]) == 2
    assert "Leave one of them out" in capsys.readouterr().err


def test_knobs_cannot_change_a_run_that_goes_on(tmp_path, capsys):
    assert main(["--run", str(tmp_path), "--resume", "--calm", "2"]) == 2
    assert "--calm would change" in capsys.readouterr().err
