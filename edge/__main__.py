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
    from edge.cli import main as run

    status = run()
    if any(thread.name.startswith("vst-") for thread in threading.enumerate()):
        # One is stuck in a dead line or a driver; if Python tidied up under it, it could crash.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)
    return status


def leave(*_: object) -> None:
    """End at once: an import that is interrupted would fail as it likes, and there is nothing to tidy up yet."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), f"vst: {STOPPED}\n".encode())
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
