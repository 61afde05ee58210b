from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo, open_sink
from tests.conftest import draw_picture
from training.data import shards as shards_module
from training.data.clips import ClipCache, default_folder
from training.data.shards import ShardSettings

SETTINGS = ShardSettings(frames=3, side=64, pairs=((1, 0), (2, 1), (2, 0)))


def write_clip(path: Path, frames: list[np.ndarray]) -> Path:
    info = VideoInfo(width=96, height=64, fps=Fraction(25), time_base=Fraction(1, 25))
    with open_sink(path, info) as sink:
        for index, frame in enumerate(frames):
            sink.write(TimedFrame(np.ascontiguousarray(frame), Fraction(index, 25)))
    return path


def glide(seed: int, count: int) -> list[np.ndarray]:
    """A picture that moves 2 pixels to the left a frame: what is at p was at p + (2, 0)."""
    picture = draw_picture(seed, 64, 96 + 2 * count)
    return [picture[:, 2 * index :][:, :96] for index in range(count)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "glide.mp4", glide(7, 9))


@pytest.fixture
def cache(tmp_path):
    return ClipCache(tmp_path / "cache")


def files(cache):
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def test_a_clip_becomes_shards_with_its_motion(cache, clip):
    clips = cache.gather(clip, SETTINGS, quiet=True)

    assert len(clips) == 3
    for shard in clips.shards:
        assert shard.frames.shape == (3, 64, 96, 3)
        inner = shard.visible[:, 8:-8, 8:-8, 0] > 0
        for index, moved in enumerate((2, 2, 4)):
            found = shard.flow[index, 8:-8, 8:-8][inner[index]].astype(float)
            assert inner[index].mean() > 0.6
            np.testing.assert_allclose(np.median(found, axis=0), [moved, 0], atol=0.15)


def test_a_second_run_decodes_nothing(cache, clip, monkeypatch):
    first = cache.gather(clip, SETTINGS, quiet=True)
    copy = clip.with_name("copy.mkv")
    copy.write_bytes(clip.read_bytes())
    monkeypatch.setattr("keras_vst.video.open_source", lambda path: pytest.fail(f"{path} was decoded again"))

    again = ClipCache(cache.folder.parent).gather(copy, SETTINGS, quiet=True)

    np.testing.assert_array_equal(again.shards[0].frames, first.shards[0].frames)


def test_no_shard_holds_a_cut(cache, tmp_path):
    cut = write_clip(tmp_path / "cut.mp4", [*glide(1, 5), *glide(2, 7)])

    cache.gather(cut, SETTINGS, quiet=True)

    starts = [int(path.stem) for path in files(cache) if path.suffix == ".npy"]
    assert starts == [0, 6, 9]  # the cut is before frame 5: frames 3 to 5 are no shard


def test_clips_that_cannot_be_used_are_skipped_and_named(cache, tmp_path, clip):
    write_clip(tmp_path / "a_short.mp4", glide(1, 2))
    (tmp_path / "b_broken.mp4").write_bytes(b"no clip at all")
    (tmp_path / "manifest.csv").write_text("not looked at")
    (tmp_path / "c_good.mp4").write_bytes(clip.read_bytes())

    clips = cache.gather(tmp_path, SETTINGS, quiet=True)

    assert len(clips) == 3
    (short, short_reason), (broken, broken_reason) = cache.skipped
    assert (short.name, broken.name) == ("a_short.mp4", "b_broken.mp4")
    assert short_reason == "too short: 2 frames, and 3 in a row are needed"
    assert "cannot be read as a clip" in broken_reason
    assert "2 skipped" in cache.summary()


def test_when_no_clip_is_left_the_first_reasons_are_told(cache, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no clip at all")

    with pytest.raises(UserError, match=r"holds no usable clip\. broken\.mp4: .*cannot be read"):
        cache.gather(tmp_path, SETTINGS, quiet=True)


def test_a_missing_folder_of_clips_is_named(cache, tmp_path):
    with pytest.raises(UserError, match=r"--clips needs a folder of clips.*nowhere"):
        cache.gather(tmp_path / "nowhere", SETTINGS, quiet=True)


def test_a_run_killed_while_caching_is_completed_by_the_next(cache, clip, monkeypatch):
    whole = ClipCache(cache.folder / "other").gather(clip, SETTINGS, quiet=True)
    write, written = shards_module.write_whole, []

    def killed(file, content):
        if written:
            file.with_name(f".{file.name}.part-1").write_bytes(content[:100])
            raise KeyboardInterrupt
        written.append(file)
        write(file, content)

    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.gather(clip, SETTINGS, quiet=True)
    stamp = written[0].stat().st_mtime_ns
    clips = ClipCache(cache.folder.parent).gather(clip, SETTINGS, quiet=True)

    assert written[0].stat().st_mtime_ns == stamp  # what was whole is used again
    assert len(clips) == 3
    for made, expected in zip(clips.shards, whole.shards, strict=True):
        np.testing.assert_array_equal(made.flow, expected.flow)


def test_a_shard_that_lost_its_end_is_made_again(cache, clip):
    cache.gather(clip, SETTINGS, quiet=True)
    broken = next(path for path in files(cache) if path.suffix == ".npy")
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-1000])

    assert len(ClipCache(cache.folder.parent).gather(clip, SETTINGS, quiet=True)) == 3
    assert broken.read_bytes() == whole


def test_part_files_that_nobody_finishes_are_swept_away(cache, clip):
    cache.gather(clip, SETTINGS, quiet=True)
    folder = files(cache)[0].parent
    old, new = folder / ".000000.npy.part-1", folder / ".000000.npy.part-2"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))

    ClipCache(cache.folder.parent)

    assert (old.exists(), new.exists()) == (False, True)


def test_what_was_not_used_for_longest_makes_room(cache, tmp_path, clip):
    other = write_clip(tmp_path / "other.mp4", glide(9, 9))
    cache.gather(clip, SETTINGS, quiet=True)
    first = files(cache)[0].parent
    os.utime(first / "index.json", (1000, 1000))
    size = sum(path.stat().st_size for path in files(cache))

    small = ClipCache(cache.folder.parent, limit=1.5 * size)
    held = small.gather(other, SETTINGS, quiet=True)

    assert not first.exists()
    assert sum(path.stat().st_size for path in files(cache)) <= 1.5 * size
    assert len(held) == 3


def test_the_clips_of_one_run_share_the_cache_among_them(tmp_path, clip):
    write_clip(tmp_path / "other.mp4", glide(9, 9))
    (tmp_path / "glide.mp4").write_bytes(clip.read_bytes())
    limit = 4.5 * SETTINGS.nbytes(1.5)

    cache = ClipCache(tmp_path / "cache", limit=limit)
    clips = cache.gather([tmp_path / "glide.mp4", tmp_path / "other.mp4"], SETTINGS, quiet=True)

    assert 2 <= len(clips) < 6
    assert sum(path.stat().st_size for path in files(cache)) <= limit
    assert not cache.skipped


def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(cache, clip, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"clip cache: cannot write .*the disk is full.*--cache DIR"):
        cache.gather(clip, SETTINGS, quiet=True)
    assert not files(cache)


def test_the_cache_lies_where_caches_belong(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert default_folder() == tmp_path / "keras-vst"
