import itertools

import cv2
import numpy as np
import pytest

from edge.upsample import upsample
from keras_vst.flow import warp
from tests.conftest import draw_picture

SIZE = (480, 320)  # (width, height)
SMALL = (160, 107)


def shrunk(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)


def bilinear(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, SIZE, interpolation=cv2.INTER_LINEAR)


def textured(seed: int) -> np.ndarray:
    """Shapes, and stripes too fine for the small size."""
    picture = draw_picture(seed, SIZE[1], SIZE[0]).astype(int)
    stripes = 24 * np.sign(np.sin(np.arange(SIZE[0]) * 2 * np.pi / 4))[None, :, None]
    return np.clip(picture + stripes, 0, 255).astype(np.uint8)


def error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((one.astype(float) - other) ** 2)))


@pytest.mark.parametrize(("slope", "offset"), [(0.6, 60), (1.0, 0), (-0.5, 200)])
def test_what_follows_the_frame_comes_back_nearly_as_if_painted_at_full_size(slope, offset):
    def paint(picture: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return np.repeat(np.clip(grey * slope + offset, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)

    frame = textured(1)
    small = shrunk(frame)
    wanted = paint(frame)
    ours = error(upsample(paint(small), small, frame), wanted)
    assert ours < 0.55 * error(bilinear(paint(small)), wanted)


def test_a_plain_painting_stays_plain():
    frame = textured(2)
    plain = np.full((*SMALL[::-1], 3), (200, 40, 90), np.uint8)
    assert np.abs(upsample(plain, shrunk(frame), frame).astype(int) - (200, 40, 90)).max() <= 2


def test_strokes_that_the_frame_knows_nothing_of_are_kept():
    """On a grey wall there is nothing to follow: what was painted there comes through as bilinear has it."""
    wall = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    strokes = draw_picture(3, SMALL[1], SMALL[0])
    once, plain = upsample(strokes, shrunk(wall), wall), bilinear(strokes)
    blurred = cv2.GaussianBlur(plain, (0, 0), 9)
    # A fifth of the way to its mean at most.
    assert error(once, plain) < 0.25 * error(blurred, plain)


def test_edges_are_sharper_and_flicker_is_no_higher_than_bilinear():
    """A pan by whole pixels over a painting that follows the frame and trembles of itself."""
    wide = textured(4)
    rng = np.random.default_rng(5)
    flow = np.zeros((SIZE[1], SIZE[0] - 24, 2), np.float32)
    flow[..., 0] = 3  # what is at x was at x + 3 before
    shown: dict[str, list[np.ndarray]] = {"ours": [], "bilinear": []}
    for step in range(6):
        frame = np.ascontiguousarray(wide[:, 3 * step : 3 * step + SIZE[0] - 24])
        small = cv2.resize(frame, (152, 107), interpolation=cv2.INTER_AREA)
        tremble = cv2.GaussianBlur(rng.normal(0, 24, small.shape), (0, 0), 1.5)
        painting = np.clip(0.7 * small + 40 + tremble, 0, 255).astype(np.uint8)
        shown["ours"].append(upsample(painting, small, frame))
        shown["bilinear"].append(cv2.resize(painting, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR))

    def flicker(pictures: list[np.ndarray]) -> float:
        pairs = itertools.pairwise(pictures)
        return float(np.mean([error(now[:, :-8], warp(np.float32(old), flow)[:, :-8]) for old, now in pairs]))

    def sharpness(picture: np.ndarray) -> float:
        return float(np.abs(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F)).mean())

    assert sharpness(shown["ours"][2]) > 1.5 * sharpness(shown["bilinear"][2])
    assert flicker(shown["ours"]) <= flicker(shown["bilinear"])


@pytest.mark.parametrize("size", [(9, 9), (17, 200), (720, 1280)])
def test_any_size_comes_out_as_the_frame_has_it(size):
    frame = draw_picture(6, *size)
    small = cv2.resize(frame, (max(1, size[1] // 3), max(1, size[0] // 3)), interpolation=cv2.INTER_AREA)
    assert upsample(small, small, frame).shape == frame.shape


def test_views_into_a_larger_picture_will_do():
    frame = draw_picture(7, 90, 120)
    small = cv2.resize(frame, (40, 30), interpolation=cv2.INTER_AREA)
    padded = cv2.copyMakeBorder(small, 3, 5, 2, 6, cv2.BORDER_REPLICATE)
    inside = padded[3:33, 2:42]
    np.testing.assert_array_equal(upsample(inside, inside, frame), upsample(small, small, frame))


@pytest.mark.slow
def test_a_painting_is_sharper_and_no_less_steady_than_bilinear_at_720p():
    """Along the exact flow of our own scene, painted in flat patches of other colours at a ninth of the pixels."""
    from keras_vst.frames import fit
    from keras_vst.scene import Scene

    scene = Scene(1280, 720)
    ours, plain, frames = [], [], [scene.frame(index) for index in range(20, 26)]
    for frame in frames:
        small = fit(frame, (240, 427))[0][:240, :427]
        painting = cv2.pyrMeanShiftFiltering(small, 6, 30)[..., ::-1] // 2 + 60
        ours.append(upsample(painting, small, frame))
        plain.append(cv2.resize(painting, (1280, 720), interpolation=cv2.INTER_LINEAR))

    def gradients(picture: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).ravel()

    def likeness(pictures: list[np.ndarray]) -> float:
        pairs = zip(pictures, frames, strict=True)
        return float(np.mean([np.corrcoef(gradients(one), gradients(two))[0, 1] for one, two in pairs]))

    def flicker(pictures: list[np.ndarray]) -> float:
        errors = []
        for index in range(1, len(pictures)):
            flow, visible = scene.flow(20 + index)
            change = visible * (pictures[index] - warp(np.float32(pictures[index - 1]), flow))
            errors.append(np.sqrt(np.sum(change**2) / (3 * visible.sum())))
        return float(np.mean(errors))

    assert likeness(ours) > 1.5 * likeness(plain)
    assert flicker(ours) <= flicker(plain)
