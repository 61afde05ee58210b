"""The queue and its workers: pictures in, painted ones out, each in a thread of its own.

The queue has an end.  What viewers wait for goes first, as what all of them take is limited beforehand (sessions.py);
each has one frame there at most, so that they take turns.  Requests wait in their order, but those of the style and the
size that a worker is at may go with the one that was first.

Each worker has open networks of its own, because an interpreter paints one frame at a time.  A mix is made when it is
first asked for (8 ms at 640x360), and the ones that were not used for longest go when there are too many.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np

from edge.painter import Painter
from edge.serve.counters import Counters
from edge.serve.limits import Limits, Refusal
from edge.serve.paint_settings import Parts, Settings
from keras_vst.errors import UserError, tell
from keras_vst.frames import Pixels
from keras_vst.networks import Network
from keras_vst.networks.base import Size
from keras_vst.networks.mixing import open_mix
from keras_vst.video import TimedFrame
from keras_vst.video.pictures import encode_picture
from keras_vst.zoo import Style

KNOWN_COSTS = 64  # kinds of work whose time is remembered
WEIGHT = 0.1  # of the newest time in what is remembered
MOST = 12  # open networks of one worker
MOST_PIXELS = 3840 * 2160  # of the frames that they are ready for, together; each takes some 50 bytes

Open = Callable[[Parts], Network]


class Key(NamedTuple):
    """Pictures of one key are painted by one open network without any preparation between them."""

    parts: Parts
    works_at: Size | None
    native: bool
    picture: Size


def key_of(settings: Settings, picture: Size) -> Key:
    """The key of a picture of (height, width)."""
    return Key(settings.parts, settings.size, settings.native, picture)


def opener(styles: Mapping[str, Style]) -> Open:
    """Opens LiteRT networks of one thread: with as many workers as cores that paints most (docs/results.md)."""
    return lambda parts: open_mix([(styles[name], share) for name, share in parts], threads=1)


class OpenNetworks:
    """Settings and a picture's size -> a Painter that is ready for it; belongs to one thread."""

    def __init__(self, styles: Mapping[str, Style], open_parts: Open) -> None:
        """Start with none."""
        self._styles, self._open = styles, open_parts
        self._painters: OrderedDict[Key, Painter] = OrderedDict()

    def paint(self, settings: Settings, pixels: Pixels) -> Pixels:
        """One picture (H, W, 3) uint8 RGB, as `vst stylize` would paint it."""
        key = key_of(settings, (pixels.shape[0], pixels.shape[1]))
        painter = self._painters.get(key) or self._ready(key)
        self._painters.move_to_end(key)
        painter.look = settings.look
        return painter.repaint(TimedFrame(pixels, Fraction(0))).after.pixels

    def _ready(self, key: Key) -> Painter:
        while self._painters and (len(self._painters) >= MOST or self._pixels(key) > MOST_PIXELS):
            self._painters.popitem(last=False)
        margin = self._styles[key.parts[0][0]].margin
        network = self._open(key.parts)
        margin = margin if network.margin is None else network.margin
        painter = Painter(network, size=key.works_at, margin=margin, native=key.native)
        self._painters[key] = painter
        return painter

    def _pixels(self, new: Key) -> int:
        return sum(height * width for *_, (height, width) in (*self._painters, new))


@dataclass(eq=False)
class Job:
    """One picture to be painted: a file's bytes, which come back as JPEG, or pixels, which come back as pixels."""

    settings: Settings
    size: Size
    content: bytes | Pixels
    live: bool = False
    since: float = field(default_factory=time.monotonic)
    painted: Future[Any] = field(default_factory=Future)

    @property
    def key(self) -> Key:
        """What it has in common with those that may be painted right after it."""
        return key_of(self.settings, self.size)


