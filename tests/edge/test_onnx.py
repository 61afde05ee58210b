import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from edge.engine import open_engine
from edge.stylizer import Stylizer
from keras_vst.errors import UserError
from keras_vst.runners.onnx import OnnxRunner
from keras_vst.runners.tflite import Runner
from tests.conftest import draw_picture
from tests.keras_vst.runners.onnx_networks import foreign_onnx, negative_onnx

ABOUT = {"name": "pair", "styles": "dark\nlight", "margin": "16"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return negative_onnx(tmp_path_factory.mktemp("onnx") / "negative.onnx", about=ABOUT)


def test_the_ending_of_the_name_chooses_what_runs_it(network, negative):
    assert isinstance(open_engine(network), OnnxRunner)
    assert isinstance(open_engine(negative), Runner)


def test_names_sizes_and_what_the_file_knows_of_itself_are_read(network, tmp_path):
    runner = OnnxRunner(network, threads=1)
    assert (runner.num_styles, runner.state_channels, runner.size) == (2, 1, None)
    assert (runner.style_names, runner.margin) == (("dark", "light"), 16)
    assert runner.runtime.name == "onnxruntime"
    assert "CPUExecutionProvider" in runner.providers
    fixed = OnnxRunner(negative_onnx(tmp_path / "fixed.onnx", size=(32, 48)))
    assert (fixed.size, fixed.style_names, fixed.margin) == ((32, 48), (), None)


def test_it_paints_and_remembers_as_the_same_network_in_litert_does(network, negative):
    """Frame by frame through both back ends: the pictures are equal and so are the states."""
    ours, theirs = OnnxRunner(network, threads=1), open_engine(negative, threads=1)
    style = np.array([[0.25, 0.5]], np.float32)
    state = other = None
    for seed in range(3):
        frame = draw_picture(seed, 40, 56)
        stylized, state = ours.run_pixels(frame, style, state)
        expected, other = theirs.run_pixels(frame, style, other)
        np.testing.assert_array_equal(stylized, expected)
        assert state is not None
        np.testing.assert_allclose(state, np.asarray(other), atol=1e-6)


def test_a_state_that_was_handed_out_is_not_changed_by_the_next_frame(network):
    runner, style = OnnxRunner(network, threads=1), np.zeros((1, 2), np.float32)
    _, first = runner.run_pixels(np.full((16, 16, 3), 255, np.uint8), style)
    assert first is not None
    _, second = runner.run_pixels(np.full((16, 16, 3), 255, np.uint8), style, first)
    np.testing.assert_allclose(first, np.ones((1, 4, 4, 1)), atol=1e-6)
    np.testing.assert_allclose(np.asarray(second), 1.5 * np.ones((1, 4, 4, 1)), atol=1e-6)


def test_a_stylizer_runs_it_at_any_size(network):
    stylizer = Stylizer(network)
    for size in ((45, 61), (16, 16)):
        frame = draw_picture(3, *size)
        np.testing.assert_array_equal(stylizer.stylize(frame, [1.0, 0.0]), 255 - frame)


def test_the_command_takes_it_with_the_names_it_carries(vst, network, tmp_path):
    from tests.conftest import write_picture

    photo = write_picture(tmp_path / "in.png", 1)
    options = ("--model", network, "--style", "light")
    status, out, _ = vst("stylize", photo, "-o", tmp_path / "out.png", *options)
    assert status == 0
    assert "network negative, onnxruntime" in out


def test_files_that_are_no_network_of_ours_are_refused(tmp_path):
    broken = tmp_path / "broken.onnx"
    for content, message in ((b"", "it is empty"), (b"no network", "ONNX Runtime cannot read it")):
        broken.write_bytes(content)
        with pytest.raises(UserError, match=f"not a keras_vst network.*{message}"):
            OnnxRunner(broken)
    with pytest.raises(UserError, match=r"it takes \['image'\] and gives \['scores'\]"):
        OnnxRunner(foreign_onnx(tmp_path / "foreign.onnx"))
    with pytest.raises(UserError, match="no network file"):
        OnnxRunner(tmp_path / "missing.onnx")
    with pytest.raises(UserError, match="`margin` is 'wide'"):
        OnnxRunner(negative_onnx(tmp_path / "margin.onnx", about={"margin": "wide"}))


def test_the_checksum_is_looked_at(network):
    OnnxRunner(network, sha256=hashlib.sha256(network.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="its checksum is not the one on its card"):
        OnnxRunner(network, sha256="0" * 64)


def test_sizes_it_cannot_run_are_refused(network, tmp_path):
    style = np.zeros((1, 2), np.float32)
    fixed = OnnxRunner(negative_onnx(tmp_path / "fixed.onnx", size=(32, 48)))
    with pytest.raises(UserError, match="cannot run on frames of 16x16"):
        fixed.run_pixels(np.zeros((16, 16, 3), np.uint8), style)
    enormous = np.broadcast_to(np.uint8(0), (16384, 16384, 3))
    with pytest.raises(UserError, match="16384x16384 is too large"):
        OnnxRunner(network).run_pixels(enormous, style)


def test_without_the_library_it_is_said_what_to_install(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="pip install onnxruntime`"):
        OnnxRunner(network)


def test_options_that_do_not_apply_are_refused(network):
    with pytest.raises(UserError, match="leave --runtime litert out"):
        open_engine(network, runtime="litert")
    with pytest.raises(UserError, match="at least 1, but is 0"):
        open_engine(network, threads=0)


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
    open_engine(network, threads=2)
    assert asked == [f"{name}ExecutionProvider" for name in chosen]
