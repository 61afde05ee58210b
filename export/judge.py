"""Puts one artifact through the gate: what is asked of a .tflite, of an ONNX model, of a SavedModel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export import film, runtimes, stepper
from export.anatomy import Anatomy
from export.artifact import Artifact, digest
from export.flatbuffer import BYTES_SIGNATURE, SIGNATURE
from export.footage import Footage
from export.gate import agreement, cost, numbers, operations, parity, quality, served
from export.gate.check import Check, not_judged
from export.players import Clip, play
from export.report import Judged
from keras_vst.errors import UserError
from keras_vst.frames import to_uint8
from keras_vst.networks import open_network
from keras_vst.networks.keras import KerasNetwork

DIFFERENCE_GAIN = 8
AGREEMENT_FRAMES = 2  # in other runtimes, whose kernels differ from the first frame on


@dataclass(frozen=True)
class Reference:
    """A clip as the Keras network paints it: what every file is held against."""

    network: keras.Model
    footage: Footage
    stylized: Clip  # (T, H, W, 3) float32, margin and all
    flicker: float

    @classmethod
    def paint(cls, network: keras.Model, footage: Footage) -> Reference:
        """Play the footage through the network."""
        network.make_predict_function(
            force=True
        )  # traced for another size, a teacher cannot enlarge at this one
        stylized = play(KerasNetwork(network), footage)
        return cls(network, footage, stylized, quality.flicker(footage, footage.inside(stylized)))

    def checks(self) -> list[Check]:
        """Whether there is anything to export: weights that are numbers, a picture that comes out."""
        inside = self.footage.inside(self.stylized)
        picture = numbers.picture(inside, self.network, self.footage.frames[0])
        return [numbers.network_weights(self.network), picture]

    def shown(self, played: Clip) -> Any:
        """The frame in the middle of a clip, uint8 without the margin, for the report."""
        middle = played[[len(played) // 2]].astype(np.float32)
        return to_uint8(np.nan_to_num(self.footage.inside(middle)[0]))


class Judge:
    """Asks an artifact that lies at `path`; `resized` is a second size, for files that take any."""

    def __init__(
        self, artifact: Artifact, path: Path, reference: Reference, resized: Reference | None = None
    ):
        self.artifact, self.path, self.reference, self.resized = artifact, path, reference, resized
        self.film = film.is_film(reference.network)

    @cached_property
    def content(self) -> bytes:
        """The bytes of a file."""
        return self.path.read_bytes()

    @cached_property
    def anatomy(self) -> Anatomy | None:
        """A .tflite taken apart."""
        return Anatomy(self.content) if self.artifact.format == "tflite" else None

    @cached_property
    def played(self) -> Clip:
        """The clip as the artifact paints it."""
        return play(self.open(), self.reference.footage)

    @cached_property
    def played_bytes(self) -> Clip:
        """The same through `stylize_u8`, uint8."""
        return stepper.play("litert", self.content, BYTES_SIGNATURE, self.reference.footage.frames)

    def open(self, threads: int = 2) -> Any:
        """The artifact, ready to paint; only once its trial was passed."""
        if self.artifact.format == "savedmodel":
            return served.SavedModelNetwork(self.path)
        return open_network(self.path, threads=threads, sha256=hashlib.sha256(self.content).hexdigest())

    def ask(self, judged: Judged, wanted: tuple[str, ...], tell: Callable[[str], None]) -> bool:
        """Put every question, add the answers; False where the file did not even open, and no more was asked."""
        judged.bytes, judged.sha256 = digest(self.path)
        if self.artifact.format == "tflite":
            tell("opening")
            judged.checks.append(self._opens())
            if not judged.passed:
                return False
        for told, question in self._questions(wanted):
            tell(told)
            judged.checks += question()
        judged.picture = shown = self.reference.shown(self.played)
        apart = shown.astype(np.int16) - self.reference.shown(self.reference.stylized)
        judged.difference = np.minimum(np.abs(apart) * DIFFERENCE_GAIN, 255).astype(np.uint8)
        for name in ("played", "played_bytes"):  # 140 MB each at 640x360
            self.__dict__.pop(name, None)
        return True

    def _questions(self, wanted: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
        """Film files run on processors, offline: what delegates and other runtimes take of them is not asked."""
        anatomy, reference = self.anatomy, self.reference
        if anatomy:
            yield "weights", lambda: [numbers.stored_weights(anatomy)]
        yield "parity", lambda: list(self._parities())
        yield "picture", lambda: [self._picture()]
        yield "flicker", lambda: [self._flicker()]
        yield "size", self._size
        if anatomy and not self.film:
            size = reference.footage.size
            yield "operations", lambda: operations.checks(anatomy, self.content, size)
            yield "other runtimes", lambda: list(self._agreement(wanted))
        if self.artifact.format == "savedmodel":
            yield "signatures", lambda: served.checks(self.path, reference.footage, reference.network)

    def _opens(self) -> Check:
        limit = "LiteRT opens and runs it in a process of its own"
        try:
            if self.film:
                open_network(self.path)
            else:
                runtimes.try_out(self.path, (SIGNATURE, BYTES_SIGNATURE), self.reference.footage.size)
        except (runtimes.CannotPlay, UserError) as error:
            message = f"{error}; the file is damaged or no network of ours."
            return Check("opening", "trial", False, limit, message=message)
        return Check("opening", "trial", True, limit)

    def _parities(self) -> Iterator[Check]:
        precision, expected, resized = self.artifact.precision, self.reference.stylized, self.resized
        yield parity.parity(SIGNATURE, expected, self.played, precision, self.anatomy)
        if self.anatomy and not self.film:
            yield parity.parity(BYTES_SIGNATURE, expected, self.played_bytes, precision, self.anatomy)
        if resized:
            height, width = resized.footage.size
            played = play(self.open(), resized.footage)
            told = f"{SIGNATURE}, at {width}x{height}"
            yield parity.parity(told, resized.stylized, played, precision, self.anatomy)

    def _picture(self) -> Check:
        footage = self.reference.footage
        return numbers.picture(footage.inside(self.played), self.reference.network, footage.frames[0])

    def _flicker(self) -> Check:
        footage = self.reference.footage
        return quality.steadiness(
            quality.flicker(footage, footage.inside(self.played)), self.reference.flicker
        )

    def _size(self) -> list[Check]:
        artifact, parameters = self.artifact, self.reference.network.count_params()
        most = cost.most_bytes(artifact.format, artifact.precision, parameters)
        weighed = cost.size(digest(self.path)[0], most, parameters, artifact.precision, self.anatomy)
        return [weighed, cost.stored(self.anatomy, artifact.precision)] if self.anatomy else [weighed]

    def _agreement(self, wanted: tuple[str, ...]) -> Iterator[Check]:
        frames = self.reference.footage.frames[:AGREEMENT_FRAMES]
        played = {SIGNATURE: self.played}
        if self.artifact.precision == "int8":  # whose bytes in and out are what it is made for
            played[BYTES_SIGNATURE] = self.played_bytes
        found, missing = runtimes.tflite_runtimes(wanted)
        for runtime in found:
            for signature, clip in played.items():

                def play_there(runtime=runtime, signature=signature) -> Clip:
                    return runtimes.play_in_child(runtime, self.path, signature, frames)

                label = f"{runtime.label}, {signature}"
                yield agreement.agrees(label, self.artifact.precision, clip[:AGREEMENT_FRAMES], play_there)
        for name, reason in missing.items():
            yield not_judged("agreement", name, "the same pixels", reason)
