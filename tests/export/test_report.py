from __future__ import annotations

import json
import re

import numpy as np
import pytest

from export import page
from export.artifact import Artifact, digest, parse_size, plan
from export.footage import clip_footage, network_size, scene_footage
from export.gate.check import Check, not_judged
from export.report import Judged, Report, processor
from keras_vst.errors import UserError
from keras_vst.frames import fit
from tests.conftest import draw_picture


def make_report():
    checks = [
        Check("parity", "stylize", True, ">= 80 dB", {"worst": 999.0, "first": 139.25}),
        Check("parity", "fp16", False, "<= 1.3 x", {"ratio": float("nan")}, "<slow> & heavy"),
        Check("speed", "fp16", None, "<= 1.3 x", message="busy", warning=True),
        not_judged("agreement", "tflite-runtime", "the same", "it is not here"),
    ]
    picture = draw_picture(1, 60, 400)
    fp16 = Judged(
        Artifact("tflite", "fp16", (360, 640)),
        checks,
        "n_fp16.tflite",
        12,
        "ab",
        picture,
        picture,
    )
    return Report("wave", 1234, "keras_vst.scene, 4 frames", [Judged(None, checks[:1]), fp16])


def test_the_report_says_what_passed_and_with_what_numbers():
    report = make_report()
    values = json.loads(report.to_json())
    assert values["gate"] == "failed"
    assert values["artifacts"]["network"]["passed"] is True
    entry = values["artifacts"]["fp16_640x360"]
    assert (entry["passed"], entry["size"], entry["takes"]) == (False, "640x360", "656x376")
    assert [check["outcome"] for check in entry["checks"]] == [
        "passed",
        "failed",
        "warning",
        "not judged",
    ]
    assert entry["checks"][0]["measured"] == {"worst": 999, "first": 139.25}
    assert entry["checks"][1]["measured"] == {"ratio": "nan"}
    assert report.failures() == ["fp16_640x360: parity (fp16): <slow> & heavy"]
    assert report.warnings() == ["fp16_640x360: speed (fp16): busy"]


def test_the_report_is_small_and_tells_nothing_of_the_place_it_was_made_in():
    checks = make_report().judged[1].checks * 6
    artifacts = plan(("tflite",), ("fp32", "fp16", "int8"), (None, (360, 640), (256, 256)))
    judged = [Judged(each, checks) for group in artifacts.values() for each in group]
    text = Report("wave", 1, "clip", judged).to_json()
    assert len(text) < 50_000
    assert not re.search(r"\d\d:\d\d", text)
    assert '"/' not in text


def test_the_page_holds_everything_and_needs_no_script():
    report = make_report()
    text = page.render(report, draw_picture(2), draw_picture(3))
    assert "the gate is <span class='failed'>failed" in text
    assert "&lt;slow&gt; &amp; heavy" in text
    assert "<slow>" not in text
    assert text.count("<img") == 4
    assert "<script" not in text
    assert "http" not in text
    for gate in ("Parity", "Speed", "Agreement"):
        assert f"<h2>{gate}</h2>" in text


def test_the_processor_is_named(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: Quick One\nmodel name\t: Quick One\n")
    assert processor(tmp_path) == "Quick One"
    assert processor(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("artifact", "file"),
    [
        (Artifact("tflite"), "wave.tflite"),
        (Artifact("tflite", "fp16"), "wave_fp16.tflite"),
        (Artifact("tflite", "fp32", (360, 640)), "wave_fp32_640x360.tflite"),
        (Artifact("onnx"), "wave.onnx"),
        (Artifact("savedmodel"), "wave/1"),
    ],
)
def test_files_are_named_after_what_they_are(artifact, file, tmp_path):
    assert artifact.path(tmp_path, "wave") == tmp_path / file


def test_a_static_size_takes_frames_of_it_with_their_margin_and_not_a_pixel_is_resampled():
    for content in ((360, 640), (256, 256), (1080, 1920)):
        size = network_size(content)
        frame = draw_picture(1, *content)
        fitted, fitting = fit(frame, size, multiple=8, margin=8)
        assert fitted.shape[:2] == size
        assert fitting.content == content
        assert np.array_equal(fitted[8:-8, 8:-8], frame), "nothing but the margin is added"
    assert network_size((360, 640)) == (376, 656)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("640", "WIDTHxHEIGHT"),
        ("axb", "WIDTHxHEIGHT"),
        ("8000x8", "out of range"),
        ("854x480", "Use 856x480"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_size(text)


def test_sizes_are_width_by_height():
    assert parse_size("640x360") == (360, 640)
    assert parse_size("dynamic") is None


def test_the_digest_of_a_folder_changes_with_any_of_its_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "b" / "c.txt").write_bytes(b"two")
    size, first = digest(tmp_path)
    assert size == 6
    (tmp_path / "b" / "c.txt").write_bytes(b"twp")
    assert digest(tmp_path)[1] != first


def test_footage_has_a_margin_that_can_be_cut_away_again():
    footage = scene_footage((32, 44), 3)
    assert footage.size == (48, 64)
    np.testing.assert_array_equal(footage.inside(footage.frames), footage.content)
    flow, visible = footage.flow(1)
    assert flow.shape == (32, 44, 2)
    assert visible.shape == (32, 44, 1)
    assert visible.mean() > 0.5


def test_a_clip_of_one_s_own_is_brought_to_size_and_played_forth_and_back(short_clip):
    footage = clip_footage(short_clip, (32, 48), 12)
    assert footage.content.shape == (12, 32, 48, 3)
    np.testing.assert_array_equal(footage.content[8], footage.content[6])
    flow, visible = footage.flow(2)
    inside = visible[4:-4, 4:-4, 0] > 0
    # The picture moves 2 pixels a frame to the left in 96, which is 1 in 48.
    assert inside.mean() > 0.3
    assert np.median(flow[4:-4, 4:-4, 0][inside]) == pytest.approx(1, abs=0.3)
    assert footage.origin == "clip.mp4"
