from __future__ import annotations

import numpy as np
import pytest

from keras_vst.config.overrides import with_overrides
from keras_vst.errors import UserError
from keras_vst.frames import to_uint8
from keras_vst.motion import MotionConfig
from keras_vst.ops import warp
from training.data import pipeline
from training.data.clips import ClipCache
from training.data.paintings import Keyframes, Paintings
from training.data.photos import Photos
from training.data.pipeline import Sources, dataset
from training.looks import LOOKS
from training.recipes import RECIPES, smoke_of
from training.sources import real_clips
from training.temporal import crop_side

SMOKE = RECIPES["smoke"]
COLLECTION = with_overrides(smoke_of(RECIPES["collection"]), ["data.frames=3"])


@pytest.fixture(scope="module")
def pictures(photos):
    return Photos(photos, 96)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, short_clip):
    return real_clips(ClipCache(tmp_path_factory.mktemp("cache")), [short_clip], SMOKE)


def take(sources, config, count, **options):
    data = dataset(sources if isinstance(sources, Sources) else Sources(sources), config, **options)
    return list(data.take(count).as_numpy_iterator())


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_a_batch_has_the_promised_shapes_and_ranges(pictures):
    (batch,) = take(pictures, with_overrides(SMOKE, ["data.frames=3"]), 1)

    assert {name: array.shape for name, array in batch.items()} == {
        "clip": (2, 3, 64, 64, 3),
        "flow": (2, 2, 64, 64, 2),
        "visible": (2, 2, 64, 64, 1),
    }
    assert {array.dtype for array in batch.values()} == {np.dtype(np.float32)}
    assert batch["clip"].min() >= 0
    assert 0.5 < batch["clip"].max() <= 1
    assert set(np.unique(batch["visible"])) <= {0.0, 1.0}


def test_the_flow_of_a_batch_brings_the_earlier_frame_onto_the_later_one(pictures, monkeypatch):
    monkeypatch.setattr(pipeline, "MOTION", MotionConfig(noise=0, light=0, objects=0))
    moved = 0
    for batch in take(pictures, SMOKE, 4):
        held = np.asarray(warp(batch["clip"][:, 0], batch["flow"][:, 0]))
        visible = batch["visible"][:, 0]
        error = np.sum(visible * np.abs(batch["clip"][:, 1] - held)) / np.sum(visible) / 3
        rest = np.sum(visible * np.abs(batch["clip"][:, 1] - batch["clip"][:, 0])) / np.sum(visible) / 3
        assert error < 0.01
        moved += rest > 2 * error
    assert moved >= 2


def test_a_resumed_run_sees_the_batches_that_it_would_have_seen(pictures):
    whole = take(pictures, SMOKE, 3)

    assert same(whole[2], take(pictures, SMOKE, 1, start=2)[0])
    assert not same(whole[1], whole[2])


def test_the_workers_together_see_what_one_would(pictures):
    config = with_overrides(SMOKE, ["data.batch=4"])
    whole = take(pictures, config, 2)
    shares = [take(pictures, config, 2, worker=worker, workers=2) for worker in range(2)]

    for step in range(2):
        for name, array in whole[step].items():
            for worker in range(2):
                np.testing.assert_array_equal(shares[worker][step][name], array[worker::2])


def test_real_clips_are_mixed_in_from_their_step_on(pictures, clips):
    config = with_overrides(
        SMOKE, ["schedule.steps=20", "schedule.clips_from=0.5", "data.batch=4", "data.jitter=0"]
    )
    mixed, made = take(Sources(pictures, clips), config, 20), take(pictures, config, 20)

    assert all(same(*pair) for pair in zip(mixed[:10], made[:10], strict=True))
    real = [
        not np.array_equal(clip, other)
        for batch, twin in zip(mixed[10:], made[10:], strict=True)
        for clip, other in zip(batch["clip"], twin["clip"], strict=True)
    ]
    assert 10 <= sum(real) <= 30  # half of 40
    assert mixed[-1]["flow"].shape == made[-1]["flow"].shape


def test_paintings_come_with_the_batch_at_the_size_that_is_judged(pictures, photos):
    sources = Sources(pictures, painting=Paintings(photos, 48))
    (batch,) = take(sources, COLLECTION, 1)

    assert batch["clip"].shape == (2, 3, 64, 64, 3)
    assert batch["flow"].shape == (2, 3, 64, 64, 2)
    assert batch["painting"].shape == (2, 3, 32, 32, 3)
    assert batch["painting_flow"].shape == (2, 2, 32, 32, 2)


def test_keyframes_bring_pairs_and_the_unpainted_clip(pictures, clips, photos):
    config = smoke_of(RECIPES["keyframes"])
    keyframes = Keyframes([(photos / "photo_0.png", photos / "photo_1.png")], crop_side(config))

    (alone,) = take(Sources(pictures, keyframes=keyframes), config, 1)
    (both,) = take(Sources(pictures, clips, keyframes=keyframes), config, 1)

    assert alone["frame"].shape == alone["target"].shape == (2, 64, 64, 3)
    assert set(alone) == {"frame", "target"}
    assert set(both) == {"frame", "target", "clip", "flow", "visible"}
    np.testing.assert_array_equal(alone["frame"], both["frame"])


def test_a_look_brings_what_its_pipeline_makes_of_every_frame(pictures):
    config = smoke_of(RECIPES["look"])
    (batch,) = take(Sources(pictures, look=LOOKS["faded"]), config, 1)
    assert batch["target"].shape == batch["clip"].shape
    frame, target = (to_uint8(batch[name][1, 1]) for name in ("clip", "target"))
    np.testing.assert_array_equal(target, LOOKS["faded"](frame))


def test_a_setting_of_the_data_that_makes_no_sense_is_refused():
    with pytest.raises(UserError, match="`jitter` is a share of the whole"):
        with_overrides(SMOKE, ["data.jitter=-1"])
