import json
from pathlib import Path
from typing import Any

import pytest

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.zoo import Style

CARD: dict[str, Any] = {
    "name": "sea",
    "files": {
        "fp32": {"file": "sea.tflite", "sha256": "ab" * 32, "bytes": 3},
        "int8": {"file": "sea_int8.tflite", "sha256": "cd" * 32, "bytes": 2},
    },
    "styles": [
        {"name": "great-wave", "title": "The Great Wave", "artist": "Katsushika Hokusai", "year": 1831},
        {"name": "stormy", "title": "Stormy Sea", "artist": "Gustave Courbet", "year": "about 1869"},
    ],
    "margin": 24,
}


def write_card(folder: Path, card: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(card if isinstance(card, str) else json.dumps(card))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_card(tmp_path / "sea", CARD)
    night = {"name": "starry", "title": "Starry Night", "artist": "Vincent van Gogh", "year": 1889}
    write_card(tmp_path / "night", {**CARD, "name": "night", "styles": [night], "margin": 0})
    (tmp_path / "__pycache__").mkdir()
    return tmp_path


def test_networks_come_by_name_with_their_files_and_margins(root):
    night, sea = zoo.networks(root)
    assert (night.name, night.margin) == ("night", 0)
    assert (sea.path, sea.margin, sea.sha256) == (root / "sea" / "sea.tflite", 24, "ab" * 32)


def test_styles_keep_the_order_of_the_style_vector(root):
    assert [style.name for style in zoo.styles(root)] == ["starry", "great-wave", "stormy"]
    assert zoo.find_style("stormy", root) == Style(
        "stormy", "Stormy Sea", "Gustave Courbet", "about 1869", "sea"
    )


def test_a_near_miss_is_helped(root):
    with pytest.raises(UserError, match="did you mean 'great-wave'\\? Known: starry, great-wave, stormy"):
        zoo.find_style("Great-Wav", root)


def test_a_far_miss_lists_what_there_is(root, tmp_path):
    with pytest.raises(UserError, match="no style 'qqq'; known: starry, great-wave, stormy"):
        zoo.find_style("qqq", root)
    with pytest.raises(UserError, match="known: none"):
        zoo.find_style("qqq", tmp_path / "nowhere")


def test_networks_are_found_by_name(root):
    assert zoo.find_network("sea", root).card["styles"][0]["year"] == 1831
    with pytest.raises(UserError, match="no network 'see'; known: night, sea"):
        zoo.find_network("see", root)


def test_a_file_beside_a_card_has_its_styles_and_its_own_checksum(root):
    int8 = zoo.network_file(root / "sea" / "sea_int8.tflite")
    assert (int8.name, int8.sha256, len(int8.styles)) == ("sea", "cd" * 32, 2)
    assert zoo.network_file(root / "sea" / "trial.tflite").sha256 is None


def test_a_file_without_a_card_has_a_default_margin_and_no_styles(tmp_path):
    bare = zoo.network_file(tmp_path / "mine.tflite")
    assert (bare.name, bare.margin, bare.sha256, bare.styles) == ("mine", 8, None, ())


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in CARD.items() if name != key}


BROKEN: dict[str, tuple[object, str]] = {
    "no json": ("{", "Expecting property name"),
    "a list": ([], "the card has no usable `name`"),
    "no name": (without("name"), "no usable `name`"),
    "no files": (without("files"), "no usable `files`"),
    "styles in words": ({**CARD, "styles": "many"}, "no usable `styles`"),
    "a style without year": ({**CARD, "styles": [{"name": "a", "title": "b", "artist": "c"}]}, "`year`"),
    "a file in words": ({**CARD, "files": {"fp32": "sea.tflite"}}, r"`files.fp32` has no usable `file`"),
    "no fp32": ({**CARD, "files": {"int8": CARD["files"]["int8"]}}, "`files` has no 'fp32'"),
    "a wide margin": ({**CARD, "margin": "wide"}, "`margin` is 'wide'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_card_is_told_with_its_path(tmp_path, case):
    card, message = BROKEN[case]
    write_card(tmp_path / "sea", card)
    with pytest.raises(UserError, match=rf"card\.json is not a card of a network: .*{message}"):
        zoo.networks(tmp_path)


def test_every_bundled_network_is_whole():
    import hashlib

    for network in zoo.networks():
        assert hashlib.sha256(network.path.read_bytes()).hexdigest() == network.sha256
        assert network.path.parent.name == network.name
