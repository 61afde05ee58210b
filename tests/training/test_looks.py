from __future__ import annotations

import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.conftest import draw_picture
from training.looks import LOOKS, look_named

REACH = 48  # pixels, beyond which nothing may be looked at: the network sees 75


def sheet(*colours: tuple[int, int, int], side: int = 64) -> np.ndarray:
    """Plain colours side by side."""
    return np.concatenate([np.full((side, side, 3), colour, np.uint8) for colour in colours], axis=1)


def shown(look: str, *colours: tuple[int, int, int]) -> np.ndarray:
    """What becomes of each colour, in the middle of a plain of it."""
    made = LOOKS[look](sheet(*colours))
    return made[32, 32::64].astype(int)


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_makes_the_same_picture_of_the_same_and_leaves_the_photo(name):
    photo = draw_picture(3, 90, 70)
    before = photo.copy()
    made = LOOKS[name](photo)
    assert (made.shape, made.dtype) == (photo.shape, np.uint8)
    np.testing.assert_array_equal(made, LOOKS[name](photo))
    np.testing.assert_array_equal(photo, before)
    assert made.std() > 8
    assert np.abs(made.astype(int) - photo).mean() > 8


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_moves_with_the_picture_and_sees_no_further_than_a_network(name):
    photo = draw_picture(4, 160, 200)
    moved = LOOKS[name](photo[:, 7:])
    whole = LOOKS[name](photo)[:, 7:]
    inside = np.s_[:, REACH : -REACH or None]
    difference = np.abs(moved[inside].astype(int) - whole[inside])
    assert difference.max() <= 2  # a pattern that stuck to the screen would differ everywhere
    assert difference.mean() < 0.02


@pytest.mark.parametrize("name", LOOKS)
def test_extremes_stay_pictures(name):
    for level in (0, 255):
        made = LOOKS[name](np.full((40, 48, 3), level, np.uint8))
        assert np.ptp(made.reshape(-1, 3), axis=0).max() <= 1  # nothing is drawn where there is nothing


def test_silver_is_grey_darkens_the_sky_and_keeps_the_order_of_greys():
    sky, leaf, *greys = shown(
        "silver", (90, 150, 230), (110, 150, 70), *((g,) * 3 for g in range(0, 256, 32))
    )
    assert max(np.ptp(colour) for colour in (sky, leaf, *greys)) < 16
    (as_bright,) = shown("silver", (148, 148, 148))  # to the eye
    assert sky.mean() < as_bright.mean() - 5
    assert all(np.diff([grey.mean() for grey in greys]) > 0)


def test_stock_is_warm_in_the_lights_and_cool_in_the_shadows():
    black, white = shown("stock", (0, 0, 0), (255, 255, 255))
    assert black[2] > black[0] > 0
    assert white[0] > white[2] + 15


def test_faded_has_lost_black_white_and_colour():
    black, white, blue = shown("faded", (0, 0, 0), (255, 255, 255), (30, 60, 220))
    assert black.min() > 15
    assert black[0] > black[2]  # brown
    assert white[2] < 215 < white[0]  # yellow
    assert np.ptp(blue) < 100


def test_night_is_dark_and_blue_the_sky_darkest_and_lamps_stay_lit():
    sky, wall = shown("day-for-night", (120, 170, 235), (190, 175, 160))
    assert sky.max() < 110
    assert wall[2] > wall[0] + 15
    assert sky.mean() < wall.mean()
    street = sheet((30, 28, 26))
    street[28:36, 28:36] = 255, 200, 60
    made = LOOKS["day-for-night"](street).astype(int)
    assert made[32, 32, 0] > 180
    assert made[32, 42, 0] > made[32, 2, 0] + 10  # and glow


def test_pencil_draws_a_line_at_an_edge_and_shades_by_tone():
    made = LOOKS["pencil"](sheet((230, 230, 230), (120, 120, 120))).mean(axis=2)
    light, dark = made[32, 20], made[32, 108]
    assert light > 225
    assert dark < light - 20
    assert made[32, 60:70].min() < dark - 30


def test_pencil_hatches_what_is_dark_and_leaves_the_lights_to_the_paper():
    rng = np.random.default_rng(0)
    rough = np.clip(sheet((230,) * 3, (60,) * 3) + rng.normal(0, 6, (64, 128, 1)), 0, 255).astype(np.uint8)
    made = LOOKS["pencil"](rough).mean(axis=2)
    light, dark = made[8:56, 8:48], made[8:56, 80:120]
    assert light.std() < 8
    assert dark.std() > 15
    across, along = dark[3:, 3:] - dark[:-3, :-3], dark[3:, :-3] - dark[:-3, 3:]
    assert np.abs(across).mean() > 1.5 * np.abs(along).mean()  # in strokes that rise to the right


def test_anime_is_flat_within_a_line():
    rng = np.random.default_rng(0)
    photo = np.clip(sheet((200, 120, 90), (60, 90, 160)) + rng.normal(0, 6, (64, 128, 3)), 0, 255).astype(
        np.uint8
    )
    made = LOOKS["anime"](photo)
    for part in (np.s_[8:56, 8:56], np.s_[8:56, 72:120]):
        assert made[part].std(axis=(0, 1)).mean() < 0.6 * photo[part].std(axis=(0, 1)).mean()
    assert made[32, 60:70].sum(axis=1).min() < 0.8 * made[32, 100].sum()


def test_an_unknown_look_lists_the_known_ones():
    assert look_named("silver") is LOOKS["silver"]
    with pytest.raises(
        UserError, match=r"silver, stock, faded, day-for-night, pencil, anime\. Received: sepia"
    ):
        look_named("sepia")
