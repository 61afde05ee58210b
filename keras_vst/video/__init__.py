"""Video in and out: (H, W, 3) uint8 RGB frames with exact times, from and to files (PyAV, cv2)."""

# Before av: its wheels carry a libxcb of their own, with which OpenCV's windows hang if it is loaded first.
import cv2  # noqa: F401

from keras_vst.video.base import Excerpt, Sink, Source, TimedFrame, VideoInfo, open_sink, open_source, probe
from keras_vst.video.provenance import Provenance

__all__ = [
    "Excerpt",
    "Provenance",
    "Sink",
    "Source",
    "TimedFrame",
    "VideoInfo",
    "open_sink",
    "open_source",
    "probe",
]
