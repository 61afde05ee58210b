import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_vst.errors import UserError
from keras_vst.runners import tflite as runtime
from keras_vst.runners.tflite import Runner, default_threads, find_runtime
from keras_vst.runners.verify import open_runner
from tests.keras_vst.runners.networks import write_network

RNG = np.random.default_rng(0)


def random_frame(height: int, width: int) -> np.ndarray:
    return RNG.random((1, height, width, 3), np.float32)


def opened(path: Path) -> Runner:
    return Runner(path, path.read_bytes(), find_runtime(), threads=1)


def converted(path: Path, step, specs) -> Path:
    return write_network(path, step, specs)


def test_names_and_sizes_are_read_from_the_file(negative, stateless, fixed):
    recurrent, plain, static = opened(negative), opened(stateless), opened(fixed)
    assert (recurrent.num_styles, recurrent.state_channels, recurrent.size) == (2, 1, None)
    assert (plain.num_styles, plain.state_channels, plain.size) == (1, 0, None)
    assert static.size == (64, 96)


@pytest.mark.parametrize("size", [(64, 96), (40, 48), (8, 8)])
def test_one_step_gives_what_numpy_computes(negative, size):
    height, width = size
    frame = random_frame(height, width)
    state = RNG.random((1, height // 4, width // 4, 1), np.float32)
    stylized, after = opened(negative).run(frame, np.array([[0.5, 0.25]], np.float32), state)
    np.testing.assert_allclose(stylized, 0.25 * frame + 0.75 * (1 - frame), atol=1e-6)
    means = frame.reshape(1, height // 4, 4, width // 4, 4, 3).mean((2, 4, 5))[..., np.newaxis]
    np.testing.assert_allclose(after, 0.5 * state + means, atol=1e-6)


def test_a_clip_starts_with_a_state_of_zeros_and_hands_it_on(negative):
    runner, style = opened(negative), np.zeros((1, 2), np.float32)
    frame = np.full((1, 16, 24, 3), 0.5, np.float32)
    state = None
    for expected in (0.5, 0.75, 0.875):
        _, state = runner.run(frame, style, state)
        np.testing.assert_allclose(state, np.full((1, 4, 6, 1), expected), atol=1e-6)


def test_the_size_may_change_from_frame_to_frame(stateless):
    runner, style = opened(stateless), np.ones((1, 1), np.float32)
    for height, width in ((16, 24), (64, 40), (16, 24)):
        frame = random_frame(height, width)
        stylized, state = runner.run(frame, style)
        assert state is None
        np.testing.assert_allclose(stylized, 1 - frame, atol=1e-6)


def test_a_fixed_network_with_a_state_keeps_its_sizes(tmp_path):
    def step(frame, style, state):
        return {"stylized": frame + 0.0 * tf.reduce_sum(style), "state": state + 1.0}

    specs = [
        tf.TensorSpec((1, 32, 64, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
        tf.TensorSpec((1, 8, 16, 5), tf.float32, "state"),
    ]
    runner = opened(converted(tmp_path / "fixed_state.tflite", step, specs))
    runner.try_once()
    assert (runner.size, runner.initial_state((32, 64)).shape) == ((32, 64), (1, 8, 16, 5))


def test_a_fixed_network_refuses_another_size(fixed):
    with pytest.raises(UserError, match="cannot run on frames of 32x32"):
        opened(fixed).run(random_frame(32, 32), np.ones((1, 1), np.float32))


def test_a_frame_beyond_all_memory_is_refused_before_it_is_tried(stateless):
    enormous = np.broadcast_to(np.float32(0), (1, 16384, 16384, 3))
    with pytest.raises(UserError, match="16384x16384 is too large"):
        opened(stateless).run(enormous, np.ones((1, 1), np.float32))


SHAPES = {
    "grey frames": ((1, None, None, 1), (1, 1), "expected"),
    "batches": ((2, None, None, 3), (1, 1), "expected"),
    "one free side": ((1, 32, None, 3), (1, 1), "expected"),
    "odd sizes": ((1, 33, 65, 3), (1, 1), "no multiples of 8"),
    "a flat style": ((1, 32, 64, 3), (1,), "2 dimensions"),
    "a free number of styles": ((1, 32, 64, 3), (1, None), "number of styles"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_network_of_other_shapes_is_not_ours(tmp_path, case):
    frame_shape, style_shape, message = SHAPES[case]

    def step(frame, style):
        return {"stylized": frame + 0.0 * tf.reduce_sum(style)}

    specs = [tf.TensorSpec(frame_shape, tf.float32, "frame"), tf.TensorSpec(style_shape, tf.float32, "style")]
    with pytest.raises(UserError, match=f"not a keras_vst network.*{message}"):
        opened(converted(tmp_path / "other.tflite", step, specs))


def test_a_network_that_loses_its_state_is_not_ours(tmp_path):
    def step(frame, style, state):
        return {"stylized": frame + 0.0 * (tf.reduce_sum(style) + tf.reduce_sum(state))}

    specs = [
        tf.TensorSpec((1, None, None, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
        tf.TensorSpec((1, None, None, 2), tf.float32, "state"),
    ]
    with pytest.raises(UserError, match=r"it takes \['frame', 'state', 'style'\] and gives \['stylized'\]"):
        opened(converted(tmp_path / "forgetful.tflite", step, specs))


def test_a_network_whose_state_is_not_a_quarter_of_the_frame_does_not_run(tmp_path):
    def step(frame, style, state):
        folded = tf.nn.avg_pool2d(frame, 32, 32, "VALID")
        return {
            "stylized": frame + 0.0 * tf.reduce_sum(style),
            "state": tf.concat([folded, state], axis=-1)[..., :4],
        }

    specs = [
        tf.TensorSpec((1, None, None, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
        tf.TensorSpec((1, None, None, 4), tf.float32, "state"),
    ]
    with pytest.raises(UserError, match="cannot run on frames of 64x64"):
        opened(converted(tmp_path / "coarse.tflite", step, specs)).try_once()


def test_somebody_elses_network_is_not_ours(foreign):
    with pytest.raises(UserError, match=r"not a keras_vst network.*no signature `stylize`"):
        opened(foreign)


def test_a_second_signature_may_not_stand_before_ours(tmp_path):
    def shrink(frame):
        return {"small": frame[:, ::2, ::2]}

    def step(frame, style):
        return {"stylized": frame + tf.reduce_sum(style)}

    frame, style = (
        tf.TensorSpec((1, 8, 8, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
    )
    path = write_network(
        tmp_path / "two.tflite", shrink, [frame], "a_shrink", more={"stylize": (step, [frame, style])}
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
    assert Runner(negative, negative.read_bytes(), found, threads=1).num_styles == 2


def test_threads_are_the_cores_up_to_four(monkeypatch):
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert default_threads() == 3
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert default_threads() == 4
    monkeypatch.delattr(runtime.os, "sched_getaffinity")
    monkeypatch.setattr(runtime.os, "cpu_count", lambda: None)
    assert default_threads() == 1


def test_nothing_is_said_on_stderr_while_a_network_opens(negative, capfd):
    open_runner(negative).try_once()
    assert capfd.readouterr().err == ""
