"""A style as one file: what is packed comes out the same, and nothing hostile gets further than a temporary folder."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.zoo.own import MOST_FILES, pack, unpack
from tests.keras_vst.networks.networks import write_style

NETWORK = Path(__file__).parents[1] / "edge" / "networks" / "negative.tflite"


@pytest.fixture
def parcel(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "own"))
    write_style(tmp_path / "own", "mine", NETWORK)
    pack(zoo.find_style("mine"), b"a picture", tmp_path / "mine.vst")
    return tmp_path / "mine.vst"


def rebuilt(parcel: Path, change) -> Path:
    """The parcel with its entries, name -> content, changed."""
    with zipfile.ZipFile(parcel) as file:
        entries: dict = {name: file.read(name) for name in file.namelist()}
    change(entries)
    with zipfile.ZipFile(parcel, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return parcel


def test_what_is_packed_comes_out_the_same(parcel, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert unpack(parcel, out) == "mine"
    assert sorted(path.name for path in out.iterdir()) == ["card.json", "mine.tflite", "thumbnail.jpg"]
    assert (out / "mine.tflite").read_bytes() == NETWORK.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda held: held.update({"../../evil.py": b"x"}), "no plain file name"),
        (lambda held: held.update({"/etc/evil": b"x"}), "no plain file name"),
        (lambda held: held.update({"sub/evil": b"x"}), "no plain file name"),
        (lambda held: held.update({"evil.py": b"x"}), "'evil.py', which is not on its card"),
        (lambda held: held.update({f"f{n}": b"" for n in range(MOST_FILES)}), "at most 16"),
        (lambda held: held.pop("card.json"), "it has no card.json"),
        (lambda held: held.pop("mine.tflite"), "is on its card and not in it"),
        (
            lambda held: held.update({"mine.tflite": b"y" * len(held["mine.tflite"])}),
            "not the file on its card",
        ),
        (lambda held: held.update({"mine.tflite": held["mine.tflite"] + b"y"}), "has more than the"),
        (lambda held: held.update({"thumbnail.jpg": bytes(3 << 20)}), "thumbnail.jpg has more than"),
        (lambda held: held.update({"thumbnail.jpg": bytes(60 << 20)}), "more than 48 MiB"),
    ],
)
def test_what_is_hostile_is_refused_in_one_line(parcel, tmp_path, change, told):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UserError, match=told) as caught:
        unpack(rebuilt(parcel, change), out)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"own", "out", "mine.vst"}


def test_a_card_of_another_kind_is_refused(parcel, tmp_path):
    def change(held):
        card = json.loads(held["card.json"])
        card["files"]["fp32"]["file"] = "../mine.tflite"
        held["card.json"] = json.dumps(card)

    (tmp_path / "out").mkdir()
    rebuilt(parcel, change)
    with pytest.raises(UserError, match="expected a file beside the card"):
        unpack(parcel, tmp_path / "out")


def test_a_link_is_refused(parcel, tmp_path):
    with zipfile.ZipFile(parcel, "a") as file:
        link = zipfile.ZipInfo("about.toml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"about.toml is a link"):
        unpack(parcel, tmp_path / "out")


def test_a_header_that_lies_about_its_size_is_not_believed(parcel, tmp_path):
    with zipfile.ZipFile(parcel, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("about.toml", bytes(5 << 20))
    content = parcel.read_bytes()
    honest = (5 << 20).to_bytes(4, "little")
    parcel.write_bytes(content.replace(honest, (10).to_bytes(4, "little")))
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="is not a style that can be added"):
        unpack(parcel, tmp_path / "out")


def test_a_parcel_that_cannot_be_unpacked_is_one_line(parcel, tmp_path):
    content = bytearray(parcel.read_bytes())
    with zipfile.ZipFile(parcel) as file:
        packed = file.getinfo("mine.tflite")
    content[packed.header_offset + 30 + len("mine.tflite")] |= 6  # a kind of block that there is not
    parcel.write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"it is damaged, or no such file \(.*invalid block type"):
        unpack(parcel, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all" * 99])
def test_what_is_no_parcel_is_told(tmp_path, content):
    (tmp_path / "x.vst").write_bytes(content)
    with pytest.raises(UserError, match="it is damaged, or no such file"):
        unpack(tmp_path / "x.vst", tmp_path)


def test_a_parcel_cut_anywhere_is_one_line(parcel, tmp_path):
    whole = parcel.read_bytes()
    for number, length in enumerate(range(1, len(whole), len(whole) // 12)):
        parcel.write_bytes(whole[:length])
        (out := tmp_path / f"out{number}").mkdir()
        with pytest.raises(UserError):
            unpack(parcel, out)
