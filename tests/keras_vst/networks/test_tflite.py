import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from keras_vst.networks import base
from keras_vst.networks.base import count_threads
from keras_vst.networks.tflite import TfliteNetwork, find_runtime
from tests.conftest import draw_picture
from tests.keras_vst.networks.networks import write_network

RNG = np.random.default_rng(0)


def opened(path: Path) -> TfliteNetwork:
    return TfliteNetwork(path, path.read_bytes(), find_runtime(), threads=1)


def test_sizes_and_maps_are_read_from_the_file(negative, fixed, film):
    plain, static, guided = opened(negative), opened(fixed), opened(film)
    assert (plain.size, plain.map_channels, plain.margin) == (None, {}, None)
    assert static.size == (64, 96)
    assert guided.map_channels == {"warped": 3, "visible": 1}


@pytest.mark.parametrize("size", [(64, 96), (40, 48), (8, 8)])
def test_a_frame_is_painted_as_numpy_computes_it(negative, size):
    frame = draw_picture(3, 64, 96)[: size[0], : size[1]]
    np.testing.assert_array_equal(opened(negative).paint(frame), 255 - frame)


def test_the_size_may_change_from_frame_to_frame(negative):
    network = opened(negative)
    for height, width in ((16, 24), (64, 40), (16, 24)):
        frame = draw_picture(1, height, width)
        np.testing.assert_array_equal(network.paint(frame), 255 - frame)


def test_a_film_network_is_given_its_maps_and_zeros_for_those_that_are_missing(film):
    network, frame = opened(film), draw_picture(2, 16, 24)
    warped = RNG.random((1, 16, 24, 3), np.float32)
    visible = (RNG.random((1, 16, 24, 1)) > 0.5).astype(np.float32)
    painted = network.paint_film(frame, {"warped": warped, "visible": visible})
    np.testing.assert_allclose(painted, visible * warped + (1 - visible) * frame / 510, atol=1e-6)
    np.testing.assert_allclose(network.paint_film(frame, {})[0], frame / 510, atol=1e-6)


def test_a_live_network_gives_its_floats_too(negative):
    frame = draw_picture(2, 16, 24)
    np.testing.assert_allclose(opened(negative).paint_film(frame, {})[0], 1 - frame / 255, atol=1e-6)


def test_a_fixed_network_refuses_another_size(fixed):
    with pytest.raises(UserError, match="cannot run on frames of 32x32"):
        opened(fixed).paint(draw_picture(1, 32, 32))


def test_a_frame_beyond_all_memory_is_refused_before_it_is_tried(negative):
    enormous = np.broadcast_to(np.uint8(0), (16384, 16384, 3))
    with pytest.raises(UserError, match="16384x16384 is too large"):
        opened(negative).paint(enormous)


FORMS = {
    "grey frames": ({"frame": (1, None, None, 1)}, "expected"),
    "batches": ({"frame": (2, None, None, 3)}, "expected"),
    "one free side": ({"frame": (1, 32, None, 3)}, "expected"),
    "odd sizes": ({"frame": (1, 33, 65, 3)}, "no multiples of 8"),
    "a flat frame": ({"frame": (32, 24, 3)}, "3 dimensions"),
    "a style vector": (
        {"frame": (1, 32, 24, 3), "style": (1, 1)},
        r"it takes \['frame', 'style'\] and gives",
    ),
    "a wide mask": (
        {"frame": (1, None, None, 3), "warped": (1, None, None, 3), "visible": (1, None, None, 3)},
        r"`visible` is \(1, -1, -1, 3\), expected \(1, -1, -1, 1\)",
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_network_of_another_form_is_not_ours(tmp_path, case):
    forms, message = FORMS[case]

    def paint(**tensors):
        return {"stylized": tensors["frame"] + sum(0.0 * tf.reduce_sum(each) for each in tensors.values())}

    specs = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in forms.items()}
    functions = {
        1: lambda frame: paint(frame=frame),
        2: lambda frame, style: paint(frame=frame, style=style),
        3: lambda frame, warped, visible: paint(frame=frame, warped=warped, visible=visible),
    }
    path = write_network(tmp_path / "other.tflite", functions[len(forms)], list(specs.values()))
    with pytest.raises(UserError, match=f"not a keras_vst network.*{message}"):
        opened(path)


def test_somebody_elses_network_is_not_ours(foreign):
    with pytest.raises(UserError, match=r"not a keras_vst network.*no signature `stylize`"):
        opened(foreign)


def test_a_second_signature_may_not_stand_before_ours(tmp_path):
    def shrink(frame):
        return {"small": frame[:, ::2, ::2]}

    def paint(frame):
        return {"stylized": 1.0 - frame}

    frame = tf.TensorSpec((1, 8, 8, 3), tf.float32, "frame")
    path = write_network(
        tmp_path / "two.tflite", shrink, [frame], "a_shrink", more={"stylize": (paint, [frame])}
    )
    with pytest.raises(UserError, match="`stylize` must be its first signature"):
        opened(path)


def test_litert_is_found_first_and_tells_its_version():
    found = find_runtime()
    assert (found.name, found.version) == ("litert", importlib.metadata.version("ai-edge-litert"))


def test_an_unknown_runtime_is_refused():
    with pytest.raises(UserError, match="use one of: litert, tflite-runtime"):
        find_runtime("onnx")


def test_without_a_runtime_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(UserError, match="pip install ai-edge-litert`"):
        find_runtime()
    with pytest.raises(UserError, match=r"pip install tflite-runtime` \(Python 3.11 or older, numpy below 2"):
        find_runtime("tflite-runtime")


def test_tflite_runtime_steps_in_where_litert_is_missing(monkeypatch, negative):
    from ai_edge_litert import interpreter

    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", interpreter)
    monkeypatch.setattr(importlib.metadata, "version", {"tflite-runtime": "2.14.0"}.__getitem__)
    found = find_runtime()
    assert (found.name, found.version) == ("tflite-runtime", "2.14.0")
    assert TfliteNetwork(negative, negative.read_bytes(), found, threads=1).size is None


def test_threads_are_the_cores_up_to_four(monkeypatch):
    monkeypatch.setattr(base.os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert count_threads(None) == 3
    monkeypatch.setattr(base.os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert count_threads(None) == 4
    monkeypatch.delattr(base.os, "sched_getaffinity")
    monkeypatch.setattr(base.os, "cpu_count", lambda: None)
    assert count_threads(None) == 1