class Workers:
    """Paints from its construction until `close`; may be asked from any thread."""

    def __init__(
        self, styles: dict[str, Style], open_parts: Open, count: int, limits: Limits, counters: Counters
    ) -> None:
        """Start the threads; `count` is how many pictures are painted at once."""
        self._limits, self.counters, self.count = limits, counters, count
        self._live: deque[Job] = deque()
        self._requests: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._costs: OrderedDict[tuple[Size, Size | None, bool], float] = OrderedDict()
        self._threads = [
            threading.Thread(
                target=self._work, args=(OpenNetworks(styles, open_parts),), name="vst-worker", daemon=True
            )
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put all of them into the queue, or none: a Refusal says why."""
        with self._changed:
            if self._closed:
                raise Refusal("closing", "the server is ending; ask another one.", 1.0)
            self._check_room(sum(not job.live for job in jobs))
            for job in jobs:
                (self._live if job.live else self._requests).append(job)
            self._changed.notify(len(jobs))

    def check_room(self) -> None:
        """Refuse early what would be refused later, before it is read."""
        with self._changed:
            self._check_room(1)

    @property
    def waiting(self) -> int:
        """Pictures in the queue."""
        return len(self._live) + len(self._requests)

    def cost(self, settings: Settings, size: Size) -> float | None:
        """Seconds of one worker that a picture takes; None where none was painted yet."""
        return self._costs.get((size, settings.size, settings.native))

    def close(self, seconds: float) -> bool:
        """Take no more, finish what was accepted; whether that was done in time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _check_room(self, count: int) -> None:
        if len(self._requests) + count > self._limits.waiting:
            seconds = len(self._requests) * max(self._costs.values(), default=0.1) / self.count
            raise Refusal(
                "busy", f"{len(self._requests)} pictures are waiting already; come back later.", seconds
            )

    def _take(self) -> list[Job]:
        """What one worker does next: viewers first; [] at the end."""
        with self._changed:
            while not (self._live or self._requests or self._closed):
                self._changed.wait()
            if self._live:
                return [self._live.popleft()]
            if not self._requests:
                return []
            first = self._requests.popleft()
            alike = (
                [job for job in self._requests if job.key == first.key] if self._limits.together > 1 else []
            )
            for job in (taken := alike[: self._limits.together - 1]):
                self._requests.remove(job)
            return [first, *taken]

    def _work(self, networks: OpenNetworks) -> None:
        while jobs := self._take():
            for job in jobs:
                if job.painted.set_running_or_notify_cancel():  # whoever left meanwhile is not painted for
                    self._paint(job, networks)

    def _paint(self, job: Job, networks: OpenNetworks) -> None:
        begin = time.monotonic()
        try:
            result = _painted(job, networks.paint)
        except BaseException as error:
            job.painted.set_exception(_told(error))
            return
        seconds = time.monotonic() - begin
        self.counters.painted(job.live, waited=begin - job.since, took=seconds)
        self._remember(job, seconds)
        job.painted.set_result(result)

    def _remember(self, job: Job, seconds: float) -> None:
        kind = job.size, job.settings.size, job.settings.native
        with self._changed:
            before = self._costs.pop(kind, seconds)
            self._costs[kind] = before + WEIGHT * (seconds - before)
            if len(self._costs) > KNOWN_COSTS:
                self._costs.popitem(last=False)


def _painted(job: Job, paint: Callable[[Settings, Pixels], Pixels]) -> bytes | Pixels:
    if isinstance(job.content, bytes):
        return encode(paint(job.settings, decode(job.content)))
    return paint(job.settings, job.content)


def decode(content: bytes) -> Pixels:
    """The picture in a file, (H, W, 3) uint8 RGB, upright; `picture_size` has looked at it before."""
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise Refusal("invalid", "this picture is damaged; send it again.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def encode(pixels: Pixels) -> bytes:
    """The picture as JPEG."""
    try:
        return encode_picture(".jpg", pixels)
    except UserError as error:
        raise Refusal("large", str(error)) from error


def _told(error: BaseException) -> Refusal:
    """What the asker is told; what a failure says of this machine is for whoever runs it."""
    if isinstance(error, Refusal):
        return error
    defect = "" if isinstance(error, UserError) else f"unexpected {type(error).__name__}: "
    tell(f"vst: a picture could not be painted: {defect}{error}")
    return Refusal("broken", "this picture could not be painted; the server's log says why.")
