"""What reaches a user on stderr: a mistake as one line, and none of a library's chatter."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

# Ctrl-C; somebody ends us; the terminal is closed, or its line is lost.
ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")

PASSWORD = re.compile(r"(?<=://)[^\s/?#@:]*:[^\s/?#]*@")  # and the name before it
EXTRAS = {  # what brings the modules that not every installation has
    **dict.fromkeys(("tensorflow", "keras", "tensorboard", "matplotlib", "PIL"), "train"),
    **dict.fromkeys(("onnx", "onnxruntime"), "onnx"),
    "ray": "cluster",
}


class UserError(Exception):
    """Something the user can put right: one line saying what came, what was expected, what to do.

    Command lines print the message on stderr and exit with status 2; nothing catches it in between.
    """


def run_command(
    program: str, work: Callable[[], int], *, debug: bool = False, stopped: str = "stopped."
) -> int:
    """What `work` returns; 2 after the user's mistake, 130 after Ctrl-C, SIGTERM or SIGHUP, each told in one line.

    `debug` lets the traceback of a mistake through.  Call it before anything imports TensorFlow.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_ENABLE_ONEDNN_OPTS", "1"
    )  # its default only with VNNI or bfloat16; quicker without, too
    with _interruptible(), nullcontext() if debug else _stderr_to_ourselves():
        try:
            return work()
        except UserError as error:
            if debug:
                raise
            tell(f"{program}: {error}")
            return 2
        except BaseException as error:
            if interrupted(error):
                tell(f"{program}: {stopped}")
                return 130
            if debug or (missing := _missing(error)) is None:
                raise
            tell(f"{program}: {missing}")
            return 2


def interrupted(error: BaseException | None) -> bool:
    """Whether an error came of Ctrl-C; a library that is interrupted while it is imported fails as it likes."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _missing(error: BaseException) -> str | None:
    """What to install, if that is what an error is about."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    extra = EXTRAS.get(name)
    return extra and f"{name} is not installed here; run: pip install 'keras-vst[{extra}]'."


def tell(line: str) -> None:
    """One line on stderr; where the terminal is gone, or the disk behind it is full, nobody is left to tell."""
    with suppress(OSError):
        print(without_passwords(line), file=sys.stderr, flush=True)


def without_passwords(text: str) -> str:
    """A text as it may be shown: `http://me:secret@host/` as `http://host/`, wherever in it that stands."""
    return PASSWORD.sub("", text)


@contextmanager
def hushed() -> Generator[None]:
    """Keep a library's chatter off stderr, which no setting of it stops; what matters comes as exceptions.

    stderr belongs to the whole process, so this does nothing where another thread may be writing to it.
    """
    if threading.active_count() > 1:
        yield
        return
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def own_stderr() -> int | None:
    """The descriptor that our lines go to, for those whom we start; 2 itself may lead nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        return sys.stderr.fileno()
    return None


@contextmanager
def _stderr_to_ourselves() -> Generator[None]:
    """What libpng, an encoder or TensorFlow's greeting writes on descriptor 2 goes nowhere; Python's lines do not.

    They say it for themselves, and what matters comes as an exception.  `--debug` shows them.
    """
    told = sys.stderr
    if told is None or told is not sys.__stderr__:  # as under pythonw, or where a caller has its own
        yield
        return
    ours = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = open(ours, "w", 1, encoding=told.encoding, errors=told.errors)  # noqa: SIM115, PTH123
    try:
        yield
    finally:
        os.dup2(ours, 2)
        sys.stderr = told


@contextmanager
def _interruptible() -> Generator[None]:
    """To be told to end is Ctrl-C by another name; what our caller had us ignore (nohup) stays ignored."""
    before: dict[signal.Signals, signal.Handlers | Callable[..., object] | int | None] = {}
    with suppress(ValueError):  # only the main thread may say so
        for kind in (getattr(signal, name) for name in ENDINGS if hasattr(signal, name)):
            if signal.getsignal(kind) is not signal.SIG_IGN:
                before[kind] = signal.signal(kind, _interrupt)
    try:
        yield
    finally:
        for kind, handler in before.items():
            if handler is not None:
                signal.signal(kind, handler)


def _interrupt(kind: int, _: object) -> None:
    # The shell and the system both send SIGHUP: once is enough, what is left is tidied up.
    if kind != signal.SIGTERM:
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt
