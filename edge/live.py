"""`vst live`: a camera, a stream or a file, painted while it runs, the newest frame first."""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from edge.controls import KEYS
from edge.keeping_up import LatencyController, ladder
from edge.learning import Wishes
from edge.live_painter import LivePainter, open_live_painter
from edge.newcomers import Newcomers
from edge.options import (
    AUTO,
    MICROPHONE,
    add_command,
    add_network_options,
    add_react_options,
    latency,
    minutes,
    positive_number,
)
from edge.output import Output
from edge.painter import Painted
from edge.reaction import hear_live
from edge.sinks import TABLE as SINK_TABLE
from edge.sinks import open_sink
from edge.sources import TABLE as SOURCE_TABLE
from edge.sources import open_source, pace
from edge.style_choice import first_style
from edge.threads import Pipeline
from keras_vst.errors import UserError, tell
from keras_vst.preview import read_painting
from keras_vst.video import Source, VideoInfo

DESCRIPTION = f"""\
Frames that come faster than they are painted are dropped.  Ctrl-C, q or closing the window ends it; files
are finished.

SOURCE (default: camera:0):
{SOURCE_TABLE}

--sink (default: window:):
{SINK_TABLE}"""
EXAMPLES = """
examples:
  vst live 0 --style great-wave                           a camera in a window
  vst live 0 --sink web --fps 30                          on a page; open it elsewhere through
                                                          ssh -L 8080:localhost:8080 this-machine
  vst live rtsp://camera/stream --sink hls:public/ --max-latency 80ms
  vst live loop:clip.mp4 --sink - | mpv -"""
KEY_TABLE = "keys in the window (the page has the same, but for q):\n" + "\n".join(
    f"  {key:6} {text}" for key, (text, _) in KEYS.items()
)


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary, epilog = "repaint a camera or a stream while it runs", f"{KEY_TABLE}\n{EXAMPLES}"
    parser = add_command(commands, parent, "live", summary, description=DESCRIPTION, epilog=epilog)
    add = parser.add_argument
    add("source", nargs="?", default="camera:0", metavar="SOURCE", help="see above")
    add("--sink", default="window:", metavar="URI", help="see above")
    add_network_options(parser)
    add_react_options(parser, f"; or an address, or {MICROPHONE}, or {MICROPHONE}:DEVICE")
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--fps", type=positive_number, metavar="N", help="work at the largest size that holds this rate"
    )
    target.add_argument(
        "--max-latency",
        type=latency,
        metavar="80ms",
        help="work at the largest size that shows a frame this soon after it came",
    )
    add(
        "--learn",
        nargs="?",
        const=10.0,
        type=minutes,
        metavar="MINUTES",
        help="learn --painting, and what is dropped on the page, while it is painted (default: 10 minutes)",
    )
    add("--codec", metavar="C", help="encoder of a file")
    add("--crf", type=int, metavar="N", help="quality of encoded video, lower is better")
    add("--seconds", type=positive_number, metavar="N", help="end after so long")
    add(
        "--folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="for snapshots and recordings (default: here)",
    )
    add("--hud", action="store_true", help="figures over the picture")
    add("--stats", action="store_true", help="say at the end where the time went")
    parser.set_defaults(run=run, size_class=AUTO)


def run(options: argparse.Namespace) -> int:
    """Run until somebody ends it; a file that was written is finished whatever ended it, except its own failure."""
    painter = _painter(options)
    with ExitStack() as stack:
        source = open_source(options.source)
        stack.callback(source.close)
        if (heard := hear_live(options, source)) is not None:
            stack.callback(heard.close)
            painter.heard = heard.at
        _govern(painter, options, source.info)
        newcomers = Newcomers(painter, Wishes(options.learn) if options.learn else None)
        stack.callback(newcomers.close)
        given = {"on_painting": newcomers.drop if painter.mixer else None}
        sink = open_sink(options.sink, source.info, **_sink_options(options, painter, source), **given)
        output = Output(sink, source.info, painter, options.folder, time.monotonic)
        session = Session(source, painter, output, options.seconds)
        status = 0
        try:
            if options.learn and options.painting is not None:
                newcomers.learn(read_painting(options.painting), painter.styles[-1])
            session.run(deliver_here=sink.main_thread)
        except KeyboardInterrupt:
            status = 130
        except BaseException:
            with suppress(Exception):  # what failed first is what is told
                output.close()
            raise
        output.close()
    for note in (*source.notes, *output.notes, *sink.notes):
        tell(f"vst: {note}")
    tell(session.summary())
    if options.stats:
        tell(painter.timeline.table())
    return status


