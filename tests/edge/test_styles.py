import hashlib
import json

import cv2
import numpy as np
import pytest

from edge.styles import GAP, LABEL, arrange
from keras_vst import zoo
from keras_vst.zoo.own import pack
from tests.conftest import draw_picture
from tests.conftest import write_picture as draw_to
from tests.keras_vst.clips import flat, names
from tests.keras_vst.networks.networks import write_style


def test_styles_are_listed_one_a_line_or_as_json(vst, bundled):
    status, out, err = vst("styles")
    assert (status, err) == (0, "")
    assert out.splitlines()[:2] == ["dark   Dark, Nobody, 1900", "light  Light, Nobody, 1900"]
    assert json.loads(vst("styles", "--json")[1])[2] == {
        "name": "plain",
        "title": "Plain",
        "artist": "Nobody",
        "year": 1900,
        "quality": "live",
        "architecture": "other",
        "own": False,
    }


def test_licences_stand_below_each_style(vst, bundled, negative):
    data = {"photos": "10 of mine", "losses": "none\x1b[2J"}
    write_style(bundled, "pencil", negative, artist="", year="", licence="CC0", data=data)
    status, out, err = vst("styles", "--licences")
    assert (status, err) == (0, "")
    assert out.splitlines()[:3] == [
        "dark    Dark, Nobody, 1900",
        "          licence: not told",
        "          data: not told",
    ]
    assert out.splitlines()[6:10] == [
        "pencil  Pencil",
        "          licence: CC0",
        "          photos: 10 of mine",
        r"          'losses: none\x1b[2J'",
    ]


def test_every_bundled_style_tells_its_licence_and_its_data(vst, own):
    lines = vst("styles", "--licences")[1].splitlines()
    styles = [line for line in lines if not line.startswith(" ")]
    for what in ("licence: ", "photos: ", "losses: "):
        assert sum(line.strip().startswith(what) for line in lines) == len(styles) > 10
    assert not any("not told" in line for line in lines)


def test_ones_own_styles_are_listed_too_and_what_is_broken_is_told(vst, bundled, own, negative):
    write_style(own, "mine", negative)
    write_style(own, "dark", negative)
    write_style(own, "torn", negative, files={})
    status, out, err = vst("styles")
    assert (status, out.splitlines()[-1]) == (0, "mine   Mine, Nobody, 1900 (your own)")
    assert err.count("\n") == 2
    assert "dark has the name of a style that comes with the package; rename it" in err
    assert "`files` has no 'fp32'" in err


def test_a_sheet_shows_ones_own_picture_in_every_style(vst, bundled, tmp_path):
    photo = draw_to(tmp_path / "photo.png", seed=1, height=60, width=90)
    sheet = tmp_path / "sheet.png"
    status, out, _ = vst("styles", "--sheet", photo, "-o", sheet, "--threads", 1)
    assert (status, out) == (0, f"3 styles: {sheet}\n")
    shown = cv2.cvtColor(cv2.imread(str(sheet)), cv2.COLOR_BGR2RGB)
    cell = 60 + LABEL + GAP, 90 + GAP
    corners = [(GAP + row * cell[0], GAP + column * cell[1]) for row in range(2) for column in range(2)]
    tiles = [shown[top : top + 60, left : left + 90] for top, left in corners]
    original = draw_picture(1, 60, 90)
    for tile, expected in zip(tiles, (original, 255 - original, original, 255 - original), strict=True):
        np.testing.assert_array_equal(tile, expected)


def test_names_stand_below_their_pictures():
    tiles = [
        ("short", flat((90, 90, 90), 120, 40)),
        ("a very long name of a style indeed", flat((9, 9, 9), 120, 40)),
    ]
    sheet = arrange(tiles)
    strip = sheet[GAP + 40 : GAP + 40 + LABEL]
    assert (strip[:, GAP : GAP + 120] < 100).any()
    assert (strip[:, GAP + 120 + GAP :][:, :120] < 100).any()
    assert (strip[:, GAP + 240 + GAP :] == 255).all()


