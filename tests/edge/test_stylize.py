import json
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.files import SCENE
from keras_vst.video import open_source, probe
from tests.conftest import draw_picture
from tests.conftest import write_picture as draw_to
from tests.edge.conftest import FRAMES
from tests.keras_vst.clips import flat, grey_steps, names, sound_packets, video_times, write_clip

REPOSITORY = Path(__file__).parents[2]


def picture(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_a_picture_comes_out_as_its_negative(vst, bundled, tmp_path):
    source = draw_to(tmp_path / "in.png", seed=1, height=45, width=61)
    status, out, err = vst("stylize", source, "-o", tmp_path / "out.png", "--style", "dark")
    assert (status, err) == (0, "")
    np.testing.assert_array_equal(picture(tmp_path / "out.png"), 255 - draw_picture(1, 45, 61))
    assert re.fullmatch(
        r"1 frame in [\d.]+ s, [\d.]+ frames per second, network dark, litert, \d threads?: \S+out\.png\n",
        out,
    )


def test_a_mix_at_half_strength_lies_half_over_the_frame(vst, bundled, tmp_path):
    source = draw_to(tmp_path / "in.png", seed=2)
    status, _, _ = vst(
        "stylize", source, "-o", tmp_path / "out.png", "--style", "dark:0.6,light:0.4", "--strength", "0.5"
    )
    assert status == 0
    before = draw_picture(2).astype(np.float64)
    expected = 0.7 * before + 0.3 * (255 - before)
    assert np.abs(picture(tmp_path / "out.png") - expected).max() <= 1


def test_a_clip_keeps_its_times_its_size_and_its_sound(vst, clip, negative, tmp_path):
    target = tmp_path / "out.mp4"
    status, out, _ = vst("stylize", clip, "-o", target, "--model", negative, "--json", "--threads", 1)
    assert status == 0
    assert out.count("\n") == 1
    row = json.loads(out)
    assert (row["frames"], row["skipped"], row["threads"]) == (FRAMES, 0, 1)
    assert (row["network"], row["output"]) == ("negative", str(target))
    assert video_times(target) == video_times(clip)
    assert sound_packets(target) == sound_packets(clip)
    with open_source(target) as source:
        levels = [float(frame.pixels.mean()) for frame in source]
    assert levels == pytest.approx([255 - 10 * k for k in range(FRAMES)], abs=3)


def test_a_clip_becomes_numbered_frames_and_these_a_clip(vst, clip, negative, tmp_path):
    frames = tmp_path / "frames"
    assert vst("stylize", clip, "-o", f"{frames}/", "--model", negative)[0] == 0
    assert names(frames) == [f"{index:06d}.png" for index in range(FRAMES)]
    options = ("--codec", "ffv1")
    assert vst("stylize", frames, "-o", tmp_path / "film.mkv", "--model", negative, *options)[0] == 0
    with open_source(tmp_path / "film.mkv") as film, open_source(clip) as original:
        for twice, once in zip(film, original, strict=True):
            np.testing.assert_array_equal(twice.pixels, once.pixels)


def test_before_after_is_the_middle_frame_in_two_halves(vst, negative, tmp_path):
    clip = write_clip(tmp_path / "in.mkv", grey_steps(5), codec="ffv1", pixel_format="bgr0")
    split = tmp_path / "split.png"
    options = ("--model", negative, "--before-after", split)
    assert vst("stylize", clip, "-o", tmp_path / "out.mp4", *options)[0] == 0
    shown = picture(split)
    np.testing.assert_array_equal(shown[:, :31], flat((20, 20, 20), 31, 48))
    np.testing.assert_array_equal(shown[:, 33:], flat((235, 235, 235), 31, 48))
    np.testing.assert_array_equal(shown[:, 31:33], flat((255, 255, 255), 2, 48))


def test_progress_is_shown_on_a_terminal_and_not_when_quiet(vst, clip, negative, tmp_path, monkeypatch):
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    for quiet, seen in (((), True), (("--quiet",), False)):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert vst("stylize", clip, "-o", tmp_path / "out.gif", "--model", negative, *quiet)[0] == 0
        assert (f"/{FRAMES}" in terminal.getvalue()) is seen


def test_frames_of_one_pixel_are_painted(vst, negative, tmp_path):
    cv2.imwrite(str(tmp_path / "dot.png"), flat((250, 250, 250), 1, 1))
    assert vst("stylize", tmp_path / "dot.png", "-o", tmp_path / "out.png", "--model", negative)[0] == 0
    assert picture(tmp_path / "out.png").tolist() == [[[5, 5, 5]]]


def test_a_truncated_clip_is_painted_up_to_the_break_which_is_told(vst, negative, tmp_path):
    frames = [draw_picture(seed, 96, 128) for seed in range(20)]
    whole = write_clip(tmp_path / "whole.mp4", frames)  # its index is at the front
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    status, out, err = vst("stylize", cut, "-o", tmp_path / "out.mp4", "--model", negative, "--json")
    row = json.loads(out)
    assert status == 0
    assert 0 < row["frames"] < 20
    assert row["ends_early"] == [str(cut)]
    assert err == f"vst: {cut} ends early; painted up to there, fetch it again\n"
    assert probe(tmp_path / "out.mp4").frames == row["frames"]
    out = vst("stylize", cut, "-o", tmp_path / "out.mp4", "--model", negative)[1]
    assert out.startswith(f"{row['frames']} frames (the input ends early) in ")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_an_end_stops_at_once_and_leaves_nothing(negative, tmp_path, kind):
    # So large that it takes many seconds, however fast the machine.
    options = ["--model", str(negative), "--size", "2560x1440"]
    command = [
        sys.executable,
        "-m",
        "edge",
        "stylize",
        str(SCENE),
        "-o",
        str(tmp_path / "out.webm"),
        *options,
    ]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not names(tmp_path):  # its part file; it grows late, in clusters of seconds
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)  # among the frames
        start = time.monotonic()
        process.send_signal(kind)
        _, err = process.communicate(timeout=30)
        seconds = time.monotonic() - start
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "vst: stopped; nothing unfinished was left behind."
    assert names(tmp_path) == []
    assert seconds < 3  # a fraction of one where nothing else runs


