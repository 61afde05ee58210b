"""A painter that is steered while it runs: the look of each frame, the network of the wished mix, the size to hold.

A moving slider never holds the picture up: mixes are made beside the frames.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from edge.controls import FADE, Controls, Shares
from edge.keeping_up import LatencyController
from edge.painter import Look, Painter, Started, moved
from edge.reaction import check
from edge.style_choice import by_size, chosen_parts, in_size, painter_settings, provenance
from keras_vst import zoo
from keras_vst.errors import UserError, tell
from keras_vst.networks import Network, open_network
from keras_vst.networks.base import Size
from keras_vst.networks.mixing import check_mixable, mix, open_mix
from keras_vst.video import Provenance, TimedFrame
from keras_vst.zoo import Style

RENEWALS = 12  # mixes between a network and a better one of the same style


class Mixer:
    """Hands out the newest network that is ready, and has the wished one made meanwhile.

    Of wishes that come faster than networks are made (8 ms each at 640x360) only the newest is fulfilled.  A thread
    lives only while there is something to make, so at rest this costs nothing.
    """

    def __init__(self, open_mix: Callable[[Shares, Size | None], Network], shares: Sequence[float]) -> None:
        """Open the first mix at once; `open_mix` makes the network of shares, ready for frames of a size."""
        self._open = open_mix
        self._wished: Shares = tuple(shares)
        self._wishes, self._made, self._size = 0, (self._wished, 0), None
        self.ready = open_mix(self._wished, None)
        self._lock = threading.Lock()
        self._making = False

    def network(self, shares: Shares, size: Size | None) -> Network:
        """What to paint the next frame with, whose size for the network is probably (height, width); never waits."""
        with self._lock:
            self._wished, self._size = shares, size
            if (shares, self._wishes) != self._made and not self._making:
                self._making = True
                threading.Thread(target=self._make, name="mixer", daemon=True).start()
            return self.ready

    def renew(self) -> None:
        """A style is another now: what was made of it is made anew."""
        with self._lock:
            self._wishes += 1

    def _make(self) -> None:
        while True:
            with self._lock:
                shares, size = self._wished, self._size
                wish = shares, self._wishes
                if wish == self._made:
                    self._making = False
                    return
            network = self._opened(shares, size)
            with self._lock:
                self._made, self.ready = wish, network or self.ready

    def _opened(self, shares: Shares, size: Size | None) -> Network | None:
        """The network, or None: what cannot be mixed is told, and the picture goes on as it is."""
        try:
            return self._open(shares, size)
        except UserError as error:
            tell(f"vst: {error}")
        except Exception as error:  # a defect in this thread must not leave the frame loop waiting for a mix
            tell(f"vst: unexpected {type(error).__name__}: {error}")
        return None


class LivePainter(Painter):
    """A Painter whose look comes from `controls` and whose network, where styles can change, from `mixer`.

    `governor` is told of every frame's time and chooses the working size; the time is that of the painting, unless
    `latency` holds another to go by.
    """

    def __init__(
        self, network: Network, controls: Controls, mixer: Mixer | None = None, **settings: Any
    ) -> None:
        """`settings` are those of a Painter."""
        super().__init__(network, **settings)
        self.controls, self.mixer = controls, mixer
        self.heard: Callable[[float], float] | None = None  # what --react hears at a time, 0 to 1
        self.second: int | None = None  # the style that was named second, to which sound moves
        # What a file says of itself that is painted with the most of each style that these frames had.
        self.made_by: Callable[[Shares], Provenance | None] = lambda shares: None
        self.look = controls.look(0.0)
        self.styles: list[Style] = []  # those that the mixer mixes, in the order of the controls' names
        self.governor: LatencyController | None = None
        self.latency: float | None = None
        self._frozen: Started | None = None

    def add(self, style: Style) -> None:
        """One more style, made while it runs; the picture goes over to it."""
        self.styles.append(style)
        self.controls.add(style.name)

    def renew(self, style: Style) -> None:
        """A better network of a style that there is; the picture goes over to it by mixes of both."""
        assert self.mixer is not None
        place = next(index for index, each in enumerate(self.styles) if each.name == style.name)
        before = self.styles[place]
        for step in range(1, RENEWALS + 1):
            share = step / RENEWALS
            self.styles[place] = replace(style, content=mix([(before, 1 - share), (style, share)]))
            self.mixer.renew()
            time.sleep(FADE / RENEWALS)

    def start(self, frame: TimedFrame) -> Started:
        """The network's part, unless the picture is frozen."""
        look = self._look(float(frame.time))
        frozen = self._frozen if look.freeze else None
        if frozen is not None and frozen.painted_from.shape == frame.pixels.shape:
            self.look = replace(look, shares=frozen.look.shares)  # the style that the picture is of
            return replace(frozen, frame=frame, look=self.look)
        self.look = look
        begin = time.perf_counter()
        if self.mixer is not None:
            self.network = self.mixer.network(look.shares, self.fitted)
        started = self._through_network(frame, look)
        if self.governor is not None:
            seconds = time.perf_counter() - begin if self.latency is None else self.latency
            self.resize(self.governor.observe(seconds))
        self._frozen = started if look.freeze else None
        return started

    def _look(self, time: float) -> Look:
        """What the controls say, and then the sound."""
        look = self.controls.look(time)
        if self.heard is None or not (level := self.heard(time)):
            return look
        wished, blended = self.controls.wished
        used = [index for index, share in enumerate(wished) if share > 0]
        towards = None
        if len(used) == 2:
            known = (index for index in (blended, self.second) if index in used)
            towards = next(known, min(used, key=wished.__getitem__))
        return moved(look, level, towards)


def open_live_painter(options: argparse.Namespace, **settings: Any) -> LivePainter:
    """Open what the options name, and all live styles to change to; `settings` go to the controls."""
    parts = in_size(chosen_parts(options), options)
    made = [style for style, _ in parts if style.content is not None]
    check(options, parts)
    shares = {style.name: share for style, share in parts}
    styles = [style for style, _ in parts] if options.model else [*_all_styles(options.size_class), *made]
    controls = Controls(
        [style.name for style in styles],
        [shares.get(style.name, 0.0) for style in styles],
        mixable=lambda indices: _why_not([styles[index] for index in indices]),
        strength=100 * options.strength,
        keep_color=options.keep_color,
        detail=100 * options.detail,
        **settings,
    )

    def open_shares(shares: Sequence[float], size: Size | None) -> Network:
        mixed = list(zip(styles, shares, strict=False))  # one may come at this very moment
        return open_mix(mixed, runtime=options.runtime, threads=options.threads, size=size)

    style, mixer = parts[0][0], None
    if options.model is None:
        mixer = Mixer(open_shares, controls.look(0.0).shares)
        network = mixer.ready
    else:
        network = open_network(style.path, runtime=options.runtime, threads=options.threads)
    painter = LivePainter(network, controls, mixer, **painter_settings(network, style, options))
    painter.second = styles.index(parts[1][0]) if len(parts) == 2 else None
    painter.made_by = lambda shares: provenance(options, list(zip(styles, shares, strict=False)))
    painter.styles = styles
    return painter


def _all_styles(size_class: str) -> list[Style]:
    """All live styles that have a network of that size, by it."""
    styles = zoo.styles(quality="live")
    return by_size([style for style in styles if size_class in zoo.sizes(style)], size_class)


def _why_not(styles: Sequence[Style]) -> str | None:
    """Why these styles cannot be mixed; None where they can."""
    try:
        check_mixable(styles)
    except UserError as error:
        return str(error)
    return None
