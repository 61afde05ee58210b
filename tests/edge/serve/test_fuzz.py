"""Whatever bytes come: an answer or a Refusal, never another exception, never more pixels than are allowed."""

from __future__ import annotations

import json
import os
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

pytest.importorskip("aiohttp", reason="the server needs the extra `serve`")

from edge.serve.limits import Limits, Refusal, picture_size
from edge.serve.paint_settings import read_settings
from edge.serve.protocol import (
    answer,
    json_length,
    read_message,
    read_pictures,
    read_tensors,
    split_bytes,
    the_input,
    written,
)
from edge.serve.workers import decode
from keras_vst.zoo import Style
from tests.edge.serve.conftest import drawn, jpeg
from tests.keras_vst.clips import png_of

LIMITS = Limits(pixels=100_000)
WHOLE = (jpeg(drawn()), png_of(32, 20))
fuzz = settings(deadline=None, max_examples=int(os.environ.get("VST_FUZZ_EXAMPLES", "100")))
json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)
tensors = some.fixed_dictionaries(
    {
        "name": some.sampled_from(["frame", "image_bytes"]) | json_values,
        "datatype": some.sampled_from(["UINT8", "FP32", "BYTES"]) | json_values,
        "shape": some.lists(some.integers(-1, 9), max_size=5) | json_values,
        "data": some.lists(some.integers(-1, 300) | some.floats(), max_size=12) | json_values,
    },
    optional={
        "parameters": json_values | some.fixed_dictionaries({"binary_data_size": some.integers(-2, 40)})
    },
)


@some.composite
def damaged(draw: Any) -> bytes:
    """A picture with some bytes changed, left out or put in."""
    content = bytearray(draw(some.sampled_from(WHOLE)))
    for _ in range(draw(some.integers(1, 8))):
        at = draw(some.integers(0, len(content) - 1))
        content[at : at + draw(some.integers(0, 9))] = draw(some.binary(max_size=9))
    return bytes(content)


@given(some.binary(max_size=200) | damaged() | some.sampled_from(WHOLE))
@fuzz
def test_pictures(content: bytes) -> None:
    try:
        height, width = picture_size(content, LIMITS)
        pixels = decode(content)
    except Refusal:
        return
    assert sorted(pixels.shape[:2]) == sorted((height, width))  # a camera may have been held upright
    assert height * width <= LIMITS.pixels


@given(
    json_values | some.fixed_dictionaries({"inputs": some.lists(tensors, max_size=2)}),
    some.binary(max_size=60),
)
@fuzz
def test_requests(message: Any, raw: bytes) -> None:
    try:
        head = json.dumps(message).encode()
        length = json_length(str(len(head)), head + raw, LIMITS.json)
        asked = the_input(read_tensors(read_message(head[:length]), raw))
        pictures = read_pictures(asked, LIMITS)
    except Refusal:
        return
    painted = answer(asked, [picture for _, picture in pictures])
    body, _ = written(message, "dark", painted)
    assert body
    assert all(height * width <= LIMITS.pixels for (height, width), _ in pictures)


@given(some.binary(max_size=300))
@fuzz
def test_what_is_no_json(content: bytes) -> None:
    with suppress(Refusal):
        read_tensors(read_message(content), b"")


@given(some.lists(some.binary(max_size=30), max_size=5), some.integers(0, 8))
@fuzz
def test_elements_of_bytes(files: list[bytes], cut: int) -> None:
    raw = b"".join(struct.pack("<I", len(file)) + file for file in files)
    assert split_bytes(raw) == files
    try:
        split_bytes(raw[: len(raw) - cut])
    except Refusal:
        assert cut


@given(some.dictionaries(some.sampled_from(["style", "size", "strength", "native", "x"]), json_values))
@fuzz
def test_parameters(parameters: dict[str, Any]) -> None:
    styles = {"dark": Style("dark", path=None)}  # pyright: ignore[reportArgumentType]
    try:
        asked = read_settings(styles, "dark", parameters, LIMITS)
    except Refusal:
        return
    assert (asked.parts[0][0], 0 <= asked.look.strength <= 1) == ("dark", True)


def test_the_whole_ones_are_pictures() -> None:
    assert [decode(content).shape for content in WHOLE] == [(48, 64, 3), (20, 32, 3)]
    assert all(np.prod(picture_size(content, LIMITS)) > 0 for content in WHOLE)
