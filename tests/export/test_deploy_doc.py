"""What docs/deploy.md tells people to write does run, as far as it can be run here."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from export import savedmodel, table
from tests.conftest import draw_picture
from tests.export.networks import content, good

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the page speaks of, of a tiny network of two styles."""
    onnx = pytest.importorskip("export.onnx")
    folder = tmp_path_factory.mktemp("deploy")
    (folder / "mine.tflite").write_bytes(content("fp32", None, 2))
    (folder / "mine.onnx").write_bytes(onnx.convert(good(2)))
    savedmodel.write(good(2), folder, "mine", ["a", "b"], (32, 48))
    cv2.imwrite(str(folder / "frame.png"), draw_picture(4, 32, 48))
    return folder


def test_the_page_has_a_snippet_for_each_format():
    assert len(SNIPPETS) == 3


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs_as_it_is_written(number, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(SNIPPETS[number], names)
    if "stylized" in names:
        assert names["stylized"].shape == names["frame"].shape
    else:
        painted = next(Path().glob("painted.*"))
        assert cv2.imread(str(painted)).shape == (32, 48, 3)
        painted.unlink()


def test_the_table_is_made_from_a_report():
    check = {"gate": "parity", "measured": {"worst": 84.66}}
    speed = {"gate": "speed", "measured": {"median_1": 12.04, "median_2": 7.5}}
    entry = {"file": "a.tflite", "bytes": 1_440_000, "checks": [check, speed]}
    text = table.render({"artifacts": {"network": {"checks": []}, "fp32": entry}})
    assert text.splitlines()[2] == "| `a.tflite` | 1.44 MB | 12.0 | 7.5 | 85 | - | - | - |"
