from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export import flatbuffer, tflite
from export.calibration import Calibration
from keras_vst.config import StudentConfig
from keras_vst.frames import to_float
from keras_vst.layers import StyleNorm
from keras_vst.models.student import build_student, input_shapes
from tests.conftest import draw_picture

SIZE = (32, 48)
NUM_FRAMES = 48
STYLES = 2
KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def panned(seed, size=SIZE, num_frames=NUM_FRAMES):
    height, width = size
    picture = draw_picture(seed, height + num_frames, width + num_frames)
    return np.stack([picture[time : time + height, time : time + width] for time in range(num_frames)])


def painted(student, frames, style):
    """What the Keras network makes of the clip, its state fed back."""
    step = tf.function(lambda **inputs: student(inputs, training=False))
    state, stylized = np.zeros(input_shapes(student, frames.shape[1:3])["state"], np.float32), []
    for pixels in frames:
        outputs = step(frame=to_float(pixels)[None], style=np.float32([style]), state=state)
        state = outputs["state"].numpy()
        stylized.append(outputs["stylized"].numpy()[0])
    return np.stack(stylized)


def played(network, frames, style, signature="stylize"):
    """What the file makes of it, frames as the signature takes them."""
    interpreter = Interpreter(model_content=network)
    runner = interpreter.get_signature_runner(signature)
    channels = runner.get_input_details()["state"]["shape"][-1]
    state = np.zeros((1, frames.shape[1] // 4, frames.shape[2] // 4, channels), np.float32)
    stylized = []
    for pixels in frames if signature == "stylize_u8" else to_float(frames):
        outputs = runner(frame=pixels[None], style=np.float32([style]), state=state)
        state = outputs["state"]
        stylized.append(outputs["stylized"][0])
    return np.stack(stylized)


def decibels(ours, theirs):
    """PSNR of the first and of the last frame."""
    errors = [np.mean(np.square(ours[index].astype(float) - theirs[index])) for index in (0, -1)]
    return tuple(float(-10 * np.log10(max(error, 1e-30))) for error in errors)


def kinds(network):
    """The names of the operations of the first signature."""
    model = flatbuffer.read(network)
    return [KINDS[model.operatorCodes[each.opcodeIndex].builtinCode] for each in model.subgraphs[0].operators]


@pytest.fixture(scope="module")
def student():
    """Norms that have seen pictures, a stem that sums, so that flat areas reach further than noise does, and a memory
    that fades, as a trained one does."""
    keras.utils.set_random_seed(2)
    config = StudentConfig(num_styles=STYLES, channels=(4, 4, 8), num_blocks=0, state_channels=2)
    student = build_student(config, batch_size=1)
    student.get_layer("stem").kernel.assign(np.abs(student.get_layer("stem").kernel))
    student.get_layer("remember").kernel.assign(0.5 * student.get_layer("remember").kernel)
    for layer in student.layers:
        if isinstance(layer, StyleNorm):
            layer.momentum = 0.5
    for style in np.eye(STYLES, dtype=np.float32):
        state = np.zeros(input_shapes(student, SIZE)["state"], np.float32)
        for pixels in panned(1)[::6]:
            inputs = {"frame": to_float(pixels)[None], "style": style[None], "state": state}
            state = np.asarray(student(inputs, training=True)["state"])
    return student


@pytest.fixture(scope="module")
def calibration(student):
    return Calibration.rollout(student, [panned(seed) for seed in (1, 2, 3, 5)], size=SIZE)


@pytest.fixture(scope="module")
def networks(student, calibration):
    """One static and one dynamic file of each precision."""
    return {
        (precision, size): tflite.convert(
            student, precision, size, calibration if precision == "int8" else None
        )
        for precision, size in (
            ("fp32", None),
            ("fp32", SIZE),
            ("fp16", None),
            ("int8", None),
            ("int8", SIZE),
        )
    }


@pytest.fixture(scope="module")
def clip():
    return panned(9)


@pytest.fixture(scope="module")
def wanted(student, clip):
    """The clip painted by Keras, for each style that is asked for."""
    return {style: painted(student, clip, style) for style in ((1, 0), (0.3, 0.5))}


FILES = [("fp32", None), ("fp32", SIZE), ("fp16", None), ("int8", None), ("int8", SIZE)]
FLOORS = {"fp32": 80.0, "fp16": 50.0, "int8": 35.0}


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_a_file_paints_what_the_network_paints_to_the_end_of_the_loop(networks, clip, wanted, kind):
    for style in wanted:
        assert min(decibels(played(networks[kind], clip, style), wanted[style])) >= FLOORS[kind[0]]


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_bytes_are_the_rounded_floats(networks, clip, kind):
    network, few = networks[kind], clip[:3]
    floats, in_bytes = (played(network, few, [0, 0.9], name) for name in ("stylize", "stylize_u8"))
    assert in_bytes.dtype == np.uint8
    assert np.abs(in_bytes - 255.0 * floats).max() <= 0.51


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_both_signatures_have_the_promised_names_and_types(networks, kind):
    interpreter = Interpreter(model_content=networks[kind])
    ends = {"inputs": ["frame", "state", "style"], "outputs": ["state", "stylized"]}
    assert interpreter.get_signature_list() == {"stylize": ends, "stylize_u8": ends}
    for name, picture in (("stylize", np.float32), ("stylize_u8", np.uint8)):
        runner = interpreter.get_signature_runner(name)
        details = runner.get_input_details() | {"stylized": runner.get_output_details()["stylized"]}
        assert {key: details[key]["dtype"] for key in details} == {
            "frame": picture, "stylized": picture, "style": np.float32, "state": np.float32
        }  # fmt: skip
        frame = details["frame"]["shape_signature"]
        assert frame.tolist() == ([1, *SIZE, 3] if kind[1] else [1, -1, -1, 3])


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("signature", ["stylize", "stylize_u8"])
def test_a_dynamic_file_is_right_at_other_sizes(student, networks, precision, signature):
    for size in ((8, 8), (40, 24)):
        frames = panned(4, size, num_frames=3)
        stylized = played(networks[precision, None], frames, [1, 0], signature)
        stylized = to_float(stylized) if stylized.dtype == np.uint8 else stylized
        floor = min(FLOORS[precision], 55.0 if signature == "stylize_u8" else np.inf)
        assert min(decibels(stylized, painted(student, frames, [1, 0]))) >= floor


def test_the_second_signature_reads_the_same_weights(networks):
    for network in networks.values():
        model = flatbuffer.read(network)
        weights = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
        tensors = [{int(tensor.buffer) for tensor in graph.tensors} for graph in model.subgraphs]
        assert weights < len(network)
        assert tensors[1] <= tensors[0] | {0}


def test_weights_lie_where_the_format_wants_them(networks):
    for network in networks.values():
        model = schema.Model.GetRootAsModel(bytearray(network), 0)
        starts = [
            network.find(model.Buffers(index).DataAsNumpy().tobytes())
            for index in range(model.BuffersLength())
            if model.Buffers(index).DataLength() > 64
        ]
        assert starts
        assert all(start % 16 == 0 for start in starts)


def test_every_operation_is_one_of_the_fast_kernels(networks):
    from ai_edge_litert.compiled_model import CompiledModel

    for precision in ("fp32", "int8"):
        assert CompiledModel.from_buffer(networks[precision, SIZE]).is_fully_accelerated()


def test_the_style_vector_is_never_quantized(networks):
    graph = flatbuffer.read(networks["int8", None]).subgraphs[0]
    types = {
        graph.tensors[each.outputs[0]].type
        for each, kind in zip(graph.operators, kinds(networks["int8", None]), strict=True)
        if kind == "DIV"
    }
    assert types == {schema.TensorType.FLOAT32}


def test_a_frame_comes_back_at_strength_zero_white_and_all(networks):
    white = np.full((2, *SIZE, 3), 255, np.uint8)
    white[:, ::2] = 0
    np.testing.assert_array_equal(played(networks["int8", None], white, [0, 0], "stylize_u8"), white)


def test_rolled_out_calibration_beats_noise(student, calibration, networks, clip, wanted):
    rng = np.random.default_rng(0)
    noise = tuple(
        {"style": sample["style"]}
        | {name: rng.random(sample[name].shape, np.float32) for name in ("frame", "state")}
        for sample in calibration.samples
    )
    noisy = tflite.convert(student, "int8", None, Calibration(noise))
    from_noise, rolled_out = (
        min(decibels(played(network, clip, (1, 0)), wanted[1, 0]))
        for network in (noisy, networks["int8", None])
    )
    assert rolled_out > from_noise + 10


def test_layers_kept_float_are_float(student, calibration, networks):
    mixed = tflite.convert(student, "int8", None, calibration, ["smooth_4", "paint"])
    for network, expected in ((networks["int8", None], "INT8"), (mixed, "FLOAT32")):
        graph = flatbuffer.read(network).subgraphs[0]
        names = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
        kernels = {
            tensor.name.decode(): names[tensor.type]
            for tensor in graph.tensors
            if tensor.shape is not None and len(tensor.shape) == 4 and b"/convolution" in tensor.name
        }
        found = {kernels[name] for name in kernels if name.split("/")[1].startswith(("smooth_4_1", "paint"))}
        assert found == {expected}
    assert len(mixed) > len(networks["int8", None])


@pytest.fixture(scope="module")
def troubled():
    """A network whose last convolution gives one channel a hundred times the range of the others."""
    config = StudentConfig(channels=(4, 4, 8), num_blocks=0, state_channels=2)
    student = build_student(config, batch_size=1)
    paint = student.get_layer("paint")
    paint.kernel.assign(10.0 * paint.kernel)
    paint.bias.assign(np.array([90.0] + [0.0] * 11, np.float32))
    return student, Calibration.rollout(student, [panned(1, num_frames=12)], styles=[[1]], size=SIZE)


def test_the_layers_that_int8_costs_most_are_found(troubled):
    student, calibration = troubled
    clip, gains = panned(1, num_frames=12), {}
    wanted = painted(student, clip, [1])
    plain = min(decibels(played(tflite.convert(student, "int8", None, calibration), clip, [1]), wanted))
    kept = tflite.sensitive_layers(student, calibration, plain + 6, gains.__setitem__)
    mixed = tflite.convert(student, "int8", None, calibration, kept)
    assert min(decibels(played(mixed, clip, [1]), wanted)) >= plain + 6
    assert {"paint", "unfold"} <= set(kept) <= {"paint", "unfold", "smooth_1", "clip", "stylized"}
    assert gains.keys() == set(kept)
    assert all(gain > 0 for gain in gains.values())


def test_nothing_is_kept_float_where_int8_is_good_enough(student, calibration):
    assert tflite.sensitive_layers(student, calibration, floor_db=20.0) == ()


def test_samples_alone_do_not_tell_which_layers_suffer(student, calibration):
    with pytest.raises(ValueError, match="no loops to judge"):
        tflite.sensitive_layers(student, Calibration(calibration.samples))


def test_a_layer_that_was_silent_over_the_calibration_does_not_end_the_process(troubled):
    student = keras.models.clone_model(troubled[0])
    student.get_layer("remember").bias.assign([-100.0, -100.0])
    silent = Calibration.rollout(student, [panned(1, num_frames=2)], styles=[[1]], size=SIZE)
    frames = panned(3, num_frames=2)
    stylized = played(tflite.convert(student, "int8", None, silent), frames, [0.0])
    np.testing.assert_allclose(stylized, to_float(frames), atol=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"precision": "int4"}, "one of fp32, fp16, int8"),
        ({"precision": "fp16", "keep_float": ["paint"]}, "goes with int8"),
        ({"precision": "int8", "keep_float": ["varnish"]}, "names layers of the student"),
    ],
)
def test_what_cannot_be_is_refused(student, calibration, words, message):
    with pytest.raises(ValueError, match=message):
        tflite.convert(student, calibration=calibration, **words)


def test_a_calibration_of_another_network_is_refused(calibration):
    other = build_student(StudentConfig(channels=(4, 4, 8), num_blocks=0, state_channels=2), batch_size=1)
    with pytest.raises(ValueError, match="of another network"):
        tflite.convert(other, "int8", calibration=calibration)


def test_a_file_gets_its_second_signature_once(networks):
    with pytest.raises(ValueError, match="one signature"):
        flatbuffer.add_bytes_signature(networks["fp32", SIZE])
