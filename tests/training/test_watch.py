from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from tests.conftest import draw_picture
from training import watch
from training.watch import GRACE, PATIENCE, Trouble, Watch, black_dots, is_constant, painted_frame, pixel_grid

HEALTHY = {
    "objective": 2.0,
    "discriminator": 1.4,
    "score_real": 0.6,
    "score_fake": -0.3,
    "weighted_adversarial": 0.1,
}


@pytest.fixture(scope="module")
def frames():
    return np.stack([draw_picture(seed, 128, 160) for seed in range(4)])


@pytest.fixture(scope="module")
def stylized(frames):
    """What a healthy network might make of them: other colours, a little grain."""
    grain = np.random.default_rng(0).normal(0, 4, frames.shape)
    return np.clip(0.6 * frames[..., ::-1] + 60 + grain, 0, 255).astype(np.uint8)


def feed(terms, steps=PATIENCE + 10):
    watched = Watch()
    for step in range(1, steps + 1):
        watched.terms(step, terms)


def test_healthy_terms_and_pictures_pass(frames, stylized):
    feed(HEALTHY)
    assert Watch().pictures(GRACE, frames, stylized) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_term_that_is_not_a_number_is_named_with_the_knob(value):
    with pytest.raises(Trouble, match=r"At step 7 style became nan or infinite.*schedule\.learning_rate"):
        Watch().terms(7, {"content": 1.0, "style": value})


def test_a_discriminator_that_always_wins_stops_the_run():
    with pytest.raises(Trouble, match=r"no longer teaches.*discriminator_learning_rate"):
        feed({**HEALTHY, "discriminator": 0.001, "score_real": 3.0, "score_fake": -3.0})


def test_a_discriminator_that_says_the_same_of_everything_stops_the_run():
    with pytest.raises(Trouble, match=r"has collapsed.*discriminator_learning_rate"):
        feed({**HEALTHY, "score_fake": HEALTHY["score_real"]})


def test_a_discriminator_may_win_for_a_while_and_while_it_learns_alone():
    winning = {**HEALTHY, "discriminator": 0.001}
    watched = Watch()
    for step in range(2 * PATIENCE):
        watched.terms(step, HEALTHY if step % (PATIENCE - 1) == 0 else winning)
    feed({**winning, "weighted_adversarial": 0.0})


@pytest.mark.parametrize(
    ("level", "told"),
    [(0, "everything black"), (255, "everything white"), (128, "everything one flat colour")],
)
def test_a_constant_output_stops_the_run(frames, level, told):
    with pytest.raises(Trouble, match=told):
        Watch().pictures(GRACE, frames, np.full_like(frames, level))


def test_a_constant_output_is_forgiven_at_first_and_where_the_frames_are_flat(frames):
    assert Watch().pictures(GRACE - 1, frames, np.zeros_like(frames)) == []
    assert not is_constant(np.full_like(frames, 90), np.zeros_like(frames))
    one_shows = np.zeros_like(frames)
    one_shows[0] = frames[0]
    assert not is_constant(frames, one_shows)


def with_dots(pictures, each):
    rng, dotted = np.random.default_rng(1), np.maximum(pictures, 120)
    for picture in dotted:
        for row, column in zip(rng.integers(4, 124, each), rng.integers(4, 156, each), strict=True):
            picture[row : row + 2, column : column + 2] = 0
    return dotted


def test_black_dots_are_counted_a_million_pixels(stylized):
    dotted = np.full_like(stylized, 180)
    dotted[0, 20:22, 30:32] = 0
    dotted[1, 50, 60] = 0
    dotted[2, 40:60, 40:60] = 0  # a black square is no dot
    assert black_dots(dotted) == pytest.approx(2e6 / (4 * 128 * 160))
    assert black_dots(np.maximum(stylized, 120)) == 0


def test_black_dots_stop_the_run_unless_the_style_has_them_too(frames, stylized):
    dotted = with_dots(stylized, 100)
    assert black_dots(dotted) > watch.DOTS
    with pytest.raises(Trouble, match=r"black dots a million pixels.*schedule\.clip_norm"):
        Watch().pictures(GRACE, frames, dotted)
    Watch(style_dots=black_dots(dotted)).pictures(GRACE, frames, dotted)


def test_a_frame_around_the_picture_is_warned_of(frames, stylized):
    framed = stylized.copy()
    for edge in (np.s_[:, :3], np.s_[:, -3:], np.s_[:, :, :3], np.s_[:, :, -3:]):
        framed[edge] = framed[edge] // 3
    assert painted_frame(frames, framed) > watch.FRAME > painted_frame(frames, stylized)
    assert any("data.margin" in warning for warning in Watch().pictures(GRACE, frames, framed))


def test_a_grid_on_flat_areas_is_warned_of(stylized):
    flat = np.full_like(stylized, 120)
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 6, flat.shape)
    strokes = np.stack([cv2.GaussianBlur(rng.normal(0, 60, flat.shape[1:]), (0, 0), 2.5) for _ in flat])
    painted = np.clip(flat + noise + strokes, 0, 255)
    gridded = painted.copy()
    gridded[:, ::8, ::8] -= 40
    gridded = np.clip(gridded, 0, 255).astype(np.uint8)

    assert pixel_grid(flat, painted.astype(np.uint8)) < watch.GRID < pixel_grid(flat, gridded)
    assert any("A grid shows" in warning for warning in Watch().pictures(GRACE, flat, gridded))
