"""Every runtime is a Network: LiteRT, ONNX Runtime and Keras paint alike, refuse alike, and say what they lack."""

import importlib.metadata
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from keras_vst.networks import base, open_network
from keras_vst.networks.base import check_tensors, count_threads
from keras_vst.networks.keras import KerasNetwork
from keras_vst.networks.opening import TfliteNetwork, find_runtime
from tests.conftest import draw_picture
from tests.keras_vst.networks.networks import write_network

RUNTIMES = ("litert", "onnxruntime", "keras")


def opened(path: Path) -> TfliteNetwork:
    return TfliteNetwork(path, path.read_bytes(), find_runtime(), threads=1)


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from tests.keras_vst.networks import onnx_networks

    folder = tmp_path_factory.mktemp("onnx")
    onnx_networks.negative_onnx(folder / "negative.onnx", about={"margin": "16"})
    onnx_networks.negative_onnx(folder / "fixed.onnx", size=(64, 96))
    onnx_networks.negative_onnx(folder / "margin.onnx", about={"margin": "wide"})
    onnx_networks.film_onnx(folder / "film.onnx")
    onnx_networks.foreign_onnx(folder / "foreign.onnx")
    return folder


@pytest.fixture(params=RUNTIMES)
def plain(request, negative):
    """Paints the negative, any size."""
    if request.param == "litert":
        return opened(negative)
    if request.param == "onnxruntime":
        return open_network(request.getfixturevalue("onnx_folder") / "negative.onnx", threads=1)
    frame = keras.Input((None, None, 3), name="frame")
    return KerasNetwork(keras.Model({"frame": frame}, {"stylized": 1.0 - frame}))


@pytest.fixture(params=RUNTIMES)
def guided(request, film):
    """Keeps what is `warped` where it is visible, elsewhere paints half the frame."""
    if request.param == "litert":
        return opened(film)
    if request.param == "onnxruntime":
        return open_network(request.getfixturevalue("onnx_folder") / "film.onnx")
    shapes = {"frame": 3, "warped": 3, "visible": 1}
    inputs = {name: keras.Input((None, None, count), name=name) for name, count in shapes.items()}
    seen = inputs["visible"]
    painted = seen * inputs["warped"] + (1.0 - seen) * 0.5 * inputs["frame"]
    return KerasNetwork(keras.Model(inputs, {"stylized": painted}))


def test_frames_are_painted_whatever_size_comes_next(plain):
    for seed, size in enumerate(((40, 56), (16, 16), (8, 8), (40, 56))):
        frame = draw_picture(seed, *size)
        np.testing.assert_array_equal(plain.paint(frame), 255 - frame)
    np.testing.assert_allclose(plain.paint_film(frame, {})[0], 1 - frame / 255, atol=1e-6)
    assert (plain.size, plain.map_channels) == (None, {})


def test_a_film_network_is_given_its_maps_and_zeros_for_those_that_are_missing(guided):
    frame, warped = draw_picture(2, 16, 24), np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    visible = (np.random.default_rng(1).random((1, 16, 24, 1)) > 0.5).astype(np.float32)
    assert guided.map_channels == {"warped": 3, "visible": 1}
    painted = guided.paint_film(frame, {"warped": warped, "visible": visible})
    wanted = visible * warped + (1 - visible) * frame / 510
    np.testing.assert_allclose(painted, wanted, atol=1e-6)
    np.testing.assert_allclose(guided.paint_film(frame, {})[0], frame / 510, atol=1e-6)
    np.testing.assert_allclose(painted, wanted, atol=1e-6)  # what was handed out stays


def test_a_frame_beyond_all_memory_is_refused_before_it_is_tried(plain):
    enormous = np.broadcast_to(np.uint8(0), (16384, 16384, 3))
    with pytest.raises(UserError, match="16384x16384 is too large"):
        plain.paint(enormous)


def test_a_file_tells_the_size_that_it_fixes_and_refuses_others(fixed, onnx_folder):
    for network in (opened(fixed), open_network(onnx_folder / "fixed.onnx")):
        assert (network.size, network.margin) == ((64, 96), None)
        with pytest.raises(UserError, match="cannot run on frames of 32x32"):
            network.paint(draw_picture(1, 32, 32))


OPEN = [1, -1, -1, 3]
FORMS = {
    "grey frames": ({"frame": [1, -1, -1, 1]}, "expected"),
    "batches": ({"frame": [2, -1, -1, 3]}, "expected"),
    "one free side": ({"frame": [1, 32, -1, 3]}, "expected"),
    "odd sizes": ({"frame": [1, 33, 65, 3]}, "no multiples of 8"),
    "a flat frame": ({"frame": [32, 24, 3]}, "3 dimensions"),
    "a style vector": ({"frame": OPEN, "style": [1, 1]}, r"it takes \['frame', 'style'\] and gives"),
    "a wide mask": (
        {"frame": OPEN, "warped": OPEN, "visible": OPEN},
        r"`visible` is \(1, -1, -1, 3\), expected \(1, -1, -1, 1\)",
    ),
}


