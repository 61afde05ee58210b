"""What painting in pieces costs, and what more workers bring: `vst batch` beside `vst stylize`, by turns.

    python -m benchmarks.shares CLIPS/ --style great-wave --rounds 3
    python -m benchmarks.shares CLIPS/ --style great-wave --ray 1,2,3,4     (needs the extra `cluster`)
    python -m benchmarks.shares CLIPS/ --style great-wave --ray 2 --share 1 --threads 2

Seconds of the clock say something on a quiet machine alone; processor seconds, of all processes of a command, are
counted beside them.  With --ray every worker is a machine of its own to Ray, with one core, and held to --share of a
core here, so that four workers of 0.4 are not slower for being on two cores (Linux, root: by a group of cgroup v1);
processor seconds are then those of the whole cluster, and `vst stylize` is beside it where its --threads are given.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STORE = 80 * 2**20  # bytes of Ray's object store, the least that it takes
GROUPS, PERIOD = Path("/sys/fs/cgroup/cpu"), 100_000  # microseconds
ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")


def timed(*arguments: str) -> tuple[float, float]:
    """Seconds of the clock and of processors for one `vst` command and all that it starts."""
    before, begin = spent(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "edge", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin, spent() - before


def spent() -> float:
    """Processor seconds so far of all that was started here: by the account of `machines`, or of what has ended."""
    account = ACCOUNTS / f"keras_vst_{os.getpid()}" / "cpuacct.usage"
    if account.exists():
        return int(account.read_text()) / 1e9
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_turns(ways: dict[str, list[str]], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each way to paint the same clips; {} in an argument is the folder to write into."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, arguments in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                took[name].append(timed(*(each.format(f"{folder}/") for each in arguments)))
    return {
        name: {
            "seconds": round(statistics.median(wall for wall, _ in each), 2),
            "processor_seconds": round(statistics.median(cpu for _, cpu in each), 2),
        }
        for name, each in took.items()
    }


@contextmanager
def machines(count: int, share: float) -> Iterator[str]:
    """A Ray cluster of a head that does no work and so many workers, each held to a share of a core; its address."""
    from ray.cluster_utils import Cluster

    account = ACCOUNTS / f"keras_vst_{os.getpid()}"
    account.mkdir(exist_ok=True)
    (account / "cgroup.procs").write_text(str(os.getpid()))
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    groups = [GROUPS / f"keras_vst_{os.getpid()}_{worker}" for worker in range(count)]
    try:
        for group in groups:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(os.getpid()))  # what is started from here on inherits it
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
            (GROUPS / "cgroup.procs").write_text(str(os.getpid()))
            (group / "cpu.cfs_quota_us").write_text(str(round(share * PERIOD)))
        yield cluster.address
    finally:
        (GROUPS / "cgroup.procs").write_text(str(os.getpid()))
        cluster.shutdown()
        (ACCOUNTS / "cgroup.procs").write_text(str(os.getpid()))
        for group in filter(Path.exists, [*groups, account]):
            group.rmdir()


def main() -> None:
    """Measure and print one row of JSON for each way."""
    parser = argparse.ArgumentParser(description="what painting in pieces costs and what more workers bring")
    parser.add_argument("clips", help="folder of clips")
    parser.add_argument("--style", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", default="", help="numbers of Ray workers, such as 1,2,4")
    parser.add_argument("--share", type=float, default=0.4, help="of a core that each of them has")
    parser.add_argument("--threads", type=int, help="of `vst stylize`")
    options = parser.parse_args()
    common = [options.clips, "-o", "{}", "--style", options.style, "--threads", "1"]
    ways = {}
    if options.threads or not options.ray:
        ways["stylize"] = ["stylize", *common[:-1], str(options.threads or 1), "--quiet"]
    for workers in () if options.ray else (1, 2):
        ways[f"batch, {workers} processes"] = ["batch", *common, "--workers", str(workers)]
    rows = by_turns(ways, options.rounds)
    for count in map(int, filter(None, options.ray.split(","))):
        with machines(count, options.share) as address:
            way = {f"batch, {count} of Ray": ["batch", *common, "--cluster", address]}
            rows |= by_turns(way, options.rounds)
    for name, row in rows.items():
        print(json.dumps({"way": name, "clips": len(list(Path(options.clips).iterdir())), **row}), flush=True)


if __name__ == "__main__":
    main()
