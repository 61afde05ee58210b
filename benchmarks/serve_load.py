"""`vst serve` under load on loopback, beside the bare networks of the same run; one JSON row each.

    python -m benchmarks.serve_load [--seconds 6] [--rounds 3] [--doors http,grpc,jpeg] [--styles scream,great-wave]

`bare`: as many threads as the server has workers, each painting frames of 640x360 with a network of its own and nothing
else.  `served`: clients that ask again as soon as they have an answer, through each door.  Both by turns, medians told;
`processor_ms` is what the process takes of all cores for a frame, which other work on the machine hardly changes.
`load`: requests that come at 0.5, 1 and 3 times that rate whatever the answers do, at most MOST at once.
`batching`: frames of two styles and two sizes mixed, then of 23 mixes, by a server that puts those alike together and
one that does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import described, film_frames
from benchmarks.serve_process import MOST, Ask, Served, serving
from edge.serve.service import cores
from keras_vst import zoo
from keras_vst.frames import Pixels, fit
from keras_vst.machine import processor
from keras_vst.networks import open_network

SIZE, SMALL = (640, 360), (320, 180)
CLIENTS = 8  # that ask again at once
LOAD = 3  # times as long as the others: the line has to fill
MIXES = 24  # more than a worker keeps open


def main() -> None:
    """Print the rows."""
    parser = described(__doc__)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--doors", default="http,grpc,jpeg")
    parser.add_argument("--styles", default="scream,great-wave")
    options = parser.parse_args()
    asyncio.run(_measure(options))


async def _measure(options: argparse.Namespace) -> None:
    styles = options.styles.split(",")
    frame, small = (next(iter(film_frames(size))) for size in (SIZE, SMALL))
    async with serving(options.styles) as server:
        rate = await _side_by_side(server, options, styles[0], frame)
        for times in (0.5, 1, 3):
            asked = times * rate
            row = await _open_loop(server.asks("http"), styles[0], frame, asked, LOAD * options.seconds)
            _tell("load", times=times, **row)
    few = [(style, picture) for style in styles for picture in (frame, small)]
    many = [
        (f"{styles[0]}:{share / MIXES},{styles[1]}:{1 - share / MIXES}", frame) for share in range(1, MIXES)
    ]
    async with serving(options.styles, "--batch", "1") as apart, serving(options.styles) as together:
        for kinds, mixed, clients in (("4", few, CLIENTS), (str(MIXES - 1), many, 6 * CLIENTS)):
            found: dict[str, list[dict[str, float]]] = {"apart": [], "together": []}
            for _ in range(options.rounds):
                for name, one in (("apart", apart), ("together", together)):
                    ask = one.asks("http")
                    found[name].append(await _closed_loop(one, ask, mixed, options.seconds, clients))
            for name, rows in found.items():
                _tell("batching", kinds=kinds, taken=name, **_median(rows))


async def _side_by_side(server: Served, options: argparse.Namespace, style: str, frame: Pixels) -> float:
    """Bare and served by turns; the median rate through the first door."""
    doors = options.doors.split(",")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("bare", *doors)}
    for _ in range(options.rounds):
        found["bare"].append(await asyncio.to_thread(_bare, style, frame, options.seconds))
        for door in doors:
            found[door].append(
                await _closed_loop(server, server.asks(door), [(style, frame)], options.seconds)
            )
    bare = _median(found["bare"])
    _tell("bare", workers=cores(), processor=processor(), **bare)
    for door in doors:
        row = _median(found[door])
        ratio = row["a_second"] / bare["a_second"]
        _tell("served", door=door, **row, of_bare=ratio, work=bare["processor_ms"] / row["processor_ms"])
    return _median(found[doors[0]])["a_second"]


def _bare(style: str, frame: Pixels, seconds: float) -> dict[str, float]:
    """Networks alone, a thread each."""
    found = zoo.find_style(style)
    fitted, _ = fit(frame, margin=found.margin)
    networks = [open_network(found.path, threads=1, sha256=found.sha256) for _ in range(cores())]
    counts, begin = [0] * len(networks), time.monotonic()

    def work(index: int) -> None:
        while time.monotonic() < begin + seconds:
            networks[index].paint(fitted)
            counts[index] += 1

    used = time.process_time()
    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(networks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, used = time.monotonic() - begin, time.process_time() - used
    return {"a_second": sum(counts) / took, "processor_ms": 1e3 * used / sum(counts)}


async def _closed_loop(
    server: Served, ask: Ask, mixed: Sequence[tuple[str, Pixels]], seconds: float, clients: int = CLIENTS
) -> dict[str, float]:
    """Clients that ask again at once."""
    times: list[float] = []
    errors, begin, used = 0, time.monotonic(), server.processor_seconds()

    async def client(index: int) -> None:
        nonlocal errors
        turn = index
        while time.monotonic() < begin + seconds:
            before = time.monotonic()
            errors += await ask(*mixed[turn % len(mixed)]) != 200
            times.append(time.monotonic() - before)
            turn += 1

    await asyncio.gather(*map(client, range(clients)))
    took, used = time.monotonic() - begin, server.processor_seconds() - used
    row = {"a_second": len(times) / took, "processor_ms": 1e3 * used / len(times), "errors": float(errors)}
    return row | _percentiles(times)


async def _open_loop(ask: Ask, style: str, frame: Pixels, rate: float, seconds: float) -> dict[str, Any]:
    """Requests that come at a rate, whatever the answers do."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    tasks: set[asyncio.Task[None]] = set()
    unsent = 0

    async def one() -> None:
        before = time.monotonic()
        status = await ask(style, frame)
        statuses[status] += 1
        if status == 200:
            times.append(time.monotonic() - before)

    begin = time.monotonic()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(begin + number / rate - time.monotonic())
        if len(tasks) >= MOST:
            unsent += 1
            continue
        tasks.add(task := asyncio.create_task(one()))
        task.add_done_callback(tasks.discard)
    sent = time.monotonic() - begin
    await asyncio.gather(*tasks)
    row = {"asked_a_second": rate, "sent_a_second": (sum(statuses.values())) / sent, "unsent": unsent}
    row |= {"painted_a_second": len(times) / (time.monotonic() - begin)}
    return row | {"statuses": dict(statuses)} | _percentiles(times)


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    if not times:
        return {}
    return {f"p{percent}_ms": 1e3 * float(np.percentile(times, percent)) for percent in (50, 95, 99)}


def _median(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def _tell(kind: str, **row: Any) -> None:
    short = {key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}
    print(json.dumps({"kind": kind, **short}), flush=True)


if __name__ == "__main__":
    main()
