import json
import platform
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from edge import bench
from edge.bench import WARM_UP
from keras_vst import zoo
from keras_vst.files import SCENE
from keras_vst.machine import processor
from keras_vst.video import probe
from tests.keras_vst.clips import grey_steps, write_clip

SHORT = WARM_UP + 20  # more than may have been decoded when the warm-up ends


@pytest.fixture
def short_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SCENE", write_clip(tmp_path / "scene.mp4", grey_steps(SHORT)))


def test_the_row_names_everything_a_number_depends_on(vst, bundled, short_scene):
    status, out, _ = vst("bench", "--json", "--threads", 2)
    assert status == 0
    row = json.loads(out)
    assert row["frames"] == SHORT - WARM_UP
    assert (row["network"], row["size"], row["threads"], row["runtime"]) == ("dark", "64x48", 2, "litert")
    assert row["versions"] == {
        package: version(name)
        for package, name in (("litert", "ai-edge-litert"), ("numpy", "numpy"), ("av", "av"))
    }
    assert (row["python"], row["device"]) == (platform.python_version(), processor())
    assert list(row["milliseconds"]) == ["capture", "fit", "network", "unfit", "sink"]
    assert all(0 <= times["median"] <= times["p95"] for times in row["milliseconds"].values())


def test_the_frame_rate_is_that_of_the_counted_frames(vst, negative, short_scene, monkeypatch):
    # A clock that moves on by a quarter of a second between its two looks.
    looks = iter([1.0, 1.25])
    monkeypatch.setattr(bench, "clock", lambda: next(looks))
    status, out, _ = vst("bench", "--json", "--model", negative)
    assert status == 0
    row = json.loads(out)
    assert row["frames_per_second"] == 4 * (SHORT - WARM_UP)


def test_for_people_there_is_a_line_per_stage(vst, negative, short_scene):
    status, out, _ = vst("bench", "--model", negative)
    assert status == 0
    assert re.search(r"^[\d.]+ frames per second at 64x48, network negative$", out, re.MULTILINE)
    assert re.search(r"^  network +[\d.]+ ms, 95 % below [\d.]+ ms$", out, re.MULTILINE)


def test_a_clip_that_ends_in_the_warm_up_is_told(vst, negative, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "SCENE", write_clip(tmp_path / "scene.mp4", grey_steps(WARM_UP)))
    status, _, err = vst("bench", "--model", negative)
    assert status == 2
    assert f"has {WARM_UP} frames, but the warm-up takes {WARM_UP}" in err


def test_an_empty_zoo_cannot_be_measured(vst, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    assert vst("bench") == (
        2,
        "",
        "vst: which style? Add --style with one of: none is installed, use --model.\n",
    )


def test_the_bundled_clip_has_the_size_and_length_that_numbers_are_quoted_for():
    info = probe(SCENE)
    assert (info.width, info.height) == (640, 360)
    assert (info.frames or 0) >= 100
