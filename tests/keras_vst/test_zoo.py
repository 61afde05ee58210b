import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks import open_network
from keras_vst.networks.mixing import mix, open_mix
from keras_vst.zoo import own
from tests.conftest import draw_picture
from tests.keras_vst.clips import names
from tests.keras_vst.networks.networks import weight_layout, write_style

SHA256 = "ab" * 32
CARD: dict[str, Any] = {
    "name": "sea",
    "title": "The Great Wave",
    "artist": "Katsushika Hokusai",
    "year": 1831,
    "architecture": "student-16-32-48-3",
    "files": {
        "fp32": {"file": "sea.tflite", "sha256": SHA256, "bytes": 1000},
        "int8": {"file": "sea_int8.tflite", "sha256": "cd" * 32, "bytes": 300},
    },
    "weights": {
        "file": "sea.tflite",
        "tensors": [
            {"name": "stem/kernel", "shape": [4, 2], "offset": 100, "length": 32},
            {"name": "stem/bias", "shape": [4], "offset": 132, "length": 16},
        ],
    },
    "margin": 24,
}


def write_card(folder: Path, card: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(card if isinstance(card, str) else json.dumps(card))
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo in place of the package's, and beside it the user's own."""
    bundled = tmp_path / "bundled"
    write_card(bundled / "sea", CARD)
    write_card(bundled / "night", {**CARD, "name": "night", "margin": 0, "quality": "film"})
    (bundled / "__pycache__").mkdir()
    monkeypatch.setattr(zoo, "ROOT", bundled)
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "own"))
    return bundled


def test_styles_come_by_name_with_their_files_and_what_their_cards_say(root):
    night, sea = zoo.styles()
    assert (night.name, night.margin, night.quality) == ("night", 0, "film")
    assert (sea.path, sea.margin, sea.sha256) == (root / "sea" / "sea.tflite", 24, SHA256)
    assert (sea.quality, sea.architecture, sea.own) == ("live", "student-16-32-48-3", False)
    assert [tensor["offset"] for tensor in sea.weights] == [100, 132]
    assert [style.name for style in zoo.styles(quality="live")] == ["sea"]


def test_ones_own_styles_follow_and_take_no_bundled_name(root, tmp_path):
    write_card(tmp_path / "own" / "mine", {**CARD, "name": "mine"})
    write_card(tmp_path / "own" / "sea", CARD)
    found, left_out = zoo.look_around()
    assert [(style.name, style.own) for style in found] == [("night", False), ("sea", False), ("mine", True)]
    assert len(left_out) == 1
    assert "has the name of a style that comes with the package" in left_out[0]
    assert zoo.find_style("mine").own
    assert not zoo.find_style("sea").own


def test_a_near_miss_is_helped_and_a_far_one_lists_what_there_is(root):
    with pytest.raises(UserError, match="did you mean 'night'\\? Known: night, sea"):
        zoo.find_style("Nihgt")
    for name in ("qqq", "", ".", "../bundled/sea", "__pycache__"):
        with pytest.raises(UserError, match=r"(?i)no style .*known: night, sea"):
            zoo.find_style(name)


def test_a_file_beside_a_card_has_its_own_checksum(root):
    int8 = zoo.file_style(root / "sea" / "sea_int8.tflite")
    assert (int8.name, int8.sha256, int8.margin) == ("sea_int8", "cd" * 32, 24)
    assert zoo.file_style(root / "sea" / "trial.tflite").sha256 is None


def test_a_file_without_a_card_has_a_default_margin(tmp_path):
    bare = zoo.file_style(tmp_path / "mine.tflite")
    assert (bare.name, bare.margin, bare.sha256, bare.weights) == ("mine", 8, None, [])


def changed(**more: Any) -> dict[str, Any]:
    return {**CARD, **more}


def with_file(**more: Any) -> dict[str, Any]:
    return changed(files={"fp32": {**CARD["files"]["fp32"], **more}})


def with_tensor(**more: Any) -> dict[str, Any]:
    first, second = CARD["weights"]["tensors"]
    return changed(weights={"file": "sea.tflite", "tensors": [first, {**second, **more}]})


BROKEN: dict[str, tuple[object, str]] = {
    "no json": ("{", "Expecting property name"),
    "a deep list": ("[" * 100_000, "recursion"),
    "megabytes": ('"' + "a" * 5_000_000 + '"', "more than 4 MiB"),
    "a list": ([], "the card has no usable `name`"),
    "no files": (changed(files=None), "no usable `files`"),
    "no fp32": (changed(files={"int8": CARD["files"]["int8"]}), "`files` has no 'fp32'"),
    "a file in words": (changed(files={"fp32": "sea.tflite"}), r"`files.fp32` has no usable `file`"),
    "a file elsewhere": (with_file(file="../night/sea.tflite"), "expected a file beside the card"),
    "a hidden file": (with_file(file=".sea.tflite"), "expected a file beside the card"),
    "a file on C:": (with_file(file="C:\\sea.tflite"), "expected a file beside the card"),
    "a size below 0": (with_file(bytes=-1), "no usable size"),
    "a size of yes": (with_file(bytes=True), "no usable `bytes`"),
    "half a checksum": (with_file(sha256="ab"), "no usable size or checksum"),
    "another name": (changed(name="lake"), "`name` is 'lake', but the folder is sea"),
    "a path for a name": (changed(name="../sea"), "expected letters, digits"),
    "a name that is a mix": (changed(name="sea:1,night"), "expected letters, digits"),
    "no year": (changed(year=None), "no usable `year`"),
    "a title without end": (changed(title="sea" * 99), "`title` holds .* more than 200 characters"),
    "a title that moves the cursor": (changed(title="\x1b[2J"), "`title` holds what cannot be printed"),
    "a wide margin": (changed(margin="wide"), "`margin` is 'wide'"),
    "an endless margin": (changed(margin=10**9), "expected 0 to 256 pixels"),
    "a quality of its own": (changed(quality="best"), "expected live or film"),
    "weights of another file": (changed(weights={"file": "x", "tensors": []}), "expected the fp32 file"),
    "weights beyond the file": (with_tensor(offset=985), "lies outside the file"),
    "weights before the file": (with_tensor(offset=-16), "lies outside the file"),
    "weights over each other": (with_tensor(offset=128), "or over another"),
    "a length that is none": (with_tensor(length=15), "has 15 bytes, expected 16"),
    "a shape of nothing": (with_tensor(shape=[4, 0]), "expected up to 4 numbers from 1"),
    "a shape of many sides": (with_tensor(shape=[1] * 100), "expected up to 4 numbers from 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_card_is_told_in_one_line_where_it_is_asked_for_and_hurts_no_other(root, case):
    card, message = BROKEN[case]
    write_card(root / "sea", card)
    with pytest.raises(UserError, match=rf"card\.json is not a card of a network: .*{message}") as refused:
        zoo.find_style("sea")
    assert "\n" not in str(refused.value)
    assert [style.name for style in zoo.styles()] == ["night"]
    assert zoo.find_style("night").name == "night"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/keras_vst/zoo"),
        ("linux", {}, "/home/me/.local/share/keras_vst/zoo"),
        ("darwin", {}, "/home/me/Library/Application Support/keras_vst/zoo"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/keras_vst/zoo"),
        ("linux", {"KERAS_VST_ZOO": "/mine"}, "/mine"),
    ],
)
def test_ones_own_zoo_lies_where_the_system_keeps_data(monkeypatch, platform, variables, expected):
    for name in ("KERAS_VST_ZOO", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert zoo.own_root() == Path(expected)


@pytest.fixture
def exported(tmp_path: Path, negative: Path) -> Path:
    """What an export leaves: a style, its report, and things that do not belong into a zoo."""
    folder = write_style(tmp_path / "build", "mine", negative)
    (folder / "report.json").write_text("{}")
    (folder / "mine.onnx").write_text("not for the zoo")
    return folder


def test_an_installed_style_is_found_and_an_older_one_of_its_name_is_replaced(root, exported, tmp_path, same):
    installed = own.install(exported)
    assert (installed.name, installed.own) == ("mine", True)
    assert names(installed.path.parent) == ["card.json", "mine.tflite", "report.json"]
    newer = write_style(tmp_path / "newer", "mine", same)
    assert own.install(newer).path.read_bytes() == same.read_bytes()
    assert names(tmp_path / "own") == ["mine"]


def test_a_bundled_name_is_not_installed(root, tmp_path, negative):
    with pytest.raises(UserError, match="sea is the name of a style that comes with the package; choose"):
        own.install(write_style(tmp_path / "build", "sea", negative))


def test_what_is_not_whole_is_not_installed_and_leaves_the_older_one(root, exported, tmp_path):
    own.install(exported)
    file = exported / "mine.tflite"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(UserError, match="is not the file on its card"):
        own.install(exported)
    file.unlink()
    with pytest.raises(UserError, match=r"cannot install mine .*: No such file or directory; check"):
        own.install(exported)
    assert zoo.find_style("mine").path.read_bytes() == content
    assert names(tmp_path / "own") == ["mine"]


BUNDLED = [style for style in zoo.styles() if not style.own]


def test_every_folder_of_the_bundled_zoo_is_usable():
    assert zoo.look_around()[1] == []


@pytest.mark.parametrize("style", BUNDLED, ids=lambda style: style.name)
def test_a_bundled_style_keeps_its_cards_promises(style):
    """Checksums, one layout for an architecture, weights where the card says: so its mixes are what they should be."""
    for entry in style.card["files"].values():
        path = style.path.parent / entry["file"]
        open_network(path, sha256=entry["sha256"])
        assert path.stat().st_size == entry["bytes"]
    if style.quality != "live":
        return
    content = style.path.read_bytes()
    told = [(each["offset"], each["length"], each["shape"]) for each in style.weights]
    assert told == [(each["offset"], each["length"], each["shape"]) for each in weight_layout(content)]
    others = [each for each in BUNDLED if each.architecture == style.architecture]
    assert all(each.weights == style.weights for each in others)
    assert mix([(style, 1.0)]) == content
    assert mix([(style, 0.5), (style, 0.5)]) == content
    frame = draw_picture(1, 120, 160)
    for other in others:
        pair = [(style, 0.5), (other, 0.5)]
        mixed = mix(pair)
        for each in style.weights:
            ours, theirs, both = (
                np.frombuffer(file, "<f4", each["length"] // 4, each["offset"])
                for file in (content, other.path.read_bytes(), mixed)
            )
            assert (both >= np.minimum(ours, theirs)).all()
            assert (both <= np.maximum(ours, theirs)).all()
        assert open_mix(pair).paint(frame).std() > 5
