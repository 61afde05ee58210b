from __future__ import annotations

import json

import pytest

from export.scores import read_scores
from keras_vst.errors import UserError


def score_json(path, **about):
    """As training.evaluate writes it: a network with a control beside it, and another network."""
    row = {"palette": 0.2, "steady": 0.03}
    entry = {
        "name": "mine",
        "file": "m.tflite",
        "bytes": 5,
        "milliseconds": {"network": 20.0, "int8": 15.0},
        "int8": {"decibels": 47.0, "flicker_ratio": 1.0},
        "rows": {"network": row, "blurred": {"steady": 0.0}},
        "bars": [{"of": "palette", "value": 0.2, "limit": "<= 0.3", "passed": True, "unfit": False}],
    }
    other = {**entry, "name": "other", "milliseconds": {}, "int8": {}, "bars": [], "rows": {"network": row}}
    path.write_text(json.dumps({"about": about, "networks": [other, entry]}))
    return path


def test_a_card_gets_rows_and_times_as_they_were_measured(tmp_path):
    told = {
        "photos": "8 of held-out/",
        "clips": "4 of /home/me/data/clips, sharp",
        "machine": "x86_64, 2 cores",
    }
    found = read_scores(score_json(tmp_path / "score.json", **told), ["painter", "mine"])
    assert found["network"] == {"palette": 0.2, "steady": 0.03}
    assert found["beside"] == {"blurred": {"steady": 0.0}}
    assert found["speed"]["milliseconds"] == {"network": 20.0, "int8": 15.0}
    assert found["int8"]["decibels"] == 47.0
    assert found["on"] == {**told, "clips": "4 of data/clips, sharp"}
    assert found["bars"] == {"palette": True}


def test_what_was_not_measured_is_left_out(tmp_path):
    assert set(read_scores(score_json(tmp_path / "score.json"), ["other"])) == {"network"}


def test_scores_of_another_network_are_refused(tmp_path):
    path = score_json(tmp_path / "score.json")
    with pytest.raises(UserError, match=r"is of other, mine, expected painter\. Score this network"):
        read_scores(path, ["painter", "painter"])


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"networks": [{}]}', '{"networks": [{"name": "mine"}]}']
)
def test_a_file_that_is_no_score_card_is_told_with_the_way_out(content, tmp_path):
    path = tmp_path / "score.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"cannot be read as a score-card \(.+\)\. Write it with"):
        read_scores(path, ["mine"])
