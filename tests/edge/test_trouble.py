"""What the system refuses at any moment: one line, status 2, no traceback and nothing left."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import stylize
from edge.cli import LONGEST, told, unexpected
from tests.edge.live_fakes import FakeSource
from tests.keras_vst.clips import names

REPOSITORY = Path(__file__).parents[2]
LONG = "x" * 300


class Meddling(FakeSource):
    """After its second frame something happens to the disk."""

    def __init__(self, happens):
        super().__init__(8)
        self._happens = happens

    def __iter__(self):
        for index, frame in enumerate(super().__iter__()):
            if index == 2:
                self._happens()
            yield frame


@pytest.fixture
def meddled(vst, bundled, monkeypatch):
    """`vst stylize -o TARGET` of a clip during which something happens; the one line."""

    def run(target: str, happens) -> str:
        monkeypatch.setattr(stylize, "open_source", lambda *_, **__: Meddling(happens))
        status, printed, err = vst("stylize", "in.mp4", "-o", target, "--style", "dark", "--threads", 1)
        assert (status, printed, err.count("\n")) == (2, "", 1), err
        assert "unexpected" not in err
        assert "part-" not in err
        return err

    return run


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm", "out.gif"])
def test_the_folder_of_a_clip_that_is_removed_midway(meddled, out, name):
    message = meddled(f"{out}/{name}", lambda: shutil.rmtree(out))
    assert message == f"vst: the folder {out} is gone; was it removed meanwhile? Make it and run again.\n"
    assert not out.exists()


def test_an_output_folder_that_is_removed_midway(meddled, out):
    message = meddled(f"{out}/frames/", lambda: shutil.rmtree(out))
    assert message == f"vst: the folder {out} is gone; was it removed meanwhile? Make it and run again.\n"


def test_a_target_that_became_a_folder(meddled, out):
    def happens():
        (out / "out.mp4").mkdir()
        (out / "out.mp4" / "mine.txt").touch()

    assert "a folder of that name is in the way" in meddled(f"{out}/out.mp4", happens)
    assert names(out) == ["out.mp4"]
    assert (out / "out.mp4" / "mine.txt").exists()


def test_an_hls_folder_that_is_removed_midway(vst, bundled, out, monkeypatch):
    from edge import live

    monkeypatch.setattr(live, "open_source", lambda uri: Meddling(lambda: shutil.rmtree(out)))
    status, _, err = vst("live", "in.mp4", "--sink", f"hls:{out}/?segment=0.04", "--style", "dark")
    assert (status, err.count("\n")) == (2, 1), err
    assert err == f"vst: {out} cannot be read or written: it is not there; was it removed meanwhile? " + (
        "Check the name and run again.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("stylize", f"{LONG}.mp4", "-o", "OUT/out.mp4"),
        ("stylize", "PICTURE", "-o", f"OUT/{LONG}.png"),
        ("stylize", "PICTURE", "-o", f"OUT/{LONG}/"),
        ("stylize", "PICTURE", "-o", f"OUT/{LONG}/out.png"),
        ("stylize", "PICTURE", "-o", "OUT/out.png", "--before-after", f"OUT/{LONG}.png"),
        ("live", "PICTURE", "--sink", "null:", "--folder", f"OUT/{LONG}"),
        ("live", f"{LONG}.mp4", "--sink", "null:"),
        ("live", "PICTURE", "--sink", f"hls:OUT/{LONG}/"),
    ],
)
def test_a_name_that_is_too_long(vst, bundled, out, photos, arguments):
    words = [
        word.replace("OUT", str(out)).replace("PICTURE", str(photos / "photo_0.png")) for word in arguments
    ]
    status, printed, err = vst(*words, "--style", "dark")
    assert (status, printed, err.count("\n"), names(out)) == (2, "", 1, [])
    assert "the name is too long; choose a shorter one." in err


def test_a_folder_that_may_not_be_read(vst, bundled, out, photos, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)  # permissions do not stop root, who may be running this
    status, _, err = vst("stylize", photos, "-o", f"{out}/", "--style", "dark")
    assert (status, err.count("\n")) == (2, 1)
    assert f"{photos} cannot be read or written: that is not allowed; change its permissions" in err


@pytest.mark.parametrize(
    "arguments",
    [("styles",), ("stylize", "PICTURE", "-o", "OUT/out.png"), ("live", "test:?duration=1", "--sink", "-")],
)
def test_a_full_disk_behind_standard_output(arguments, out, photos, negative):
    words = [
        word.replace("OUT", str(out)).replace("PICTURE", str(photos / "photo_0.png")) for word in arguments
    ]
    model = () if words == ["styles"] else ("--model", str(negative))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edge", *words, *model],
            cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("vst: standard output cannot be read or written: the disk is full")


@pytest.mark.parametrize(
    "work",
    [
        lambda: np.zeros(2**55, np.uint8),
        lambda: cv2.resize(np.zeros((1, 1), np.float64), (2**30, 2**30)),
        lambda: threading.Thread(target=print).start(),
    ],
)
def test_memory_that_runs_out(vst, monkeypatch, work):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "_start_new_thread", refuse)
    monkeypatch.setattr(threading, "_start_joinable_thread", refuse, raising=False)
    monkeypatch.setattr(stylize, "open_painter", lambda options: work())
    status, printed, err = vst("stylize", "in.mp4", "-o", "out.mp4")
    assert (status, printed, err.count("\n")) == (2, "", 1)
    assert err.startswith(
        "vst: there is not enough memory for this; close other programs, or use a smaller --size"
    )


def test_an_error_that_quotes_its_whole_input_is_shortened():
    assert len(unexpected(TypeError("x" * 2_000_000))) < LONGEST + 60


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), OSError("broke"), OSError(9999, "new"), ValueError("a\nb")]
)
def test_what_may_be_a_defect_is_not_explained_away(error):
    assert told(error) is None
    assert "\n" not in unexpected(error)
