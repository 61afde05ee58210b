"""Sound in, for every moment a number from 0 to 1 out: how loud it is, or how lately a beat fell.

Only what was heard before a moment counts for it, so that a microphone is heard as a file is.  Samples are float32 of
one channel, in steps of 10 ms; both measures are 0 in silence, rise within a step or two, and fall slowly enough for
the eye.  A file is read as far as its pictures are, in constant memory.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from math import exp

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from keras_vst.errors import UserError
from keras_vst.video.containers import SteadyTimes, open_container, time_origin
from keras_vst.video.decoding import FAREWELL

BEAT = "beat"  # what is heard otherwise is loudness
STEP = 0.01  # seconds
AHEAD = 2 * STEP  # how late a beat is noticed: half of the window that is looked at
KEPT = 6000  # steps: a minute, more than any two threads are apart
APART = (
    0.02  # seconds by which the samples counted may be off the times in the file before these are believed
)
QUIET = -50.0  # dB of full scale, below which nothing counts as sound
SPAN = 24.0  # dB from the loudest of late, 1, down to 0
FORGETS = 1.5  # dB a second that the loudest of late sinks
RISE, FALL = 0.8, 0.06  # share of the way to the new loudness that is gone in a step
PULSE = 0.2  # seconds after which a beat has fallen to 1/e
BEATS_APART = 0.12  # seconds, at least
AVERAGED = 0.01  # share of a step in the mean that a beat must stand out from: a second
# Times that mean, and what is too little to be one; noise has 2.6 at its 99th percentile.
STANDS_OUT, LEAST = (4.0, 0.12)
# Of the spectrum, Hz, each as wide to the ear: a drum is in the lowest.
BANDS, LOWEST, HIGHEST = (12, 40.0, 8000.0)
Samples = npt.NDArray[np.float32]


class Ear:
    """Listens to samples in order; `at` tells of a moment, in seconds, what was heard until then."""

    def __init__(self, reaction: str, rate: int) -> None:
        """Nothing was heard yet; `rate` is in samples a second."""
        self._beats = reaction == BEAT
        self._rate, self._hop = rate, max(1, round(rate * STEP))
        self._left = np.zeros(0, np.float32)
        self._values: deque[float] = deque([0.0], KEPT)
        self._steps = 0
        self._loudest = QUIET + SPAN
        window = 3 * self._hop
        self._past, self._window = np.zeros(window - self._hop, np.float32), np.hanning(window + 2)[1:-1]
        self._bands = _bands(window, rate)
        self._spectrum = np.zeros(len(self._bands.T))
        # The mean flux, of how many steps; until the next beat.
        self._usual, self._flux, self._rested = (0.0, 0, 0.0)

    @property
    def heard(self) -> float:
        """Seconds heard so far."""
        return self._steps * self._hop / self._rate + len(self._left) / self._rate

    def listen(self, samples: Samples) -> None:
        """Take in what comes next."""
        samples = np.nan_to_num(np.concatenate([self._left, samples]))  # a float file can hold anything
        count = len(samples) // self._hop
        whole, self._left = samples[: count * self._hop], samples[count * self._hop :]
        for value in self._beat(whole) if self._beats else self._loudness(whole):
            self._values.append(value)
            self._steps += 1

    def wait_until(self, time: float) -> None:
        """Hear nothing up to that moment."""
        while (missing := time - self.heard) > 0:
            self.listen(np.zeros(max(1, round(min(missing, 1.0) * self._rate)), np.float32))

    def at(self, time: float) -> float:
        """The value at the last step that was over by then; 0 before the first."""
        back = self._steps - int(time * self._rate / self._hop + 1e-6)
        return self._values[-1 - max(0, min(back, len(self._values) - 1))]

    def _loudness(self, samples: Samples) -> Iterator[float]:
        """Decibels against the loudest of late, which sinks and so is never a matter of the volume."""
        power = np.square(samples.reshape(-1, self._hop), dtype=np.float64).mean(axis=1)
        value = self._values[-1]
        for level in 10 * np.log10(power + 1e-12):
            self._loudest = max(level, self._loudest - FORGETS * STEP, QUIET + SPAN)
            wanted = min(1.0, max(0.0, 1 + (level - self._loudest) / SPAN))
            value += (RISE if wanted > value else FALL) * (wanted - value)
            yield value if value > 1e-3 else 0.0

    def _beat(self, samples: Samples) -> Iterator[float]:
        """A pulse where the spectrum grows by more than it has of late (spectral flux of the logarithm)."""
        if not len(samples):
            return
        known = np.concatenate([self._past, samples])
        self._past = known[len(known) - len(self._past) :]
        windows = np.lib.stride_tricks.sliding_window_view(known, len(self._window))[:: self._hop]
        spectra = np.abs(np.fft.rfft(windows * self._window)) / len(self._window)
        spectra = np.log1p(1000 * spectra @ self._bands)
        growth = np.maximum(np.diff(spectra, axis=0, prepend=self._spectrum[None]), 0).mean(axis=1)
        self._spectrum, value = spectra[-1], self._values[-1]
        for flux in growth:
            value, self._rested = value * exp(-STEP / PULSE), self._rested - STEP
            if flux > max(LEAST, STANDS_OUT * self._usual) and self._rested <= 0:
                value, self._rested = 1.0, BEATS_APART
            self._flux += 1
            self._usual += max(AVERAGED, 1 / self._flux) * (flux - self._usual)
            yield value if value > 1e-3 else 0.0


class HeardFile:
    """The first sound track of a file or address, heard along with pictures whose times do not go back.

    After its end it is silent, or begins anew after so many seconds as `again` tells, once it tells any.
    """

    def __init__(
        self,
        uri: str,
        reaction: str,
        since: Fraction = Fraction(0),
        again: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Open it; what is `since` seconds into it is time 0."""
        self._uri, self._reaction, self._since, self._again = uri, reaction, since, again
        self._shift = 0.0  # when the present round began
        self._lock = threading.RLock()  # a container closed in the middle of a decode would crash
        self._begin()

    def at(self, time: float) -> float:
        """What is heard at a moment; a step or two late by nature, which a file lets us make good."""
        with self._lock:
            while (again := self._again()) and time >= self._shift + again:
                self.close()
                self._shift += again
                self._begin()
            moment = time - self._shift + AHEAD
            while self._ear is None or self._ear.heard < moment:
                part = next(self._parts, None)
                if part is None:
                    break
                self._listen(*part)
            if self._ear is None:
                return 0.0
            self._ear.wait_until(moment)
            return self._ear.at(moment)

    def close(self) -> None:
        """Let go of the file; a thread that is stuck in a dead line is left with it."""
        if self._lock.acquire(timeout=FAREWELL):
            self._container.close()
            self._lock.release()

    def _begin(self) -> None:
        self._ear: Ear | None = None
        self._container = open_container(self._uri)
        streams = [each for each in self._container.streams.audio if each.codec_context is not None]
        if not streams:
            self.close()
            raise UserError(
                f"--react hears nothing: {self._uri} has no sound that can be decoded; name a file that has some "
                "with --react-from."
            )
        self._parts = self._read(streams[0])

    def _read(self, stream: av.AudioStream) -> Iterator[tuple[float, int, Samples]]:
        """When each piece of sound begins, its rate and its samples."""
        times = SteadyTimes(self._container)
        start = time_origin(self._container) + self._since
        if self._since and not times.active:
            with suppress(FFmpegError):  # what cannot be wound forward is read from its beginning
                self._container.seek(int(start * av.time_base))
        packets = self._container.demux(times.streams(self._container, [stream]))
        with suppress(FFmpegError):  # the file breaks off here
            for packet in packets:
                times.mend(packet)
                if packet.stream.index == stream.index:
                    for time, rate, samples in heard_in(packet):
                        yield time - float(start), rate, samples

    def _listen(self, time: float, rate: int, samples: Samples) -> None:
        """Take in a piece where its time says that it belongs."""
        if self._ear is None:
            self._ear = Ear(self._reaction, rate)
        early = self._ear.heard - time
        if early > APART:
            samples = samples[round(early * rate) :]
        elif early < -APART:
            self._ear.wait_until(time)
        self._ear.listen(samples)


