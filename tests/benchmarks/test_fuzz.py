"""The fuzzer finds what it is there to find, and says what makes it again."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from benchmarks import fuzz, fuzz_cases

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is a fork")


class Faulty:
    """Cases that go wrong, each in its own way."""

    def __init__(self) -> None:
        self.kinds = {
            "fine": lambda chance, folder: 2,
            "dies": lambda chance, folder: os.kill(os.getpid(), signal.SIGKILL),
            "raises": lambda chance, folder: [][1],
            "chatters": lambda chance, folder: print("a library's line", file=sys.stderr) or 0,
            "unexpected": lambda chance, folder: print("vst: unexpected KeyError", file=sys.stderr) or 1,
            "hangs": lambda chance, folder: time.sleep(60) or 0,
            "devours": lambda chance, folder: len(bytearray(fuzz.MEMORY * 2)),
        }


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("fine", None),
        ("dies", "dies of SIGKILL"),
        ("raises", "status 1: IndexError"),
        ("chatters", "status 0: a library's line"),
        ("unexpected", "status 1: vst: unexpected KeyError"),
        ("hangs", "hangs for 0 s"),
        ("devours", "status 1: MemoryError"),
    ],
)
def test_whatever_goes_wrong_is_a_find(tmp_path: Path, monkeypatch, kind: str, told: str | None) -> None:
    monkeypatch.setattr(fuzz, "PATIENCE", 0.4 if kind == "hangs" else 10)
    found = fuzz.try_case(Faulty(), f"{kind}/1/1", tmp_path / "case")  # type: ignore[arg-type]
    assert (found or "").startswith(told or "")
    assert (found is None) == (told is None)


def test_a_case_is_known_by_its_name(tmp_path: Path) -> None:
    content, other = bytes(range(256)) * 20, b"other" * 500
    first, second = (
        [fuzz_cases.changed(content, other, random.Random(f"media/1/{number}")) for number in range(50)]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 45


def test_a_moment_of_it_runs_every_kind_and_finds_nothing(tmp_path: Path) -> None:
    with fuzz.prepared() as (cases, folder):
        for kind in fuzz.SHARES:
            for number in range(2):
                assert fuzz.try_case(cases, f"{kind}/1/{number}", folder / f"{kind}{number}") is None
