"""What the fuzzer tries: good files, messages and requests, changed at random; each case is known by its seed alone.

A case is a kind and a random generator.  `run` carries it out in this process and returns the exit status that a user
would see; whatever else it does is seen by whoever started it.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from edge import cli
from edge.controls import Controls
from edge.web.server import WebServer
from keras_vst import zoo
from keras_vst.networks.opening import find_runtime
from keras_vst.video.pictures import encode_picture
from keras_vst.zoo import CARD

STYLE = "great-wave"
CLIPS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9", ".ts": "libx264"}
CLIPS |= {".avi": "mpeg4", ".flv": "flv", ".gif": "gif", ".apng": "apng"}
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEAD = 600  # bytes, of which half of the changes are: most of what a file says of itself stands there
WORDS = "style mix second blend more_blend strength more_strength step toggle quit wave".split()  # noqa: SIM905
VALUES: tuple[Any, ...] = (None, True, -1, 0, 1, 0.5, 60, 101, 1e308, float("nan"), 10**400, [], {}, [[[]]])
VALUES += ("", "wave", "scream", "hud", "\ud800")
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /snapshot.jpg HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nConnection: close\r\n\r\n",
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x05hello\x88\x00",
    b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"strength": 60}',
    b"POST /offer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /status?token=%00 HTTP/1.1\r\nHost: localhost\r\nCookie: vst-token=x\r\nRange: bytes=0-\r\n\r\n",
)


def write_material(folder: Path) -> dict[str, list[Path]]:
    """Good files of every kind."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    pictures, clips = [], []
    for extension in (".png", ".jpg", ".webp"):
        pictures.append(folder / f"picture{extension}")
        alpha = None if extension == ".jpg" else pixels[..., 0].copy()
        pictures[-1].write_bytes(encode_picture(extension, pixels, alpha, b"MM\0*\0\0\0\x08" + bytes(6)))
    for extension, codec in CLIPS.items():
        clips.append(folder / f"clip{extension}")
        with av.open(str(clips[-1]), "w") as container:
            _write_clip(container, codec, pixels, silent=extension in (".gif", ".apng"))
    find_runtime()
    network = zoo.find_style(STYLE).path
    return {"media": clips, "pictures": pictures, "networks": [network], "cards": [network.with_name(CARD)]}


def _write_clip(container: Any, codec: str, pixels: np.ndarray, *, silent: bool) -> None:
    video = container.add_stream(codec, rate=25, options={"g": "3"})
    video.height, video.width = pixels.shape[:2]
    video.pix_fmt = {"gif": "rgb8", "apng": "rgba"}.get(codec, "yuv420p")
    codec = "libopus" if container.format.name == "webm" else "aac"
    tone = None if silent else container.add_stream(codec, rate=48000, layout="stereo")
    for index in range(8):
        picture = av.VideoFrame.from_ndarray(np.roll(pixels, 8 * index, 1), format="rgb24")
        picture.pts, picture.time_base = index, Fraction(1, 25)
        container.mux(video.encode(picture.reformat(format=video.pix_fmt)))
    for index in range(16):
        if tone is None:
            break
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), format="flt", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, index * 960, Fraction(1, 48000)
        sounds = av.AudioResampler(tone.format, "stereo", 48000).resample(sound)
        container.mux([packet for each in sounds for packet in tone.encode(each)])
    for stream in [video, *([tone] if tone else [])]:
        container.mux(stream.encode(None))


