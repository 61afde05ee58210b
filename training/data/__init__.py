"""What a run learns from, as batches: photos, clips, paintings, keyframes.  Numpy and OpenCV until `dataset`."""

from training.data.clips import ClipCache, Clips, ClipSource
from training.data.paintings import Keyframes, PaintedClip, Paintings
from training.data.photos import PICTURE_SUFFIXES, Photos, load_picture
from training.data.pipeline import Batch, Sources, arrays, batch, dataset, sample
from training.data.procedural import ProceduralPhotos

__all__ = [
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
    "Sources",
    "arrays",
    "batch",
    "dataset",
    "load_picture",
    "sample",
]
