from __future__ import annotations

import numpy as np
import pytest

from keras_vst.config import RECIPES, with_overrides
from keras_vst.errors import UserError
from keras_vst.ops import luminance, warp
from training.data import Photos, dataset, frame_pairs, load_picture

SMOKE = RECIPES["smoke"]


def take(data, count):
    return [{name: array.numpy() for name, array in batch.items()} for batch in data.take(count)]


def test_a_batch_has_the_promised_shapes_and_ranges(photos):
    config = with_overrides(SMOKE, ["data.frames=3"])
    (batch,) = take(dataset(Photos(photos, 96), config), 1)

    assert batch["clip"].shape == (2, 3, 64, 64, 3)
    assert batch["flow"].shape == (2, 3, 64, 64, 2)
    assert batch["visible"].shape == (2, 3, 64, 64, 1)
    assert batch["light"].shape == (2, 3)
    assert batch["clip"].min() >= 0
    assert 0.5 < batch["clip"].max() <= 1
    assert set(np.unique(batch["visible"])) <= {0.0, 1.0}


def test_the_flow_of_a_batch_brings_the_earlier_frame_onto_the_later_one(photos):
    config = with_overrides(SMOKE, ["data.motion.noise=0", "data.motion.light=0", "data.motion.objects=0"])
    batches = take(dataset(Photos(photos, 96), config), 4)

    moved = 0
    for batch in batches:
        held = np.asarray(warp(batch["clip"][:, 0], batch["flow"][:, 0]))
        visible = batch["visible"][:, 0]
        error = np.sum(visible * np.abs(batch["clip"][:, 1] - held)) / np.sum(visible) / 3
        still = np.sum(visible * np.abs(batch["clip"][:, 1] - batch["clip"][:, 0])) / np.sum(visible) / 3
        assert error < 0.01
        moved += still > 2 * error
    assert moved >= 2


def test_the_same_seed_gives_the_same_batches_and_another_seed_does_not(photos):
    first, again = (take(dataset(Photos(photos, 96), SMOKE), 2) for _ in range(2))
    (other,) = take(dataset(Photos(photos, 96), with_overrides(SMOKE, ["seed=1"])), 1)

    for name in first[0]:
        np.testing.assert_array_equal(first[1][name], again[1][name])
    assert np.abs(first[0]["clip"] - other["clip"]).mean() > 0.01


def test_a_resumed_run_sees_the_batches_that_it_would_have_seen(photos):
    whole = take(dataset(Photos(photos, 96), SMOKE), 3)
    (resumed,) = take(dataset(Photos(photos, 96), SMOKE, start=2), 1)

    np.testing.assert_array_equal(whole[2]["clip"], resumed["clip"])


def test_several_styles_take_turns_one_a_batch(photos):
    config = with_overrides(SMOKE, ["student.num_styles=2"])
    styles = [batch["style"] for batch in take(dataset(Photos(photos, 96), config), 2)]

    np.testing.assert_array_equal(styles[0], [[1, 0], [1, 0]])
    np.testing.assert_array_equal(styles[1], [[0, 1], [0, 1]])


def test_frame_pairs_are_neighbours_and_the_ends():
    assert frame_pairs(2) == [(1, 0)]
    assert frame_pairs(4) == [(1, 0), (2, 1), (3, 2), (3, 0)]


def test_files_that_are_no_pictures_are_skipped_and_named(photos):
    found = Photos(photos, 96)

    assert len(found) == 6
    assert [path.name for path in found.skipped] == ["broken.jpg"]


def test_a_picture_that_breaks_off_is_passed_over(photos, tmp_path):
    whole = (photos / "photo_0.png").read_bytes()
    (tmp_path / "whole.png").write_bytes(whole)
    (tmp_path / "broken.png").write_bytes(whole[:100])
    rng = np.random.default_rng(0)

    found = Photos(tmp_path, 96)
    pictures = [found.draw(rng) for _ in range(4)]

    expected = load_picture(tmp_path / "whole.png", 96)
    assert all(np.array_equal(picture, expected) for picture in pictures)


def test_a_picture_is_brought_to_the_asked_side(photos):
    assert load_picture(photos / "photo_0.png", 60).shape == (60, 80, 3)
    assert load_picture(photos / "photo_0.png", 80, longer=True).shape == (60, 80, 3)
    assert load_picture(photos / "photo_0.png", 240).shape == (240, 320, 3)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        Photos(tmp_path / "nowhere", 96)


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture here")
    with pytest.raises(UserError, match="no readable picture"):
        Photos(tmp_path, 96)


def test_the_light_of_a_batch_is_the_scene_s_own(photos):
    still = ["data.motion.shift=0", "data.motion.zoom=0", "data.motion.rotation=0", "data.motion.noise=0"]
    config = with_overrides(SMOKE, [*still, "data.motion.objects=0", "data.motion.light=0.2"])
    (batch,) = take(dataset(Photos(photos, 96), config), 1)

    bright = np.asarray(luminance(batch["clip"]))
    unclipped = batch["clip"].max(axis=(2, 3, 4)) < 1
    ratio = bright[:, 1].mean(axis=(1, 2, 3)) / bright[:, 0].mean(axis=(1, 2, 3))
    expected = batch["light"][:, 1] / batch["light"][:, 0]
    np.testing.assert_allclose(ratio[unclipped.all(1)], expected[unclipped.all(1)], rtol=0.02)