def changed(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """Bytes with one to eight changes."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        size = max(len(data), 1)
        place = chance.randrange(min(size, HEAD) if chance.random() < 0.5 else size)
        end = min(size, place + chance.choice((1, 4, 16, 300)))
        kind = chance.randrange(8)
        if kind <= 1 and data:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[place : place + 4] = chance.choice(NUMBERS).to_bytes(4, chance.choice(("big", "little")))
        elif kind == 3:
            data[place:end] = chance.randbytes(end - place)
        elif kind == 4:
            del data[place:end]
        elif kind == 5:
            data[place:place] = data[place:end]
        elif kind == 6:
            del data[place:]
        else:
            start = chance.randrange(max(len(other), 1))
            data[place:end] = other[start : start + end - place]
    return bytes(data)


class Cases:
    """Runs cases of any kind in a folder of their own."""

    def __init__(self, material: dict[str, list[Path]]) -> None:
        """Keep the good files in memory."""
        self._material = {
            kind: [(path.name, path.read_bytes()) for path in paths] for kind, paths in material.items()
        }
        self.kinds: dict[str, Callable[[random.Random, Path], int]] = {
            "media": self._clip,
            "pictures": self._picture,
            "networks": self._network,
            "cards": self._card,
            "control": self._control,
            "http": self._http,
        }

    def _input(self, kind: str, chance: random.Random, folder: Path) -> Path:
        """A changed file in the folder."""
        name, content = chance.choice(self._material[kind])
        path = folder / f"in{Path(name).suffix}"
        path.write_bytes(changed(content, chance.choice(self._material[kind])[1], chance))
        return path

    def _clip(self, chance: random.Random, folder: Path) -> int:
        return self._stylize("media", chance, folder, chance.choice((".mp4", ".mkv", ".webm")))

    def _picture(self, chance: random.Random, folder: Path) -> int:
        return self._stylize("pictures", chance, folder, chance.choice((".png", ".jpg")))

    def _stylize(self, kind: str, chance: random.Random, folder: Path, extension: str) -> int:
        path, out = self._input(kind, chance, folder), folder / "out"
        out.mkdir()
        words = [
            "stylize",
            path,
            "-o",
            out / f"out{extension}",
            "--style",
            STYLE,
            "--size",
            "64x64",
            "--threads",
            1,
        ]
        status = _vst(*words)
        assert status == 0 or not list(out.iterdir()), f"status {status} leaves {list(out.iterdir())}"
        return status

    def _network(self, chance: random.Random, folder: Path) -> int:
        path, picture = self._input("networks", chance, folder), folder / "in.png"
        picture.write_bytes(self._material["pictures"][0][1])
        return _vst("stylize", picture, "-o", folder / "out.png", "--model", path, "--threads", 1)

    def _card(self, chance: random.Random, folder: Path) -> int:
        home = folder / "zoo" / "mine"
        home.mkdir(parents=True)
        content = self._material["cards"][0][1]
        if chance.random() < 0.5:
            (home / CARD).write_bytes(changed(content.replace(STYLE.encode(), b"mine"), content, chance))
        else:
            card = json.loads(content)
            for _ in range(3):
                _change_value(card, chance)
            (home / CARD).write_text(json.dumps({**card, "name": "mine"}))
        (home / f"{STYLE}.tflite").write_bytes(self._material["networks"][0][1])
        os.environ["KERAS_VST_ZOO"] = str(folder / "zoo")
        picture = folder / "in.png"
        picture.write_bytes(self._material["pictures"][0][1])
        return _vst("styles", "--json") or _vst(
            "stylize", picture, "-o", folder / "out.png", "--style", "mine"
        )

    def _control(self, chance: random.Random, folder: Path) -> int:
        controls = Controls(["wave", "scream"], [1.0, 0.0])
        for index in range(200):
            message: Any = {
                chance.choice(WORDS): chance.choice(VALUES) for _ in range(chance.choice((0, 1, 1, 2, 5)))
            }
            message = chance.choice((message, {"mix": message}, {"style": message}, [message]))
            json.dumps(controls.apply(message)).encode()
            look = controls.look(index / 25)
            assert abs(sum(look.shares) - 1) < 1e-6, f"after {message!r} the shares are {look.shares}"
            assert 0 <= look.strength <= 1, f"after {message!r} the strength is {look.strength}"
        return 0

    def _http(self, chance: random.Random, folder: Path) -> int:
        server = WebServer("127.0.0.1", 0, Controls(["wave", "scream"], [1.0, 0.0]))
        server.publish(np.zeros((16, 16, 3), np.uint8))
        port = int(server.address.rpartition(":")[2].strip("/"))
        for _ in range(20):
            first, second = chance.choice(REQUESTS), chance.choice(REQUESTS)
            _send(port, changed(first, second, chance), chance)
        answer = _send(port, REQUESTS[0], None)
        server.stop()
        assert answer.startswith(b"HTTP/1.1 200"), (
            f"after all that a good request is answered {answer[:60]!r}"
        )
        return 0


def _vst(*words: object) -> int:
    sys.argv = ["vst", *map(str, words)]
    try:
        return cli.main(sys.argv[1:])
    except SystemExit as stop:
        return int(stop.code or 0)


def _send(port: int, request: bytes, chance: random.Random | None) -> bytes:
    """Send, perhaps in pieces, perhaps leaving at once; the beginning of the answer."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as line:
        line.settimeout(5 if chance is None else 0.05)
        cut = len(request) if chance is None else chance.randrange(len(request) + 1)
        line.sendall(request[:cut])
        if chance is not None and chance.random() < 0.3:
            return b""
        time.sleep(0 if chance is None else 0.002)
        line.sendall(request[cut:])
        return line.recv(4096)
    return b""


def _change_value(values: Any, chance: random.Random) -> None:
    """Put something foreign somewhere into what JSON gave."""
    keys: list[Any] = list(values) if isinstance(values, dict) else list(range(len(values)))
    if not keys:
        return
    key = chance.choice(keys)
    if isinstance(values[key], dict | list) and chance.random() < 0.8:
        _change_value(values[key], chance)
    else:
        values[key] = chance.choice([each for each in VALUES if each != "\ud800"])
