from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from keras_vst.errors import UserError
from training.arguments import inputs_of, parser
from training.fit import configured
from training.recipes import RECIPES
from training.terms import completed

PAINTING = completed(RECIPES["painting"])


def settings(*words: str):
    """What the words of a command line ask for."""
    arguments = parser().parse_args(list(words))
    return configured(arguments, inputs_of(arguments))


def test_without_knobs_the_recipe_is_as_it_is(painting):
    assert settings("--style", str(painting), "--strokes", "1", "--calm", "1") == PAINTING


def test_each_knob_turns_what_it_says(painting):
    recipe = PAINTING
    turned = settings("--style", str(painting), "--strokes", "1.5", "--faithful", "4", "--calm", "2")

    assert turned.data.style_side == round(1.5 * recipe.data.style_side)
    assert turned.loss.weights["content"] == pytest.approx(4 * recipe.loss.weights["content"])
    assert turned.loss.weights["style"] == pytest.approx(recipe.loss.weights["style"] / 2)
    assert turned.loss.weights["temporal"] == pytest.approx(2 * recipe.loss.weights["temporal"])
    assert turned.loss.weights["palette"] == recipe.loss.weights["palette"]


def test_strokes_stay_within_what_vgg16_can_read(painting):
    assert settings("--style", str(painting), "--strokes", "10").data.style_side == 1536
    assert settings("--style", str(painting), "--strokes", "0.1").data.style_side == 128


def test_set_has_the_last_word(painting):
    words = "--style", str(painting), "--calm", "2", "--set", "loss.temporal=5"
    assert settings(*words).loss.weights["temporal"] == 5


@pytest.mark.parametrize(
    ("knob", "recipe", "message"),
    [
        ("calm", "distil", "learns what its teacher paints; .* or for calm --set loss.steadier=32"),
        ("strokes", "distil", "learns what its teacher paints; turn it where that is trained"),
        ("faithful", "look", "learns what a pipeline makes of photos; only --calm works"),
        ("strokes", "look", "learns what a pipeline makes of photos; only --calm works"),
        ("calm", "base", "gives the frame back; turn it in the runs that begin from that"),
        ("calm", "keyframes", "learns frames as they were painted; .* for calm add --clips CLIP"),
        ("faithful", "keyframes", "learns frames as they were painted; paint them so"),
    ],
)
def test_a_knob_that_would_turn_nothing_is_refused_with_what_works(knob, recipe, message, painting):
    sources = {
        "distil": ["--teacher", "great-wave"],
        "look": ["--look", "silver"],
        "base": [],
        "keyframes": ["--keyframe", f"{painting}={painting}"],
    }
    words = ["--recipe", recipe, *sources[recipe]]
    assert settings(*words, f"--{knob}", "1")
    with pytest.raises(UserError, match=f"^--{knob} turns nothing in recipe {recipe}, which {message}"):
        settings(*words, f"--{knob}", "2")


def test_a_knob_of_terms_without_weight_is_refused(painting, tmp_path):
    file = tmp_path / "restless.toml"
    file.write_text("[loss]\ntemporal = 0\n")
    told = r"nothing in recipe restless\.toml, which gives no weight to loss\.temporal\. .*--set loss\.temporal=16"
    with pytest.raises(UserError, match=told):
        settings("--config", str(file), "--style", str(painting), "--calm", "2")


def test_calm_turns_what_keyframes_take_from_their_clip_and_looks_have(painting):
    keyframes = "--recipe", "keyframes", "--keyframe", f"{painting}={painting}", "--clips", str(painting)
    assert settings(*keyframes, "--calm", "2").loss.weights["temporal"] == 8
    assert settings("--recipe", "look", "--look", "silver", "--calm", "2").loss.weights["temporal"] == 1


@pytest.mark.parametrize(("source", "factor", "fits"), [("folder", "0.5", 128), ("clip", "1.2", 216)])
def test_strokes_for_which_pictures_of_a_collection_stay_as_they_are_are_refused(
    source, factor, fits, photos, painting, tmp_path
):
    clip = shutil.copy(painting, tmp_path / "clip.mp4")
    recipe, path = ("clip", clip) if source == "clip" else ("collection", photos)
    words = ["--recipe", recipe, "--collection", str(path), "--strokes", factor]
    told = (
        f"--strokes {factor} turns nothing in recipe {recipe}: .* Add --set schedule.judged_size={fits}, or"
    )
    with pytest.raises(UserError, match=told):
        settings(*words)
    assert settings(*words, "--set", f"schedule.judged_size={fits}").schedule.judged_size == fits
    assert settings(*words[:-1], "2").data.style_side == 1024


def test_a_size_means_nothing_to_the_network_for_film(painting):
    with pytest.raises(UserError, match=r"--size is of the student, .* --set teacher\.channels=16,32,64,96"):
        settings("--recipe", "film", "--style", str(painting), "--size", "small")


@pytest.mark.parametrize("factor", ["0", "-1", "100", "much", "nan"])
def test_a_knob_that_makes_no_sense_is_refused(painting, factor, capsys):
    with pytest.raises(SystemExit):
        settings("--style", str(painting), "--calm", factor)
    assert "a factor from 0.1 to 10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "taught"),
    [
        ("training.fit", ("python -m training.fit --style painting.jpg", *RECIPES)),
        ("training.distil", ("--teacher great-wave --size small",)),
        ("training.prune", ("--target 8ms@640x360/2threads",)),
        ("training.evaluate", ("--styles paintings/",)),
    ],
)
def test_help_teaches_without_loading_tensorflow(module, taught):
    code = "import sys; sys.modules['tensorflow'] = None; sys.modules['keras'] = None\n"
    code += f"from {module} import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(each in done.stdout for each in taught)
