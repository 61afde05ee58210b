import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.flow import warp
from keras_vst.video.pictures import write_picture
from tests.conftest import draw_picture
from training.evaluation.material import Sizes, fitted, gather, moving_camera

SMALL = Sizes(picture=96, video=(48, 64), frames=4, long=6)


def test_pictures_are_brought_to_multiples_of_eight():
    assert fitted(np.zeros((120, 161, 3), np.uint8), 96).shape == (72, 96, 3)
    assert fitted(np.zeros((10, 300, 3), np.uint8), 96).shape == (8, 96, 3)


def test_photos_become_pictures_and_motion_and_clips_are_cut_to_size(photos, short_clip):
    found = gather(str(photos), [str(short_clip)], 3, SMALL)
    assert [photo.shape for photo in found.photos] == [(72, 96, 3)] * 3
    assert len(found.motions) == 3
    for clip in (*found.motions, *found.clips):
        assert [frame.shape for frame in clip.frames] == [(48, 64, 3)] * 4
    assert len(found.long.frames) == 6
    assert [frame.shape for frame in found.wide] == [(48 + 128, 64 + 128, 3)] * 3


def test_quickly_there_are_a_few_photos_motion_of_the_first_and_no_clips(photos):
    found = gather(str(photos), ["nowhere.mp4"], 6, SMALL, quick=True)
    assert (len(found.photos), len(found.motions), len(found.wide), found.clips) == (4, 1, 1, [])
    assert list(found.told) == ["photos"]


def test_the_camera_moves_as_its_flow_says_with_sensor_noise_of_two_levels():
    photo = cv2.GaussianBlur(draw_picture(1, 96, 128), (0, 0), 2)
    clip = moving_camera(photo, 3, SMALL)
    flow, visible = clip.flow(1, 0)
    assert np.abs(flow).max() > 0.5
    moved = warp(clip.frames[0].astype(np.float32), flow)
    error = ((moved - clip.frames[1]) * visible)[visible[..., 0] > 0]
    assert 2 < error.std() < 2 * np.sqrt(2) + 0.5


def test_motion_is_exact_and_that_of_clips_is_trusted_in_places_only(photos, short_clip):
    found = gather(str(photos), [str(short_clip)], 1, SMALL)
    _, seen = found.motions[0].flow(1, 0)
    flow, trusted = found.clips[0].flow(1, 0)
    assert found.motions[0].exact
    assert not found.clips[0].exact
    assert flow.shape == (48, 64, 2)
    assert 0 < trusted.mean() < 1
    assert seen.mean() > 0.5


def test_a_broken_photo_is_replaced_by_another(photos):
    found = gather(str(photos), [], 7, SMALL)
    assert len(found.photos) == 6


def test_without_photos_and_clips_there_are_pictures_and_it_is_told():
    found = gather("", [], 1, SMALL)
    assert found.photos[0].shape == (72, 96, 3)
    assert "made by the program" in found.told["photos"]
    assert "bundled film" in found.told["clips"]


def test_of_a_panorama_the_middle_is_taken(tmp_path):
    picture = np.zeros((50, 400, 3), np.uint8)
    picture[:, 150:250] = 255
    write_picture(tmp_path / "wide.png", picture)
    (photo,) = gather(str(tmp_path), [], 1, SMALL).photos
    assert photo.shape == (48, 96, 3)
    assert photo.min() == 255


def test_empty_folders_and_missing_clips_are_told(tmp_path, photos):
    with pytest.raises(UserError, match="holds no picture"):
        gather(str(tmp_path), [], 1, SMALL)
    with pytest.raises(UserError, match=r"--clips: there is no nowhere\.mp4"):
        gather(str(photos), ["nowhere.mp4"], 1, SMALL)
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(UserError, match="holds no readable picture"):
        gather(str(tmp_path), [], 1, SMALL)
