from __future__ import annotations

import json

import pytest

from export.scores import read_scores
from keras_vst.errors import UserError
from training.evaluation.cards import NETWORK, NO_MEMORY, PEER_STYLES, Card, StyleCard


def score_json(path, **about):
    """As training.evaluate writes it: two styles, a control beside them, and another network."""
    rows = [{"style": style, "content": 0.5, "warp": 0.01, "noise_flicker": 0.8} for style in (0.1, 0.3)]
    styles = [
        StyleCard(f"painting_{index}", {NETWORK: row, NO_MEMORY: {"warp": 1.0}})
        for index, row in enumerate(rows)
    ]
    times, rounded = (
        {NETWORK: 20.0, "int8": 15.0, PEER_STYLES: 100.0},
        {"decibels": 40.0, "flicker_ratio": 1.0, "bytes": 9},
    )
    cards = (
        Card("other", "o.tflite", 5, styles[:1], {}, {}),
        Card("mine", "m.tflite", 5, styles, times, rounded),
    )
    path.write_text(json.dumps({"about": about, "networks": [card.to_dict() for card in cards]}))
    return path


def test_a_card_gets_medians_styles_and_times_as_they_were_measured(tmp_path):
    path = score_json(
        tmp_path / "score.json",
        photos="8 of held-out/",
        clips="4 of /home/me/data/clips, sharp",
        machine="x86_64, 2 cores",
    )
    found = read_scores(path, ["painter", "mine"], ["wave", "night"])
    assert found["median"] == {"style": 0.2, "content": 0.5, "warp": 0.01, "noise_flicker": 0.8}
    assert found["beside"] == {NO_MEMORY: {"warp": 1.0}}
    assert found["styles"]["night"]["style"] == 0.3
    assert list(found["styles"]) == ["wave", "night"]
    assert found["speed"]["milliseconds"] == {NETWORK: 20.0, "int8": 15.0, PEER_STYLES: 100.0}
    assert found["int8"]["decibels"] == 40.0
    assert found["on"] == {
        "photos": "8 of held-out/",
        "clips": "4 of data/clips, sharp",
        "machine": "x86_64, 2 cores",
    }
    assert set(found["bars"].values()) == {True}


def test_what_was_not_measured_is_left_out(tmp_path):
    found = read_scores(score_json(tmp_path / "score.json"), ["other"], ["wave"])
    assert set(found) == {"median", "beside", "styles", "bars"}


def test_scores_of_another_network_are_refused(tmp_path):
    path = score_json(tmp_path / "score.json")
    with pytest.raises(UserError, match=r"is of other, mine, expected painter\. Score this network"):
        read_scores(path, ["painter", "painter"], ["wave"])
    with pytest.raises(UserError, match=r"has 2 styles of mine, but 1 are exported\. Score what"):
        read_scores(path, ["mine"], ["wave"])


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"networks": [{}]}', '{"networks": [{"name": "mine"}]}']
)
def test_a_file_that_is_no_score_card_is_told_with_the_way_out(content, tmp_path):
    path = tmp_path / "score.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"cannot be read as a score-card \(.+\)\. Write it with"):
        read_scores(path, ["mine"], ["wave"])
