"""What the documents quote, rerunnable: each prints rows of JSON that name the processor.

Here is what they are measured on: the bundled film at any size and length, uint8 RGB frames or an H.264 file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from keras_vst.files import SCENE
from keras_vst.frames import Pixels
from keras_vst.video import TimedFrame, open_sink, open_source, probe

CRF = 20  # about what a phone or a camera writes
Size = tuple[int, int]  # (width, height)


def described(told: str | None) -> argparse.ArgumentParser:
    """A command line whose --help is the text of its module."""
    return argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse_size(text: str) -> Size:
    """640x360 as (640, 360)."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def film_clip(path: Path, size: Size, seconds: float) -> int:
    """Write the film, over and over, silent, as (width, height); returns how many frames it has."""
    info = replace(probe(SCENE), width=size[0], height=size[1], has_audio=False, origin=None)
    rate = info.fps or Fraction(30)
    count = round(seconds * rate)
    with open_sink(path, info, crf=CRF) as sink:
        for index, pixels in enumerate(islice(film_frames(size), count)):
            sink.write(TimedFrame(pixels, index / rate))
    return count


def film_frames(size: Size) -> Iterator[Pixels]:
    """The film's frames at (width, height), without end."""
    while True:
        with open_source(SCENE) as source:
            for frame in source:
                resized = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_CUBIC)
                yield np.asarray(resized, np.uint8)
