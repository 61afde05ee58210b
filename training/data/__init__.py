"""What a run learns from, as batches: photos, clips, paintings, keyframes.  Numpy and OpenCV until `dataset`."""

from __future__ import annotations

from keras_vst.config import RunConfig, stages
from training.data.clips import ClipCache, Clips, ClipSource
from training.data.keyframes import Keyframes
from training.data.paintings import NUM_FRAMES, TO_OUTER, PaintedClip, Paintings
from training.data.photos import PICTURE_SUFFIXES, Photos, load_picture
from training.data.pipeline import Batch, Sources, arrays, batch, dataset, sample
from training.data.procedural import ProceduralPhotos
from training.data.shards import ShardSettings
from training.pairs import frame_pairs, pairs_of

__all__ = [
    "NUM_FRAMES",
    "PICTURE_SUFFIXES",
    "Batch",
    "ClipCache",
    "ClipSource",
    "Clips",
    "Keyframes",
    "PaintedClip",
    "Paintings",
    "Photos",
    "ProceduralPhotos",
    "ShardSettings",
    "Sources",
    "arrays",
    "batch",
    "dataset",
    "frame_pairs",
    "largest_crop",
    "load_picture",
    "painted_clip",
    "pairs_of",
    "real_clips",
    "sample",
]
ROOM = 1.4  # side of a shard over that of the largest crop: room to move and to shrink


def largest_crop(config: RunConfig) -> int:
    """The side of the largest square that the network sees in this run."""
    return max(each.crop for each in stages(config))


def real_clips(cache: ClipCache, source: ClipSource, config: RunConfig, quiet: bool = False) -> Clips:
    """The clips of a folder, as `pairs_of(config)` wants them."""
    side = round(ROOM * largest_crop(config))
    settings = ShardSettings(config.data.frames, side, tuple(pairs_of(config)), config.data.flow)
    return cache.gather(source, settings, quiet)


def painted_clip(cache: ClipCache, source: ClipSource, config: RunConfig, quiet: bool = False) -> PaintedClip:
    """A style clip, of which three frames in a row are one painting."""
    side = max(round(ROOM * max(each.judged for each in stages(config))), config.data.style_side // 2)
    settings = ShardSettings(NUM_FRAMES, side, TO_OUTER, config.data.flow)
    return PaintedClip(cache.gather(source, settings, quiet, option="--collection"))
