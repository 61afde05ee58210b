"""Which questions are put to an artifact: to a .tflite file, to an ONNX model, to a SavedModel as a server asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.artifact import Artifact, digest
from export.formats.flatbuffer import BYTES_SIGNATURE, SIGNATURE
from export.gate import contents, operations, runtimes, same
from export.gate.contents import Contents
from export.gate.same import FLOORS, Reference
from export.judged_clips import Array, Clip, play, psnr
from export.results import GAIN, Check, Result, not_judged, rounded
from keras_vst.errors import UserError
from keras_vst.frames import fit, to_float
from keras_vst.networks import open_network
from keras_vst.networks.keras import KerasNetwork
from keras_vst.zoo import DEFAULT_MARGIN

JPEG_FLOOR = 30.0  # dB; what quality 92 keeps of a painted picture, measured 32-45
AGREEMENT_FRAMES = 2  # in other runtimes, whose kernels differ from the first frame on
THREADS = 2


def judge(
    result: Result,
    path: Path,
    references: Sequence[Reference],
    wanted: tuple[str, ...],
    architecture: str,
    tell: Callable[[str], Any],
) -> bool:
    """Put every question to the artifact at `path`, of which `tell` is told; False where it did not even open.

    The first of the references is what it is held against; a second one has another size, for files that take any.
    `wanted` names the other runtimes that are to agree.
    """
    result.bytes, result.sha256 = digest(path)
    candidate = _Candidate(result, path, references[0])
    if result.artifact.format == "tflite":
        tell("opening")
        result.checks.append(trial(path))
        if result.checks[-1].failed:
            return False
        candidate.contents = Contents(path.read_bytes())
    result.checks += candidate.checks(references[1:], wanted, architecture, tell)
    result.picture, expected = (
        references[0].shown(each) for each in (candidate.played, references[0].stylized)
    )
    apart = np.abs(result.picture.astype(np.int16) - expected)
    result.difference = np.minimum(GAIN * apart, 255).astype(np.uint8)
    return True


def trial(path: Path) -> Check:
    """Whether a file opens and paints at all, which is tried where it can do no harm."""
    limit = "LiteRT opens and runs it in a process of its own"
    try:
        open_network(path, threads=THREADS)  # no checksum is known to it: it asks a child first
    except UserError as error:
        return Check("opening", "trial", False, limit, message=str(error))
    return Check("opening", "trial", True, limit)


@dataclass
class _Candidate:
    """An artifact beside its reference, and the clips that it played."""

    result: Result
    path: Path
    reference: Reference
    contents: Contents | None = None  # a .tflite taken apart

    @property
    def artifact(self) -> Artifact:
        return self.result.artifact

    @cached_property
    def played(self) -> Array:
        """The clip as the artifact paints it."""
        return self.play(self.reference.clip)

    @cached_property
    def played_bytes(self) -> Array:
        """The same through `stylize_u8`, uint8."""
        return runtimes.play("litert", self.path.read_bytes(), BYTES_SIGNATURE, self.reference.clip.frames)

    def play(self, clip: Clip) -> Array:
        """Any clip as the artifact paints it, (T, H, W, 3) float32."""
        if self.artifact.format == "savedmodel":
            return _play_served(self.path, clip)
        return play(open_network(self.path, threads=THREADS, sha256=self.result.sha256), clip)

    def checks(
        self,
        resized: Sequence[Reference],
        wanted: tuple[str, ...],
        architecture: str,
        tell: Callable[[str], Any],
    ) -> Iterator[Check]:
        """Every answer about an artifact that opens.

        Film files run on processors, offline: what delegates and other runtimes take of them is not asked.
        """
        artifact, reference = self.artifact, self.reference
        if self.contents:
            yield contents.weights(self.contents)
        tell("parity")
        yield from self._parities(resized)
        yield reference.picture(self.played)
        tell("flicker")
        inside = reference.clip.inside(self.played)
        yield same.steadiness(same.flicker(reference.clip, inside), reference.flicker)
        parameters = reference.network.count_params()
        yield contents.size(self.result.bytes, artifact.format, artifact.precision, parameters, self.contents)
        if self.contents:
            yield contents.stored(self.contents, artifact.precision)
        if self.contents and not reference.film:
            tell("operations")
            yield from operations.checks(self.contents, reference.clip.size)
            tell("other runtimes")
            yield from self._agreement(wanted)
            if artifact.key == "fp32":
                yield contents.mixable(self.contents.file, architecture)
        if artifact.format == "savedmodel":
            tell("signatures")
            yield from _served(self.path, reference.clip, reference.network)

    def _parities(self, resized: Sequence[Reference]) -> Iterator[Check]:
        precision, expected = self.artifact.precision, self.reference.stylized
        yield same.parity(SIGNATURE, expected, self.played, precision, self.contents)
        if self.contents and not self.reference.film:
            yield same.parity(BYTES_SIGNATURE, expected, self.played_bytes, precision, self.contents)
        for other in resized:
            height, width = other.clip.size
            told, played = f"{SIGNATURE}, at {width}x{height}", self.play(other.clip)
            yield same.parity(told, other.stylized, played, precision, self.contents)

    def _agreement(self, wanted: tuple[str, ...]) -> Iterator[Check]:
        frames, precision = self.reference.clip.frames[:AGREEMENT_FRAMES], self.artifact.precision
        played = {SIGNATURE: self.played}
        if precision == "int8":  # whose bytes in and out are what it is made for
            played[BYTES_SIGNATURE] = self.played_bytes
        found, missing = runtimes.find_runtimes(wanted)
        for runtime in found:
            for signature, clip in played.items():
                theirs = partial(runtimes.play_in_child, runtime, self.path, signature, frames)
                label = f"{runtime.label}, {signature}"
                yield same.agreement(label, precision, clip[:AGREEMENT_FRAMES], theirs)
        for name, reason in missing.items():
            yield not_judged("agreement", name, "the same pixels", reason)


def _play_served(path: Path, clip: Clip) -> Any:
    """(T, H, W, 3) float32 through `serving_default`, a frame at a time."""
    loaded = tf.saved_model.load(str(path))  # kept, because its signatures do not keep it alive
    answer = loaded.signatures["serving_default"]
    stylized = [answer(frame=tf.constant(to_float(frame)[None]))["stylized"][0] for frame in clip.frames]
    return np.stack([each.numpy() for each in stylized])


def _served(path: Path, clip: Clip, network: keras.Model) -> list[Check]:
    """`serving_default` on a batch of two frames and `jpeg` on one file, against Keras, and the warm-up requests."""
    from export.formats.to_savedmodel import SIGNATURES

    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures
    missing = [name for name in SIGNATURES if name not in found]
    if missing:
        message = f"it has no signature {', '.join(missing)}; export it again with this version."
        return [Check("parity", "signatures", False, f"has {', '.join(SIGNATURES)}", message=message)]
    keras_network = KerasNetwork(network)
    batch = _batched(found["serving_default"], clip, keras_network)
    return [batch, _jpeg(found["jpeg"], clip, keras_network), _warm_up(path)]


def _batched(signature: Any, clip: Clip, network: KerasNetwork) -> Check:
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
    from export.formats.to_savedmodel import SIGNATURES, replay_warmup

    limit = f"{len(SIGNATURES)} requests answered"
    try:
        answered, message = replay_warmup(path), ""
    except UserError as error:
        return Check("warm-up", "requests", False, limit, message=str(error))
    if answered != len(SIGNATURES):
        message = f"{answered} requests for {len(SIGNATURES)} signatures; export it again."
    return Check("warm-up", "requests", not message, limit, {"answered": float(answered)}, message)
