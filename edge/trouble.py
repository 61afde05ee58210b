"""What the system refuses, in a line that says what to do; nothing of it is a defect of ours.

Sinks and sources tell what they expect themselves; this is for what comes at any other moment: a folder that somebody
removes meanwhile, a name that no disk takes, memory that runs out.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from av.error import FFmpegError

FILES = {
    errno.ENOENT: "it is not there; was it removed meanwhile? Check the name and run again",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EACCES: "that is not allowed; change its permissions or name another",
    errno.EPERM: "that is not allowed; change its permissions or name another",
    errno.EROFS: "the disk is read-only; name another place",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a part of that path is a file; name another",
    errno.EEXIST: "something else of that name is in the way; name another",
    errno.ENOTEMPTY: "a folder of that name is in the way; name another",
    errno.ELOOP: "it is a link that leads in circles; name another",
    errno.EIO: "the disk is broken, or the terminal gone; name another place",
    errno.ENOSPC: "the disk is full; free some space or name another place",
    errno.EDQUOT: "your quota is used up; free some space or name another place",
    errno.EMFILE: "too many files are open; raise the limit with `ulimit -n`",
    errno.ENFILE: "too many files are open on this machine; close other programs",
    errno.ESTALE: "its disk went away; mount it again",
}
NO_MEMORY = ("insufficient memory", "bad_alloc", "cannot allocate", "failed to allocate", "start new thread")
LONGEST = 300  # characters of an unexpected message: some libraries put their whole input there


def told(error: Exception) -> str | None:
    """What to say to the user, or None where the error may be a defect of ours."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in NO_MEMORY):
        return "there is not enough memory for this; close other programs, or use a smaller --size or fewer --threads."
    if not isinstance(error, OSError) or error.errno not in FILES:
        return None
    name = error.filename2 or error.filename
    if name is None:  # whoever writes a file names it
        name = "a file" if isinstance(error, FFmpegError) else "standard output"
    elif error.errno == errno.ENOENT and (gone := _gone(Path(os.fsdecode(name)))):
        return f"the folder {gone} is gone; was it removed meanwhile? Make it and run again."
    return f"{name} cannot be read or written: {FILES[error.errno]}."


def _gone(path: Path) -> Path | None:
    """The outermost folder of a path that is not there."""
    return next((folder for folder in reversed(path.parents) if not folder.exists()), None)


def unexpected(error: Exception) -> str:
    """A defect in one line."""
    message = " ".join(f"unexpected {type(error).__name__}: {error}".split())
    message = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
    return f"{message}; run again with --debug to see where."
