"""What every command line of ours does the same way: a mistake is one line, an end signal is a stop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from keras_vst.errors import UserError


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


def _interrupt_on_sigterm() -> signal.Handlers | Callable[..., object] | int | None:
    """To be told to end is Ctrl-C by another name; only the main thread may say so."""
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:
        return None