@pytest.mark.skipif(os.name != "posix", reason="limits on the size of files are a matter of POSIX")
def test_a_full_disk_is_told_and_leaves_nothing(negative, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from edge.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["stylize", str(SCENE), "-o", str(folder / "out.mp4"), "--model", str(negative)]
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"vst: cannot write \S+out\.mp4: the file would be larger .*\n", done.stderr)
    assert names(folder) == []


def test_a_folder_of_pictures_and_clips_keeps_its_names_and_sizes(vst, negative, clip, tmp_path):
    mixed, done = tmp_path / "mixed", tmp_path / "done"
    mixed.mkdir()
    draw_to(mixed / "cat.png", seed=1, height=33, width=44)
    draw_to(mixed / "dog.bmp", seed=2, height=50, width=20)
    write_clip(mixed / "short.avi", grey_steps(3), codec="ffv1", pixel_format="bgr0")
    (mixed / "walk.mp4").write_bytes(clip.read_bytes())
    for name in ("torn.mkv", "broken.jpg", "notes.txt", ".hidden.png"):
        (mixed / name).write_text("no picture and no clip")
    status, out, _ = vst("stylize", mixed, "-o", f"{done}/", "--model", negative)
    assert status == 0
    assert out.startswith(f"{2 + 3 + FRAMES} frames (3 left out) in ")
    assert names(done) == ["cat.png", "dog.bmp.png", "short.avi.mp4", "walk.mp4"]
    np.testing.assert_array_equal(picture(done / "cat.png"), 255 - draw_picture(1, 33, 44))
    np.testing.assert_array_equal(picture(done / "dog.bmp.png"), 255 - draw_picture(2, 50, 20))
    assert sound_packets(done / "walk.mp4") == sound_packets(clip)
    assert len(video_times(done / "short.avi.mp4")) == 3