def test_a_large_photo_is_made_smaller(vst, bundled, tmp_path):
    photo, sheet = tmp_path / "photo.jpg", tmp_path / "sheet.jpg"
    cv2.imwrite(str(photo), flat((200, 100, 50), 1200, 900))
    assert vst("styles", "--sheet", photo, "-o", sheet)[0] == 0
    assert cv2.imread(str(sheet)).shape == (2 * (360 + LABEL + GAP) + GAP, 2 * (480 + GAP) + GAP, 3)


@pytest.mark.parametrize(
    ("photo", "target", "message"),
    [
        ("missing.png", "sheet.png", "there is no file"),
        ("photo.png", "nowhere/sheet.png", "create it first"),
        ("photo.png", "photo.png", "it is the input itself"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(vst, bundled, tmp_path, photo, target, message):
    folder = tmp_path / "here"
    folder.mkdir()
    draw_to(folder / "photo.png", seed=2)
    status, out, err = vst("styles", "--sheet", folder / photo, "-o", folder / target)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert names(folder) == ["photo.png"]


def test_an_empty_zoo_lists_nothing_and_has_no_sheet(vst, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    assert vst("styles") == (0, "", "")
    assert vst("styles", "--json") == (0, "[]\n", "")
    photo = draw_to(tmp_path / "photo.png", seed=2)
    status, _, err = vst("styles", "--sheet", photo, "-o", tmp_path / "sheet.png")
    assert status == 2
    assert "no styles are installed" in err


def test_a_style_of_ones_own_is_sent_and_added_again(vst, own, bundled, tmp_path, negative):
    write_style(own, "mine", negative)
    parcel = tmp_path / "mine.vst"
    status, out, err = vst("styles", "--export", "mine", parcel)
    assert (status, err) == (0, "")
    assert out.startswith(f"mine: {parcel}, ")
    assert vst("styles", "--remove", "mine")[:2] == (0, "mine is removed\n")
    assert not (own / "mine").exists()
    status, out, err = vst("styles", "--add", parcel)
    assert (status, out, err) == (0, "mine is added: paint with --style mine\n", "")
    assert (own / "mine" / "thumbnail.jpg").is_file()
    assert zoo.find_style("mine").sha256 == zoo.find_style("dark").sha256


def test_what_is_added_takes_nobodys_name(vst, own, bundled, tmp_path, negative):
    write_style(own, "mine", negative)
    vst("styles", "--export", "mine", tmp_path / "mine.vst")
    status, _, err = vst("styles", "--add", tmp_path / "mine.vst")
    assert (status, err) == (
        2,
        "vst: there is a style mine already; choose another name, or remove that first.\n",
    )


def test_a_network_that_kills_its_runtime_is_not_added(vst, own, bundled, tmp_path, negative):
    folder = write_style(own, "mine", negative)
    broken = bytearray(negative.read_bytes())
    broken[16:200] = bytes(255 - value for value in broken[16:200])
    (folder / "mine.tflite").write_bytes(broken)
    card = json.loads((folder / "card.json").read_text())
    card["files"]["fp32"]["sha256"] = hashlib.sha256(broken).hexdigest()
    (folder / "card.json").write_text(json.dumps(card))
    pack(zoo.find_style("mine"), b"", tmp_path / "mine.vst")
    vst("styles", "--remove", "mine")
    status, _, err = vst("styles", "--add", tmp_path / "mine.vst")
    assert (status, err.count("\n"), list(own.iterdir())) == (2, 1, [])


def test_a_style_gets_another_name(vst, own, bundled, negative):
    write_style(own, "mine", negative)
    assert vst("styles", "--rename", "mine", "opus-1")[:2] == (0, "mine is called opus-1 now\n")
    assert [style.name for style in zoo.styles() if style.own] == ["opus-1"]
    assert zoo.find_style("opus-1").path.is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--remove", "dark"), "dark comes with the package and stays"),
        (("--rename", "light", "x"), "light comes with the package and stays"),
        (("--rename", "mine", "dark"), "there is a style dark already"),
        (("--rename", "mine", "a/b"), "a style cannot be called 'a/b'"),
        (("--remove", "../own/mine"), "there is no style '../own/mine'"),
        (("--add", "none.vst"), "there is no file none.vst"),
    ],
)
def test_what_cannot_be_changed_is_one_line(vst, own, bundled, negative, arguments, told):
    write_style(own, "mine", negative)
    status, _, err = vst("styles", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert told in err
    assert zoo.find_style("mine").own
