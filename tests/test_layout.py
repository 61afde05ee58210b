"""How the house is laid out: rooms of one idea and one size, each name once; and which walls stand between them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("keras_vst", "training", "export", "edge", "benchmarks")
SHARED_NAMES = {"__init__", "__main__", "base", "cli"}
LONGEST = 260  # lines of a file
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_no_two_modules_have_one_name():
    places = defaultdict(list)
    for path in SOURCES:
        places[path.stem].append(str(path.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1 and name not in SHARED_NAMES}
    assert not twice


def test_no_file_is_longer_than_one_idea_takes():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def imported(path: Path) -> set[str]:
    """What a file imports anywhere in it, by its first name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("keras_vst", {"training", "export", "edge", "benchmarks"}),
        ("training", {"export", "edge", "benchmarks"}),
        ("export", {"training", "edge", "benchmarks"}),
        ("edge", {"training", "export", "benchmarks", "tensorflow", "keras"}),
    ],
)
def test_the_walls_stand(package, others):
    crossed = {
        str(path.relative_to(ROOT)): both
        for path in (ROOT / package).rglob("*.py")
        if (both := imported(path) & others)
    }
    assert not crossed


def test_what_the_edge_needs_comes_without_tensorflow_and_keras():
    """Not even by the way: seconds of start-up, and half a gigabyte that need not be installed."""
    program = (
        "import sys, edge.cli, keras_vst.networks.mixing, keras_vst.zoo, keras_vst.motion, keras_vst.machine;"
        "print(sorted({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