class Session:
    """One source through one painter into one output."""

    def __init__(
        self, source: Source, painter: LivePainter, output: Output, seconds: float | None = None
    ) -> None:
        """Nothing runs yet; `seconds` is how long it is to last by the clock."""
        self._source, self._painter, self._output, self._seconds = source, painter, output, seconds
        self._closing = threading.Event()
        self._since: float | None = None  # when the first frame was shown
        self._until = 0.0
        # A file is played at its own speed; what is live has one.
        frames = source if source.live else pace(source, self._closing)
        self._pipeline = Pipeline(
            frames,
            [painter.start, painter.finish],
            self._deliver,
            live=True,
            timeline=painter.timeline,
            interrupt=self._interrupt,
        )

    def run(self, *, deliver_here: bool = False) -> None:
        """Run until the source ends, whoever watches ends it, or something fails."""
        self._pipeline.run(deliver_here=deliver_here, idle=self._idle)

    def summary(self) -> str:
        """What came of it, in one line."""
        count = self._pipeline.delivered
        seconds = self._until - (self._since or self._until)
        rate = f", {(count - 1) / seconds:.1f} frames per second" if count > 1 and seconds > 0 else ""
        return (
            f"{count} {'frame' if count == 1 else 'frames'} in {seconds:.1f} s{rate}, "
            f"{self._pipeline.dropped} dropped, {self._source.skipped} damaged"
        )

    def _deliver(self, painted: Painted) -> None:
        pipeline = self._pipeline
        self._output.write(painted, pipeline.dropped, pipeline.latency)
        self._until = time.monotonic()
        self._since = self._until if self._since is None else self._since
        if self._painter.latency is not None and pipeline.latency:
            self._painter.latency = pipeline.latency
        self._end_when_over()

    def _idle(self) -> None:
        """A source that is silent must not keep a window from being closed."""
        self._output.sink.idle()
        self._end_when_over()

    def _end_when_over(self) -> None:
        shown = 0.0 if self._since is None else time.monotonic() - self._since
        if (self._seconds is not None and shown >= self._seconds) or self._output.closed_by_user:
            self._pipeline.stop()

    def _interrupt(self) -> None:
        self._closing.set()
        self._output.sink.interrupt()
        self._source.close()


def _painter(options: argparse.Namespace) -> LivePainter:
    """What the options name, or the first style there is: whoever only wants to see it need not choose."""
    if options.quality == "film":
        raise UserError(
            "film quality is too slow to be live; use `vst stylize` with a file, or --quality live."
        )
    if not options.folder.is_dir():
        raise UserError(f"there is no folder {options.folder} for snapshots; create it first.")
    if options.learn and options.model is not None:
        raise UserError("--learn learns a painting, and --model names a file; leave one out.")
    if options.style is None and (style := first_style(options)):
        tell(f"vst: painting with {style}; `vst styles` lists what there is")
        options.style = style
    return open_live_painter(options, hud=options.hud)


def _govern(painter: LivePainter, options: argparse.Namespace, info: VideoInfo) -> None:
    """Let a controller choose the processing size, if a target was given."""
    if options.fps is None and options.max_latency is None:
        return
    frame = (info.height, info.width)
    sizes = ladder(frame, painter.margin, largest=painter.size_for(frame), fixed=painter.network.size)
    target: float = 1 / options.fps if options.fps else options.max_latency
    painter.latency = None if options.fps else target
    painter.governor = LatencyController(target, sizes, lambda text: tell(f"vst: {text}"))


def _sink_options(options: argparse.Namespace, painter: LivePainter, source: Source) -> dict[str, Any]:
    has_sound = (source.info.has_audio or source.info.has_words) and not source.live
    return {
        "codec": options.codec,
        "crf": options.crf,
        "audio_from": options.source if has_sound else None,
        "made_by": lambda: painter.made_by(painter.look.shares),
        "along": source.along if has_sound else None,
        "controls": painter.controls,
        "on_key": painter.controls.press,
    }
