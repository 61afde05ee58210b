import errno
import os
import re
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from av.error import FFmpegError

from edge.painter import Look, moved
from edge.reaction import HeardLine, hear_live
from edge.sources import open_source as open_live
from keras_vst.errors import UserError
from keras_vst.video import open_source
from tests.keras_vst.clips import flat, grey_steps, write_clip
from tests.keras_vst.test_video_hearing import clicks, wave

RATE = 25
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="through ALSA")
LEVEL = 60  # of every frame; its negative is 195


def sounding(folder: Path, times: list[float], seconds: float = 2.0) -> tuple[Path, Path]:
    """A clip of one grey without sound, and clicks to go with it."""
    film = write_clip(
        folder / "grey.mkv", [flat((LEVEL,) * 3)] * round(seconds * RATE), codec="ffv1", pixel_format="bgr0"
    )
    return film, wave(folder / "clicks.wav", clicks(times, seconds))


def levels(path: Path) -> np.ndarray:
    with open_source(path) as source:
        return np.array([float(frame.pixels.mean()) for frame in source])


@pytest.mark.parametrize("reaction", ["loudness", "beat"])
def test_the_strength_jumps_with_the_click_and_silence_leaves_it(vst, bundled, tmp_path, reaction):
    film, sound = sounding(tmp_path, [0.5, 1.3])
    target = tmp_path / "out.mkv"
    options = ("--style", "dark", "--strength", "0.2", "--react", reaction, "--react-from", sound)
    status, _, err = vst("stylize", film, "-o", target, *options, "--codec", "ffv1")
    assert (status, err) == (0, "")
    shown = levels(target)
    asked = LEVEL + 0.2 * (255 - 2 * LEVEL)
    assert shown[:12] == pytest.approx([asked] * 12, abs=1)
    jumps = np.flatnonzero(np.diff(shown) > 30)
    assert (jumps + 1) / RATE == pytest.approx([0.5, 1.3], abs=1 / RATE)
    assert shown.max() <= 255 - LEVEL + 1


def test_the_place_between_two_styles_moves_to_the_second(vst, bundled, tmp_path):
    film, sound = sounding(tmp_path, [0.52])
    for styles, before, after in (("light:0.75,dark:0.25", 0.25, 0.8), ("dark:0.25,light:0.75", 0.25, 0.2)):
        target = tmp_path / "out.mkv"
        options = ("--style", styles, "--react", "beat", "--react-from", sound, "--codec", "ffv1")
        assert vst("stylize", film, "-o", target, *options)[0] == 0
        dark = (levels(target) - LEVEL) / (255 - 2 * LEVEL)
        assert dark[:12] == pytest.approx([before] * 12, abs=0.02)
        assert (dark.max() > after) if after > before else (dark.min() < after)


def test_a_clip_hears_itself_from_where_it_is_cut(vst, bundled, clip, tmp_path):
    target = tmp_path / "out.mkv"
    options = (
        "--style",
        "dark",
        "--strength",
        "0",
        "--react",
        "loudness",
        "--codec",
        "ffv1",
        "--start",
        "0.08",
    )
    status, _, err = vst("stylize", clip, "-o", target, *options)  # a tone from beginning to end
    assert (status, err) == (0, "")
    assert levels(target)[-1] > 200


def test_live_hears_the_file_that_it_plays(vst, bundled, tmp_path):
    film, sound = sounding(tmp_path, [0.4], seconds=0.8)
    target = tmp_path / "out.mkv"
    options = ("--style", "dark", "--strength", "0.2", "--react", "beat", "--react-from", sound)
    status, _, _ = vst("live", film, "--sink", target, *options, "--codec", "ffv1")
    assert status == 0
    shown = levels(target)
    assert shown[0] == pytest.approx(LEVEL + 0.2 * (255 - 2 * LEVEL), abs=1)
    assert shown.max() > 150


