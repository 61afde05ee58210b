import numpy as np
import pytest

from edge.memory import carry
from keras_vst.frames import fit

FRAME = np.zeros((360, 640, 3), np.uint8)


def fitting(size):
    return fit(FRAME, size, multiple=8, margin=8)[1]


def ramp(where) -> np.ndarray:
    """A state that holds at each of its pixels where in the frame (0 to 1) that pixel's centre lies."""
    (top, left), (height, width) = where.corner, where.content
    rows = (np.arange(where.fitted[0] // 4) * 4 + 2 - top) / height
    columns = (np.arange(where.fitted[1] // 4) * 4 + 2 - left) / width
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).astype(np.float32)[np.newaxis]


@pytest.mark.parametrize(
    "sizes", [((376, 656), (256, 448)), ((256, 448), (376, 656)), ((200, 400), (208, 352))]
)
def test_every_feature_stays_where_it_is_in_the_picture(sizes):
    old, new = (fitting(size) for size in sizes)
    carried, wanted = carry(ramp(old), old, new), ramp(new)
    assert carried.shape == wanted.shape
    # At the rim, which the old size did not reach, the nearest is repeated.
    np.testing.assert_allclose(carried[:, 3:-3, 3:-3], wanted[:, 3:-3, 3:-3], atol=0.003)


def test_a_size_that_stays_keeps_the_state():
    state = np.random.default_rng(1).random((1, 94, 164, 5), np.float32)
    same = fitting((376, 656))
    np.testing.assert_allclose(carry(state, same, same), state, atol=1e-5)
