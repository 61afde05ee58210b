from __future__ import annotations

import pytest

from keras_vst.errors import UserError
from training.inputs import Inputs, keyframe, licences


def test_inputs_come_back_from_json(tmp_path):
    given = Inputs(style=("a.png", "b.png"), clips=("c.mp4",), keyframe=(("c.mp4@3", "d.png"),), photos="p")
    import json

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
        (
            "film",
            {"style": (".",), "collection": "."},
            r"no use for --collection\. It takes --style, --photos, --clips",
        ),
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


def test_every_picture_becomes_a_style_of_its_network(painting):
    two = Inputs(style=(str(painting), str(painting)))
    assert two.overrides("perceptual") == ["student.num_styles=2"]
    assert two.overrides("film") == ["teacher.num_styles=2"]
    assert [style["name"] for style in two.styles()] == ["painting", "painting"]
    assert len(two.styles()[0]["sha256"]) == 64


def test_licences_are_counted_from_the_manifest_beside_the_data(tmp_path):
    free = tmp_path / "photos" / "free"
    free.mkdir(parents=True)
    rows = ["free/a.jpg,CC0", "free/b.jpg,CC0", "free/c.jpg,CC-BY 4.0", "research/d.jpg,research only"]
    (tmp_path / "photos" / "manifest.csv").write_text("\n".join(["file,licence", *rows]))

    assert licences(free) == {"CC0": 2, "CC-BY 4.0": 1}
    assert licences(free / "c.jpg") == {"CC-BY 4.0": 1}
    assert sum(licences(tmp_path / "photos").values()) == 4
    assert licences(tmp_path) == {}
