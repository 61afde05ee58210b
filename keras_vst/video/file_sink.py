"""A sink whose target is a file or a folder: checked before work starts, there when all is written, or not at all."""

from __future__ import annotations

import os
import re
import shutil
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path

from keras_vst.errors import UserError
from keras_vst.files import Part, disk_errors
from keras_vst.video.base import Sink, TimedFrame

NUMBERED = re.compile(r"\d{6,}\.png")


class FileSink(Sink):
    """Writes under a hidden name beside the target; an older target stays until the new one is whole."""

    def __init__(self, path: Path, *inputs: str | os.PathLike[str] | None, folder: bool = False) -> None:
        """Check that the target can be written and is none of the inputs."""
        self.target = path.resolve()  # through a link, so that the link stays and both names share the disk
        # The extension is that of the name given; what a link leads to may be called anything.
        self._target = Part(self.target, folder=folder, suffix=path.suffix.lower())
        self._part = self._target.part
        self._count, self._open = 0, True
        if not self.target.parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {self.target.parent}; create it first.")
        for source in inputs:
            if source is not None and _same(self.target, source):
                raise UserError(f"cannot write {path}: it is the input itself; name another output.")
        if self.target.exists():
            _check_replaceable(path, folder)
        with disk_errors(path):  # a missing permission shows now and not after an hour of work
            if folder:
                shutil.rmtree(self._part, ignore_errors=True)
                self._part.mkdir()
            else:
                self._part.write_bytes(b"")

    @abstractmethod
    def _add(self, frame: TimedFrame) -> None:
        """Write one frame into `_part`."""

    def _finish(self) -> None:
        """Write what is left."""

    def _release(self) -> None:
        """Let go of `_part` in any state."""

    def write(self, frame: TimedFrame) -> None:
        """Add one frame."""
        with disk_errors(self.target):
            self._add(frame)
        self._count += 1

    def close(self) -> None:
        """Finish and move into place what was written; what fails here leaves nothing."""
        if not self._open:
            return
        try:
            if not self._count:
                raise UserError(f"no frame came for {self.target}; check the input.")
            with disk_errors(self.target):
                self._finish()
            self._target.commit()
        except BaseException:
            self.abort()
            raise
        self._open = False

    def abort(self) -> None:
        """Delete what was written."""
        if self._open:
            self._open = False
            self._release()
            self._target.discard()


def _check_replaceable(path: Path, folder: bool) -> None:
    if folder and not path.is_dir():
        raise UserError(f"{path} is a file, but a folder was asked for; leave the / out or rename it.")
    if folder and any(not NUMBERED.fullmatch(entry.name) for entry in path.iterdir()):
        raise UserError(f"folder {path} holds other things than numbered pictures; name an empty one.")
    if not folder and path.is_dir():
        raise UserError(f"{path} is a folder; for numbered pictures in it write {path}/, else name a file.")
    if not folder and not path.is_file():
        raise UserError(f"{path} is neither a file nor a folder; name an ordinary file.")


def _same(path: Path, source: str | os.PathLike[str]) -> bool:
    """Whether both name one file, be it through links; an address is never a file."""
    with suppress(OSError, ValueError):
        return path.samefile(source)
    return False
