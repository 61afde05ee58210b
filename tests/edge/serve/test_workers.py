"""The line and the workers: who is next, who is refused, what is finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

pytest.importorskip("prometheus_client", reason="the server needs the extra `serve`")

from edge.serve.counters import Counters
from edge.serve.limits import Limits, Refusal
from edge.serve.paint_settings import Settings, read_settings
from edge.serve.workers import MOST, Job, OpenNetworks, Workers, opener
from keras_vst import zoo
from tests.edge.serve.conftest import PATIENCE, Gate, Running, Start, drawn, jpeg

Open = Callable[..., Workers]


@pytest.fixture
def opened(bundled: object, gate: Gate) -> Iterator[Open]:
    """Opens workers behind the gate."""
    made: list[Workers] = []

    def make(workers: int = 1, **limits: int) -> Workers:
        styles = {style.name: style for style in zoo.styles()}
        made.append(Workers(styles, gate, workers, Limits(**limits), Counters()))
        return made[-1]

    yield make
    gate.open.set()
    assert all(workers.close(PATIENCE) for workers in made)


def job(style: str = "dark", *, live: bool = False, size: int = 16) -> Job:
    return Job(Settings(((style, 1.0),)), (size, size), drawn(size, size), live)


def held_up(workers: Workers, gate: Gate) -> Job:
    """One job that a worker is at."""
    gate.open.clear()
    first, before = job(), gate.begun
    workers.submit([first])
    deadline = time.monotonic() + PATIENCE
    while gate.begun == before:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    gate.styles.clear()
    return first


def finished(*jobs: Job) -> None:
    for each in jobs:
        each.painted.result(PATIENCE)


def test_beyond_its_end_the_line_refuses_all_or_takes_all(opened: Open, gate: Gate) -> None:
    workers = opened(waiting=3)
    jobs = [held_up(workers, gate)]
    workers.submit(more := [job(), job()])
    with pytest.raises(Refusal, match="2 pictures are waiting") as refusal:
        workers.submit([job(), job()])
    assert (refusal.value.http, refusal.value.grpc) == (429, "RESOURCE_EXHAUSTED")
    assert refusal.value.retry_after > 0
    workers.submit(last := [job()])
    workers.submit(viewers := [job(live=True)])  # whose share is limited otherwise
    with pytest.raises(Refusal):
        workers.check_room()
    gate.open.set()
    finished(*jobs, *more, *last, *viewers)
    assert workers.close(PATIENCE)


def test_viewers_go_first_and_pictures_alike_go_together(opened: Open, gate: Gate) -> None:
    workers = opened(together=2)
    jobs = [held_up(workers, gate)]
    for style in ("dark", "light", "dark", "dark", "plain"):
        jobs.append(job(style))
    jobs.append(job("light", live=True))
    workers.submit(jobs[1:])
    gate.open.set()
    finished(*jobs)
    assert gate.styles == ["light", "dark", "dark", "light", "dark", "plain"]


def test_one_at_a_time_keeps_the_order(opened: Open, gate: Gate) -> None:
    workers = opened(together=1)
    jobs = [held_up(workers, gate), *map(job, ("dark", "light", "dark"))]
    workers.submit(jobs[1:])
    gate.open.set()
    finished(*jobs)
    assert gate.styles == ["dark", "light", "dark"]


def test_nobody_paints_for_who_has_left(opened: Open, gate: Gate) -> None:
    workers = opened()
    jobs = [held_up(workers, gate), job("light"), job("plain")]
    workers.submit(jobs[1:])
    assert jobs[1].painted.cancel()
    gate.open.set()
    finished(jobs[0], jobs[2])
    assert gate.styles == ["plain"]


def test_what_was_accepted_is_finished_and_nothing_is_taken_after(opened: Open, gate: Gate) -> None:
    workers = opened(workers=2)
    jobs = [held_up(workers, gate), *(job() for _ in range(5))]
    workers.submit(jobs[1:])
    assert not workers.close(0.05)  # they are held up
    with pytest.raises(Refusal, match="ending"):
        workers.submit([job()])
    gate.open.set()
    assert workers.close(PATIENCE)
    finished(*jobs)


def test_a_failure_is_that_of_one_picture_alone(
    opened: Open, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    workers, broken = opened(), job()
    broken.content = b"\xff\xd8\xff but no picture"
    foreign = Job(Settings((("gone", 1.0),)), (16, 16), drawn(16, 16))
    workers.submit([broken, foreign, whole := job()])
    with pytest.raises(Refusal, match="damaged"):
        broken.painted.result(PATIENCE)
    with pytest.raises(Refusal, match="the server's log says why"):
        foreign.painted.result(PATIENCE)
    finished(whole)
    assert "KeyError: 'gone'" in capsys.readouterr().err
    assert workers.close(PATIENCE)


def test_networks_that_are_open_have_an_end(bundled: object) -> None:
    styles = {style.name: style for style in zoo.styles()}
    made: list[str] = []
    inner = opener(styles)
    networks = OpenNetworks(styles, lambda parts: (made.append(str(parts)), inner(parts))[1])
    limits = Limits()
    for tenth in range(1, 10):
        asked = read_settings(styles, f"dark:0.{tenth},light:{1 - tenth / 10:.1f}", {}, limits)
        for size in (16, 24):
            networks.paint(asked, drawn(size, size))
    assert (len(made), len(networks._painters)) == (18, MOST)
    networks.paint(asked, drawn(16, 16))
    assert len(made) == 18  # it was still open
    networks.paint(asked, drawn(2200, 3840))  # as much as all of them may have together
    assert len(networks._painters) == 1


def test_429_comes_with_a_time_under_load_and_everybody_else_is_served(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1, waiting=4)
    gate.open.clear()
    file, answers = jpeg(drawn()), []
    threads = [
        threading.Thread(target=lambda: answers.append(server.ask("POST", "/paint?style=dark", file)))
        for _ in range(20)
    ]
    begun, deadline = gate.begun, time.monotonic() + PATIENCE
    threads[0].start()
    while gate.begun == begun:
        time.sleep(0.01)
    for thread in threads[1:]:
        thread.start()
    while len(answers) < 15:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    gate.open.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 15
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status == 429)
    assert server.figure('vst_requests_total{outcome="busy",protocol="http"}') == 15


def test_a_client_that_vanishes_is_not_painted_for(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1)
    gate.open.clear()
    begun = gate.begun
    vanish(server, gate, begun)
    vanish(server, gate, begun)
    while server.figure("vst_waiting_pictures") != 1:
        time.sleep(0.01)
    left = 'vst_requests_total{outcome="left",protocol="http"}'
    deadline = time.monotonic() + PATIENCE
    while server.figure(left) < 2:
        assert time.monotonic() < deadline
    gate.open.set()
    assert server.ask("POST", "/paint?style=light", jpeg(drawn())).status == 200
    assert gate.begun == begun + 2  # one that a worker was at, and ours


def vanish(server: Running, gate: Gate, begun: int) -> None:
    import socket

    file = jpeg(drawn())
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        head = f"POST /paint?style=dark HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(file)}\r\n\r\n"
        line.sendall(head.encode() + file)
        deadline = time.monotonic() + PATIENCE
        while gate.begun == begun and not server.figure("vst_waiting_pictures"):
            assert time.monotonic() < deadline
        time.sleep(0.3)


def test_pictures_wait_no_longer_than_is_promised(start: Start, gate: Gate) -> None:
    server = start(gate, workers=1, patience=1.0)
    gate.open.clear()
    answer = server.ask("POST", "/paint?style=dark", jpeg(drawn()))
    assert (answer.status, answer.told["error"]) == (504, "this was not painted within 1 seconds.")


def test_painted_pixels_are_the_askers_own(opened: Open, gate: Gate) -> None:
    workers, frame = opened(), drawn(16, 16)
    frame.flags.writeable = False  # as it comes out of a message
    workers.submit([asked := Job(Settings((("dark", 1.0),)), (16, 16), frame)])
    assert np.array_equal(asked.painted.result(PATIENCE), 255 - frame)
    assert workers.close(PATIENCE)
