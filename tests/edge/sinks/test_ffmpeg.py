"""Our streams as the program ffmpeg receives them, packet by packet."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from edge.sinks import open_sink
from edge.sources import open_source
from tests.edge.sinks.peers import free_port, received
from tests.keras_vst.clips import grey_steps, sound_packets, write_clip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg"),
]
LISTENING = {
    "rtmp": ("-listen", "1", "-i"),
    "rtsp": ("-rtsp_flags", "listen", "-i"),
    "hls": ("-i",),
}


@pytest.mark.parametrize("kind", ["rtmp", "rtsp", "hls"])
def test_ffmpeg_receives_every_picture_and_the_very_sound(kind: str, tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", grey_steps(25) * 4, sound="aac")
    playlist = tmp_path / "out" / "live.m3u8"
    address = str(playlist) if kind == "hls" else f"{kind}://127.0.0.1:{free_port()}/live/x"
    command = ["ffmpeg", "-y", "-loglevel", "error", *LISTENING[kind], address, "-c", "copy", "got.mp4"]
    peer = None if kind == "hls" else subprocess.Popen(command, cwd=tmp_path)
    time.sleep(1.5)
    with open_source(str(film)) as source:
        sink = open_sink(
            f"hls:{playlist.parent}/?window=0" if kind == "hls" else address,
            source.info,
            audio_from=str(film),
        )
        for frame in source:
            sink.write(frame)
        sink.close()
    if peer is None:
        subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
    else:
        assert peer.wait(30) == 0
    pictures, sound = received(tmp_path / "got.mp4")
    original = sound_packets(film)
    assert len(pictures) == 100
    assert len(sound) >= 4 * 48000 // 1024
    assert sound == original[: len(sound)]