@pytest.mark.parametrize("given", [[1, -1, -1, 1], [1, 64, 64, 3]])
def test_what_is_painted_has_the_form_of_the_frame(given):
    with pytest.raises(UserError, match=r"`stylized` is \(1, .* expected what `frame` is"):
        check_tensors({"frame": [1, 32, 32, 3]}, {"stylized": given}, Path("other.tflite"))


@pytest.mark.parametrize("case", FORMS)
def test_a_network_of_another_form_is_not_ours(case):
    inputs, message = FORMS[case]
    with pytest.raises(UserError, match=rf"not a keras_vst network: other\.tflite: .*{message}"):
        check_tensors(inputs, {"stylized": OPEN}, Path("other.tflite"))


def test_the_noise_of_a_film_network_may_have_any_number_of_channels():
    inputs = {"frame": OPEN, "warped": OPEN, "visible": [1, -1, -1, 1], "noise": [1, -1, -1, 4]}
    size, maps = check_tensors(inputs, {"stylized": OPEN}, Path("film.tflite"))
    assert (size, maps) == (None, {"warped": 3, "visible": 1, "noise": 4})


def test_somebody_elses_network_is_not_ours(foreign, onnx_folder):
    with pytest.raises(UserError, match=r"not a keras_vst network.*no signature `stylize`"):
        opened(foreign)
    with pytest.raises(UserError, match=r"it takes \['image'\] and gives \['scores'\]"):
        open_network(onnx_folder / "foreign.onnx")
    with pytest.raises(UserError, match="`margin` is 'wide'"):
        open_network(onnx_folder / "margin.onnx")


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


def test_litert_is_found_first_and_an_unknown_runtime_is_refused():
    found = find_runtime()
    assert (found.name, found.version) == ("litert", importlib.metadata.version("ai-edge-litert"))
    with pytest.raises(UserError, match="use one of: litert, tflite-runtime"):
        find_runtime("onnx")


def test_without_a_runtime_it_is_said_what_to_install(monkeypatch, onnx_folder):
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match="pip install ai-edge-litert`"):
        find_runtime()
    with pytest.raises(UserError, match=r"pip install tflite-runtime` \(Python 3.11 or older, numpy below 2"):
        find_runtime("tflite-runtime")
    with pytest.raises(UserError, match="pip install onnxruntime`"):
        open_network(onnx_folder / "negative.onnx")


def test_tflite_runtime_steps_in_where_litert_is_missing(monkeypatch, negative):
    from ai_edge_litert import interpreter

    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", interpreter)
    monkeypatch.setattr(importlib.metadata, "version", {"tflite-runtime": "2.14.0"}.__getitem__)
    found = find_runtime()
    assert (found.name, found.version) == ("tflite-runtime", "2.14.0")
    assert TfliteNetwork(negative, negative.read_bytes(), found, threads=1).size is None


def test_an_onnx_file_tells_its_margin_and_what_runs_it(onnx_folder):
    network = open_network(onnx_folder / "negative.onnx", threads=1)
    assert (network.margin, network.runtime.name) == (16, "onnxruntime")


@pytest.mark.parametrize(
    ("present", "chosen"),
    [(["CPU", "CUDA", "Tensorrt"], ["Tensorrt", "CUDA", "CPU"]), (["Azure", "CPU", "CUDA"], ["CUDA", "CPU"])],
)
def test_a_jetsons_providers_come_first_where_they_are_present(onnx_folder, monkeypatch, present, chosen):
    import onnxruntime

    asked = []
    session = onnxruntime.InferenceSession

    def watched(content, options, providers):
        asked.extend(providers)
        assert options.intra_op_num_threads == 2
        return session(content, options, providers=["CPUExecutionProvider"])

    named = [f"{name}ExecutionProvider" for name in present]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: named)
    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    open_network(onnx_folder / "negative.onnx", threads=2)
    assert asked == [f"{name}ExecutionProvider" for name in chosen]


def test_threads_are_the_cores_up_to_four(monkeypatch):
    with pytest.raises(UserError, match="at least 1, but is 0"):
        count_threads(0)
    for cores, threads in ((3, 3), (64, 4)):
        monkeypatch.setattr(base.os, "sched_getaffinity", lambda _, cores=cores: range(cores), raising=False)
        assert count_threads(None) == threads
    monkeypatch.delattr(base.os, "sched_getaffinity")
    monkeypatch.setattr(base.os, "cpu_count", lambda: None)
    assert count_threads(None) == 1
