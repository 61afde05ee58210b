import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.conftest import write_picture
from training.evaluation import collection
from training.evaluation.collection import LEAST, gather_collection
from training.evaluation.painters import Identity


class Darker(Identity):
    def __call__(self, frames):
        return (0.5 * super().__call__(frames)).round().astype(np.uint8)


def brightness(pictures):
    """Eyes that see one number."""
    return np.array([[picture.mean()] for picture in pictures])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Thirty small photos, and thirty-two small paintings with a broken one among them."""
    photos, paintings = (tmp_path_factory.mktemp(name) for name in ("photos", "paintings"))
    for seed in range(32):
        write_picture(paintings / f"{seed:02}.png", 100 + seed, 32, 40)
        if seed < LEAST:
            write_picture(photos / f"{seed:02}.png", seed, 40, 32)
    (paintings / "broken.png").write_text("not a picture")
    return str(paintings), str(photos)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(collection, "SIDE", 32)
    monkeypatch.setattr(collection, "SEEN", 24)


def test_of_one_number_it_is_the_distance_of_means_and_deviations(small, folders):
    found = gather_collection(*folders, brightness, "one number")
    seen = np.array([photo[4:28, 4:28].mean() for photo in found.photos])
    theirs = found.theirs[:, 0]
    assert (len(seen), len(theirs)) == (30, 32)
    by_hand = (seen.mean() - theirs.mean()) ** 2 + (seen.std(ddof=1) - theirs.std(ddof=1)) ** 2
    assert found.distance(Identity()) == pytest.approx(by_hand)
    halved = (seen.mean() / 2 - theirs.mean()) ** 2 + (seen.std(ddof=1) / 2 - theirs.std(ddof=1)) ** 2
    assert found.distance(Darker()) == pytest.approx(halved, rel=0.02)  # rounded to whole levels


def test_both_numbers_of_pictures_and_the_eyes_are_told(small, folders):
    found = gather_collection(*folders, brightness, "one number")
    halves = found.theirs[::2, 0], found.theirs[1::2, 0]
    within = sum(
        (half(halves[0]) - half(halves[1])) ** 2 for half in (np.mean, lambda each: each.std(ddof=1))
    )
    assert f"30 photos against 32 pictures of {folders[0]}, seen by one number" in found.told
    assert f"by {within:.4g}" in found.told


def test_of_many_photos_some_are_painted(small, folders, monkeypatch):
    monkeypatch.setattr(collection, "MOST", 31)
    assert (
        len(gather_collection(folders[1], folders[0], brightness, "").photos) == 30
    )  # of 33, a broken one taken


def test_too_few_pictures_are_refused(small, folders, photos):
    with pytest.raises(
        UserError, match=r"--collection .* holds 6 readable pictures.* needs 30.*Add pictures"
    ):
        gather_collection(str(photos), folders[1], brightness, "")
    with pytest.raises(UserError, match=r"--photos .* holds 6 readable pictures"):
        gather_collection(folders[0], str(photos), brightness, "")
    with pytest.raises(UserError, match=r"There is no --photos\. Name a folder"):
        gather_collection(folders[0], "", brightness, "")
