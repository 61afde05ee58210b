"""What the cards of the zoo claim, held against the files beside them and against each other."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from pathlib import Path

import cv2
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.flatbuffer import layout
from keras_vst import config as configuration
from keras_vst import zoo
from keras_vst.models.student import build_student

REPOSITORY = Path(__file__).parents[2]
SHIPPED = [style for style in zoo.styles() if not style.own]
each_style = pytest.mark.parametrize("style", SHIPPED, ids=lambda style: style.name)


def macs(path: Path, size: tuple[int, int]) -> int:
    """Counted in the file itself at (height, width): of each CONV_2D its kernel and its pixels."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=plain)
    for each in interpreter.get_input_details():
        interpreter.resize_tensor_input(each["index"], [1, *size, int(each["shape"][-1])])
    interpreter.allocate_tensors()
    shapes = {each["index"]: tuple(map(int, each["shape"])) for each in interpreter.get_tensor_details()}
    return sum(
        math.prod(shapes[each["inputs"][1]]) * math.prod(shapes[each["outputs"][0]][:3])
        for each in interpreter._get_ops_details()
        if each["op_name"] == "CONV_2D"
    )


@each_style
def test_size_and_checksum_of_every_file_are_true(style):
    for file in style.card["files"].values():
        data = (style.path.parent / file["file"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@each_style
def test_the_weights_stand_where_the_card_says(style):
    assert style.weights == layout(style.path.read_bytes())


@each_style
def test_arithmetic_and_architecture_are_true(style):
    width, height = map(int, style.card["gmacs"]["size"].split("x"))
    counted = macs(style.path, (height, width))
    assert style.card["gmacs"]["value"] == pytest.approx(counted / 1e9, abs=5.1e-4)
    if style.quality == "live":
        told = configuration.from_dict({"student": style.card["training"]["config"]["student"]}).student
        assert style.architecture == told.architecture
        assert style.card["parameters"] == build_student(told).count_params()


@each_style
def test_every_card_shows_its_pictures(style):
    for name in ("sheet", "strips"):
        picture = cv2.imread(str(REPOSITORY / style.card["pictures"][name]))
        assert picture is not None
        assert min(picture.shape[:2]) > 300


def test_files_of_one_architecture_are_laid_out_alike():
    layouts = defaultdict(list)
    for style in SHIPPED:
        layouts[style.architecture].append((style.path.stat().st_size, style.weights))
    for found in layouts.values():
        assert all(each == found[0] for each in found)
