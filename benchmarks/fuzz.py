"""A fuzzer of what people hand to `vst`: clips, pictures, networks, cards, control messages and requests.

    make fuzz SECONDS=600          or: python -m benchmarks.fuzz --seconds 600 [--seed 1] [--only media,http]
    python -m benchmarks.fuzz --case media/1/42     that very case again, with what it writes

Each case is a good input changed at random (fuzz_cases.py), run in a child process with a limit of time and memory.  A
crash, a hang, a traceback, a line that begins with "unexpected", a line that is not ours, an exit status that is
neither 0 nor 2 is a find: it is told with the case that makes it again, and its files are kept.  Prints
one JSON row; status 1 when something was found.  POSIX only: children are forks, so that a case takes milliseconds.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from benchmarks import described
from benchmarks.fuzz_cases import Cases, write_material
from keras_vst.machine import processor

PATIENCE = 60.0  # seconds for one case, most of which take less than one
MEMORY = 2 * 2**30  # bytes of address space beyond what the parent has
SHARES = {"media": 10, "pictures": 6, "networks": 2, "cards": 3, "control": 1, "http": 2}
FINE = ("vst: ", "open http")
SAID = 300  # characters of a find


def try_case(cases: Cases, name: str, folder: Path) -> str | None:
    """Run one case in a child; what is wrong with it, or None."""
    kind, chance = name.partition("/")[0], random.Random(name)
    folder.mkdir()
    said = folder / "said"
    child = os.fork()
    if child == 0:
        _be_child(cases, kind, chance, folder, said)
    status = _wait(child)
    text = said.read_text(errors="replace") if said.exists() else ""
    if status is None:
        return f"hangs for {PATIENCE:.0f} s"
    if os.WIFSIGNALED(status):
        return f"dies of {signal.Signals(os.WTERMSIG(status)).name}"
    foreign = [line for line in text.splitlines() if not line.startswith(FINE)]
    if foreign or "unexpected" in text or os.WEXITSTATUS(status) not in (0, 2):
        told = foreign[-1] if foreign else text
        return f"status {os.WEXITSTATUS(status)}: {told.strip()[-SAID:]}"
    return None


def fuzz(seconds: float, seed: int, kinds: list[str], finds: Path) -> dict[str, object]:
    """Try cases for so long; a row of how many there were and what was found."""
    begin, tried, found = time.monotonic(), Counter[str](), dict[str, str]()
    slowest = 0.0
    with prepared() as (cases, folder):
        for name in _names(seed, kinds):
            since = time.monotonic()
            if since - begin > seconds:
                break
            wrong = try_case(cases, name, folder / "case")
            slowest = max(slowest, time.monotonic() - since)
            tried[name.partition("/")[0]] += 1
            if wrong is not None:
                found[name] = wrong
                print(f"{name}: {wrong}", file=sys.stderr, flush=True)
                shutil.copytree(folder / "case", finds / name.replace("/", "-"), dirs_exist_ok=True)
            shutil.rmtree(folder / "case")
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - begin),
        "tried": dict(tried),
        "slowest_seconds": round(slowest, 1),
        "found": found,
        "processor": processor(),
    }


@contextmanager
def prepared() -> Iterator[tuple[Cases, Path]]:
    """The cases, and a folder for one after the other."""
    cv2.setNumThreads(1)  # no thread of ours may be missing in a fork
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield Cases(write_material(folder)), folder


def _names(seed: int, kinds: list[str]) -> Iterator[str]:
    chance = random.Random(seed)
    weights = [SHARES[kind] for kind in kinds]
    for number in itertools.count():
        yield f"{chance.choices(kinds, weights)[0]}/{seed}/{number}"


def _be_child(cases: Cases, kind: str, chance: random.Random, folder: Path, said: Path) -> None:
    """Never returns."""
    status = 1
    try:
        own = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY, own + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.stderr = sys.__stderr__ = said.open("w", 1, errors="backslashreplace")
        sys.stdout = sys.__stdout__ = Path(os.devnull).open("w")  # noqa: SIM115
        nowhere = os.open(
            os.devnull, os.O_WRONLY
        )  # of what libraries write of their own, as edge/__main__.py does
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        status = cases.kinds[kind](chance, folder)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int) -> int | None:
    """The status of a child, or None where it had to be killed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> int:
    """Parse the command line, try, print."""
    parser = described(__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(SHARES), help="kinds, with commas between")
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"), help="where the files of finds go")
    parser.add_argument("--case", help="one case again, its files left in --finds")
    options = parser.parse_args()
    kinds = options.only.split(",")
    if unknown := [
        kind for kind in (options.case or options.only).split("/")[0].split(",") if kind not in SHARES
    ]:
        parser.error(f"there is no kind {unknown[0]!r}; use some of {','.join(SHARES)}")
    if options.case:
        with prepared() as (cases, folder):
            print(options.case, try_case(cases, options.case, folder / "case"))
            print((folder / "case" / "said").read_text(errors="replace"))
            shutil.copytree(
                folder / "case", options.finds / options.case.replace("/", "-"), dirs_exist_ok=True
            )
        return 0
    row = fuzz(options.seconds, options.seed, kinds, options.finds)
    print(json.dumps(row))
    return 1 if row["found"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
