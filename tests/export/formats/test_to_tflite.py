"""A .tflite file paints what the network paints, in two signatures and one layout for one architecture."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export.formats.flatbuffer import layout
from export.formats.to_tflite import convert
from export.gate.runtimes import play
from export.judged_clips import psnr
from keras_vst import zoo
from keras_vst.frames import to_float
from keras_vst.models import fold
from keras_vst.networks.mixing import mix
from tests.conftest import draw_picture
from tests.export.networks import CONFIG, TAKES, content, good

SIZE = TAKES
FILES = [("fp32", None), ("fp32", SIZE), ("fp16", None), ("int8", None)]
FLOORS = {"fp32": 80.0, "fp16": 50.0, "int8": 36.0}  # random weights suffer from int8 more than learned ones


def panned(seed, size=SIZE, num_frames=3):
    picture = draw_picture(seed, size[0] + num_frames, size[1] + num_frames)
    return np.stack([picture[time : time + size[0], time : time + size[1]] for time in range(num_frames)])


def painted(network, frames):
    return np.asarray(network({"frame": to_float(frames)}, training=False)["stylized"])


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_a_file_paints_what_the_network_paints(kind):
    frames = panned(9)
    expected = np.concatenate([painted(good(), frame[None]) for frame in frames])
    assert psnr(play("litert", content(*kind), "stylize", frames), expected) >= FLOORS[kind[0]]


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_bytes_are_the_rounded_floats(kind):
    floats, levels = (play("litert", content(*kind), name, panned(9)) for name in ("stylize", "stylize_u8"))
    assert levels.dtype == np.uint8
    assert np.abs(levels - 255.0 * floats).max() <= 0.51


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_both_signatures_have_the_promised_names_and_types(kind):
    interpreter = Interpreter(model_content=content(*kind))
    ends = {"inputs": ["frame"], "outputs": ["stylized"]}
    assert interpreter.get_signature_list() == {"stylize": ends, "stylize_u8": ends}
    for name, picture in (("stylize", np.float32), ("stylize_u8", np.uint8)):
        runner = interpreter.get_signature_runner(name)
        frame, stylized = runner.get_input_details()["frame"], runner.get_output_details()["stylized"]
        assert (frame["dtype"], stylized["dtype"]) == (picture, picture)
        assert frame["shape_signature"].tolist() == ([1, *SIZE, 3] if kind[1] else [1, -1, -1, 3])


@pytest.mark.parametrize(("precision", "size"), [("fp32", (8, 8)), ("int8", (40, 24))])
def test_a_dynamic_file_is_right_at_other_sizes(precision, size):
    frames = panned(4, size, 1)
    played = play("litert", content(precision), "stylize", frames)
    assert psnr(played, painted(good(), frames)) >= FLOORS[precision]


def test_the_second_signature_reads_the_same_weights():
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content()), 0))
    tensors = [{int(tensor.buffer) for tensor in graph.tensors} for graph in model.subgraphs]
    assert tensors[1] == tensors[0]


def test_weights_lie_where_the_format_wants_them():
    for kind in FILES:
        model = schema.Model.GetRootAsModel(bytearray(content(*kind)), 0)
        buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
        starts = [each._tab.Vector(each._tab.Offset(4)) for each in buffers if each.DataLength()]
        assert starts
        assert all(start % 16 == 0 for start in starts)


def test_the_layout_gives_every_kernel_and_bias_of_the_folded_network():
    data, folded = content(), fold(good())
    found = {
        each["name"]: np.frombuffer(data, "<f4", each["length"] // 4, each["offset"]).reshape(each["shape"])
        for each in layout(data)
    }
    for variable in folded.weights:
        value = keras.ops.convert_to_numpy(variable)
        expected = value.transpose(3, 0, 1, 2) if value.ndim == 4 else value
        np.testing.assert_allclose(found.pop(variable.path), expected, rtol=1e-6, err_msg=variable.path)
    assert set(found) == {"up_4_blur/bias", "up_2_blur/bias"}  # zeros, which only the format wants
    assert [each["offset"] for each in layout(data)] == sorted(each["offset"] for each in layout(data))


def plain():
    """As it is born: biases are zeros everywhere, which the converter stores once."""
    network = good(seed=8)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([make(layer.gamma.shape) for make in (np.ones, np.zeros, np.zeros, np.ones)])
    return network


def test_networks_of_one_architecture_are_laid_out_alike_whatever_their_weights():
    born, other = convert(plain()), content(seed=6)
    assert layout(content()) == layout(other) == layout(born)
    assert len(content()) == len(other) == len(born)
    parts = [(each["offset"], each["offset"] + each["length"]) for each in layout(other)]
    left = [bytearray(data) for data in (content(), other, born)]
    for data in left:
        for start, end in parts:
            data[start:end] = bytes(end - start)
    assert left[0] == left[1] == left[2], "they differ in their weights alone"


def test_a_mix_of_two_files_paints_as_the_network_of_mixed_folded_weights(tmp_path):
    parts = []
    for seed, share in ((5, 3.0), (6, 1.0)):
        path = tmp_path / f"style{seed}.tflite"
        path.write_bytes(content(seed=seed))
        card = {
            "architecture": CONFIG.architecture,
            "weights": json.loads(json.dumps({"tensors": layout(content(seed=seed))})),
        }
        parts.append((zoo.Style(path.stem, path, card), share))
    mixed = fold(good())
    both = zip(fold(good(5)).get_weights(), fold(good(6)).get_weights(), strict=True)
    mixed.set_weights([0.75 * one + 0.25 * other for one, other in both])
    frames = panned(3, num_frames=1)
    ours = play("litert", mix(parts), "stylize", frames)
    assert psnr(ours, painted(mixed, frames)) > 100
    assert psnr(ours, painted(good(5), frames)) < 60


def test_int8_learns_its_ranges_from_the_frames_it_is_given():
    frames = panned(2)
    expected = np.concatenate([painted(good(), frame[None]) for frame in frames])
    dark = convert(good(), "int8", None, [0 * to_float(frame)[None] for frame in frames])
    seen, unseen = (
        psnr(play("litert", data, "stylize", frames), expected) for data in (content("int8"), dark)
    )
    assert seen > unseen + 8
