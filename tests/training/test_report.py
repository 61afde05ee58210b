from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_vst.runs import RunDirectory
from training.recipes import RECIPES
from training.report import MOST_STRIPS, write_report
from training.samples import draw_curves, plotted


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(
        RECIPES["smoke"],
        {
            "recipe": "smoke",
            "style": {"name": "wave", "file": "<wave>.png"},
            "licences": {"photos": {"CC0": 3}},
            "skipped": {"count": 70, "files": ["a & b.jpg: damaged"]},
        },
    )
    return run


def test_a_run_that_has_hardly_begun_has_a_report_too(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert "Nothing was logged yet" in page
    assert "<img" not in page


def test_names_are_written_as_text_not_as_markup(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert "&lt;wave&gt;.png" in page
    assert "<wave>" not in page
    assert "a &amp; b.jpg: damaged" in page
    assert "70 files were skipped" in page
    assert "photos: CC0 (3)" in page


def test_the_report_tells_terms_time_and_warnings(run):
    run.log({"step": 2, "objective": 4.0, "style": 0.5, "weighted_style": 3.0, "minutes": 0.5})
    run.log({"step": 3, "objective": 2.0, "style": 0.25, "weighted_style": 1.5, "minutes": 1.0})
    run.amend(warnings=["A grid shows"])
    page = write_report(run).read_text(encoding="utf-8")

    assert "<td>style</td><td>0.5</td><td>0.25</td><td>75 %</td>" in page
    assert "3 of 4, not finished" in page
    assert "1.0 min, 20.00 s a step" in page
    assert '<p class="warning">A grid shows</p>' in page


def test_the_network_of_a_run_is_named_from_within_its_folder_too(run, monkeypatch):
    monkeypatch.chdir(run.path)
    assert "--model run.tflite" in write_report(RunDirectory(".")).read_text(encoding="utf-8")


def test_of_many_strips_the_first_and_the_last_are_shown(run):
    for step in range(20):
        cv2.imwrite(str(run.samples / f"step_{step:06d}.png"), np.full((8, 16, 3), step, np.uint8))
    (run.samples / "clip_000019.png").write_bytes(b"torn")
    page = write_report(run).read_text(encoding="utf-8")

    assert page.count("<figure>") == MOST_STRIPS
    assert "<figcaption>Step 19<" in page
    assert "<figcaption>Step 0<" in page


def test_curves_are_drawn_of_raw_terms_only():
    rows = [{"step": 1, "style": 2.0, "weighted_style": 16.0, "minutes": 0.1}, {"step": 2, "style": 1.0}]
    assert plotted(rows) == ["style"]
    assert draw_curves(rows[:1]) is None
    picture = cv2.imdecode(np.frombuffer(draw_curves(rows), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == 1200
    assert picture.std() > 1
