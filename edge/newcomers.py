"""Paintings that come while it runs: each is painted after at once, and where that was asked for learned beside it.

A preview joins the styles that can be changed to.  The process that learns writes a better network every few steps;
each is faded to.  Whatever becomes of that process, the picture goes on.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

from edge.learning import PATIENCE, Learning, Wishes, learned_as
from edge.live_painter import LivePainter
from edge.style_choice import free_name
from keras_vst import zoo
from keras_vst.errors import UserError, tell
from keras_vst.frames import Pixels
from keras_vst.networks.opening import read_network
from keras_vst.preview import preview, read_sent, style_name
from keras_vst.zoo import Style

LOOKED = 1.0  # seconds from one look at what is learned to the next


class Newcomers:
    """For one painter; with `wishes` what comes is learned too, one painting at a time, the newest."""

    def __init__(self, painter: LivePainter, wishes: Wishes | None = None) -> None:
        self._painter, self._wishes = painter, wishes
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._one = threading.Lock()  # picture at a time

    def drop(self, name: str, content: bytes) -> str:
        """Paint after a picture that somebody sent; the name of its style, or a UserError."""
        painting = read_sent(content, name)
        with self._one:
            known = learned_as(painting)
            if known in self._painter.controls.names:
                self._painter.controls.apply({"style": known})
                return str(known)
            style = preview(painting, free_name(style_name(name), *self._painter.controls.names))
            self._painter.add(style)
            self.learn(painting, style)
        return style.name

    def learn(self, painting: Pixels, style: Style) -> None:
        """Learn what is painted as a preview, if that is wished; what was learned until now is saved, and kept."""
        if self._wishes is None or style.content is None:
            return
        self._ended.set()
        before, self._ended = self._thread, threading.Event()
        arguments = Learning(painting, style.name, self._wishes), style, self._ended, before
        self._thread = threading.Thread(target=self._learn, args=arguments, name="learning", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop learning; what was learned is kept, and goes on when the same painting comes again."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2 * PATIENCE)

    def _learn(
        self, learning: Learning, style: Style, ended: threading.Event, before: threading.Thread | None
    ) -> None:
        if before is not None:
            before.join()
        if ended.is_set():
            return
        try:
            learning.start(quietly=True)
            tell(f"vst: {style.name} is being learned; {learning.log} tells how it goes")
            self._follow(learning, style, ended)
        except UserError as error:  # no TensorFlow, a full disk, another who learns it: the preview stays
            tell(f"vst: {error}")
        finally:
            learning.stop()

    def _follow(self, learning: Learning, style: Style, ended: threading.Event) -> None:
        """Show what is better, until it is learned or nobody wants it any more."""
        seen = 0.0
        while not ended.wait(LOOKED):
            over = not learning.running
            with suppress(FileNotFoundError):
                written = learning.now.stat().st_mtime
                if written != seen and learning.better and not over:
                    seen = written
                    self._painter.renew(replace(style, content=read_network(learning.now)))
            if over:
                self._end(learning, style)
                return

    def _end(self, learning: Learning, style: Style) -> None:
        if learning.status == 0:
            final = zoo.find_style(learning.name)
            self._painter.renew(replace(style, content=read_network(final.path, final.sha256)))
            tell(f"vst: {learning.name} is learned; `--style {learning.name}` finds it from now on")
        else:
            tell(f"vst: {learning.name} is not learned to its end ({learning.reason()}); the picture goes on")
