import pytest

from edge.sizes import check_size, ladder, usual_size
from keras_vst.errors import UserError


@pytest.mark.parametrize("frame", [(360, 640), (1080, 1920), (1920, 1080), (90, 160), (7, 5)])
def test_a_ladder_falls_in_even_steps_of_multiples_of_8_and_keeps_the_shape(frame):
    sizes = ladder(frame, 8)
    areas = [height * width for height, width in sizes]
    assert all(side % 8 == 0 for size in sizes for side in size)
    assert areas == sorted(areas, reverse=True)
    assert len(set(sizes)) == len(sizes)
    for height, width in sizes:
        if min(frame) > 300:
            assert (width - 16) / (height - 16) == pytest.approx(frame[1] / frame[0], rel=0.12)
    assert min(sizes[0]) >= min(frame) + 16
    assert min(sizes[-1]) >= min(64, min(frame))


def test_a_ladder_may_begin_lower_and_a_fixed_file_has_none():
    assert ladder((1080, 1920), 8, largest=(288, 496))[0] == (288, 496)
    assert max(ladder((1080, 1920), 8, largest=(288, 496))) == (288, 496)
    assert ladder((1080, 1920), 8, fixed=(256, 448)) == [(256, 448)]


def test_large_frames_are_painted_small_and_others_whole():
    assert usual_size((540, 960), 8) is None
    height, width = usual_size((720, 1280), 8) or (0, 0)
    assert height % 8 == width % 8 == 0
    assert (height - 16) * (width - 16) == pytest.approx(480 * 270, rel=0.1)


def test_a_size_must_fit_the_margin_and_the_file():
    assert check_size((64, 96), 8, (64, 96), "x") == (64, 96)
    assert check_size(None, 8, (64, 96), "x") == (64, 96)
    assert check_size(None, 8, None, "x") is None
    with pytest.raises(UserError, match="40x16 leaves nothing inside a margin of 8"):
        check_size((16, 40), 8, None, "x")
    with pytest.raises(UserError, match="x works at 96x64 only, not at 128x128"):
        check_size((128, 128), 8, (64, 96), "x")
