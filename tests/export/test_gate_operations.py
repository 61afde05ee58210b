from __future__ import annotations

import pytest

from export import making, source, tflite
from export.anatomy import Anatomy
from export.artifact import Artifact
from export.footage import scene_footage
from export.gate import operations
from export.judge import Reference
from export.order import Order
from export.report import Judged
from tests.export.networks import CONFIG, CONTENT, TINY, content, with_layer

SIZE = (48, 64)


def anatomy_of(student):
    file = tflite.convert(student, "fp32", SIZE)
    return Anatomy(file), file


@pytest.mark.parametrize(("precision", "size"), [("fp32", None), ("fp16", None), ("fp32", SIZE)])
def test_a_good_network_is_taken_by_every_device(precision, size):
    file = content(precision, size)
    anatomy = Anatomy(file)
    assert operations.white_list(anatomy).passed
    assert operations.gpu(anatomy, file).passed
    for signature in ("stylize", "stylize_u8"):
        check = operations.xnnpack(anatomy, signature, SIZE)
        assert check.passed, check
        assert check.measured == {"partitions": 1.0, "left": 0.0}


def test_an_instance_norm_is_named_with_what_replaces_it():
    anatomy, _ = anatomy_of(with_layer("norm"))
    check = operations.white_list(anatomy)
    assert check.failed
    assert "MEAN" in check.message
    assert "layer `norm`" in check.message
    assert "BatchNormalization" in check.message


def test_an_operation_that_xnnpack_leaves_out_is_named_with_what_replaces_it():
    anatomy, file = anatomy_of(with_layer("mirror"))
    check = operations.xnnpack(anatomy, "stylize", SIZE)
    assert check.failed
    assert check.measured["partitions"] == 2
    assert "MIRROR_PAD in layer `mirror`" in check.message
    assert "padding='same'" in check.message
    assert operations.white_list(anatomy).failed
    assert operations.gpu(anatomy, file).passed, "GPUs do take it"


def test_a_network_that_does_not_convert_is_told_with_operation_and_layer(tmp_path, capfd):
    judged = Judged(Artifact("tflite"))
    network = source.Source(with_layer("nearest"), CONFIG)
    order = Order(run=tmp_path, out=tmp_path, name="bad", effort=TINY)
    reference = Reference.paint(network.network, scene_footage(CONTENT, 2))
    assert making.Group(order, network, tmp_path, CONTENT, reference).make(judged) is None
    (check,) = judged.checks
    assert check.failed
    assert "Conv2D" in check.message
    assert "layer `" in check.message
    assert list(tmp_path.iterdir()) == []


def test_int8_is_not_judged_for_gpus_and_says_why():
    class Quantized:
        precision = "int8"

    check = operations.gpu(Quantized(), b"")  # type: ignore[arg-type]
    assert check.passed is None
    assert "fp16" in check.message


def test_types_that_gpus_get_wrong_are_named():
    file = content("fp32", SIZE)
    anatomy = Anatomy(file)
    bytes_first = Anatomy(anatomy.with_first("stylize_u8"))
    bytes_first.signatures = {"stylize": 0}
    check = operations.gpu(bytes_first, file)
    assert check.failed
    assert "UINT8" in check.message
