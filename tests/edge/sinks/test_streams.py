"""HLS, RTMP, RTSP and UDP against FFmpeg's own receiving ends, on loopback, and against the program ffmpeg."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from edge.sinks import open_sink
from edge.sources import open_source
from keras_vst.errors import UserError
from keras_vst.video import Provenance, VideoInfo
from tests.edge.sinks.peers import INFO, Listener, feed, feed_slowly, frames, free_port, received
from tests.keras_vst.clips import grey_steps, names, sound_packets, write_clip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with AAC sound."""
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4", grey_steps(25) * 2, sound="aac")


def without_adts(packet: bytes) -> bytes:
    """MPEG-TS puts seven bytes of header before every AAC packet."""
    assert packet[0] == 0xFF
    return packet[7:]


def test_hls_keeps_the_sound_of_the_film_packet_by_packet(tmp_path: Path, film: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/?window=0", INFO, audio_from=str(film))
    feed(sink, 50)
    sink.close()
    pictures, sound = received(tmp_path / "out" / "live.m3u8")
    assert len(pictures) == 50
    original = sound_packets(film)
    heard = [without_adts(packet) for packet in sound]
    assert len(heard) >= 2 * 48000 // 1024
    assert heard == original[: len(heard)]
    assert (tmp_path / "out" / "live.m3u8").read_text().rstrip().endswith("#EXT-X-ENDLIST")


def test_hls_pictures_keep_their_distances(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/", INFO)
    steps = [Fraction(k * k, 100) for k in range(12)]  # slower and slower, as a machine that gets warm
    for frame, moment in zip(frames(12), steps, strict=True):
        sink.write(type(frame)(frame.pixels, moment))
    sink.close()
    with av.open(str(tmp_path / "out" / "live.m3u8")) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert [moment - times[0] for moment in times] == steps


def test_hls_deletes_old_segments_and_every_segment_starts_with_a_keyframe(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/?segment=0.2&window=3", INFO)
    feed(sink, 100)
    listed = re.findall(r"live\d+\.ts", (tmp_path / "out" / "live.m3u8").read_text())
    sink.close()
    assert len(listed) == 3
    assert len(list((tmp_path / "out").glob("*.ts"))) <= 3 + 2 + 1
    for part in (tmp_path / "out").glob("*.ts"):
        with av.open(str(part), format="mpegts") as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert packets[0].is_keyframe
        assert len(packets) == 5


def test_a_stream_of_odd_size_says_that_it_is_cut(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/", VideoInfo(65, 48))
    sink.abort()
    assert sink.notes == ("65x48 is sent as 64x48: streams have even sides",)


def test_hls_leaves_foreign_files_alone_and_clears_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "live000099.ts").write_text("of an earlier run")
    sink = open_sink(f"hls:{folder}", INFO)
    feed(sink, 3)
    sink.abort()
    assert not (folder / "live000099.ts").exists()
    (folder / "holiday.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other things than an HLS stream"):
        open_sink(f"hls:{folder}", INFO)
    assert (folder / "holiday.txt").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("hls:", "names no folder"), ("hls:{}/a/b/", "there is no folder"), ("hls:{}/f", "is a file, but HLS")],
)
def test_hls_says_what_is_wrong_with_a_folder(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(UserError, match=message):
        open_sink(name.format(tmp_path), INFO)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_stream_arrives_with_its_pictures_and_its_sound(scheme: str, film: Path) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live/x"
    options = {"listen": "1"} if scheme == "rtmp" else {"rtsp_flags": "listen", "listen_timeout": "15"}
    peer = Listener(url, options=options)

    time.sleep(0.5)
    sink = open_sink(url, INFO, audio_from=str(film), made_by=lambda: Provenance("dark"))
    feed(sink, 50)
    sink.close()
    pictures, sound = peer.join()
    assert len(pictures) == 50
    if scheme == "rtmp":  # an announcement over RTSP has no place for it
        assert Provenance("dark").tags().items() <= peer.labels.items()
    original = sound_packets(film)
    assert len(sound) >= 90
    assert sound == original[: len(sound)]


def test_an_udp_stream_arrives() -> None:
    url = f"udp://127.0.0.1:{free_port()}"
    peer = Listener(f"{url}?timeout=700000")
    time.sleep(0.3)
    sink = open_sink(url, INFO)
    feed(sink, 50)
    sink.close()
    assert len(peer.join()[0]) == 50


def test_frames_of_odd_sizes_lose_their_last_line(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/", VideoInfo(65, 49, fps=Fraction(25)))
    for frame in frames(5, 65, 49):
        sink.write(frame)
    sink.close()
    with av.open(str(tmp_path / "out" / "live.m3u8")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (64, 48)


def test_a_frame_of_another_size_is_a_mistake_of_ours(tmp_path: Path) -> None:
    sink = open_sink(f"hls:{tmp_path}/out/", INFO)
    with pytest.raises(ValueError, match=r"must be 64x48 as announced\. Received: 32x48"):
        sink.write(frames(1, 32)[0])
    sink.abort()


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_server_that_is_not_there_is_told_with_its_address_and_without_its_key(scheme: str) -> None:
    sink = open_sink(f"{scheme}://me:word@127.0.0.1:{free_port()}/live/secret", INFO)
    with pytest.raises(UserError, match=rf"^{scheme}://127\.0\.0\.1:\d+ does not take the stream") as caught:
        feed_slowly(sink, 10)
    assert "secret" not in str(caught.value)
    sink.abort()


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.sinks import streams

    monkeypatch.setitem(streams.PROTOCOLS, "rtmp", streams.in_thread("flv", rw_timeout="300000"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)  # takes the connection and never says a word
        sink = open_sink(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/x", INFO)
        start = time.monotonic()
        with pytest.raises(UserError, match="does not take the stream"):
            feed_slowly(sink, 10)
        sink.abort()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("name", ["rtmp://", "rtsp:///live"])
def test_a_stream_needs_a_host(name: str) -> None:
    with pytest.raises(UserError, match="names no host"):
        open_sink(name, INFO)


def test_a_full_disk_is_told_and_what_is_there_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size, noise = 400_000, np.random.default_rng(0)

    def free(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=size - sum(part.stat().st_size for part in folder.iterdir()))

    monkeypatch.setattr("shutil.disk_usage", free)
    monkeypatch.setattr("edge.sinks.streams.ROOM", 1000)  # far less than a segment takes
    sink = open_sink(f"hls:{tmp_path}/out/?window=0", INFO)

    def fill() -> None:
        for frame in frames(1000):
            sink.write(replace(frame, pixels=noise.integers(0, 256, (48, 64, 3), np.uint8)))

    with pytest.raises(UserError, match="the disk is full"):
        fill()
    sink.abort()
    assert free(tmp_path / "out").free > 0
    playlist = tmp_path / "out" / "live.m3u8"
    listed = re.findall(r"live\d+\.ts", playlist.read_text())
    assert names(tmp_path / "out") == [playlist.name, *listed]
    pictures, _ = received(playlist)
    assert len(pictures) >= 100


@pytest.mark.parametrize(
    ("options", "message"),
    [({"crf": 99}, "crf is 99"), ({"codec": "vp9"}, "codec does not")],
)
def test_settings_that_do_not_exist_are_refused(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_sink(f"hls:{tmp_path}/out/", INFO, **options)


LISTENING = {"rtmp": ("-listen", "1", "-i"), "rtsp": ("-rtsp_flags", "listen", "-i"), "hls": ("-i",)}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
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
