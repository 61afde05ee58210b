import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from keras_vst.errors import UserError
from keras_vst.networks import open_network
from keras_vst.networks.onnx import OnnxNetwork
from keras_vst.networks.tflite import TfliteNetwork
from tests.conftest import draw_picture
from tests.keras_vst.networks.onnx_networks import film_onnx, foreign_onnx, negative_onnx


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return negative_onnx(tmp_path_factory.mktemp("onnx") / "negative.onnx", about={"margin": "16"})


def test_the_ending_of_the_name_chooses_what_runs_it(network, negative):
    assert isinstance(open_network(network), OnnxNetwork)
    assert isinstance(open_network(negative), TfliteNetwork)


def test_sizes_and_what_the_file_knows_of_itself_are_read(network, tmp_path):
    opened = open_network(network, threads=1)
    assert isinstance(opened, OnnxNetwork)
    assert (opened.size, opened.margin, opened.map_channels) == (None, 16, {})
    assert opened.runtime.name == "onnxruntime"
    assert "CPUExecutionProvider" in opened.providers
    fixed = open_network(negative_onnx(tmp_path / "fixed.onnx", size=(32, 48)))
    assert (fixed.size, fixed.margin) == ((32, 48), None)


def test_it_paints_as_the_same_network_in_litert_does(network, negative):
    ours, theirs = open_network(network, threads=1), open_network(negative, threads=1)
    for seed, size in enumerate(((40, 56), (16, 16), (40, 56))):
        frame = draw_picture(seed, *size)
        np.testing.assert_array_equal(ours.paint(frame), theirs.paint(frame))


def test_a_film_network_is_given_its_maps_and_zeros_for_those_that_are_missing(tmp_path):
    opened, frame = open_network(film_onnx(tmp_path / "film.onnx")), draw_picture(2, 16, 24)
    warped = np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    assert opened.map_channels == {"warped": 3, "visible": 1}
    painted = opened.paint_film(frame, {"warped": warped, "visible": np.ones((1, 16, 24, 1), np.float32)})
    np.testing.assert_allclose(painted, warped, atol=1e-6)
    assert not opened.paint_film(frame, {}).any()
    np.testing.assert_allclose(painted, warped, atol=1e-6)  # what was handed out stays


def test_files_that_are_no_network_of_ours_are_refused(tmp_path):
    broken = tmp_path / "broken.onnx"
    for content, message in ((b"", "it is empty"), (b"no network", "ONNX Runtime cannot read it")):
        broken.write_bytes(content)
        with pytest.raises(UserError, match=f"not a keras_vst network.*{message}"):
            open_network(broken)
    with pytest.raises(UserError, match=r"it takes \['image'\] and gives \['scores'\]"):
        open_network(foreign_onnx(tmp_path / "foreign.onnx"))
    with pytest.raises(UserError, match="no network file"):
        open_network(tmp_path / "missing.onnx")
    with pytest.raises(UserError, match="`margin` is 'wide'"):
        open_network(negative_onnx(tmp_path / "margin.onnx", about={"margin": "wide"}))


def test_the_checksum_is_looked_at(network):
    open_network(network, sha256=hashlib.sha256(network.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="its checksum is not the one on its card"):
        open_network(network, sha256="0" * 64)


def test_sizes_it_cannot_run_are_refused(network, tmp_path):
    fixed = open_network(negative_onnx(tmp_path / "fixed.onnx", size=(32, 48)))
    with pytest.raises(UserError, match="cannot run on frames of 16x16"):
        fixed.paint(np.zeros((16, 16, 3), np.uint8))
    enormous = np.broadcast_to(np.uint8(0), (16384, 16384, 3))
    with pytest.raises(UserError, match="16384x16384 is too large"):
        open_network(network).paint(enormous)


def test_without_the_library_it_is_said_what_to_install(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="pip install onnxruntime`"):
        open_network(network)


def test_options_that_do_not_apply_are_refused(network):
    with pytest.raises(UserError, match="leave --runtime litert out"):
        open_network(network, runtime="litert")
    with pytest.raises(UserError, match="at least 1, but is 0"):
        open_network(network, threads=0)


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (["CPU", "CUDA", "Tensorrt"], ["Tensorrt", "CUDA", "CPU"]),
        (["Azure", "CPU", "CUDA"], ["CUDA", "CPU"]),
        (["CPU"], ["CPU"]),
    ],
)
def test_a_jetsons_providers_come_first_where_they_are_present(network, monkeypatch, present, chosen):
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
    open_network(network, threads=2)
    assert asked == [f"{name}ExecutionProvider" for name in chosen]
