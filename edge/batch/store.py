"""What of a batch lies on disk between two runs: finished pieces and finished files, each with what came of it.

    OUT/.vst-batch/lock       held by the one run that may write here
    OUT/.vst-batch/pieces/    encoded pieces under a checksum of all that makes them, a .json beside each; until joined
    OUT/.vst-batch/done/      a .json for each finished file of OUT

A piece counts once its .json is there, which is written last.  Whatever else lies among the pieces is unfinished.
Two paintings would be the same where their checksums are: of the file, of the network with its settings, of the piece.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import cv2
import numpy as np

from edge.painter import Painter
from edge.style_choice import in_size, select_parts
from edge.stylize import Outcome
from keras_vst import __version__
from keras_vst.errors import UserError
from keras_vst.files import alone, disk_errors, write_whole

# Of the options: what changes a frame.  How many threads there are does not.
SETTINGS = ("strength", "size", "native", "keep_color", "detail", "quality", "noise")
BLOCK = 2**20


class Store:
    """The hidden folder of one output folder; every worker opens it for itself."""

    def __init__(self, target: Path) -> None:
        """Nothing is made yet."""
        self.folder = target / ".vst-batch"
        self._pieces, self._done = self.folder / "pieces", self.folder / "done"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for this run alone, and throw out what an earlier one has left unfinished."""
        with disk_errors(self.folder):
            for folder in (self._pieces, self._done):
                folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / "lock") as ours:
            if not ours:
                raise UserError(
                    f"another run is painting into {self.folder.parent} now; wait for it, or name another folder."
                )
            self.sweep()
            try:
                yield
            finally:
                self.sweep()

    def sweep(self) -> None:
        """Delete what was not finished; those who still write it find it gone."""
        kept = {record.stem for record in self._pieces.glob("[!.]*.json")}
        for entry in self._pieces.glob("*"):
            if entry.stem not in kept:
                with suppress(OSError):
                    entry.unlink()

    def clear(self) -> None:
        """Delete all pieces, now that nobody needs them."""
        shutil.rmtree(self._pieces, ignore_errors=True)

    def piece(self, key: str, extension: str) -> Path:
        """Where a finished piece lies."""
        return self._pieces / f"{key}{extension}"

    def attempt(self, extension: str) -> Path:
        """A name that nobody else has, on whatever machine: one that is given up must not disturb the next."""
        return self._pieces / f"{uuid4().hex}{extension}"

    def found(self, key: str, extension: str) -> Outcome | None:
        """What came of a piece that is finished."""
        return _read(self._pieces / f"{key}.json", self.piece(key, extension))

    def keep(self, attempt: Path, key: str, outcome: Outcome) -> None:
        """Count an attempt as the finished piece."""
        piece = self.piece(key, attempt.suffix)
        os.replace(attempt, piece)
        _write(self._pieces / f"{key}.json", piece, outcome)

    def drop(self, key: str, extension: str) -> None:
        """Delete a piece that is part of a finished file now."""
        for path in (self._pieces / f"{key}.json", self.piece(key, extension)):
            path.unlink(missing_ok=True)

    def finished(self, key: str, output: Path) -> Outcome | None:
        """What came of a file that an earlier run has finished and nobody has changed since."""
        return _read(self._done / f"{key}.json", output)

    def finish(self, key: str, file: Path, outcome: Outcome) -> None:
        """Count a file as finished; it may still be moved."""
        _write(self._done / f"{key}.json", file, outcome)


def _write(record: Path, file: Path, outcome: Outcome) -> None:
    write_whole(record, json.dumps({**asdict(outcome), "file": _state(file)}))


def _read(record: Path, file: Path) -> Outcome | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads(record.read_text(encoding="utf-8"))
        if told.pop("file") == _state(file):
            return Outcome(**told)
    return None


def _state(file: Path) -> list[int]:
    """What changes whenever somebody writes a file, and not when it is moved."""
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]


def identify(options: argparse.Namespace, painter: Painter) -> str:
    """The checksum of all but the input that decides how a frame looks: the network, the settings, the versions."""
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
    """The checksum of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def key_of(*values: Any) -> str:
    """The checksum of values that print alike when they are alike."""
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()
