"""What a teacher paints is painted once, and is never taken for another's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_vst.config.overrides import with_overrides
from keras_vst.errors import UserError
from tests.conftest import write_picture
from training import taught
from training.data.photos import Photos
from training.data.pipeline import Sources, batch, taught_clip
from training.data.procedural import ProceduralPhotos
from training.recipes import RECIPES, smoke_of
from training.taught import open_pictures

NETWORKS = Path(__file__).parents[1] / "edge" / "networks"
NEGATIVE, FILM = str(NETWORKS / "negative.tflite"), str(NETWORKS / "film.tflite")
CONFIG = with_overrides(smoke_of(RECIPES["distil"]), ["data.taught=3"])


@pytest.fixture(scope="module")
def pictures(photos):
    return Photos(photos, CONFIG.data.photo_side)


@pytest.fixture(scope="module")
def folder(pictures, tmp_path_factory):
    """Three clips, painted as negatives."""
    made = tmp_path_factory.mktemp("taught") / "pictures"
    open_pictures(made, NEGATIVE, pictures, CONFIG, quiet=True)
    return made


def test_every_frame_of_every_clip_is_as_the_teacher_paints_it(folder, pictures):
    taught = open_pictures(folder, NEGATIVE, pictures, CONFIG, quiet=True)

    assert taught.shape == (3, 2, 64, 64, 3)
    assert taught.dtype == np.uint8
    for place, painted in enumerate(taught):
        frames, _ = taught_clip(pictures, CONFIG, place)
        assert np.abs(painted.astype(int) - (255 - frames)).max() <= 1
        assert frames.std() > 10


def test_a_network_of_film_quality_is_shown_its_last_painting(pictures, tmp_path):
    taught = open_pictures(tmp_path / "film", FILM, pictures, CONFIG, quiet=True)
    frames, clip = taught_clip(pictures, CONFIG, 0)

    assert np.abs(taught[0, 0].astype(int) - frames[0] // 2).max() <= 1
    seen = clip.flow(1, 0)[1][..., 0] > 0
    assert seen.any()
    alone = np.abs(taught[0, 1].astype(int) - frames[1] // 2).max(axis=-1)
    assert alone[seen].mean() != alone[~seen].mean() or not (~seen).any()


def test_what_was_painted_once_is_not_painted_again(folder, pictures, monkeypatch):
    monkeypatch.setattr(taught, "open_painter", None)

    assert len(open_pictures(folder, NEGATIVE, pictures, CONFIG, quiet=True)) == 3


def test_pictures_of_others_are_refused(folder, pictures, photos, tmp_path):
    others = tmp_path / "photos"
    shutil.copytree(photos, others)
    write_picture(others / "photo_0.png", seed=50)
    refused = {
        "of another teacher": (FILM, pictures, CONFIG),
        "of other photos": (NEGATIVE, Photos(others, CONFIG.data.photo_side), CONFIG),
        "with other settings": (NEGATIVE, pictures, with_overrides(CONFIG, ["data.jitter=0"])),
    }
    for told, asked in refused.items():
        with pytest.raises(UserError, match=told):
            open_pictures(folder, *asked, quiet=True)
    with pytest.raises(UserError, match="of other photos"):
        open_pictures(folder, NEGATIVE, ProceduralPhotos(0, CONFIG.data.photo_side), CONFIG, quiet=True)


@pytest.mark.parametrize("damage", ["", "[1", json.dumps({"teacher": "x"})])
def test_a_damaged_folder_is_refused_in_one_line(damage, folder, pictures, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "about.json").write_text(damage)

    with pytest.raises(UserError, match=r"about\.json cannot be read|of another teacher"):
        open_pictures(tmp_path / "copy", NEGATIVE, pictures, CONFIG, quiet=True)


def test_torn_pictures_are_refused_in_one_line(folder, pictures, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    whole = (folder / "pictures.npy").read_bytes()
    (tmp_path / "copy" / "pictures.npy").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(UserError, match=r"pictures\.npy cannot be read"):
        open_pictures(tmp_path / "copy", NEGATIVE, pictures, CONFIG, quiet=True)


def test_pictures_that_were_interrupted_are_not_there(pictures, tmp_path, monkeypatch):
    def painted(photos, config, place):
        if place == 2:
            raise KeyboardInterrupt
        return taught_clip(photos, config, place)

    monkeypatch.setattr(taught, "taught_clip", painted)
    with pytest.raises(KeyboardInterrupt):
        open_pictures(tmp_path / "pictures", NEGATIVE, pictures, CONFIG, quiet=True)

    assert list(tmp_path.iterdir()) == []


def test_a_batch_holds_clips_beside_what_the_teacher_makes_of_them(folder, pictures):
    taught = open_pictures(folder, NEGATIVE, pictures, CONFIG, quiet=True)

    found = batch(Sources(pictures, taught=taught), CONFIG, 5)

    assert found["taught"].shape == found["clip"].shape == (2, 2, 64, 64, 3)
    assert np.abs(found["taught"] - (1 - found["clip"])).max() < 0.01
    again = batch(Sources(pictures, taught=taught), CONFIG, 5)
    assert all(np.array_equal(found[name], again[name]) for name in found)
