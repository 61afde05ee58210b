"""Does a SavedModel answer as a server will ask it: pictures in batches, JPEG bytes, and its own warm-up requests?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.footage import Footage
from export.gate.check import Check, rounded
from export.gate.parity import FLOORS
from export.players import psnr
from export.savedmodel import SIGNATURES, replay_warmup
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.networks.keras import KerasNetwork
from keras_vst.zoo import DEFAULT_MARGIN

JPEG_FLOOR = 30.0  # dB; what quality 92 keeps of a painted picture, measured 32-45


class SavedModelNetwork:
    """A SavedModel of ours as a network that paints, through `serving_default`."""

    def __init__(self, path: Path):
        self.map_channels: Mapping[str, int] = {}
        self._loaded = tf.saved_model.load(str(path))  # kept, because its signatures do not keep it alive

    def paint_film(self, frame: Any, maps: Mapping[str, Any]) -> Any:
        """As every network does; there are no maps."""
        given = tf.constant(to_float(frame)[None])
        return self._loaded.signatures["serving_default"](frame=given)["stylized"].numpy()


def checks(path: Path, footage: Footage, network: keras.Model) -> list[Check]:
    """`serving_default` on a batch of two frames and `jpeg` on one file, against Keras, and the warm-up requests."""
    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures
    missing = [name for name in SIGNATURES if name not in found]
    if missing:
        message = f"it has no signature {', '.join(missing)}; export it again with this version."
        return [Check("parity", "signatures", False, f"has {', '.join(SIGNATURES)}", message=message)]
    painter = KerasNetwork(network)
    batch, jpeg = _batch(found["serving_default"], footage, painter), _jpeg(found["jpeg"], footage, painter)
    return [batch, jpeg, _warm_up(path)]


def _warm_up(path: Path) -> Check:
    limit = f"{len(SIGNATURES)} requests answered"
    try:
        answered = replay_warmup(path)
    except UserError as error:
        return Check("warm-up", "requests", False, limit, message=str(error))
    passed = answered == len(SIGNATURES)
    message = "" if passed else f"{answered} requests for {len(SIGNATURES)} signatures; export it again."
    return Check("warm-up", "requests", passed, limit, {"answered": float(answered)}, message)


def _batch(signature: Any, footage: Footage, painter: KerasNetwork) -> Check:
    frames = footage.frames[[0, -1]]
    answer = signature(frame=tf.constant(to_float(frames)))["stylized"].numpy()
    expected = [painter.paint_film(frame, {})[0] for frame in frames]
    worst = float(np.min([psnr(ours, theirs) for ours, theirs in zip(answer, expected, strict=True)]))
    return _check("serving_default, batch of 2", worst, FLOORS["fp32"])


def _jpeg(signature: Any, footage: Footage, painter: KerasNetwork) -> Check:
    data = tf.io.encode_jpeg(footage.content[0], quality=95)
    answer = signature(image_bytes=data[None])["stylized_bytes"][0]
    fitted, fitting = fit(tf.io.decode_jpeg(data).numpy(), multiple=8, margin=DEFAULT_MARGIN)
    stylized = painter.paint_film(fitted, {})[0]
    (top, left), (height, width) = fitting.corner, fitting.content
    painted = to_float(tf.io.decode_jpeg(answer).numpy())
    expected = stylized[top : top + height, left : left + width]
    same_size = painted.shape == expected.shape
    return _check("jpeg", psnr(painted, expected) if same_size else float("nan"), JPEG_FLOOR)


def _check(name: str, decibels: float, floor: float) -> Check:
    passed = decibels >= floor
    message = (
        "" if passed else f"`{name.split(',')[0]}` computes something else than the network; export it again."
    )
    measured = {"worst": rounded(decibels)} if np.isfinite(decibels) or decibels > 0 else {}
    return Check("parity", name, passed, f">= {floor:.0f} dB", measured, message)
