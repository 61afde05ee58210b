import numpy as np

from edge.hud import draw
from tests.conftest import draw_picture


def test_lines_are_drawn_on_a_copy_in_the_corner():
    picture = draw_picture(1, 240, 320)
    before = picture.copy()
    drawn = draw(picture, ["network 27 ms", "30 fps"])
    np.testing.assert_array_equal(picture, before)
    changed = np.argwhere((drawn != picture).any(-1))
    assert changed.max(0)[0] < 40
    assert changed.max(0)[1] < 160
    assert (drawn[:30, :100] > 230).any()  # the letters
    assert drawn[2, 2].max() <= before[2, 2].max() // 3 + 1  # their ground


def test_more_lines_take_more_room():
    picture = np.full((240, 320, 3), 200, np.uint8)
    heights = [int(np.argwhere((draw(picture, ["a"] * n) != 200).any(-1)).max(0)[0]) for n in (1, 4)]
    assert heights[1] > heights[0] + 20


def test_a_picture_too_small_for_the_lines_is_left_alone():
    picture = draw_picture(2, 30, 40)
    np.testing.assert_array_equal(draw(picture, ["a", "b", "c"]), picture)
    np.testing.assert_array_equal(draw(picture, []), picture)
