"""Paintings that come while it runs: each is painted after at once, and where that was asked for learned beside it.

A preview joins the styles that can be changed to.  The process that learns writes a better network every few steps;
each is faded to.  Whatever becomes of that process, the picture goes on.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

from edge.learning import Learning, Wishes
from edge.live_painter import LivePainter
from edge.paintings import read_sent, style_name
from edge.style_choice import free_name
from keras_vst import zoo
from keras_vst.errors import UserError, tell
from keras_vst.frames import Pixels
from keras_vst.networks.opening import read_network
from keras_vst.preview import preview
from keras_vst.zoo import Style

LOOKED = 1.0  # seconds from one look at what is learned to the next


class Newcomers:
    """For one painter; with `wishes` what comes is learned too, one painting at a time, the newest."""

    def __init__(self, painter: LivePainter, wishes: Wishes | None = None) -> None:
        """Nothing runs yet."""
        self._painter, self._wishes = painter, wishes
        self._learning: Learning | None = None
        self._ended = threading.Event()
        self._one = threading.Lock()  # at a time

    def drop(self, name: str, content: bytes) -> str:
        """Paint after a picture that somebody sent; the name of its style, or a UserError."""
        painting = read_sent(content, name)
        with self._one:
            style = preview(painting, free_name(style_name(name), *self._painter.controls.names))
            self._painter.add(style)
            if self._wishes is not None:
                try:
                    self.learn(painting, style)
                except UserError as error:
                    tell(f"vst: {error}")
        return style.name

    def learn(self, painting: Pixels, style: Style) -> None:
        """Learn what is painted as a preview so far; what was being learned is stopped, and kept."""
        self.close()
        learning = Learning(painting, style.name, self._wishes or Wishes())
        learning.start(quietly=True)
        self._learning, self._ended = learning, threading.Event()
        arguments = learning, style, self._ended
        threading.Thread(target=self._follow, args=arguments, name="learning", daemon=True).start()
        tell(f"vst: {style.name} is being learned, {learning.log} tells how it goes")

    def close(self) -> None:
        """Stop learning; what was learned is kept, and goes on when the same painting comes again."""
        self._ended.set()
        if self._learning is not None:
            self._learning.stop()
            self._learning = None

    def _follow(self, learning: Learning, style: Style, ended: threading.Event) -> None:
        seen = 0.0
        while not ended.wait(LOOKED):
            over = not learning.running
            with suppress(OSError):
                written = learning.now.stat().st_mtime
                if written != seen and not over:
                    seen = written
                    self._renew(replace(style, content=read_network(learning.now)))
            if over:
                self._tell_end(learning, style)
                return

    def _tell_end(self, learning: Learning, style: Style) -> None:
        if learning.status == 0:
            with suppress(UserError):
                path = zoo.find_style(learning.name)
                self._renew(replace(style, content=read_network(path.path, path.sha256)))
            tell(f"vst: {learning.name} is learned; `--style {learning.name}` finds it from now on")
        else:
            tell(f"vst: {learning.name} is not learned to its end ({learning.reason()}); the picture goes on")

    def _renew(self, style: Style) -> None:
        try:
            self._painter.renew(style)
        except UserError as error:  # another layout: the preview stays
            tell(f"vst: {error}")
