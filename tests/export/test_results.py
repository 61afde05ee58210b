"""report.json and export.html."""

from __future__ import annotations

import json
import re

from export.artifact import Artifact
from export.results import NETWORK, Check, Report, Result, not_judged
from tests.conftest import draw_picture


def make_report():
    checks = [
        Check("parity", "stylize", True, ">= 80 dB", {"worst": 999.0, "first": 139.25}),
        Check("parity", "fp16", False, "<= 1.3 x", {"ratio": float("nan")}, "<slow> & heavy"),
        Check("speed", "fp16", None, "<= 1.3 x", message="busy", warning=True),
        not_judged("agreement", "tflite-runtime", "the same", "it is not here"),
    ]
    picture = draw_picture(1, 60, 400)
    fp16 = Result(Artifact("tflite", "fp16", (360, 640)), checks, "n_fp16.tflite", 12, "ab", picture, picture)
    network = Result(NETWORK, checks[:1], picture=picture)
    return Report("wave", 1234, "scene.mp4, 4 frames", draw_picture(2), [network, fp16])


def test_the_report_says_what_passed_and_with_what_numbers():
    report = make_report()
    values = json.loads(report.to_json())
    assert values["gate"] == "failed"
    assert values["artifacts"]["network"]["passed"] is True
    entry = values["artifacts"]["fp16_640x360"]
    assert (entry["passed"], entry["size"], entry["takes"]) == (False, "640x360", "656x376")
    assert [check["outcome"] for check in entry["checks"]] == ["passed", "failed", "warning", "not judged"]
    assert entry["checks"][0]["measured"] == {"worst": 999, "first": 139.25}
    assert entry["checks"][1]["measured"] == {"ratio": "nan"}
    assert report.failures() == ["fp16_640x360: parity (fp16): <slow> & heavy"]
    assert report.warnings() == ["fp16_640x360: speed (fp16): busy"]


def test_the_report_tells_nothing_of_the_place_it_was_made_in():
    text = make_report().to_json()
    assert not re.search(r"\d\d:\d\d", text)
    assert '"/' not in text


def test_the_page_holds_everything_and_needs_no_script():
    report = make_report()
    text = report.to_html()
    assert 'the gate is <span class="failed">failed' in text
    assert "&lt;slow&gt; &amp; heavy" in text
    assert "<slow>" not in text
    assert text.count("<img") == 4
    assert "<script" not in text
    assert "http" not in text
    for gate in ("Parity", "Speed", "Agreement"):
        assert f"<h2>{gate}</h2>" in text
