"""What the cards of the zoo claim, held against the files beside them; and what a card gets of a score-card."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from pathlib import Path

import cv2
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.card import read_scores
from export.formats.flatbuffer import layout
from keras_vst import zoo
from keras_vst.config import overrides as configuration
from keras_vst.errors import UserError
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


def score_json(path, **about):
    """As training.evaluate writes it: a network with a control beside it, and another network."""
    row = {"palette": 0.2, "steady": 0.03}
    entry = {
        "name": "mine",
        "file": "m.tflite",
        "bytes": 5,
        "milliseconds": {"network": 20.0, "int8": 15.0},
        "int8": {"decibels": 47.0, "flicker_ratio": 1.0},
        "rows": {"network": row, "blurred": {"steady": 0.0}},
        "bars": [{"of": "palette", "value": 0.2, "limit": "<= 0.3", "passed": True, "unfit": False}],
    }
    other = {**entry, "name": "other", "milliseconds": {}, "int8": {}, "bars": [], "rows": {"network": row}}
    path.write_text(json.dumps({"about": about, "networks": [other, entry]}))
    return path


def test_a_card_gets_rows_and_times_as_they_were_measured(tmp_path):
    told = {
        "photos": "8 of held-out/",
        "clips": "4 of /home/me/data/clips, sharp",
        "machine": "x86_64, 2 cores",
    }
    found = read_scores(score_json(tmp_path / "score.json", **told), ["painter", "mine"])
    assert found["network"] == {"palette": 0.2, "steady": 0.03}
    assert found["beside"] == {"blurred": {"steady": 0.0}}
    assert found["speed"]["milliseconds"] == {"network": 20.0, "int8": 15.0}
    assert found["int8"]["decibels"] == 47.0
    assert found["on"] == {**told, "clips": "4 of data/clips, sharp"}
    assert found["bars"] == {"palette": True}


def test_what_was_not_measured_is_left_out(tmp_path):
    assert set(read_scores(score_json(tmp_path / "score.json"), ["other"])) == {"network"}


def test_scores_of_another_network_are_refused(tmp_path):
    path = score_json(tmp_path / "score.json")
    with pytest.raises(UserError, match=r"is of other, mine, expected painter\. Score this network"):
        read_scores(path, ["painter", "painter"])


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"networks": [{}]}', '{"networks": [{"name": "mine"}]}']
)
def test_a_file_that_is_no_score_card_is_told_with_the_way_out(content, tmp_path):
    path = tmp_path / "score.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"cannot be read as a score-card \(.+\)\. Write it with"):
        read_scores(path, ["mine"])
