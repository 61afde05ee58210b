"""Does a SavedModel answer as a server will ask it: pictures in batches, JPEG bytes, and its own warm-up requests?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from export.footage import Footage
from export.gate.check import Check, rounded
from export.gate.parity import FLOORS
from export.parity import play_student, psnr
from export.savedmodel import SIGNATURES, replay_warmup
from export.stepper import to_input
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.zoo import DEFAULT_MARGIN

JPEG_FLOOR = 30.0  # dB; what quality 92 keeps of a painted picture, measured 32-45


def signatures(
    path: Path, footage: Footage, styles: npt.NDArray[np.float32], student: keras.Model
) -> list[Check]:
    """`serving_default` on a batch of two frames, `jpeg` on one file, against the Keras network."""
    loaded = tf.saved_model.load(str(path)).signatures
    missing = [name for name in SIGNATURES if name not in loaded]
    if missing:
        message = f"it has no signature {', '.join(missing)}; export it again with this version."
        return [Check("parity", "signatures", False, f"has {', '.join(SIGNATURES)}", message=message)]
    return [
        _batch(loaded["serving_default"], footage, styles, student),
        _jpeg(loaded["jpeg"], footage, styles, student),
    ]


def warm_up(path: Path) -> Check:
    """Whether the file of warm-up requests is answered, every one."""
    limit = f"{len(SIGNATURES)} requests answered"
    try:
        answered = replay_warmup(path)
    except UserError as error:
        return Check("warm-up", "requests", False, limit, message=str(error))
    passed = answered == len(SIGNATURES)
    message = "" if passed else f"{answered} requests for {len(SIGNATURES)} signatures; export it again."
    return Check("warm-up", "requests", passed, limit, {"answered": float(answered)}, message)


def _batch(signature: Any, footage: Footage, styles: npt.NDArray[np.float32], student: keras.Model) -> Check:
    frames, chosen = footage.frames[[0, -1]], styles[[0, -1]]
    answer = signature(frame=tf.constant(to_input(frames, True)), style=tf.constant(chosen))[
        "stylized"
    ].numpy()
    expected = [play_student(student, frames[[one]], chosen[[one]])[0] for one in range(2)]
    worst = float(np.min([psnr(ours, theirs) for ours, theirs in zip(answer, expected, strict=True)]))
    return _check("serving_default, batch of 2", worst, FLOORS["fp32"])


def _jpeg(signature: Any, footage: Footage, styles: npt.NDArray[np.float32], student: keras.Model) -> Check:
    data = tf.io.encode_jpeg(footage.content[0], quality=95)
    answer = signature(image_bytes=data[None], style=tf.constant(styles[:1]))["stylized_bytes"][0]
    fitted, fitting = fit(tf.io.decode_jpeg(data).numpy(), multiple=8, margin=DEFAULT_MARGIN)
    stylized = play_student(student, fitted[None], styles[:1])[0]
    (top, left), (height, width) = fitting.corner, fitting.content
    painted = to_float(tf.io.decode_jpeg(answer).numpy())
    expected = stylized[top : top + height, left : left + width]
    same_size = painted.shape == expected.shape
    return _check("jpeg", psnr(painted, expected) if same_size else float("nan"), JPEG_FLOOR)


def _check(name: str, decibels: float, floor: float) -> Check:
    passed = decibels >= floor
    message = (
        "" if passed else f"`{name.split(',')[0]}` computes something else than `stylize`; export it again."
    )
    measured = {"worst": rounded(decibels)} if np.isfinite(decibels) or decibels > 0 else {}
    return Check("parity", name, passed, f">= {floor:.0f} dB", measured, message)