def heard_in(packet: av.Packet) -> Iterator[tuple[float, int, Samples]]:
    """The sound of a packet: when it begins by the file's clock, its rate, its samples; none of a damaged one."""
    with suppress(FFmpegError, ValueError):
        for frame in packet.decode():
            if isinstance(frame, av.AudioFrame) and frame.pts is not None and frame.time_base:
                yield float(frame.pts * frame.time_base), frame.sample_rate, one_channel(frame)


def _bands(window: int, rate: int) -> npt.NDArray[np.float64]:
    """What of each bin of a spectrum counts for each band that has any, (bins, bands): the mean of the band."""
    places = np.fft.rfftfreq(window, 1 / rate)
    edges = np.geomspace(LOWEST, HIGHEST, BANDS + 1)
    inside = (places[:, None] >= edges[:-1]) & (places[:, None] < edges[1:])
    inside = inside[:, inside.any(axis=0)]
    return inside / inside.sum(axis=0)


def one_channel(frame: av.AudioFrame) -> Samples:
    """The mean of all channels, however many and in whatever format, in [-1, 1]."""
    samples = frame.to_ndarray()
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize - 1
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    mean = samples.mean(axis=0, dtype=np.float32)
    return mean if kind == "f" else mean / np.float32(2**bits) - np.float32(kind == "u")
