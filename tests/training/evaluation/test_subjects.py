import hashlib
import json
import shutil

import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from keras_vst.video.pictures import read_picture
from tests.conftest import draw_picture, write_picture
from tests.keras_vst.runners import onnx_networks
from tests.training.runs import tiny
from training.evaluation.painters import Student
from training.evaluation.subjects import Subject, find_subject, open_subject, paintings


@pytest.fixture
def gallery(tmp_path):
    for seed, name in enumerate(("wave", "night", "field")):
        write_picture(tmp_path / f"{name}.png", seed, 64, 96)
    return tmp_path


def subject(*styles):
    return Subject("net", None, styles, 8)


def names(found):
    return [each and each.path.stem for each in found]


def test_a_painting_is_found_by_its_checksum_whatever_it_is_called(gallery):
    digest = hashlib.sha256((gallery / "night.png").read_bytes()).hexdigest()
    styles = {"name": "wave", "sha256": digest}, {"name": "field"}, {"name": "lost"}
    assert names(paintings(subject(*styles), 3, [], str(gallery), 96)) == ["night", "field", None]


def test_paintings_are_read_at_the_size_of_the_pictures(gallery):
    (found,) = paintings(subject(), 1, [str(gallery / "wave.png")], "", 96)
    np.testing.assert_array_equal(found.frames[0], to_float(read_picture(gallery / "wave.png")))


def test_paintings_are_taken_in_the_order_in_which_they_are_named(gallery):
    given = [str(gallery / f"{name}.png") for name in ("night", "wave")]
    assert names(paintings(subject(), 2, given, "", 96)) == ["night", "wave"]
    with pytest.raises(UserError, match="3 styles, but --style names 2 pictures"):
        paintings(subject(), 3, given, "", 96)


def test_without_pictures_a_style_has_none_and_a_missing_folder_is_told(gallery):
    assert paintings(subject(), 2, [], "", 96) == [None, None]
    with pytest.raises(UserError, match="no folder nowhere"):
        paintings(subject(), 1, [], "nowhere", 96)


def test_a_run_knows_where_its_painting_was(gallery):
    style = {"name": "x", "file": str(gallery / "wave.png")}
    assert names(paintings(subject(style), 1, [], "", 96)) == ["wave"]


def test_a_file_brings_its_card_and_its_rounded_sibling(tmp_path, negative):
    for name in ("net.tflite", "net_int8.tflite"):
        shutil.copy(negative, tmp_path / name)
    style = {"name": "wave", "title": "t", "artist": "a", "year": 1}
    files = {key: {"file": name, "sha256": ""} for key, name in
             (("fp32", "net.tflite"), ("int8", "net_int8.tflite"))}  # fmt: skip
    card = {"name": "mine", "files": files, "styles": [style], "margin": 16}
    (tmp_path / "card.json").write_text(json.dumps(card))
    exact, rounded = (find_subject(str(tmp_path / name)) for name in ("net.tflite", "net_int8.tflite"))
    assert (exact.name, exact.margin, exact.styles) == ("mine", 16, (style,))
    assert exact.rounded == tmp_path / "net_int8.tflite"
    assert (rounded.name, rounded.rounded) == ("mine int8", None)


def test_a_network_of_the_zoo_goes_by_its_name():
    assert find_subject("painter").styles[0]["name"] == "great-wave"


@pytest.mark.parametrize(
    ("given", "told"), [("nowhere.tflite", "no file"), ("unknown", "no network 'unknown'")]
)
def test_what_is_not_there_is_told_in_one_line(given, told):
    with pytest.raises(UserError, match=told):
        find_subject(given)


def test_a_run_is_scored_before_any_export(tmp_path):
    config = tiny("painting")
    run = RunDirectory(tmp_path / "mine")
    run.create(config, {"styles": [{"name": "wave"}]})
    student = build_student(config.student)
    run.save_network(student)
    found = find_subject(str(run.path))
    frame = to_float(draw_picture(0, 32, 48))[None]
    state = np.zeros((1, 12, 16, config.student.state_channels), np.float32)
    padded = np.pad(frame, [(0, 0), (8, 8), (8, 8), (0, 0)], mode="edge")
    by_hand = student({"frame": padded, "style": np.ones((1, 1), np.float32), "state": state})["stylized"]
    painted = Student(open_subject(found, 1))(frame)
    np.testing.assert_allclose(painted, np.asarray(by_hand)[:, 8:-8, 8:-8], atol=1e-5)
    assert (found.name, found.is_file, found.styles) == ("mine", False, ({"name": "wave"},))


def test_an_onnx_file_paints_as_the_others_do(tmp_path):
    path = onnx_networks.negative_onnx(tmp_path / "net.onnx")
    network = open_subject(find_subject(str(path)), 1)
    frame = to_float(draw_picture(0, 32, 48))[None]
    np.testing.assert_allclose(Student(network)(frame), 1 - frame, atol=1e-6)
