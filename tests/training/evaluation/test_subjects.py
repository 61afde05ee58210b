import hashlib
import json
import shutil

import cv2
import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.config import RunConfig, StudentConfig, TeacherConfig
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models.student import build_student
from keras_vst.models.teacher import build_teacher, first_inputs
from keras_vst.runs import RunDirectory
from keras_vst.video.pictures import read_picture
from tests.conftest import draw_picture, write_picture
from tests.keras_vst.networks import networks, onnx_networks
from tests.training.evaluation.networks import Negative, bordered, moving_clip
from training.evaluation.subjects import (
    BLUR,
    Blurred,
    Live,
    Subject,
    TwoColoured,
    find_paintings,
    find_subject,
    open_painter,
)


@pytest.fixture
def gallery(tmp_path):
    for seed, name in enumerate(("wave", "night", "field")):
        write_picture(tmp_path / f"{name}.png", seed, 64, 96)
    return tmp_path


@pytest.fixture
def own_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_VST_ZOO", str(tmp_path / "zoo"))
    return tmp_path / "zoo"


def names(found):
    return [each and each.path.stem for each in found]


def test_a_painting_is_found_by_its_checksum_whatever_it_is_called(gallery):
    digest = hashlib.sha256((gallery / "night.png").read_bytes()).hexdigest()
    subjects = [Subject("wave", None, digest), Subject("field", None), Subject("lost", None)]
    assert names(find_paintings(subjects, [], str(gallery), 96)) == ["night", "field", None]


def test_paintings_are_read_at_the_size_of_the_pictures(gallery):
    (found,) = find_paintings([Subject("net", None)], [str(gallery / "wave.png")], "", 96)
    np.testing.assert_array_equal(found.pixels, read_picture(gallery / "wave.png"))


def test_paintings_are_taken_in_the_order_in_which_they_are_named(gallery):
    given, subjects = [str(gallery / f"{name}.png") for name in ("night", "wave")], [Subject("a", None)] * 2
    assert names(find_paintings(subjects, given, "", 96)) == ["night", "wave"]
    with pytest.raises(UserError, match=r"names 1 networks, but --style 2 pictures\. Name one painting"):
        find_paintings(subjects[:1], given, "", 96)


def test_without_pictures_a_network_has_none_and_a_missing_folder_is_told():
    assert find_paintings([Subject("net", None)], [], "", 96) == [None]
    with pytest.raises(UserError, match="no folder nowhere"):
        find_paintings([Subject("net", None)], [], "nowhere", 96)


def test_a_style_of_the_zoo_brings_its_painting_its_margin_and_its_rounded_sibling(own_zoo, negative):
    folder = networks.write_style(own_zoo, "mine", negative, margin=16, sha256="ab")
    shutil.copy(negative, folder / "mine_int8.tflite")
    card = json.loads((folder / "card.json").read_text())
    exact = card["files"]["fp32"]
    card["files"]["int8"] = {**exact, "file": "mine_int8.tflite"}
    (folder / "card.json").write_text(json.dumps(card))
    found = find_subject("mine")
    assert (found.name, found.margin, found.painting_sha256, found.sha256) == (
        "mine",
        16,
        "ab",
        exact["sha256"],
    )
    assert found.rounded == folder / "mine_int8.tflite"
    assert open_painter(found, 1).margin == 16
    rounded = find_subject(str(found.rounded))
    assert (rounded.name, rounded.rounded) == ("mine_int8", None)


def test_a_file_without_a_card_goes_by_its_own_name(negative):
    found = find_subject(str(negative))
    frame = draw_picture(0, 30, 40)
    assert (found.name, found.path, found.rounded) == ("negative", negative, None)
    assert open_painter(found, 1).margin == zoo.DEFAULT_MARGIN
    np.testing.assert_array_equal(open_painter(found, 1)(frame), 255 - frame)


@pytest.mark.parametrize(
    ("given", "told"), [("nowhere.tflite", "no file"), ("unknown", "no style 'unknown'")]
)
def test_what_is_not_there_is_told_in_one_line(given, told):
    with pytest.raises(UserError, match=told):
        find_subject(given)


STUDENT, TEACHER = (
    StudentConfig(channels=(4, 4, 8), num_blocks=0),
    TeacherConfig(channels=(4, 4, 4, 4), num_blocks=0),
)