@pytest.mark.parametrize(
    ("options", "painted", "reasons"),
    [
        (("--codec", "libx265"), ["cat.png", "long.mp4", "short.mp4"], ["dance.gif", "flower.webm"]),
        (
            ("--start", "0.5"),
            ["cat.png", "long.mp4"],
            ["short.mp4 lasts 0.1 s, but --start asks for second 0.5"],
        ),
    ],
)
def test_an_option_that_does_not_fit_a_file_leaves_out_that_file_alone(
    vst, negative, tmp_path, options, painted, reasons
):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    draw_to(mixed / "cat.png", seed=1, height=33, width=44)
    write_clip(mixed / "long.mp4", grey_steps(20))
    write_clip(mixed / "short.mp4", grey_steps(3))
    if "--codec" in options:
        write_clip(mixed / "flower.webm", grey_steps(3), codec="libvpx-vp9")
        assert vst("stylize", mixed / "short.mp4", "-o", mixed / "dance.gif", "--model", negative)[0] == 0
    arguments = (mixed, "-o", f"{tmp_path}/done/", "--model", negative, "--json", *options)
    status, out, err = vst("stylize", *arguments)
    assert status == 0
    assert names(tmp_path / "done") == painted
    assert json.loads(out)["skipped"] == len(names(mixed)) - len(painted)
    assert all(reason in err for reason in reasons)


