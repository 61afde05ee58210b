"""Which network of a style is taken: told, or found by painting for half a second."""

from __future__ import annotations

import argparse

import pytest

from edge import keeping_up
from edge.cli import main
from edge.keeping_up import choose
from edge.live_painter import open_live_painter
from edge.style_choice import in_size
from keras_vst import zoo
from keras_vst.config import SIZES
from keras_vst.errors import UserError
from tests.keras_vst.networks.networks import write_style


def write_sized(root, name, network, size_class, gmacs):
    """A style that says it is of a size, whatever paints it."""
    told = {"size": "640x368", "value": gmacs}
    return write_style(root, name, network, architecture=SIZES[size_class].architecture, gmacs=told)


@pytest.fixture
def root(tmp_path, same, monkeypatch):
    """A zoo of `sea`, in three sizes, and `land`, in one."""
    folder = tmp_path / "zoo"
    for name in ("sea", "land"):
        write_sized(folder, name, same, "base", 0.9)
    for size_class, gmacs in (("small", 0.25), ("large", 2.5)):
        made = write_sized(tmp_path / size_class, "sea", same, size_class, gmacs)
        made.rename(folder / "sea" / size_class)
    monkeypatch.setattr(zoo, "ROOT", folder)
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "own"))
    return folder


def asked(size_class="auto", **others):
    options = {"size": None, "fps": None, "runtime": None, "threads": 1, "model": None, "quality": "live"}
    return argparse.Namespace(size_class=size_class, **(options | others))


@pytest.mark.parametrize(
    ("milliseconds", "fps", "chosen"),
    [(20, None, "base"), (40, None, "small"), (400, None, "small"), (20, 60, "small"), (40, 10, "base")],
)
def test_base_is_taken_unless_it_cannot_keep_up(root, monkeypatch, capsys, milliseconds, fps, chosen):
    monkeypatch.setattr(keeping_up, "seconds_a_frame", lambda style, size, options: milliseconds / 1000)

    assert choose([zoo.find_style("sea")], asked(fps=fps)) == chosen
    told = capsys.readouterr().err
    assert f"auto: {chosen}" in told
    assert f"{milliseconds:.1f} ms" in told
    assert told.count("\n") == 1


def test_the_time_is_that_of_real_frames(root, monkeypatch):
    monkeypatch.setattr(keeping_up, "SECONDS", 0.05)

    assert 0 < keeping_up.seconds_a_frame(zoo.find_style("sea"), (40, 64), asked()) < 1


def test_a_style_of_one_size_is_not_measured(root, monkeypatch, capsys):
    monkeypatch.setattr(keeping_up, "seconds_a_frame", None)

    assert choose([zoo.find_style("sea"), zoo.find_style("land")], asked()) == "base"
    assert capsys.readouterr().err == ""


def test_styles_are_exchanged_for_their_networks_of_the_named_size(root):
    ((small, share),) = in_size([(zoo.find_style("sea"), 0.5)], asked("small"))

    assert (small.name, small.gmacs, share) == ("sea", 0.25, 0.5)
    assert small.path == root / "sea" / "small" / "sea.tflite"
    assert in_size([(zoo.find_style("sea"), 1.0)], asked("base"))[0][0].path == root / "sea" / "sea.tflite"


def test_a_size_that_a_style_does_not_have_is_refused_in_one_line(root):
    with pytest.raises(UserError, match="land has no network of size large, only base"):
        in_size([(zoo.find_style("land"), 1.0)], asked("large"))


def test_a_size_beside_a_file_of_ones_own_is_refused(root, capsys):
    file = root / "sea" / "sea.tflite"

    assert main(["bench", "--model", str(file), "--size-class", "small"]) == 2
    assert "--size-class small chooses among" in capsys.readouterr().err


def test_folders_of_other_sizes_are_no_styles_of_their_own(root):
    assert [style.name for style in zoo.styles()] == ["land", "sea"]
    assert list(zoo.sizes(zoo.find_style("sea"))) == ["small", "base", "large"] == list(SIZES)


def test_live_offers_what_has_a_network_of_the_size_that_keeps_up(root, monkeypatch):
    told = {"strength": 1.0, "keep_color": False, "detail": 0.0, "native": False}

    def offered(style, seconds):
        monkeypatch.setattr(keeping_up, "seconds_a_frame", lambda *_: seconds)
        options = asked("auto", style=style, **told)
        return open_live_painter(options).controls.names, options.size_class

    assert offered("sea", 0.01) == (("land", "sea"), "base")
    assert offered("sea", 0.1) == (("sea",), "small")
    assert offered("land", 0.1) == (("land", "sea"), "base")
