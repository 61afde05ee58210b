"""From paths to what batches are made of: opens the pictures and clips of a run, and says what it found.

Reference pictures are float32 (1, H, W, 3) in [0, 1]; all of them together are the style.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras_vst.config import RunConfig
from keras_vst.frames import PICTURES, to_float, to_uint8
from training.data.photos import Photos, load_picture
from training.data.pipeline import Sources
from training.inputs import Inputs
from training.looks import look_named
from training.temporal import crop_side, pairs_of
from training.watch import black_dots

if TYPE_CHECKING:
    from training.data.clips import ClipCache, Clips
    from training.data.paintings import PaintedClip, Paintings

REFERENCES = 48  # pictures of a collection that stand for its style; of a few, their colours would be all
COLOURED, COLOUR_SIDE = (
    64,
    64,
)  # photos whose colours stand for those of all; the side they are looked at with
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


def open_sources(
    inputs: Inputs,
    config: RunConfig,
    quiet: bool = False,
    chief_first: AbstractContextManager[None] | None = None,
) -> Opened:
    """Decode what has to be decoded beforehand; raises UserError where nothing usable is left.

    What one worker makes for all of them is made within `chief_first`.
    """
    photos, cache, taught = _photos(inputs, config), _cache(inputs, config), None
    clips = real_clips(cache, inputs.clips, config, quiet) if cache and inputs.clips else None
    collection = _collection(cache, inputs.collection, config, quiet) if inputs.collection else None
    keyframes = _keyframes(inputs, config) if inputs.keyframe else None
    references = _references(inputs, config, collection)
    if inputs.teacher:
        from training.taught import open_pictures

        with chief_first or nullcontext():
            taught = open_pictures(Path(inputs.pictures), inputs.teacher, photos, config, quiet)
        references = [to_float(clip[:1]) for clip in taught[:REFERENCES]]
    about = {"photos": len(photos) if inputs.photos else "made by the program"}
    about |= {"clip_cache": cache.summary()} if cache else {}
    about |= {"collection": len(collection)} if collection else {}
    skipping = tuple(source for source in (photos, cache, collection) if hasattr(source, "skipped"))
    look = look_named(inputs.look) if inputs.look else None
    sources = Sources(photos, clips, collection, taught, keyframes, look)
    return Opened(sources, references, about, skipping)


def real_clips(cache: ClipCache, clips: Sequence[str | Path], config: RunConfig, quiet: bool = True) -> Clips:
    """The clips of a folder, with flow for `pairs_of(config)`."""
    from training.data.shards import ShardSettings

    side = round(ROOM * crop_side(config))
    return cache.gather(clips, ShardSettings(config.data.frames, side, tuple(pairs_of(config))), quiet)


def painted_clip(cache: ClipCache, clip: str | Path, config: RunConfig, quiet: bool = True) -> PaintedClip:
    """A style clip, of which three frames in a row are one painting."""
    from training.data.paintings import NUM_FRAMES, TO_OUTER, PaintedClip
    from training.data.shards import ShardSettings

    side = collection_side(config, clip=True)
    settings = ShardSettings(NUM_FRAMES, side, TO_OUTER)
    return PaintedClip(cache.gather(clip, settings, quiet, option="--collection"))


def collection_side(config: RunConfig, clip: bool = False) -> int:
    """Of a picture of a collection, or a frame of a style clip, the shorter side.

    Strokes are as large as those of a single painting, unless the squares that losses see had no room then.
    """
    judged = config.schedule.judged_size
    return max(round(ROOM * judged) if clip else judged, config.data.style_side // 2)


# What only some runs learn from is imported where it is opened: a painting and photos need none of it.


def _photos(inputs: Inputs, config: RunConfig) -> Any:
    if inputs.photos:
        return Photos(inputs.photos, config.data.photo_side)
    from training.data.procedural import ProceduralPhotos

    return ProceduralPhotos(config.seed, config.data.photo_side)


def _cache(inputs: Inputs, config: RunConfig) -> ClipCache | None:
    if not (inputs.clips or _is_clip(Path(inputs.collection))):
        return None
    from training.data.clips import ClipCache

    return ClipCache(inputs.cache or None, config.data.cache_gb * 1e9)


def _collection(
    cache: ClipCache | None, path: str, config: RunConfig, quiet: bool
) -> Paintings | PaintedClip:
    if cache and _is_clip(Path(path)):
        return painted_clip(cache, path, config, quiet)
    from training.data.paintings import Paintings

    return Paintings(path, collection_side(config))


def _keyframes(inputs: Inputs, config: RunConfig) -> Any:
    from training.data.paintings import Keyframes

    return Keyframes(inputs.keyframe, crop_side(config))


def _is_clip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() not in PICTURES


def _references(inputs: Inputs, config: RunConfig, collection: Paintings | PaintedClip | None) -> References:
    if collection is not None:
        rng, side = np.random.default_rng(config.seed), collection_side(config)
        return [collection.draw(rng, side, 1)["painting"] for _ in range(REFERENCES)]
    painted = inputs.style or [path for _, path in inputs.keyframe]
    side = config.data.style_side
    return [to_float(load_picture(Path(path), side, longer=True))[None] for path in painted]
