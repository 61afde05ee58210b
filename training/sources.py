"""From paths to what batches are made of: opens the pictures and clips of a run, and says what it found.

Reference pictures are float32 (1, H, W, 3) in [0, 1]; all of them together are the style.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_vst.config import RunConfig, stages
from keras_vst.frames import to_float, to_uint8
from keras_vst.video.stills import PICTURES
from training.data import (
    ClipCache,
    Keyframes,
    PaintedClip,
    Paintings,
    Photos,
    ProceduralPhotos,
    Sources,
    load_picture,
    painted_clip,
    real_clips,
)
from training.inputs import Inputs
from training.watch import black_dots

REFERENCES = 12  # pictures of a collection that stand for its style
COLOURED, COLOUR_SIDE = (
    64,
    64,
)  # photos whose colours stand for those of all, and how large they are looked at
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
    photos = _photos(inputs, config)
    cache = _cache(inputs, config)
    clips = real_clips(cache, list(inputs.clips), config, quiet) if cache and inputs.clips else None
    collection = _collection(inputs, config, cache, quiet)
    keyframes = (
        Keyframes(inputs.keyframe, max(each.crop for each in stages(config))) if inputs.keyframe else None
    )
    sources = Sources(photos, clips, collection, keyframes)
    about = {"photos": "made by the program" if not inputs.photos else len(photos)}
    about |= {"clip_cache": cache.summary()} if cache else {}
    about |= {"collection": len(collection)} if collection else {}
    skipping = tuple(source for source in (photos, cache, collection) if hasattr(source, "skipped"))
    return Opened(sources, _references(inputs, config, collection), about, skipping)


def _photos(inputs: Inputs, config: RunConfig) -> Photos | ProceduralPhotos:
    side = config.data.photo_side
    return Photos(inputs.photos, side) if inputs.photos else ProceduralPhotos(config.seed, side)


def _cache(inputs: Inputs, config: RunConfig) -> ClipCache | None:
    if not (inputs.clips or _is_clip(inputs.collection)):
        return None
    return ClipCache(inputs.cache or None, config.data.cache_gb * 1e9)


def _collection(
    inputs: Inputs, config: RunConfig, cache: ClipCache | None, quiet: bool
) -> Paintings | PaintedClip | None:
    if not inputs.collection:
        return None
    if cache and _is_clip(inputs.collection):
        return painted_clip(cache, inputs.collection, config, quiet)
    return Paintings(inputs.collection, _side(config), config.data.motion, option="--collection")


def _is_clip(path: str) -> bool:
    return bool(path) and Path(path).is_file() and Path(path).suffix.lower() not in PICTURES


def _references(inputs: Inputs, config: RunConfig, collection: Paintings | PaintedClip | None) -> References:
    if inputs.style:
        side = config.data.style_side
        return [to_float(load_picture(Path(path), side, longer=True))[None] for path in inputs.style]
    if collection is not None:
        rng, side = np.random.default_rng(config.seed), _side(config)
        return [collection.draw(rng, side, 1)["painting"] for _ in range(REFERENCES)]
    painted = [load_picture(Path(path), config.data.style_side, longer=True) for _, path in inputs.keyframe]
    return [to_float(picture)[None] for picture in painted]


def _side(config: RunConfig) -> int:
    """Of a picture of a collection, the shorter side: strokes are as large as those of a single painting."""
    return max(config.data.style_side // 2, max(each.judged for each in stages(config)))