def test_a_run_is_scored_before_any_export_and_knows_where_its_painting_was(gallery):
    run = RunDirectory(gallery / "mine")
    run.create(RunConfig(student=STUDENT), {"style": {"name": "x", "file": str(gallery / "wave.png")}})
    student = build_student(STUDENT)
    run.save_network(student)
    found = find_subject(str(run.path))
    frame = draw_picture(0, 32, 48)
    padded = np.pad(frame, [(8, 8), (8, 8), (0, 0)], mode="edge")
    by_hand = student({"frame": to_float(padded)[None]}, training=False)["stylized"]
    painted = to_float(open_painter(found, 1)(frame))
    np.testing.assert_allclose(painted, np.asarray(by_hand)[0, 8:-8, 8:-8], atol=0.51 / 255)
    assert found.name == "mine"
    assert names(find_paintings([found], [], "", 96)) == ["wave"]


def test_a_run_of_film_quality_is_scored_too(tmp_path):
    run = RunDirectory(tmp_path / "film")
    run.create(RunConfig(kind="film", teacher=TEACHER), {})
    teacher = build_teacher(TEACHER)
    run.save_network(teacher)
    frame = draw_picture(0, 48, 64)
    padded = to_float(np.pad(frame, [(8, 8), (8, 8), (0, 0)], mode="edge"))[None]
    by_hand = np.asarray(teacher(first_inputs(padded, TEACHER), training=False)["stylized"])
    painted = to_float(open_painter(find_subject(str(run.path)), 1)(frame))
    np.testing.assert_allclose(painted, by_hand[0, 8:-8, 8:-8], atol=0.6 / 255)


def test_a_film_file_keeps_what_it_painted_where_the_motion_is_known(film):
    """With empty flow and visibility, as it once was scored, it would paint each frame anew."""
    clip = moving_clip(6, noise=0.0, shift=0.0)
    clip.frames[1] = 255 - clip.frames[1]
    painter = open_painter(find_subject(str(film)), 1)
    first, second, *_ = painter.clip(clip)
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(first, painter(clip.frames[0]))


def test_an_onnx_file_paints_as_the_others_do(tmp_path):
    path = onnx_networks.negative_onnx(tmp_path / "net.onnx")
    frame = draw_picture(0, 32, 48)
    np.testing.assert_array_equal(open_painter(find_subject(str(path)), 1)(frame), 255 - frame)


def test_the_margin_keeps_what_a_network_does_at_its_border_out_of_the_picture():
    frame = draw_picture(0, 20, 30)
    np.testing.assert_array_equal(Live(bordered, margin=8)(frame), frame)
    assert Live(bordered, margin=0)(frame)[0].max() == 0


def test_a_network_is_given_sides_that_are_multiples_of_eight():
    sizes = []

    def paint(frame):
        sizes.append(frame.shape)
        return 255 - frame

    frame = draw_picture(0, 21, 30)
    np.testing.assert_array_equal(Live(paint, margin=8)(frame), 255 - frame)
    assert sizes == [(40, 48, 3)]


def test_blur_is_a_gaussian_over_what_is_painted():
    clip = moving_clip(1, noise=2.0)
    wanted = [cv2.GaussianBlur(255 - frame, (0, 0), BLUR) for frame in clip.frames]
    np.testing.assert_array_equal(np.stack(Blurred(Negative()).clip(clip)), wanted)
    np.testing.assert_array_equal(Blurred(Negative())(clip.frames[0]), wanted[0])


def test_a_two_coloured_photo_lies_on_the_paintings_long_axis_and_keeps_its_light():
    ramp = np.linspace(0, 1, 256)[:, None] * [120, 100, 20] + [60, 40, 90]
    painting = np.tile(ramp.astype(np.uint8)[None], (8, 1, 1))
    photo = draw_picture(3)
    drawn = TwoColoured(painting)(photo).reshape(-1, 3).astype(float)
    left = drawn - painting.reshape(-1, 3).mean(axis=0)
    axis = np.array([120, 100, 20]) / np.linalg.norm([120, 100, 20])
    free = (drawn.min(axis=1) > 0) & (drawn.max(axis=1) < 255)
    assert np.abs(left - np.outer(left @ axis, axis))[free].max() < 2
    light = photo.reshape(-1, 3) @ [0.2126, 0.7152, 0.0722]
    assert np.corrcoef(light, left @ axis)[0, 1] > 0.99
