"""The screen is a fake here: which part of it is asked for, and what becomes of its colours."""

from __future__ import annotations

import itertools
import sys
import types

import numpy as np
import pytest

from edge.sources import open_source
from keras_vst.errors import UserError

DESKTOP = {"left": 0, "top": 0, "width": 300, "height": 100}
LEFT = {"left": 0, "top": 0, "width": 200, "height": 100}
RIGHT = {"left": 200, "top": 0, "width": 100, "height": 80}


class ScreenShotError(Exception):
    pass


class FakeScreen:
    """mss: blue, and as wide as was asked for, plus what a screen of high density adds."""

    monitors = (DESKTOP, LEFT, RIGHT)

    def __init__(self) -> None:
        self.areas: list[dict[str, int]] = []

    def __enter__(self) -> FakeScreen:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def grab(self, area: dict[str, int]) -> np.ndarray:
        self.areas.append(area)
        return np.full((area["height"] + 1, area["width"] + 1, 4), (255, 0, 0, 255), np.uint8)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> FakeScreen:
    fake = FakeScreen()
    monkeypatch.setitem(sys.modules, "mss", types.SimpleNamespace(mss=lambda: fake))
    monkeypatch.setitem(sys.modules, "mss.exception", types.SimpleNamespace(ScreenShotError=ScreenShotError))
    return fake


def test_a_region_of_the_second_screen_is_cut_out_in_rgb(screen: FakeScreen) -> None:
    with open_source("screen:2?region=10,20,64,48&fps=100") as source:
        frames = list(itertools.islice(source, 3))
    assert source.live
    assert (source.info.width, source.info.height, source.info.fps) == (64, 48, 100)
    assert screen.areas[0] == {"left": 210, "top": 20, "width": 64, "height": 48}
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[0].pixels[0, 0].tolist() == [0, 0, 255]
    assert frames[0].time < frames[1].time < frames[2].time


def test_without_a_number_it_is_the_first_screen_whole(screen: FakeScreen) -> None:
    with open_source("screen:") as source:
        assert (source.info.width, source.info.height, source.info.fps) == (200, 100, 15)
    assert screen.areas[0] == LEFT


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("screen:3", "there is no screen 3; there are 2"),
        ("screen:left", "screens are numbered from 1"),
        ("screen:?region=1,2,3", "left,top,width,height"),
        ("screen:?region=0,0,0,9", "left,top,width,height"),
        ("screen:2?region=50,0,64,48", "leaves the screen, which is 100x80"),
    ],
)
def test_what_is_not_on_the_screen_is_told(screen: FakeScreen, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_source(name)


def test_a_screen_that_cannot_be_read_is_explained(monkeypatch: pytest.MonkeyPatch, screen) -> None:
    def refuse() -> None:
        raise ScreenShotError("no display")

    monkeypatch.setattr(sys.modules["mss"], "mss", refuse)
    with pytest.raises(UserError, match=r"the screen cannot be read \(no display\)"):
        open_source("screen:")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mss", None)
    with pytest.raises(
        UserError, match=r"screen: needs the package mss; run: pip install 'keras-vst\[live\]'"
    ):
        open_source("screen:")
