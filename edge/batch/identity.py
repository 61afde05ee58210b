"""Checksums that say when two paintings would be the same: of a file, of a network with its settings, of a piece."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from edge.painter import Painter
from edge.style_choice import in_size, select_parts
from keras_vst import __version__

# Of the options: what changes a frame.  How many threads there are does not.
SETTINGS = ("strength", "size", "native", "keep_color", "detail", "quality", "noise")
BLOCK = 2**20


def identify(options: argparse.Namespace, painter: Painter) -> str:
    """Of everything but the input that decides how a frame looks: the network's bytes, the settings, the versions."""
    parts = in_size(select_parts(options.style, options.model, options.quality), options)
    runtime = painter.network.runtime
    return key_of(
        [(file_sum(style.path), share) for style, share in parts],
        painter.margin,
        {name: getattr(options, name) for name in SETTINGS},
        {"keras_vst": __version__, "av": av.__version__, "numpy": np.__version__, "cv2": cv2.__version__},
        (runtime.name, runtime.version, av.ffmpeg_version_info),
    )


def file_sum(path: Path) -> str:
    """Of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def key_of(*values: Any) -> str:
    """Of values that print alike when they are alike."""
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()
