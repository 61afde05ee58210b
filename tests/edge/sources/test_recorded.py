"""`vst stylize` of an address: the limits of a live stream, the completeness of a file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from edge.sources import SourceLost, receiver
from edge.sources.receiver import read_address
from keras_vst.errors import UserError
from tests.edge.sinks.peers import free_port
from tests.edge.sources.lines import answers, sends, serving, stalls_after
from tests.keras_vst.clips import grey_steps, names, numbers, sound_packets, write_clip

REPOSITORY = Path(__file__).parents[3]
Serve = Callable[..., str]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds in the field takes tenths here."""
    monkeypatch.setattr(receiver, "STALL", 0.5)
    monkeypatch.setattr(receiver, "CONNECT", 0.8)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames as MPEG-TS, every one a keyframe."""
    path = tmp_path_factory.mktemp("ts") / "clip.ts"
    return write_clip(path, grey_steps(20), options={"g": "1", "tune": "zerolatency"})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred frames, whose index is at the beginning."""
    path = tmp_path_factory.mktemp("mkv") / "film.mkv"
    return write_clip(path, grey_steps(20) * 10)


def test_a_stream_is_read_to_where_its_sender_ends_it(serve: Serve, stream: Path) -> None:
    with read_address(serve(sends(stream.read_bytes())), Fraction(0), None) as source:
        assert len(list(source)) == 20
    assert not source.live


def test_what_was_mended_on_the_way_is_told(serve: Serve, stream: Path) -> None:
    with read_address(serve(sends(2 * stream.read_bytes())), Fraction(0), None) as source:
        assert len(list(source)) == 40
    assert source.mended == 1


def test_a_film_is_read_from_the_middle(serve: Serve, film: Path) -> None:
    address = serve(answers(film)).replace("tcp", "http")
    with read_address(address, Fraction(4), Fraction(1)) as source:
        seen = list(source)
    assert [frame.time for frame in seen] == [Fraction(index, 25) for index in range(25)]
    assert numbers([frame.pixels for frame in seen]) == [(100 + index) % 20 for index in range(25)]


@pytest.mark.parametrize("scheme", ["tcp", "http"])
def test_a_server_that_says_nothing_is_given_up(serve: Serve, scheme: str) -> None:
    begin = time.monotonic()
    with pytest.raises(UserError, match=r"cannot be opened \(no answer for 0\.8 s\)"):
        read_address(serve(stalls_after(b"")).replace("tcp", scheme), Fraction(0), None)
    assert time.monotonic() - begin < 4


def test_a_stream_that_falls_silent_is_not_taken_for_whole(serve: Serve, stream: Path) -> None:
    with (
        read_address(serve(stalls_after(stream.read_bytes())), Fraction(0), None) as source,
        pytest.raises(SourceLost, match=r"^tcp://127\.0\.0\.1:\d+ broke off \(sent nothing more\)"),
    ):
        list(source)


def test_a_film_that_falls_silent_leaves_no_output(vst, bundled, serve: Serve, film: Path, tmp_path) -> None:
    address = serve(answers(film, stalls_at=film.stat().st_size // 2)).replace("tcp", "http")
    out = tmp_path / "out"
    out.mkdir()
    status, _, err = vst("stylize", address, "-o", out / "out.mp4", "--style", "dark")
    assert (status, err.count("\n"), names(out)) == (2, 1, [])
    assert "broke off" in err


@pytest.mark.parametrize(
    ("kind", "sent", "reacts"),
    [
        (signal.SIGINT, False, False),
        (signal.SIGTERM, True, False),
        (signal.SIGHUP, False, False),
        (signal.SIGINT, True, True),  # what is heard is a second connection
    ],
)
def test_a_silent_server_does_not_hold_up_the_end(
    serve, stream, tmp_path, tmp_path_factory, negative, kind, sent, reacts
) -> None:
    came, stalls = threading.Event(), stalls_after(stream.read_bytes() if sent and not reacts else b"")

    def line(connection: socket.socket) -> None:
        came.set()
        stalls(connection)

    address, more = serve(line), ()
    if reacts:
        heard = write_clip(tmp_path_factory.mktemp("heard") / "in.mkv", grey_steps(20), sound="aac")
        address = serve(answers(heard), line).replace("tcp", "http")
        more = "--react", "loudness", "--strength", "0.5"
    words = ["stylize", address, "-o", tmp_path / "out.mp4", "--model", negative, *more]
    command = [sys.executable, "-m", "edge", *map(str, words)]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    try:
        assert came.wait(60)
        time.sleep(0.3)
        process.send_signal(kind)
        begin = time.monotonic()
        _, err = process.communicate(timeout=10)
        assert time.monotonic() - begin < 3
    finally:
        process.kill()
    assert (process.returncode, err) == (130, b"vst: stopped; nothing unfinished was left behind.\n")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("stylize", "http://me:secret@HOST/film.mp4", "-o", "OUT/out.mp4"),
            "cannot be opened (Connection refused)",
        ),
        (("stylize", "tcp://me:secret@HOST", "-o", "OUT/out.mp4"), "cannot be opened (Connection refused)"),
        (("stylize", "http://me:secret@HOST/film.mp4", "-o", "OUT/out.xyz"), ""),
        (("stylize", "clip.mp4", "-o", "http://me:secret@HOST/out.mp4"), ""),
        (("stylize", "clip.mp4", "http://me:secret@HOST/x", "-o", "OUT/out.mp4"), "unrecognized arguments"),
        (("live", "sftp://me:secret@HOST/film.mp4", "--sink", "null:"), "is not a source known here"),
        (("live", "test:?duration=1", "--sink", "ftp://me:secret@HOST/x"), "is not a sink known here"),
        (("live", "test:?duration=1", "--sink", "rtmp://me:secret@HOST/x"), "does not take the stream"),
        (
            ("live", "http://me:secret@HOST/film.mp4", "--sink", "null:"),
            "cannot be opened (Connection refused)",
        ),
    ],
)
def test_no_mistake_shows_a_password(vst, bundled, tmp_path, arguments, told) -> None:
    host = f"127.0.0.1:{free_port()}"
    words = [word.replace("HOST", host).replace("OUT", str(tmp_path)) for word in arguments]
    status, out, err = vst(*words, "--style", "dark")
    assert (status, out) == (2, "")
    assert told in err
    assert "secret" not in err


def test_the_sound_of_an_address_goes_along_from_the_one_connection_there_is(
    vst, bundled, serve: Serve, tmp_path
) -> None:
    film = write_clip(tmp_path / "film.mkv", grey_steps(20), sound="aac")
    address = serve(answers(film), stalls_after(b"")).replace("tcp", "http")
    begin = time.monotonic()
    status, _, err = vst("stylize", address, "-o", tmp_path / "out.mkv", "--style", "dark")
    assert (status, err) == (0, "")
    assert time.monotonic() - begin < 3  # a second connection would have been given up later
    assert sound_packets(tmp_path / "out.mkv") == sound_packets(film)
