"""What reaches a user on stderr: a mistake as one line, and none of a library's chatter."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right: one line saying what came, what was expected, what to do.

    Command lines print the message on stderr and exit with status 2; nothing catches it in between.
    """


def run_command(
    program: str, work: Callable[[], int], *, debug: bool = False, stopped: str = "stopped."
) -> int:
    """What `work` returns; 2 after the user's mistake, 130 after Ctrl-C or SIGTERM, each told in one line.

    `debug` lets the traceback of a mistake through.  Call it before anything imports TensorFlow.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting would bury our one line
    before = _interrupt_on_sigterm()
    try:
        return work()
    except UserError as error:
        if debug:
            raise
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: {stopped}", file=sys.stderr)
        return 130
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


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


def _interrupt_on_sigterm() -> signal.Handlers | Callable[..., object] | int | None:
    """To be told to end is Ctrl-C by another name; only the main thread may say so."""
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:
        return None