def test_a_part_of_a_clip_has_the_sound_of_that_part(vst, negative, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", grey_steps(20), sound="aac")
    target = tmp_path / "out.mp4"
    options = ("--start", "0.2", "--duration", "0.4", "--model", negative)
    assert vst("stylize", clip, "-o", target, *options)[0] == 0
    assert [float(time) for time in video_times(target)] == pytest.approx([k / 25 for k in range(10)])
    with open_source(target) as source:
        levels = [float(frame.pixels.mean()) for frame in source]
    assert levels == pytest.approx([255 - 10 * k for k in range(5, 15)], abs=3)
    whole, part = sound_packets(clip), sound_packets(target)
    # AAC packets of 1024 samples at 48 kHz: those that begin from 0.2 s on, for 0.4 s.
    first = whole.index(part[0])
    assert part == whole[first : first + len(part)]
    assert first * 1024 / 48000 == pytest.approx(0.2, abs=0.045)
    assert len(part) * 1024 / 48000 == pytest.approx(0.4, abs=0.045)


def test_the_original_colours_can_be_kept(vst, negative, tmp_path):
    source = tmp_path / "in.png"
    cv2.imwrite(str(source), flat((90, 120, 150), 64, 48))  # BGR: brownish
    assert vst("stylize", source, "-o", tmp_path / "out.png", "--model", negative, "--keep-color")[0] == 0
    red, green, blue = picture(tmp_path / "out.png")[20, 30].astype(int)
    # The light of the negative, the colour of the picture: differences stay, the mean turns over.
    assert (red - green, green - blue) == pytest.approx((30, 30), abs=3)
    light = 0.299 * 150 + 0.587 * 120 + 0.114 * 90
    assert 0.299 * red + 0.587 * green + 0.114 * blue == pytest.approx(255 - light, abs=2)


def test_stats_go_to_stderr_and_the_hud_into_the_picture(vst, clip, negative, tmp_path):
    status, out, err = vst(
        "stylize", clip, "-o", tmp_path / "out.mp4", "--model", negative, "--stats", "--json"
    )
    assert status == 0
    assert json.loads(out)["frames"] == FRAMES
    assert [line.split()[0] for line in err.splitlines()] == ["capture", "fit", "network", "unfit", "sink"]
    large = tmp_path / "large.png"
    cv2.imwrite(str(large), flat((0, 0, 0), 640, 480))
    assert vst("stylize", large, "-o", tmp_path / "hud.png", "--model", negative, "--hud")[0] == 0
    shown = picture(tmp_path / "hud.png")
    assert (shown[200:] == 255).all()
    assert (shown[:100, :100] < 100).any()


def test_leaps_of_the_clock_are_mended_and_counted(vst, negative, tmp_path):
    clip = write_clip(tmp_path / "in.ts", grey_steps(5))
    clip.write_bytes(clip.read_bytes() * 3)
    target = tmp_path / "out.mp4"
    out = vst("stylize", clip, "-o", target, "--model", negative)[1]
    assert out.startswith("15 frames (2 leaps of its clock mended) in ")
    row = json.loads(vst("stylize", clip, "-o", target, "--model", negative, "--json")[1])
    assert (row["frames"], row["times_mended"]) == (15, 2)
    assert float(video_times(target)[-1]) == pytest.approx(14 / 25, abs=0.1)


def test_a_folder_names_all_that_it_leaves_out(vst, negative, tmp_path):
    mixed = tmp_path / "mixed"
    (mixed / "inner").mkdir(parents=True)
    draw_to(mixed / "cat.png", seed=1, height=33, width=44)
    cv2.imwrite(str(mixed / "owl.avif"), draw_picture(2, 48, 64))
    for name in ("broken.jpg", "phone.heic", "notes.txt", ".hidden.png"):
        (mixed / name).write_text("no picture and no clip")
    done = mixed / "done"
    status, out, err = vst("stylize", mixed, "-o", f"{done}/", "--model", negative, "--json")
    assert status == 0
    assert names(done) == ["cat.png", "owl.avif.png"]
    row = json.loads(out)
    assert [*row["left_out"]] == ["inner", "notes.txt", "broken.jpg", "phone.heic"]
    assert row["skipped"] == 4
    assert "give it by itself" in row["left_out"]["inner"]
    assert "is not a picture that can be read" in row["left_out"]["broken.jpg"]
    assert err.splitlines() == [f"vst: left out: {name}: {why}" for name, why in row["left_out"].items()]


@pytest.mark.skipif(not hasattr(cv2, "Animation"), reason="OpenCV before 4.11 has no animations")
def test_an_animation_in_a_folder_becomes_a_clip(vst, negative, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    animation = cv2.Animation()
    animation.frames, animation.durations = grey_steps(4), np.full(4, 100, np.int32)
    for name in ("a.webp", "b.png", "c.avif"):
        assert cv2.imwriteanimation(str(mixed / name), animation)
    assert vst("stylize", mixed, "-o", f"{tmp_path}/done/", "--model", negative)[0] == 0
    assert names(tmp_path / "done") == ["a.webp.mp4", "b.png.mp4", "c.avif.mp4"]
    assert len(video_times(tmp_path / "done" / "a.webp.mp4")) == 4


def test_a_transparent_picture_stays_transparent_and_what_cannot_be_kept_is_said(vst, bundled, tmp_path):
    pixels = np.dstack([draw_picture(1, 45, 61), np.full((45, 61), 255, np.uint8)])
    pixels[:, 30:, 3] = 0
    assert cv2.imwrite(str(tmp_path / "in.png"), pixels)
    assert vst("stylize", tmp_path / "in.png", "-o", tmp_path / "out.png", "--style", "dark")[::2] == (0, "")
    kept = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(kept[..., 3], pixels[..., 3])
    status, out, err = vst(
        "stylize", tmp_path / "in.png", "-o", tmp_path / "out.jpg", "--style", "dark", "--json"
    )
    note = f"{tmp_path / 'in.png'}: what is transparent is shown on white"
    assert (status, json.loads(out)["notes"], err) == (0, [note], f"vst: {note}\n")
