"""Where `vst` and `python -m edge` begin: Ctrl-C is one line from here on, before any slow import."""

import os
import signal
import sys
import threading
from contextlib import suppress

from edge import STOPPED


def main() -> int:
    """Run the command line and return the exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    if "--debug" not in sys.argv:
        keep_stderr_to_ourselves()
    from edge.cli import main as run

    status = run()
    if any(thread.name.startswith("vst-") for thread in threading.enumerate()):
        # One is stuck in a dead line or a driver; if Python tidied up under it, it could crash.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)
    return status


def keep_stderr_to_ourselves() -> None:
    """What libpng, OpenCV or an encoder writes on descriptor 2 goes nowhere; only Python's lines reach the user.

    They say it for themselves, and what matters comes as an exception. `--debug` shows them.
    """
    with suppress(OSError, AttributeError, ValueError):  # there may be none, as under pythonw
        ours, told = os.dup(2), sys.stderr
        sys.stderr = open(ours, "w", 1, encoding=told.encoding, errors=told.errors)  # noqa: SIM115, PTH123
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def leave(*_: object) -> None:
    """End at once: an import that is interrupted would fail as it likes, and there is nothing to tidy up yet."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), f"vst: {STOPPED}\n".encode())
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