def test_a_loop_is_heard_in_every_round(tmp_path):
    film = write_clip(tmp_path / "film.mkv", grey_steps(10), sound="aac")
    options = Namespace(source=f"loop:{film}", react="loudness", react_from=None)
    with open_live(options.source) as source, closing(hear_live(options, source)) as heard:
        values = [heard.at(float(frame.time)) for frame in islice(source, 30)]
    assert min(values[5:]) > 0.5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--react", "beat"), "--react moves the strength from --strength up to 1, and it is 1 already"),
        (("--react-from", "x.wav"), "--react-from says what is heard; add what it does: --react loudness"),
        (("--react", "beat", "--strength", "0.5"), r"hears nothing: \S+grey\.mkv has no sound; name a file"),
        (("--react", "beat", "--strength", "0.5", "--react-from", "microphone"), "by `vst live`"),
        (("--react", "beat", "--strength", "0.5", "--react-from", "none.wav"), r"none\.wav cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line(vst, bundled, tmp_path, options, told):
    film = write_clip(tmp_path / "grey.mkv", grey_steps(3), codec="ffv1", pixel_format="bgr0")
    status, out, err = vst("stylize", film, "-o", tmp_path / "out.mp4", "--style", "dark", *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(told, err)
    assert not (tmp_path / "out.mp4").exists()


def test_a_camera_without_a_microphone_is_one_line(vst, bundled):
    options = ("--style", "dark", "--strength", "0.5", "--react", "beat", "--sink", "null:")
    status, _, err = vst("live", "test:", *options)
    assert status == 2
    assert "test: has no sound that can be heard beside its pictures" in err
    assert err.count("\n") == 1


@linux
def test_a_microphone_that_is_not_there_is_one_line(vst, bundled):
    options = ("--style", "dark", "--strength", "0.5", "--react", "beat", "--sink", "null:")
    status, _, err = vst("live", "test:", *options, "--react-from", "microphone:plughw:97")
    assert status == 2
    assert err.splitlines()[-1].startswith("vst: --react-from microphone:plughw:97 cannot be heard (")


@pytest.fixture
def say(tmp_path, monkeypatch):
    """A microphone of ALSA called `tape`, which hears 10 ms of a tone, or of silence, whenever this is called."""
    import fcntl  # not everywhere

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "asound.conf").write_text(
        f'pcm.tape {{ type file slave.pcm {{ type null }} file "/dev/null" infile "{fifo}" format "raw" }}'
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    tone = (16000 * np.sin(2 * np.pi * 500 * np.arange(480) / 48000)).astype("<i2").repeat(2)
    descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # nobody waits for the other
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)  # two of them: what is heard is not old
    with os.fdopen(descriptor, "wb", buffering=0) as tape:
        tape.write((0 * tone).tobytes())  # it is opened when there is something to hear
        yield lambda loud: tape.write((loud * tone).tobytes())


def until(reached: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
    """Do that until it is so."""
    end = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end
        meanwhile()
        time.sleep(0.01)


@linux
def test_a_microphone_is_heard_while_it_happens_and_its_silence_is_nothing(say):
    line = HeardLine("microphone:tape", "loudness")
    levels = []
    for _ in range(20):
        say(False)
        time.sleep(0.01)
        levels.append(line.at(0))
    assert set(levels) == {0.0}
    until(lambda: line.at(0) > 0.95, lambda: say(True))
    until(lambda: line.at(0) < 0.5, lambda: say(False))
    line.close()
    until(lambda: not any(each.name == "vst-sound" for each in threading.enumerate()), lambda: say(False))


@linux
def test_live_is_moved_by_a_microphone(vst, bundled, tmp_path, say):
    film, _ = sounding(tmp_path, [])
    over = threading.Event()

    def speak() -> None:
        while not over.wait(0.01):
            say(True)

    speaker = threading.Thread(target=speak)
    speaker.start()
    options = ("--style", "dark", "--strength", "0", "--react", "loudness", "--codec", "ffv1")
    target = tmp_path / "out.mkv"
    status, _, _ = vst("live", film, "--sink", target, *options, "--react-from", "microphone:tape")
    over.set()
    speaker.join()
    until(lambda: not any(each.name == "vst-sound" for each in threading.enumerate()), lambda: say(False))
    assert status == 0
    assert levels(target)[-1] > 185


@linux
def test_a_microphone_that_is_in_use_is_one_line(monkeypatch):
    def busy(name: str, **how: object) -> None:
        raise FFmpegError(errno.EBUSY, "Device or resource busy", name)

    monkeypatch.setattr("edge.reaction.av.open", busy)
    with pytest.raises(
        UserError, match=r"microphone:tape cannot be heard \(Device or resource busy\); check that"
    ):
        HeardLine("microphone:tape", "beat")


def test_a_stream_that_ends_is_told_and_leaves_silence(capsys, tmp_path):
    path = wave(tmp_path / "tone.wav", 0.5 * np.ones((1, 8000)) * np.sin(np.arange(8000)))
    line = HeardLine(path.as_uri(), "loudness")
    told: list[str] = []
    until(lambda: any(told), lambda: told.append(capsys.readouterr().err))
    assert "".join(told) == f"vst: the sound of {path.as_uri()} ended; the style stays as it is\n"
    assert line.at(0) == 0


def test_a_line_without_sound_is_one_line(tmp_path):
    address = write_clip(tmp_path / "silent.mp4", grey_steps(2)).as_uri()
    with pytest.raises(UserError, match=r"--react-from file:\S+silent\.mp4 sends no sound"):
        HeardLine(address, "beat")


def test_a_look_is_moved_between_what_was_asked_for_and_all_the_way():
    look = Look((0.5, 0.25, 0.25), strength=0.4)
    assert moved(look, 0.0, 1) == look
    assert moved(look, 0.5, None).strength == pytest.approx(0.7)
    assert moved(look, 1.0, None).strength == 1
    assert moved(look, 1.0, 1).shares == (0, 1, 0)
    assert moved(look, 0.5, 1).shares == pytest.approx((0.25, 0.625, 0.125))
