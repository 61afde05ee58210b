from __future__ import annotations

import hashlib
import json

import pytest

from keras_vst.config.overrides import with_overrides
from keras_vst.errors import UserError
from training.inputs import Inputs, keyframe, licences
from training.recipes import RECIPES
from training.terms import completed


def test_inputs_come_back_from_json(tmp_path):
    given = Inputs(style=("a.png", "b.png"), clips=("c.mp4",), keyframe=(("c.mp4@3", "d.png"),), photos="p")
    assert Inputs.from_dict(json.loads(json.dumps(given.to_dict()))) == given


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (
            "perceptual",
            {},
            r"Recipe mine needs --style painting\.jpg\. Try: python -m training\.fit --recipe mine",
        ),
        ("adversarial", {"photos": "."}, r"needs --collection FOLDER"),
        ("keyframes", {"style": (".",)}, r"needs --keyframe"),
        ("look", {}, r"needs --look silver"),
        ("look", {"look": "velvet"}, r"--look is one of silver, stock, .*Received: velvet"),
        (
            "film",
            {"style": (".",), "collection": "."},
            r"no use for --collection\. It takes --style, --photos, --clips",
        ),
        (
            "perceptual",
            {"style": (".",), "clips": (".",)},
            r"no use for --clips\. It takes --style, --photos",
        ),
        ("adversarial", {"collection": ".", "clips": (".",)}, r"no use for --clips"),
        ("base", {"clips": (".",)}, r"no use for --clips\. It takes --photos"),
        ("perceptual", {"style": ("nowhere.png",)}, r"no file nowhere\.png"),
        ("keyframes", {"keyframe": (("no.mp4@3", "."),)}, r"no file no\.mp4\."),
        ("keyframes", {"keyframe": ((".", "."),) * 6}, r"one to 5 painted frames\. Received: 6"),
    ],
)
def test_what_is_missing_or_useless_is_told_with_the_right_command(kind, given, message):
    with pytest.raises(UserError, match=message):
        Inputs(**given).check(kind, "mine")


def test_a_keyframe_is_a_pair():
    assert keyframe("walk.mp4@12=painted.png") == ("walk.mp4@12", "painted.png")
    for text in ("walk.mp4", "=painted.png", "walk.mp4="):
        with pytest.raises(UserError, match="FRAME=PAINTED"):
            keyframe(text)


FILM, KEYFRAMES = completed(RECIPES["film"]), completed(RECIPES["keyframes"])


@pytest.mark.parametrize(
    ("config", "settings", "given", "message"),
    [
        (
            FILM,
            ["schedule.clips_from=1"],
            {"clips": ("c",)},
            r"never be looked at with schedule\.clips_from=1\.0",
        ),
        (
            KEYFRAMES,
            [],
            {"clips": ("c",)},
            r"never be looked at with loss\.temporal=0\.0\. Leave --clips out",
        ),
        (KEYFRAMES, ["loss.temporal=2"], {}, r"loss\.temporal=2\.0 needs the clip.*Add --clips CLIP"),
    ],
)
def test_clips_are_decoded_only_for_a_run_that_looks_at_them_and_it_must_have_them(
    config, settings, given, message
):
    with pytest.raises(UserError, match=message):
        Inputs(**given).check_use(with_overrides(config, settings))


def test_a_run_that_looks_at_clips_takes_them():
    clip = Inputs(clips=("walk.mp4",))
    config = with_overrides(KEYFRAMES, clip.overrides("keyframes"))

    assert config.loss.weights["temporal"] > 0
    clip.check_use(config)
    clip.check_use(FILM)
    for none in (FILM, KEYFRAMES, RECIPES["painting"]):
        Inputs().check_use(none)


def test_the_style_is_told_by_name_and_checksum(painting, photos):
    told = Inputs(style=(str(painting), "another.png")).learned_from()

    assert told == {
        "name": "painting",
        "file": str(painting),
        "sha256": hashlib.sha256(painting.read_bytes()).hexdigest(),
    }
    assert Inputs(collection=str(photos)).learned_from()["file"] == str(photos)
    assert Inputs().learned_from() is None


def test_licences_are_counted_from_the_manifest_beside_the_data(tmp_path):
    free = tmp_path / "photos" / "free"
    free.mkdir(parents=True)
    rows = ["free/a.jpg,CC0", "free/b.jpg,CC0", "free/c.jpg,CC-BY 4.0", "research/d.jpg,research only"]
    (tmp_path / "photos" / "manifest.csv").write_text("\n".join(["file,licence", *rows]))

    assert licences(free) == {"CC0": 2, "CC-BY 4.0": 1}
    assert licences(free / "c.jpg") == {"CC-BY 4.0": 1}
    assert sum(licences(tmp_path / "photos").values()) == 4
    assert licences(tmp_path) == {}
