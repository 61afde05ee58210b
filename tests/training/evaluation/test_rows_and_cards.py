import cv2
import numpy as np
import pytest

from keras_vst.metrics import structural_similarity
from tests.training.evaluation.networks import material
from tests.training.runs import tiny_vgg16
from training.evaluation import rows
from training.evaluation.cards import NETWORK, PEER_STYLES, Card, StyleCard
from training.evaluation.measures import MEASURES
from training.evaluation.painters import BLUR, Blurred, Identity


@pytest.fixture(scope="module")
def shown():
    return material()


@pytest.fixture(scope="module")
def features():
    return tiny_vgg16()


def test_painters_are_shown_the_same_and_a_row_holds_the_medians(shown, features):
    ticks, rows_asked = [], {"same": Identity(), "blur": Blurred(Identity())}
    found = rows.measure(rows_asked, shown, None, features, ticks.append)
    assert set(found["same"]) == set(MEASURES) - {"style", "frechet"} == set(found["blur"])
    assert ticks == ["same", "blur"] * rows.num_looks(shown)
    assert found["blur"]["warp"] < found["same"]["warp"]
    by_hand = [structural_similarity(blurred(photo), photo[None] / np.float32(255)) for photo in shown.photos]
    assert found["blur"]["ssim"] == pytest.approx(np.median(by_hand), rel=1e-5)


def blurred(photo):
    return cv2.GaussianBlur(photo / np.float32(255), (0, 0), BLUR)[None]


def card(style=0.2, warp=0.01, times=None, rounded=None):
    styles = [
        StyleCard(f"s{index}", {NETWORK: {"style": value, "warp": warp}, "control": {"warp": 0.0}})
        for index, value in enumerate((0.0, style, 1.0))
    ]
    return Card("net", "net.tflite", 10, styles, times or {}, rounded or {})


def outcomes(card):
    return {bar.title.partition(":")[0]: bar.passed for bar in card.bars()}


def test_the_median_over_the_styles_meets_the_bar():
    assert card().medians() == {NETWORK: {"style": 0.2, "warp": 0.01}, "control": {"warp": 0.0}}
    assert outcomes(card()) == {"style": True, "warp": True}
    assert outcomes(card(style=0.31, warp=0.046)) == {"style": False, "warp": False}


@pytest.mark.parametrize(("decibels", "ratio"), [(35.0, 1.05), (34.9, 1.06)])
def test_a_rounded_file_has_bars_of_its_own(decibels, ratio):
    found = outcomes(card(rounded={"decibels": decibels, "flicker_ratio": ratio, "bytes": 3}))
    assert [found[name] for name in found if name.startswith("int8")] == [decibels == 35.0] * 2


@pytest.mark.parametrize(("own", "passed"), [(25.0, True), (25.1, False)])
def test_a_quarter_of_the_peers_time_is_the_bar_for_speed(own, passed):
    assert outcomes(card(times={NETWORK: own, PEER_STYLES: 100.0}))["network time over the peer's"] is passed
    assert "network time over the peer's" not in outcomes(card(times={NETWORK: own}))


def test_a_card_is_ready_for_json():
    found = card(times={NETWORK: 1.23456}).to_dict()
    assert found["milliseconds"] == {NETWORK: 1.23}
    assert found["styles"]["s2"][NETWORK] == {"style": 1.0, "warp": 0.01}
    assert found["bars"][0]["limit"] == "<= 0.3"
