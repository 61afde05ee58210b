"""Which questions are put to an artifact: to a .tflite file, to an ONNX model, to a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.artifact import Artifact, digest
from export.formats.flatbuffer import BYTES_SIGNATURE, SIGNATURE
from export.gate import Check, contents, not_judged, operations, runtimes, same
from export.gate.contents import Contents
from export.judged_clips import Array, Clip, play
from export.results import GAIN, Result
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_uint8
from keras_vst.networks import open_network
from keras_vst.networks.keras import KerasNetwork

AGREEMENT_FRAMES = 2  # in other runtimes, whose kernels differ from the first frame on
THREADS = 2


@dataclass(frozen=True)
class Reference:
    """A clip as the Keras network paints it: what every file is held against."""

    network: keras.Model
    clip: Clip
    stylized: Array  # (T, H, W, 3) float32, margin and all
    flicker: float

    @classmethod
    def paint(cls, network: keras.Model, clip: Clip) -> Reference:
        """Play the clip through the network."""
        # Traced for another size, a teacher cannot enlarge at this one.
        network.make_predict_function(force=True)
        stylized = play(KerasNetwork(network), clip)
        return cls(network, clip, stylized, same.flicker(clip, clip.inside(stylized)))

    @property
    def film(self) -> bool:
        """Whether the network is handed its last painting."""
        return "warped" in self.network.input

    def checks(self) -> list[Check]:
        """Whether there is anything to export: weights that are numbers, a picture that comes out."""
        values = {each.path: keras.ops.convert_to_numpy(each) for each in self.network.weights}
        bad = [path for path, value in values.items() if not np.isfinite(value).all()]
        return [contents.finite("weights of the network", bad), self.picture(self.stylized)]

    def picture(self, played: Array) -> Check:
        """Whether what was played can be a picture."""
        return same.picture(self.clip.inside(played), self.network, self.clip.frames[0])

    def shown(self, played: Array) -> Pixels:
        """The frame in the middle of a clip, uint8 without the margin, for the report."""
        middle = played[[len(played) // 2]].astype(np.float32)
        return to_uint8(np.nan_to_num(self.clip.inside(middle)[0]))


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
            from export.gate.served import play_served  # of SavedModels only

            return play_served(self.path, clip)
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
            from export.gate import served

            tell("signatures")
            yield from served.checks(self.path, reference.clip, reference.network)

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
