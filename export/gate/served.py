"""Does a SavedModel answer as a server will ask it: pictures in batches, JPEG bytes, and its own warm-up requests?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.formats.to_savedmodel import SIGNATURES, replay_warmup
from export.gate import Check, rounded
from export.gate.same import FLOORS
from export.judged_clips import Clip, psnr
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.networks.keras import KerasNetwork
from keras_vst.zoo import DEFAULT_MARGIN

JPEG_FLOOR = 30.0  # dB; what quality 92 keeps of a painted picture, measured 32-45


def play_served(path: Path, clip: Clip) -> Any:
    """(T, H, W, 3) float32 through `serving_default`, a frame at a time."""
    loaded = tf.saved_model.load(str(path))  # kept, because its signatures do not keep it alive
    answer = loaded.signatures["serving_default"]
    stylized = [answer(frame=tf.constant(to_float(frame)[None]))["stylized"][0] for frame in clip.frames]
    return np.stack([each.numpy() for each in stylized])


def checks(path: Path, clip: Clip, network: keras.Model) -> list[Check]:
    """`serving_default` on a batch of two frames and `jpeg` on one file, against Keras, and the warm-up requests."""
    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures
    missing = [name for name in SIGNATURES if name not in found]
    if missing:
        message = f"it has no signature {', '.join(missing)}; export it again with this version."
        return [Check("parity", "signatures", False, f"has {', '.join(SIGNATURES)}", message=message)]
    keras_network = KerasNetwork(network)
    batch = _batch(found["serving_default"], clip, keras_network)
    return [batch, _jpeg(found["jpeg"], clip, keras_network), _warm_up(path)]


def _batch(signature: Any, clip: Clip, network: KerasNetwork) -> Check:
    frames = clip.frames[[0, -1]]
    answer = signature(frame=tf.constant(to_float(frames)))["stylized"].numpy()
    expected = [network.paint_film(frame, {})[0] for frame in frames]
    worst = float(np.min([psnr(ours, theirs) for ours, theirs in zip(answer, expected, strict=True)]))
    return _equal("serving_default, batch of 2", worst, FLOORS["fp32"])


def _jpeg(signature: Any, clip: Clip, network: KerasNetwork) -> Check:
    data = tf.io.encode_jpeg(clip.content[0], quality=95)
    answer = signature(image_bytes=data[None])["stylized_bytes"][0]
    fitted, fitting = fit(tf.io.decode_jpeg(data).numpy(), multiple=8, margin=DEFAULT_MARGIN)
    (top, left), (height, width) = fitting.corner, fitting.content
    expected = network.paint_film(fitted, {})[0][top : top + height, left : left + width]
    painted = to_float(tf.io.decode_jpeg(answer).numpy())
    decibels = psnr(painted, expected) if painted.shape == expected.shape else float("nan")
    return _equal("jpeg", decibels, JPEG_FLOOR)


def _equal(name: str, decibels: float, floor: float) -> Check:
    passed = decibels >= floor
    message = (
        "" if passed else f"`{name.split(',')[0]}` computes something else than the network; export it again."
    )
    measured = {} if np.isnan(decibels) else {"worst": rounded(decibels)}
    return Check("parity", name, passed, f">= {floor:.0f} dB", measured, message)


def _warm_up(path: Path) -> Check:
    limit = f"{len(SIGNATURES)} requests answered"
    try:
        answered, message = replay_warmup(path), ""
    except UserError as error:
        return Check("warm-up", "requests", False, limit, message=str(error))
    if answered != len(SIGNATURES):
        message = f"{answered} requests for {len(SIGNATURES)} signatures; export it again."
    return Check("warm-up", "requests", not message, limit, {"answered": float(answered)}, message)
