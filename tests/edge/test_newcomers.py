"""Paintings that come while it runs: painted after at once, learned beside, and nothing of it stops the picture."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import learning
from edge.cli import build_parser
from edge.learning import Wishes
from edge.live_painter import LivePainter, open_live_painter
from edge.newcomers import Newcomers
from keras_vst import zoo
from keras_vst.errors import UserError
from tests.conftest import draw_picture, write_picture
from tests.edge.learners import PRETENDER
from tests.edge.live_fakes import frame


@pytest.fixture
def painter(own: Path) -> LivePainter:
    return open_live_painter(build_parser().parse_args(["live", "0", "--style", "scream", "--threads", "1"]))


@pytest.fixture
def picture() -> bytes:
    return cv2.imencode(".png", draw_picture(9))[1].tobytes()


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "TRAINER", PRETENDER)
    monkeypatch.setattr(learning, "find_spec", lambda name: object())
    monkeypatch.setattr("edge.newcomers.LOOKED", 0.02)
    monkeypatch.setenv("PRETEND_STYLE", "mosaic")


def shown(painter: LivePainter, seconds: float = 3.0) -> np.ndarray:
    """What is painted once every fade is over."""
    painter.repaint(frame(0, level=90))
    end, pixels = time.monotonic() + seconds, np.empty(0)
    for index in range(100, 10**6):
        pixels = painter.repaint(frame(index, level=90)).after.pixels
        if time.monotonic() > end:
            return pixels
        time.sleep(0.02)
    raise AssertionError


def wait_until(condition) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_picture_that_is_dropped_is_painted_after(painter, picture):
    before = shown(painter, 0.3)
    name = Newcomers(painter).drop("my wave.png", picture)
    assert (name, painter.controls.status()["style"]) == ("my-wave", "my-wave")
    wanted = draw_picture(9)[..., ::-1].mean((0, 1))  # imencode took it for BGR
    after = shown(painter)
    assert np.abs(after.mean((0, 1)) - wanted).mean() < np.abs(before.mean((0, 1)) - wanted).mean()


def test_a_second_picture_of_the_same_name_is_another_style(painter, picture):
    newcomers = Newcomers(painter)
    assert [newcomers.drop("my.png", picture) for _ in range(2)] == ["my", "my-2"]
    assert newcomers.drop("scream.png", picture) == "scream-2"


def test_what_cannot_be_read_changes_nothing(painter):
    names = painter.controls.names
    with pytest.raises(UserError, match="x is no PNG"):
        Newcomers(painter).drop("x", b"<svg/>")
    assert painter.controls.names == names


def test_what_is_learned_is_faded_in_and_installed(painter, picture, pretend, capsys):
    newcomers = Newcomers(painter, Wishes())
    newcomers.drop("my.png", picture)
    wait_until(lambda: any(style.name == "my" for style in zoo.styles()))
    wait_until(lambda: "my is learned" in capsys.readouterr().err)
    learned = painter.styles[painter.controls.names.index("my")]
    assert learned.content == zoo.find_style("mosaic").path.read_bytes()
    count = len(painter.controls.names)
    assert newcomers.drop("the same.png", picture) == "my"  # and is not made a preview again
    assert len(painter.controls.names) == count
    newcomers.close()


def test_a_trainer_that_dies_leaves_the_preview(painter, picture, pretend, monkeypatch, capsys):
    monkeypatch.setenv("PRETEND", "crash")
    newcomers, said = Newcomers(painter, Wishes()), []
    newcomers.drop("my.png", picture)
    wait_until(lambda: said.append(capsys.readouterr().err) or "VGG16 cannot be fetched" in "".join(said))
    assert painter.controls.status()["style"] == "my"
    assert shown(painter, 0.2).shape == (32, 48, 3)


def test_without_tensorflow_a_dropped_picture_is_painted_after_all_the_same(
    painter, picture, monkeypatch, capsys
):
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    newcomers, said = Newcomers(painter, Wishes()), []
    assert newcomers.drop("my.png", picture) == "my"
    wait_until(
        lambda: said.append(capsys.readouterr().err) or "learning a style needs TensorFlow" in "".join(said)
    )
    newcomers.close()


def test_ending_stops_the_trainer_and_keeps_what_it_learned(painter, picture, pretend, monkeypatch):
    monkeypatch.setenv("PRETEND", "wait")
    newcomers = Newcomers(painter, Wishes())
    newcomers.drop("my.png", picture)
    folder = zoo.own_root() / learning.FOLDER
    wait_until(lambda: list(folder.glob("*/my/ready")))
    newcomers.close()
    assert [path.read_text() for path in folder.glob("*/my/checkpoint")] == ["saved"]


def test_live_begins_with_a_painting(own, tmp_path, capsys):
    picture = write_picture(tmp_path / "mine.png", 4)
    painter = open_live_painter(build_parser().parse_args(["live", "0", "--painting", str(picture)]))
    assert painter.controls.status()["style"] == "mine"
    assert "a preview of" in capsys.readouterr().err


def test_a_picture_sent_to_the_page_is_painted_after(painter, picture):
    pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")
    from edge.web.server import WebServer
    from tests.edge.web.conftest import post

    server = WebServer("127.0.0.1", 0, painter.controls, on_painting=Newcomers(painter).drop)
    try:
        sent = post(server, "/painting?name=my.png", data=picture, headers={"Content-Type": "image/png"})
        refused = post(
            server, "/painting?name=bad.png", data=picture[:90], headers={"Content-Type": "image/png"}
        )
    finally:
        server.stop()
    assert sent == (200, '{"style": "my"}')
    assert painter.controls.status()["style"] == "my"
    assert refused[0] == 400
    assert "bad.png is not a picture" in refused[1]
