"""What is made is named after what it is, and takes frames of the size that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from export.artifact import Artifact, digest, parse_size
from keras_vst.errors import UserError
from keras_vst.frames import fit
from tests.conftest import draw_picture


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
        size = Artifact("tflite", size=content).takes
        frame = draw_picture(1, *content)
        fitted, fitting = fit(frame, size, multiple=8, margin=8)
        assert fitted.shape[:2] == size
        assert fitting.content == content
        assert np.array_equal(fitted[8:-8, 8:-8], frame), "nothing but the margin is added"
    assert Artifact("tflite", size=(360, 640)).takes == (376, 656)


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
