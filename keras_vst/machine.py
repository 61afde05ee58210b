"""What runs here: the processor, the versions of the libraries and the revision of this code, for every record."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from contextlib import suppress
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PATIENCE = 10  # seconds; a checkout on a slow network disk is no reason to wait
PACKAGES = (
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "ai-edge-litert",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
)
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # either halves a training step


def processor(root: Path = Path("/proc")) -> str:
    """The board (Jetson, Raspberry Pi) or the processor, its cores, and whether it has bfloat16 in hardware."""
    board = re.search(r"[^\0\n]+", _read(root / "device-tree" / "model"))
    told = _read(root / "cpuinfo")
    named = re.search(r"^model name\s*: *(.+)$", told, re.MULTILINE)
    name = (board and board[0]) or (named and named[1]) or platform.processor() or platform.machine()
    flags = re.search(r"^flags\s*:(.*)$", told, re.MULTILINE)
    found = sorted(BFLOAT16_FLAGS & set(flags[1].split() if flags else ()))
    kind = f"with {' and '.join(found)}" if found else "without bfloat16" if flags else platform.machine()
    return f"{name.strip()}, {os.cpu_count()} cores, {kind}"


def versions() -> dict[str, str]:
    """Of Python, of the libraries that are installed, and of this code where it is a git checkout."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    revision = git_revision()
    return found | ({"git": revision} if revision else {})


def git_revision(checkout: Path = CHECKOUT) -> str | None:
    """The commit in full, `-dirty` behind it where tracked files differ; None where the code is in no checkout.

    `.git` must lie beside the package: an installed copy below somebody's checkout is not of its revision.
    """
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):  # no git, or it wants no part of another user's checkout
        return None
    return told.stdout.strip() or None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
