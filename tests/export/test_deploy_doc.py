"""What docs/deploy.md tells people to write does run, as far as it can be run here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export.formats import to_savedmodel
from export.formats.flatbuffer import layout
from tests.conftest import draw_picture
from tests.export.networks import CONFIG, content, good

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the page speaks of, of tiny networks."""
    to_onnx = pytest.importorskip("export.formats.to_onnx")
    folder = tmp_path_factory.mktemp("deploy")
    for name, seed in (("mine", 5), ("other", 6)):
        (folder / f"{name}.tflite").write_bytes(content(seed=seed))
    (folder / "card.json").write_text(json.dumps({"weights": {"tensors": layout(content())}}))
    (folder / "mine.onnx").write_bytes(to_onnx.convert(good()))
    to_savedmodel.write(good(), CONFIG, folder / "mine" / "1", "mine", {})
    cv2.imwrite(str(folder / "frame.png"), draw_picture(4, 32, 48))
    return folder


def test_the_page_has_a_snippet_for_each_format_and_one_for_mixing():
    assert len(SNIPPETS) == 4


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs_as_it_is_written(number, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(SNIPPETS[number], names)
    if "mixed" in names:
        runner = Interpreter("mixed.tflite").get_signature_runner("stylize")
        painted = runner(frame=np.full((1, 16, 16, 3), 0.5, np.float32))["stylized"]
        assert np.isfinite(painted).all()
        assert Path("mixed.tflite").read_bytes() not in (content(), content(seed=6))
    elif "stylized" in names:
        assert names["stylized"].shape == names["frame"].shape
    else:
        painted = next(Path().glob("painted.*"))
        assert cv2.imread(str(painted)).shape == (32, 48, 3)
        painted.unlink()
