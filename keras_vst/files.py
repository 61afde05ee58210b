"""Files and folders that are there whole or not at all, even after a kill, a full disk or a power cut."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

from keras_vst.errors import UserError

DISK_TROUBLE = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your quota is used up; free some space or write elsewhere",
    errno.EFBIG: "the file would be larger than is allowed there; write elsewhere",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.EACCES: "you may not write there; change the permissions or write elsewhere",
    errno.EPERM: "you may not write there; change the permissions or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "a part of that path is a file; write elsewhere",
    errno.EEXIST: "something else of that name is in the way; write elsewhere",
    errno.EISDIR: "a folder of that name is in the way; write elsewhere",
    errno.EIO: "the disk is broken; write elsewhere",
}
ASSETS = Path(__file__).parent / "assets"  # what comes with the package
SCENE = ASSETS / "scene.mp4"  # the bundled film, 640x360
WEIGHTS = ".weights.h5"  # Keras writes weights only into files that end so


class Part:
    """A file or folder to be; `part` is the hidden name beside it that is written to meanwhile."""

    def __init__(self, path: Path, *, folder: bool = False, suffix: str | None = None) -> None:
        """Nothing is made yet: `part` is free to be written, or to be made a folder; it may have another suffix."""
        self.path, self.folder = path, folder
        ending = WEIGHTS if path.name.endswith(WEIGHTS) else path.suffix
        # A short stem keeps the hidden name below the limit of 255 bytes that file systems have.
        stem = path.name.removesuffix(ending)[:40]
        self.part = path.with_name(f".{stem}.part-{os.getpid()}{ending if suffix is None else suffix}")

    def sweep(self) -> None:
        """Delete the parts of this very file that killed processes have left; what still runs keeps its own."""
        before, _, after = self.part.name.rpartition(f".part-{os.getpid()}")
        ours = re.compile(rf"{re.escape(before)}\.part-(\d{{1,9}}){re.escape(after)}")
        for entry in self.path.parent.iterdir():
            told = ours.fullmatch(entry.name)
            if told and not _runs(int(told[1])):
                _delete(entry)

    def commit(self, keep_as: Path | None = None) -> None:
        """Move the finished part into place; what was there is deleted, or kept under another name."""
        with disk_errors(self.path):
            for each in (*self.part.rglob("*"), self.part):
                _to_disk(each)
            retired = keep_as or self.path.with_name(f"{_retired_as(self.path)}{os.getpid()}")
            had = self.path.exists() and (self.folder or keep_as is not None)
            if had:  # no system puts a folder over a full one in one step
                os.replace(self.path, retired)
            try:
                os.replace(self.part, self.path)
            except OSError:
                if had:
                    os.replace(retired, self.path)
                raise
            _to_disk(self.path.parent)
            if self.folder:
                for old in _retired(self.path):
                    shutil.rmtree(old, ignore_errors=True)

    def discard(self) -> None:
        """Delete the part; does nothing when there is none."""
        _delete(self.part)


@contextmanager
def atomic(path: Path, *, folder: bool = False, keep_as: Path | None = None) -> Iterator[Path]:
    """A hidden name beside `path` to write to, moved into place at the end; deleted if anything goes wrong.

    Its folder is made.  A full or forbidden disk is a UserError, and what was at `path` stays.
    """
    part = Part(path, folder=folder)
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if folder:
                if not path.exists():  # a kill came between the two renames of an earlier time
                    for old in _retired(path)[-1:]:
                        os.replace(old, path)
                part.discard()
                part.part.mkdir()
            part.sweep()
            yield part.part
        part.commit(keep_as)
    except BaseException:
        part.discard()
        raise


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file at once; text in UTF-8."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic(path) as part:
        part.write_bytes(data)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a full or forbidden disk raises inside into a UserError; other errors pass."""
    try:
        yield
    except FileNotFoundError as error:  # of a folder that went away FFmpeg does not say which
        if error.filename is not None:
            raise
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except Exception as error:
        trouble = DISK_TROUBLE.get(_number(error))
        if trouble is None:
            raise
        raise UserError(f"cannot write {path}: {trouble}.") from error


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether no other process holds this file now; it is ours until the end, and free again however we end."""
    with disk_errors(path):
        try:
            file = hold(path)
        except BlockingIOError:
            file = None
        with file or nullcontext():
            yield file is not None


def sweep(folder: Path) -> None:
    """Delete what kills have left half-written anywhere in a folder that nobody else is writing to."""
    for part in folder.rglob(".*.part-*"):
        _delete(part)


def hold(path: Path) -> IO[Any]:
    """The file, held by this process and whomever it hands it to; BlockingIOError where another holds it."""
    file = path.open("a+b")
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as error:
        file.close()
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise
        raise BlockingIOError(*error.args) from error
    return file


def _delete(part: Path) -> None:
    """Delete a file or a folder, or leave what cannot be deleted."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        with suppress(OSError):
            part.unlink()


def _runs(process: int) -> bool:
    """Whether there is such a process; True where one cannot ask without ending it (Windows)."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _retired_as(path: Path) -> str:
    return f".{path.name[:40]}.old-"


def _retired(path: Path) -> list[Path]:
    """What commits to `path` have moved out of the way and not deleted yet."""
    return [each for each in path.parent.iterdir() if each.name.startswith(_retired_as(path))]


def _number(error: Exception) -> int:
    """The system's error number: an OSError's or FFmpeg's own; HDF5 tells it in its words alone."""
    told = re.search(r"\berrno = (\d+)", str(error))
    return getattr(error, "errno", None) or (int(told[1]) if told else 0)


def _to_disk(path: Path) -> None:
    """Flush a file or, where the system lets it be opened, a folder."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
