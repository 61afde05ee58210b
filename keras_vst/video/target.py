"""Where an output goes: checked before work starts, written under a hidden name, moved into place when whole.

Nothing passes through here but paths; a reader of the target sees the old file or the new, never a half.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from av.error import FFmpegError

from keras_vst.errors import UserError

NUMBERED = re.compile(r"\d{6,}\.png")
DISK_TROUBLE = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your quota is used up; free some space or write elsewhere",
    errno.EFBIG: "the file would be larger than is allowed there; write elsewhere",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.EACCES: "you may not write there; change the permissions or write elsewhere",
    errno.EPERM: "you may not write there; change the permissions or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


class Target:
    """A file or folder to be; `part` is the hidden name beside it that is written to meanwhile."""

    def __init__(self, path: Path, *inputs: str | os.PathLike[str] | None, folder: bool = False) -> None:
        """Check that the target can be written and is none of the inputs."""
        self.path = path.resolve()  # through a link, so that the link stays and the part file shares the disk
        self.folder = folder
        self.extension = path.suffix.lower()  # of the name given; what a link leads to may be called anything
        # A short stem keeps the hidden name below the limit of 255 bytes that file systems have.
        self.part = self.path.with_name(f".{self.path.stem[:40]}.part-{os.getpid()}{self.extension}")
        if not self.path.parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {self.path.parent}; create it first.")
        for source in inputs:
            if source is not None and _same(self.path, source):
                raise UserError(f"cannot write {path}: it is the input itself; name another output.")
        if self.path.exists():
            self._check_replaceable(path)
        self._reserve(path)

    def commit(self) -> None:
        """Move the finished part into place."""
        with disk_errors(self.path):
            if self.folder and self.path.exists():
                retired = self.path.with_name(f".{self.path.name[:40]}.old-{os.getpid()}")
                self.path.rename(retired)
                self.part.rename(self.path)
                shutil.rmtree(retired)
            else:
                self.part.replace(self.path)

    def discard(self) -> None:
        """Delete the part; does nothing when there is none."""
        if self.folder:
            shutil.rmtree(self.part, ignore_errors=True)
        else:
            with suppress(OSError):
                self.part.unlink(missing_ok=True)

    def _check_replaceable(self, named: Path) -> None:
        if not self.folder and self.path.is_dir():
            raise UserError(
                f"{named} is a folder; for numbered pictures in it write {named}/, else name a file."
            )
        if not self.folder and not self.path.is_file():
            raise UserError(f"{named} is neither a file nor a folder; name an ordinary file.")
        if self.folder and not self.path.is_dir():
            raise UserError(f"{named} is a file, but a folder was asked for; leave the / out or rename it.")
        if self.folder and any(not NUMBERED.fullmatch(entry.name) for entry in self.path.iterdir()):
            raise UserError(f"folder {named} holds other things than numbered pictures; name an empty one.")

    def _reserve(self, named: Path) -> None:
        """Create the part, so that a missing permission shows now and not after an hour of work."""
        with disk_errors(named):
            if self.folder:
                shutil.rmtree(self.part, ignore_errors=True)
                self.part.mkdir()
            else:
                self.part.write_bytes(b"")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a full or forbidden disk raises inside into a UserError; other errors pass."""
    try:
        yield
    except (OSError, FFmpegError) as error:
        if error.errno not in DISK_TROUBLE:
            raise
        raise UserError(f"cannot write {path}: {DISK_TROUBLE[error.errno]}.") from error


def _same(path: Path, source: str | os.PathLike[str]) -> bool:
    """Whether both name one file, be it through links; an address is never a file."""
    with suppress(OSError, ValueError):
        return path.samefile(source)
    return False
