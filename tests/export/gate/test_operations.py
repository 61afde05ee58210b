"""Operations that a device leaves out are named, with the layer they come from and what replaces them."""

from __future__ import annotations

from export.artifact import Artifact, Options
from export.formats import to_tflite
from export.gate import operations
from export.gate.contents import Contents
from export.release import make
from export.results import Result
from export.source import Source
from tests.export.networks import CONFIG, TAKES, content, with_layer


def contents_of(student):
    return Contents(to_tflite.convert(student, "fp32", TAKES))


def test_a_good_network_is_taken_by_every_device():
    parts = Contents(content("fp32", TAKES))
    assert operations.white_list(parts).passed
    assert operations.gpu(parts).passed
    for signature in ("stylize", "stylize_u8"):
        check = operations.xnnpack(parts, signature, TAKES)
        assert check.passed, check
        assert check.measured == {"partitions": 1.0, "left": 0.0}


def test_an_instance_norm_is_named_with_what_replaces_it():
    parts = contents_of(with_layer("norm"))
    check = operations.white_list(parts)
    assert check.failed
    assert "MEAN" in check.message
    assert "layer `norm`" in check.message
    assert "BatchNormalization" in check.message


def test_an_operation_that_xnnpack_leaves_out_is_named_with_what_replaces_it():
    parts = contents_of(with_layer("mirror"))
    check = operations.xnnpack(parts, "stylize", TAKES)
    assert check.failed
    assert check.measured["partitions"] == 2
    assert "MIRROR_PAD in layer `mirror`" in check.message
    assert "padding='same'" in check.message
    assert operations.white_list(parts).failed
    assert operations.gpu(parts).passed, "GPUs do take it"


def test_a_network_that_does_not_convert_is_told_with_operation_and_layer(tmp_path, capfd):
    result, options = Result(Artifact("tflite")), Options(run=tmp_path, out=tmp_path, name="bad")
    assert make(result, options, Source(with_layer("nearest"), CONFIG), (), tmp_path) is None
    (check,) = result.checks
    assert check.failed
    assert "Conv2D" in check.message
    assert "layer `" in check.message
    assert list(tmp_path.iterdir()) == []


def test_int8_is_not_judged_for_gpus_and_says_why():
    check = operations.gpu(Contents(content("int8")))
    assert check.passed is None
    assert "fp16" in check.message


def test_types_that_gpus_get_wrong_are_named():
    bytes_first = Contents(Contents(content("fp32", TAKES)).with_first("stylize_u8"))
    bytes_first.signatures = {"stylize": 0}
    check = operations.gpu(bytes_first)
    assert check.failed
    assert "UINT8" in check.message
