import pytest

from training.evaluation.measures import bars_of
from training.evaluation.scorecard import NETWORK, Card, medians


def card(times=None, rounded=None, **values):
    rows = {NETWORK: {"palette": 0.2, "contrast": 0.9, "warp": 0.01, **values}, "control": {"palette": 0.0}}
    return Card("net", "net.tflite", 10, rows, times or {}, rounded or {})


def outcomes(card):
    return {bar.title: bar.passed for bar in card.bars()}


def test_a_network_is_held_against_the_floors_of_what_was_measured():
    assert outcomes(card()) == {"palette": True, "contrast": True}
    assert outcomes(card(palette=0.23, contrast=0.79)) == {"palette": False, "contrast": False}
    assert outcomes(card(steady=0.035, border=2.01)) == {
        "palette": True,
        "contrast": True,
        "steady": True,
        "border": False,
    }


@pytest.mark.parametrize(("palette", "contrast", "unfit"), [(0.44, 0.4, False), (0.45, 0.39, True)])
def test_worse_than_half_of_a_floor_is_unfit(palette, contrast, unfit):
    assert [bar.unfit for bar in bars_of({"palette": palette, "contrast": contrast})] == [unfit, unfit]


def test_the_median_is_over_the_networks_own_rows():
    cards = [card(palette=value) for value in (0.1, 0.3, 0.7)]
    assert medians([*cards, card(hue=0.4)]) == {"palette": 0.25, "contrast": 0.9, "hue": 0.4, "warp": 0.01}


@pytest.mark.parametrize(("decibels", "ratio"), [(44.0, 1.03), (43.9, 1.04)])
def test_a_rounded_file_has_bars_of_its_own(decibels, ratio):
    found = outcomes(card(rounded={"decibels": decibels, "flicker_ratio": ratio, "bytes": 3}))
    assert [found[name] for name in found if name.startswith("int8")] == [decibels == 44.0] * 2


def test_a_card_is_ready_for_json():
    found = card(times={NETWORK: 1.23456}).to_dict()
    assert found["milliseconds"] == {NETWORK: 1.23}
    assert found["rows"]["control"] == {"palette": 0.0}
    assert found["bars"][0] == {
        "of": "palette",
        "value": 0.2,
        "limit": "<= 0.22",
        "passed": True,
        "unfit": False,
    }
