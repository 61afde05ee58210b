"""The command line `vst`: what goes in and out, and how mistakes are told.

What the system refuses at any moment (a folder that somebody removes meanwhile, a name that no disk takes, memory that
runs out) is one line that says what to do; what sinks and sources expect they tell themselves.

Exit status: 0 done, 1 a defect of ours, 2 something the user can put right, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import importlib
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from edge import STOPPED
from keras_vst import __version__
from keras_vst.errors import UserError, interrupted, run_command, tell

COMMANDS = ("stylize", "batch", "live", "learn", "styles", "web", "serve", "bench")
MODULES = {"web": "phone", "serve": "serve.service"}  # edge.web is the package behind `--sink web`
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
KEPT = 256 * 2**20  # bytes that are free at the top before any go back
LARGEST_KEPT = 32 * 2**20  # the most glibc allows: 20 pictures of 720p
HEAPS = 2  # heaps that threads share
GIVEN = "_given"  # of parsed options: those that came

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


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as everything else here does, and takes no argument that says nothing or two things.

    Such are `"$UNSET"`, which Python would take for this folder, and the first of two `--style`.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.register("action", None, Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Look for empty words first; `--style=` is one too."""
        for word in args or ():
            name, equals, value = word.partition("=") if word.startswith("--") else ("an argument", "=", word)
            if equals and not value.strip():
                self.error(f"{name} is empty; perhaps a variable is not set, write what is meant")
        return super().parse_known_args(args, namespace)

    def _parse_optional(self, arg_string: str) -> Any:
        """`-?size=640x360` is the name of a pipe, where argparse sees an option it does not know."""
        return None if arg_string.startswith("-?") else super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        tell(f"vst: {message}; see `{self.prog} --help`.")
        self.exit(2)


class Once(argparse.Action):
    """Stores a value; an option that comes twice is refused, for one of the two would be lost without a word."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        given: set[str] = namespace.__dict__.setdefault(GIVEN, set())
        if option_string is not None and self.dest in given:
            parser.error(f"{option_string} came twice; leave one out")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def build_parser(wanted: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the wanted subcommands; each sets `run` to what it does.  Only their modules are imported."""
    parser = Parser(prog="vst", description="Repaints video in the style of a painting.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"vst {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in wanted:
        importlib.import_module(f"edge.{MODULES.get(name, name)}").add_parser(commands, common)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    named = [name for name in argv[:1] if name in COMMANDS]
    options = build_parser(named or COMMANDS).parse_args(argv)
    keep_freed_memory()
    return run_command("vst", lambda: _run(options), debug=options.debug, stopped=STOPPED)


def keep_freed_memory(heaps: int = HEAPS) -> None:
    """Ask glibc not to hand freed memory back after each frame, and to keep it together; elsewhere nothing is done.

    By default every large picture is new pages of the kernel: guided upsampling to 720p faults 3700 of them in a
    frame and takes 17.5 ms of the processor, 9 of them in the kernel; with this none, and 6.9 ms.  Kept it must be in
    few heaps: with one a thread, as is usual, `vst live` held 249 MB after three minutes of a clip, with two 168.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):  # musl has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_ARENA_MAX, heaps)


def _run(options: argparse.Namespace) -> int:
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()  # whoever read our output has seen enough
        return 0
    except UserError:
        raise
    except Exception as error:
        if options.debug or interrupted(error):
            raise
        line = told(error)
        tell(f"vst: {line or unexpected(error)}")
        try:
            sys.stdout.flush()
        except OSError:
            _silence()
        return 2 if line else 1
    return status


def _silence() -> None:
    """What is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(error: Exception) -> str | None:
    """What to say to the user, or None where the error may be a defect of ours."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in NO_MEMORY):
        return "there is not enough memory for this; close other programs, or use a smaller --size or fewer --threads."
    if not isinstance(error, OSError) or error.errno not in FILES:
        return None
    from av.error import FFmpegError  # not before something went wrong

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
