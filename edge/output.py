"""Where painted frames end up while somebody watches: the sink, and beside it snapshots and recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from edge.compositing import write_lines
from edge.controls import Shares
from edge.live_painter import LivePainter
from edge.painter import Painted
from keras_vst.errors import UserError, tell
from keras_vst.video import Provenance, Sink, TimedFrame, VideoInfo, open_sink
from keras_vst.video.encoding import FileSink

RATE_OVER = 2.0  # seconds over which the frame rate is told


class Output:
    """Hands every painted frame on; `folder` takes the snapshots and recordings.

    What fails in the sink itself makes it `broken`: then there is nothing left to finish in it.
    """

    def __init__(
        self, sink: Sink, info: VideoInfo, painter: LivePainter, folder: Path, clock: Callable[[], float]
    ) -> None:
        self.broken = False
        self.sink, self._painter, self._folder = sink, painter, folder
        # What is recorded starts anew with its own clock, and without sound.
        self._info = replace(info, frames=None, duration=None, has_audio=False, is_image=False, origin=None)
        self._clock = clock
        self._moments: deque[float] = deque()
        self._recording: tuple[FileSink, TimedFrame] | None = None  # and its first frame
        self._recorded: Shares = ()  # the most that each style had in any of its frames
        self._failed = False  # the recording that is still wished for
        self.notes: tuple[str, ...] = ()  # what of the frames is not seen, a line each

    @property
    def closed_by_user(self) -> bool:
        """Whether whoever watched has seen enough."""
        return self.sink.closed_by_user or self._painter.controls.quitting

    def write(self, painted: Painted, dropped: int, latency: float) -> None:
        """Show one frame, and keep it where that is wanted."""
        self._tell(dropped, latency)
        shown = painted.after
        if shown.alpha is not None and not isinstance(self.sink, FileSink):  # a file says so itself
            self.notes = ("what is transparent is shown on white",)
        if painted.look.hud:
            figures = self._painter.controls.status()["figures"]
            lines = [f"{name} {value}" for name, value in figures.items()]
            shown = replace(shown, pixels=write_lines(shown.pixels, self._painter.hud_lines(*lines)))
        try:
            self.sink.write(shown)
        except Exception:
            self.broken = True
            raise
        self._keep(painted)

    def close(self) -> None:
        """Finish what can be finished."""
        try:
            self._stop_recording()
        finally:
            (self.sink.abort if self.broken else self.sink.close)()

    def _tell(self, dropped: int, latency: float) -> None:
        now = self._clock()
        self._moments.append(now)
        while now - self._moments[0] > RATE_OVER:
            self._moments.popleft()
        span = now - self._moments[0]
        rate = (len(self._moments) - 1) / span if span > 0 else 0.0
        figures = {"fps": round(rate, 1), "latency_ms": round(latency * 1e3), "dropped": dropped}
        size = self._painter.fitted
        if size is not None:
            figures["size"] = f"{size[1]}x{size[0]}"
        self._painter.controls.report(figures)

    def _keep(self, painted: Painted) -> None:
        """Snapshots and recordings; one that fails is told and given up, and the picture goes on."""
        try:
            if self._painter.controls.take_snapshot():
                made_by = self._painter.made_by(painted.look.shares)
                with open_sink(self._name(".png"), self._info, made_by=made_by) as picture:
                    picture.write(painted.after)
            self._record(painted)
        except UserError as error:
            tell(f"vst: {error}")

    def _record(self, painted: Painted) -> None:
        if not painted.look.record:
            self._failed = False
            self._stop_recording()
            return
        if self._failed:  # frames that were on their way when it did
            return
        try:
            if self._recording is None:
                sink = open_sink(self._name(".mp4"), self._info)
                if self._painter.made_by(painted.look.shares) is not None:
                    sink.made_by = Provenance()  # which styles there will have been is known at the end
                self._recording, self._recorded = (sink, painted.after), ()
            sink, first = self._recording
            sink.write(replace(painted.after, time=painted.after.time - first.time))
            both = zip_longest(self._recorded, painted.look.shares, fillvalue=0.0)
            self._recorded = tuple(max(pair) for pair in both)
        except UserError:
            self._failed = True
            self._painter.controls.apply({"record": False})
            if self._recording is not None:
                (sink, _), self._recording = self._recording, None
                sink.abort()
            raise

    def _stop_recording(self) -> None:
        if self._recording is None:
            return
        (sink, _), self._recording = self._recording, None
        sink.made_by = self._painter.made_by(self._recorded)
        sink.close()

    def _name(self, extension: str) -> Path:
        """A name by the time of day that is not taken yet; said on stderr."""
        stem, count = f"vst-{datetime.now():%Y%m%d-%H%M%S}", 1
        path = self._folder / f"{stem}{extension}"
        while path.exists():
            count += 1
            path = self._folder / f"{stem}-{count}{extension}"
        tell(f"vst: writing {path}")
        return path
