"""A SavedModel answers as TensorFlow Serving asks it: batches, JPEG files, its own warm-up requests."""

from __future__ import annotations

import shutil

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from export.formats import to_savedmodel
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float, to_uint8, unfit
from keras_vst.zoo import DEFAULT_MARGIN
from tests.conftest import draw_picture
from tests.export.networks import CONFIG, good

SIZE = (16, 24)


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def written(student, tmp_path_factory):
    """The folder of the first version."""
    folder = tmp_path_factory.mktemp("models") / "1"
    to_savedmodel.write(student, CONFIG, folder, "two", {})
    return folder


@pytest.fixture(scope="module")
def signatures(written):
    loaded = tf.saved_model.load(str(written))
    yield loaded.signatures
    del loaded  # the signatures hold its weights only weakly


@pytest.fixture
def copy(written, tmp_path):
    """A copy of the SavedModel that a test may spoil."""
    return shutil.copytree(written, tmp_path / "1")


def jpeg(picture, quality=95):
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_each_signature_is_a_predict_call_with_named_tensors_and_a_free_batch(written):
    stored = saved_model_pb2.SavedModel.FromString((written / "saved_model.pb").read_bytes())
    (graph,) = stored.meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]
    found = {name: graph.signature_def[name] for name in to_savedmodel.SIGNATURES}
    assert {signature.method_name for signature in found.values()} == {"tensorflow/serving/predict"}
    names = {key: (sorted(value.inputs), sorted(value.outputs)) for key, value in found.items()}
    assert names == {
        "serving_default": (["frame"], ["stylized"]),
        "jpeg": (["image_bytes"], ["stylized_bytes"]),
    }
    for signature in found.values():
        assert {tensor.tensor_shape.dim[0].size for tensor in signature.inputs.values()} == {-1}


def test_a_batch_of_frames_equals_the_network(student, signatures):
    frame = np.random.default_rng(0).random((3, *SIZE, 3), np.float32)
    expected = np.concatenate([student({"frame": one[None]}, training=False)["stylized"] for one in frame])
    got = signatures["serving_default"](frame=tf.constant(frame))
    np.testing.assert_allclose(got["stylized"], expected, atol=1e-5)


def test_pictures_of_any_sizes_are_painted_as_the_command_line_would(student, signatures):
    sent = [jpeg(draw_picture(1, 37, 51)), jpeg(draw_picture(2, 16, 8)), jpeg(draw_picture(3, 5, 3))]
    answers = signatures["jpeg"](image_bytes=tf.constant(sent))["stylized_bytes"]
    for data, answer in zip(sent, answers.numpy(), strict=True):
        fitted, fitting = fit(decoded(data), margin=DEFAULT_MARGIN)
        inputs = {"frame": to_float(fitted)[None]}
        painted = keras.ops.convert_to_numpy(student(inputs, training=False)["stylized"])[0]
        expected = decoded(jpeg(unfit(to_uint8(painted), fitting), to_savedmodel.QUALITY))
        assert decoded(answer).shape == decoded(data).shape
        assert np.abs(decoded(answer).astype(int) - expected).mean() < 1.5  # two JPEG coders, of 255 levels


def test_a_grey_picture_comes_back_in_colour(signatures):
    data = cv2.imencode(".jpg", draw_picture(1, 16, 16)[..., 0])[1].tobytes()
    answer = signatures["jpeg"](image_bytes=tf.constant([data]))
    assert decoded(answer["stylized_bytes"].numpy()[0]).shape == (16, 16, 3)


@pytest.mark.parametrize("data", [b"", b"nonsense", jpeg(draw_picture(1, 16, 16))[:60]])
def test_what_is_no_jpeg_is_refused_by_name(signatures, data):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid JPEG data"):
        signatures["jpeg"](image_bytes=tf.constant([data]))


def test_a_picture_too_large_to_paint_is_refused_by_its_header(signatures):
    small = bytearray(jpeg(np.zeros((16, 16, 3), np.uint8)))
    size = small.index(b"\xff\xc0") + 5  # height and width of the frame header
    small[size : size + 4] = 2 * (65_000).to_bytes(2, "big")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"may have {to_savedmodel.MOST_PIXELS} pixels"):
        signatures["jpeg"](image_bytes=tf.constant([bytes(small)]))


def test_every_signature_answers_its_warm_up_request(written):
    assert to_savedmodel.replay_warmup(written) == len(to_savedmodel.SIGNATURES)


def test_warm_up_requests_without_answers_are_a_gate_s_business(copy):
    requests = to_savedmodel.requests()
    to_savedmodel.write_requests(
        copy / to_savedmodel.WARM_UP, "two", {"jpeg": {"frame": requests["serving_default"]["frame"]}}
    )
    with pytest.raises(UserError, match=r"'jpeg' does not answer its warm-up request: .*image_bytes"):
        to_savedmodel.replay_warmup(copy)

    to_savedmodel.write_requests(copy / to_savedmodel.WARM_UP, "two", {"paint": requests["jpeg"]})
    with pytest.raises(UserError, match=r"asks for 'paint', known are \['jpeg', 'serving_default'\]"):
        to_savedmodel.replay_warmup(copy)

    (copy / to_savedmodel.WARM_UP).unlink()
    with pytest.raises(UserError, match="has no warm-up requests"):
        to_savedmodel.replay_warmup(copy)


def test_requests_are_written_as_tensorflow_serving_defines_them(copy):
    """The bytes of the .proto definition by hand: field << 3 | 2, length, content."""

    def field(number, content):
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    value = tf.make_tensor_proto([[0.5, 0.5]])
    to_savedmodel.write_requests(copy / to_savedmodel.WARM_UP, "two", {"jpeg": {"style": value}})
    (record,) = tf.data.TFRecordDataset(str(copy / to_savedmodel.WARM_UP))
    model_spec = field(1, b"two") + field(3, b"jpeg")
    entry = field(1, b"style") + field(2, value.SerializeToString())
    request = field(1, model_spec) + field(2, entry)
    assert record.numpy() == field(6, field(1, request))
