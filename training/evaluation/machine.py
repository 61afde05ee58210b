"""What a reader of the numbers wants to know of the machine: which processor, and what it has in hardware."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

NARROW = ("avx512_bf16", "amx_bf16")  # bfloat16 in hardware: a training step takes half the time


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name, its cores, and whether it computes in bfloat16."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    named = re.search(r"^model name\s*: *(.+)$", text, re.MULTILINE)
    name = named[1].strip() if named else platform.processor() or platform.machine()
    flags = set(re.findall(r"\w+", next(iter(re.findall(r"^flags\s*:.*$", text, re.MULTILINE)), "")))
    found = [flag for flag in NARROW if flag in flags]
    told = f"with {' and '.join(found)}" if found else f"without {' or '.join(NARROW)}"
    return f"{name}, {os.cpu_count()} cores, {told if text else platform.machine()}"
