"""From paths to what batches are made of: opens the pictures and clips of a run, and says what it found.

Reference pictures are float32 (1, H, W, 3) in [0, 1]; all of them together are the style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_vst.config import RunConfig
from keras_vst.frames import to_float, to_uint8
from training.data import (
    PICTURE_SUFFIXES,
    ClipCache,
    Clips,
    Keyframes,
    PaintedClip,
    Paintings,
    Photos,
    ProceduralPhotos,
    Sources,
    load_picture,
)
from training.data.paintings import NUM_FRAMES, TO_OUTER
from training.data.shards import ShardSettings
from training.inputs import Inputs
from training.looks import look_named
from training.stages import largest_crop, pairs_of, stages
from training.taught import open_pictures
from training.watch import black_dots

REFERENCES = 12  # pictures of a collection that stand for its style
COLOURED, COLOUR_SIDE = (
    64,
    64,
)  # photos whose colours stand for those of all, and how large they are looked at
ROOM = 1.4  # side of a shard over that of the largest crop: room to move and to shrink
References = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Opened:
    """The sources of a run, and what is told about them in config.json and the report."""

    sources: Sources
    references: References
    about: dict[str, Any]  # how many photos, clips ... there are; the clip cache in a line
    _skipping: tuple[Any, ...]

    def skipped(self) -> dict[str, Any]:
        """Files that could not be used so far: how many, and the first of them with the reason."""
        found = [(str(path), reason) for source in self._skipping for path, reason in source.skipped]
        return {"count": len(found), "files": [f"{path}: {reason}" for path, reason in sorted(found)[:50]]}

    def style_dots(self) -> float:
        """Black dots a million pixels in the most dotted of the reference pictures."""
        return max((black_dots(to_uint8(picture)) for picture in self.references), default=0.0)

    def photo_colours(self) -> npt.NDArray[np.float32]:
        """Colours of the photos, (N, 3) in [0, 1]."""
        rng = np.random.default_rng(0)
        drawn = [self.sources.photos.draw(rng, COLOUR_SIDE) for _ in range(COLOURED)]
        return np.concatenate([to_float(photo[::4, ::4]).reshape(-1, 3) for photo in drawn])


def open_sources(inputs: Inputs, config: RunConfig, quiet: bool = False) -> Opened:
    """Decode what has to be decoded beforehand; raises UserError where nothing usable is left."""
    side, collection = config.data.photo_side, None
    photos = Photos(inputs.photos, side) if inputs.photos else ProceduralPhotos(config.seed, side)
    style_clip = bool(inputs.collection) and _is_clip(Path(inputs.collection))
    cache = (
        ClipCache(inputs.cache or None, config.data.cache_gb * 1e9) if inputs.clips or style_clip else None
    )
    clips = real_clips(cache, inputs.clips, config, quiet) if cache and inputs.clips else None
    if cache and style_clip:
        collection = painted_clip(cache, inputs.collection, config, quiet)
    elif inputs.collection:
        moves = config.data.motion
        collection = Paintings(inputs.collection, _side(config), moves, option="--collection")
    keyframes = Keyframes(inputs.keyframe, largest_crop(config)) if inputs.keyframe else None
    taught = None
    if inputs.teacher:
        taught = open_pictures(Path(inputs.pictures), inputs.teacher, photos, config, quiet)
    about = {"photos": len(photos) if inputs.photos else "made by the program"}
    about |= {"clip_cache": cache.summary()} if cache else {}
    about |= {"collection": len(collection)} if collection else {}
    skipping = tuple(source for source in (photos, cache, collection) if hasattr(source, "skipped"))
    look = look_named(inputs.look) if inputs.look else None
    sources = Sources(photos, clips, collection, taught, keyframes, look)
    references = _references(inputs, config, collection)
    if taught is not None:
        references = [to_float(clip[:1]) for clip in taught[:REFERENCES]]
    return Opened(sources, references, about, skipping)


def real_clips(cache: ClipCache, clips: Sequence[str | Path], config: RunConfig, quiet: bool = True) -> Clips:
    """The clips of a folder, with flow for `pairs_of(config)`."""
    side = round(ROOM * largest_crop(config))
    return cache.gather(clips, ShardSettings(config.data.frames, side, tuple(pairs_of(config))), quiet)


def painted_clip(cache: ClipCache, clip: str | Path, config: RunConfig, quiet: bool = True) -> PaintedClip:
    """A style clip, of which three frames in a row are one painting."""
    side = max(round(ROOM * max(each.judged for each in stages(config))), config.data.style_side // 2)
    return PaintedClip(
        cache.gather(clip, ShardSettings(NUM_FRAMES, side, TO_OUTER), quiet, option="--collection")
    )


def _is_clip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() not in PICTURE_SUFFIXES


def _references(inputs: Inputs, config: RunConfig, collection: Paintings | PaintedClip | None) -> References:
    if collection is not None:
        rng, side = np.random.default_rng(config.seed), _side(config)
        return [collection.draw(rng, side, 1)["painting"] for _ in range(REFERENCES)]
    painted = inputs.style or [path for _, path in inputs.keyframe]
    side = config.data.style_side
    return [to_float(load_picture(Path(path), side, longer=True))[None] for path in painted]


def _side(config: RunConfig) -> int:
    """Of a picture of a collection, the shorter side: strokes are as large as those of a single painting."""
    return max(config.data.style_side // 2, max(each.judged for each in stages(config)))
