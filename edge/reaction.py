"""`--react`: the look of a frame, moved by what is heard at its time.

In silence the style is as it was asked for; sound moves it up to all the way: of two styles towards the second, else
the strength towards 1.  What is heard is a number from 0 to 1 (keras_vst.video.hearing), of the clip itself, of another
file or address (`--react-from`), or of a microphone.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import av
from av.container import InputContainer
from av.error import FFmpegError

from edge.options import MICROPHONE
from edge.painter import Painter, Parts, Started, moved
from edge.sources.local import LoopSource
from keras_vst.errors import UserError, tell
from keras_vst.networks.mixing import open_mix
from keras_vst.video import Source, TimedFrame, VideoInfo
from keras_vst.video.hearing import Ear, HeardFile, heard_in

DEVICES = {"linux": ("alsa", "default"), "darwin": ("avfoundation", ":default"), "win32": ("dshow", "")}
POLL = 0.1  # seconds between two looks at Ctrl-C, which on Windows a wait without an end would not notice
Opened = TypeVar("Opened")
Heard = Callable[[float], float]  # at the time of a frame, in seconds


def check(options: argparse.Namespace, parts: Parts) -> None:
    """Refuse what could move nothing."""
    if getattr(options, "react", None) is None:
        if getattr(options, "react_from", None):
            raise UserError("--react-from says what is heard; add what it does: --react loudness, or beat.")
        return
    if len(parts) != 2 and options.strength >= 1:
        raise UserError(
            "--react moves the strength from --strength up to 1, and it is 1 already; add for instance "
            "--strength 0.3, or name two styles to go between."
        )


def hear_clip(options: argparse.Namespace, info: VideoInfo) -> HeardFile:
    """What `vst stylize` hears along with a clip."""
    if (options.react_from or "").partition(":")[0] == MICROPHONE:
        raise UserError(
            "a microphone is heard while it happens, by `vst live`; name a file with --react-from."
        )
    if options.react_from:
        return _meanwhile(lambda: HeardFile(options.react_from, options.react))
    if info.is_image or not info.has_audio:
        raise UserError(
            f"--react hears nothing: {options.input} has no sound; name a file that has some with --react-from."
        )
    return _meanwhile(lambda: HeardFile(options.input, options.react, Fraction(options.start)))


class ReactingPainter:
    """A Painter's first stage with the look that the sound gives each frame."""

    def __init__(self, painter: Painter, heard: Heard, options: argparse.Namespace) -> None:
        self._painter, self._heard, self._options = painter, heard, options
        parts = painter.parts
        self._styles = [style for style, _ in parts]
        total = sum(share for _, share in parts)
        shares = tuple(share / total for _, share in parts)
        self._look, self._second = replace(painter.look, shares=shares), 1 if len(parts) == 2 else None
        self._shares = shares  # of the network that is open

    def start(self, frame: TimedFrame) -> Started:
        look = moved(self._look, self._heard(float(frame.time)), self._second)
        if look.shares != self._shares:
            parts, options = list(zip(self._styles, look.shares, strict=True)), self._options
            size = self._painter.fitted
            network = open_mix(parts, runtime=options.runtime, threads=options.threads, size=size)
            self._painter.network, self._shares = network, look.shares
        self._painter.look = look
        return self._painter.start(frame)


class HeardLine:
    """A microphone, or an address that sends for ever: what it says now, whatever the time.

    It is read in a thread of its own; when it ends, which is told, there is silence.
    """

    def __init__(self, name: str, reaction: str) -> None:
        self._name, self._reaction = name, reaction
        self._container = _meanwhile(lambda: _open_line(name))
        if not self._container.streams.audio:
            self._container.close()
            raise UserError(f"--react-from {name} sends no sound; name what does.")
        self._level, self._closed = 0.0, False
        threading.Thread(target=self._listen, name="vst-sound", daemon=True).start()

    def at(self, time: float) -> float:
        return self._level

    def close(self) -> None:
        """Let go of it; a thread that is stuck in a device ends with the program."""
        self._closed = True

    def _listen(self) -> None:
        ear: Ear | None = None
        try:
            for packet in self._container.demux(self._container.streams.audio[0]):
                for _, rate, samples in heard_in(packet):
                    ear = ear or Ear(self._reaction, rate)
                    ear.listen(samples)
                    self._level = ear.at(ear.heard)
                if self._closed:
                    break
        except FFmpegError as error:
            tell(f"vst: {self._name} broke off ({error.strerror or error}); the style stays as it is")
        else:
            if not self._closed:
                tell(f"vst: the sound of {self._name} ended; the style stays as it is")
        self._level = 0.0
        self._container.close()


def hear_live(options: argparse.Namespace, source: Source) -> HeardFile | HeardLine | None:
    """What `vst live` hears; None without --react."""
    name = options.react_from or options.source
    if options.react is None:
        return None
    if name.partition(":")[0] == MICROPHONE or (options.react_from and "://" in name):
        return HeardLine(name, options.react)
    if options.react_from:
        return HeardFile(name, options.react)
    if isinstance(source, LoopSource):
        return HeardFile(name.removeprefix("loop:"), options.react, again=lambda: source.round)
    if source.live or not source.info.has_audio:
        raise UserError(
            f"--react hears nothing: {name} has no sound that can be heard beside its pictures; add --react-from "
            f"with a file, an address or {MICROPHONE}."
        )
    return _meanwhile(lambda: HeardFile(name, options.react))


def _meanwhile(open_it: Callable[[], Opened]) -> Opened:
    """Open what may wait seconds for a silent line, in a thread of its own, so that Ctrl-C is heard meanwhile."""
    opened: Future[Opened] = Future()

    def work() -> None:
        try:
            opened.set_result(open_it())
        except BaseException as error:  # crosses over to whoever waits
            opened.set_exception(error)

    threading.Thread(target=work, name="vst-sound", daemon=True).start()
    while not wait([opened], POLL).done:
        pass
    return opened.result()


def _open_line(name: str) -> InputContainer:
    """`microphone`, `microphone:DEVICE` as the system calls it, or an address."""
    kind, _, device = name.partition(":")
    form, usual = DEVICES.get(sys.platform, DEVICES["linux"]) if kind == MICROPHONE else (None, name)
    if form == "dshow":
        device = f"audio={device}"
    try:
        return av.open((device or usual) if form else name, format=form, timeout=(8.0, 5.0))
    except (FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--react-from {name} cannot be heard ({reason}); check that it is there and may be used, or name a "
            f"device as the system calls it: {MICROPHONE}:NAME."
        ) from error
