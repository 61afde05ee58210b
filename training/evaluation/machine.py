"""What a reader of the numbers wants to know of the machine: which processor, and what it has in hardware."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from training.devices import CPU_FLAGS


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name, its cores, and whether it has bfloat16 in hardware, which halves a training step."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    named = re.search(r"^model name\s*: *(.+)$", text, re.MULTILINE)
    name = named[1].strip() if named else platform.processor() or platform.machine()
    flags = set(re.findall(r"\w+", next(iter(re.findall(r"^flags\s*:.*$", text, re.MULTILINE)), "")))
    found = sorted(CPU_FLAGS & flags)
    told = f"with {' and '.join(found)}" if found else f"without {' or '.join(sorted(CPU_FLAGS))}"
    return f"{name}, {os.cpu_count()} cores, {told if text else platform.machine()}"
