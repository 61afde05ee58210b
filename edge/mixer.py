"""The network of the wished mix of styles, made beside the frame loop: a moving slider never holds the picture up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence

from edge.controls import Shares
from keras_vst.errors import UserError
from keras_vst.networks import Network
from keras_vst.networks.base import Size

Open = Callable[[Shares, Size | None], Network]


class Mixer:
    """Hands out the newest network that is ready, and has the wished one made meanwhile.

    Of wishes that come faster than networks are made (8 ms each at 640x360) only the newest is fulfilled.  A thread
    lives only while there is something to make, so at rest this costs nothing.
    """

    def __init__(self, open_mix: Open, shares: Sequence[float]) -> None:
        """Open the first mix at once; `open_mix` makes the network of shares, ready for frames of a size."""
        self._open = open_mix
        self._wished: Shares = tuple(shares)
        self._made, self._size = self._wished, None
        self._ready = open_mix(self._wished, None)
        self._lock = threading.Lock()
        self._making = False

    def network(self, shares: Shares, size: Size | None) -> Network:
        """What to paint the next frame with, whose size for the network is probably (height, width); never waits."""
        with self._lock:
            self._wished, self._size = shares, size
            if shares != self._made and not self._making:
                self._making = True
                threading.Thread(target=self._make, name="mixer", daemon=True).start()
            return self._ready

    def _make(self) -> None:
        while True:
            with self._lock:
                shares, size = self._wished, self._size
                if shares == self._made:
                    self._making = False
                    return
            network = self._opened(shares, size)
            with self._lock:
                self._made, self._ready = shares, network or self._ready

    def _opened(self, shares: Shares, size: Size | None) -> Network | None:
        """The network, or None: what cannot be mixed is told, and the picture goes on as it is."""
        try:
            return self._open(shares, size)
        except UserError as error:
            print(f"vst: {error}", file=sys.stderr)
        except Exception as error:  # a defect in this thread must not leave the frame loop waiting for a mix
            print(f"vst: unexpected {type(error).__name__}: {error}", file=sys.stderr)
        return None
