from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks.mixing import colour_map, mix, open_mix, tint
from keras_vst.networks.opening import TfliteNetwork, find_runtime
from keras_vst.preview import TILE, painted, stand_ins
from tests.conftest import draw_picture
from tests.keras_vst.networks.networks import linear_network, write_style

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "drawn.tflite"
    return linear_network(path, RNG.random((3, 3)) / 3, RNG.random(3) / 9)


@pytest.fixture
def styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, negative: Path, same: Path, drawn: Path):
    """`dark` paints the negative, `light` the frame itself, `drawn` anything."""
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    for name, network in (("dark", negative), ("light", same), ("drawn", drawn)):
        write_style(tmp_path, name, network)
    return {style.name: style for style in zoo.styles()}


def paint(content: bytes, frame: np.ndarray) -> np.ndarray:
    return TfliteNetwork(Path("mixed"), content, find_runtime(), 1).paint(frame)


def test_all_of_one_style_is_its_file(styles):
    content = styles["dark"].path.read_bytes()
    assert mix([(styles["dark"], 0.3)]) == content
    assert mix([(styles["dark"], 1.0), (styles["light"], 0.0)]) == content


@pytest.mark.parametrize("share", [0.5, 0.3, 1 / 3])
def test_a_style_mixed_with_itself_is_its_file(styles, share):
    drawn = styles["drawn"]
    assert mix([(drawn, share), (drawn, 1 - share)]) == drawn.path.read_bytes()


def test_a_mix_paints_what_lies_between(styles):
    frame = draw_picture(1, 16, 24)
    for share in (0.25, 0.5):
        painted = paint(mix([(styles["dark"], 3 * share), (styles["light"], 3 * (1 - share))]), frame)
        np.testing.assert_allclose(painted, share * (255.0 - frame) + (1 - share) * frame, atol=1.01)


def test_three_styles_mix_whatever_their_shares_add_up_to(styles):
    mixed = mix([(styles["dark"], 2), (styles["light"], 1), (styles["drawn"], 1)])
    parts = [np.frombuffer(style.path.read_bytes(), "u1") for style in styles.values()]
    frame = draw_picture(4, 16, 24)
    expected = sum(
        share * paint(style.path.read_bytes(), frame).astype(float)
        for style, share in zip(
            (styles[name] for name in ("dark", "light", "drawn")), (0.5, 0.25, 0.25), strict=True
        )
    )
    np.testing.assert_allclose(paint(mixed, frame), expected, atol=1.01)
    assert len(mixed) == len(parts[0])


def test_a_mix_of_nothing_is_refused(styles):
    for shares in ((0, 0), (1, -0.5)):
        with pytest.raises(UserError, match="shares of 0 or more"):
            mix(list(zip(styles.values(), shares, strict=False)))


def test_styles_that_do_not_fit_each_other_are_refused(styles, tmp_path, film, negative):
    write_style(tmp_path, "deep", negative, architecture="deep")
    write_style(tmp_path, "opus", film, quality="film", architecture="linear")
    assert mix([(zoo.find_style("opus"), 1.0)]) == film.read_bytes()  # alone it is no mix
    write_style(tmp_path, "bare", negative, weights={"file": "bare.tflite", "tensors": []})
    for name, message in (
        ("deep", "dark and deep cannot be mixed: their architectures are linear and deep"),
        ("opus", "dark and opus cannot be mixed: film networks are not"),
        ("bare", "dark and bare cannot be mixed: their files are laid out differently"),
    ):
        with pytest.raises(UserError, match=message):
            mix([(styles["dark"], 0.5), (zoo.find_style(name), 0.5)])


def test_weights_beyond_the_end_of_the_file_are_refused(styles):
    longer = [dict(each, offset=each["offset"] + (1 << 20)) for each in styles["dark"].weights]
    parts = [
        (replace(style, card={**style.card, "weights": {"tensors": longer}}), 1.0)
        for style in (styles["dark"], styles["light"])
    ]
    with pytest.raises(
        UserError, match="dark and light cannot be mixed: their files are laid out differently"
    ):
        mix(parts)


def test_a_file_that_is_not_the_one_on_its_card_is_not_mixed(styles):
    path = styles["dark"].path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match="its checksum is not the one on its card"):
        mix([(styles["light"], 0.5), (styles["dark"], 0.5)])


@pytest.fixture(scope="module")
def network() -> TfliteNetwork:
    return open_mix([(zoo.find_style("scream"), 1.0)], size=TILE)


def moments(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    colours = np.concatenate([picture[::4, ::4].reshape(-1, 3) for picture in pictures])
    return colours.mean(axis=0), colours.std(axis=0)


def test_what_it_paints_has_the_colours_of_the_painting(network):
    painting, weights = draw_picture(8, 200, 300), zoo.find_style("scream").weights
    before = [painted(network, each) for each in stand_ins()]
    turned = TfliteNetwork(network.path, tint(network.content, weights, before, painting), network.runtime, 1)
    mean, deviation = moments([painted(turned, each) for each in stand_ins()])
    wanted = moments([painting / np.float32(255)])
    assert np.abs(mean - wanted[0]).max() < 0.04
    assert np.abs(deviation / wanted[1] - 1).max() < 0.3
    assert np.abs(moments(before)[0] - wanted[0]).max() > 0.1  # there was something to turn


def test_colours_that_are_right_already_are_left_alone():
    rng = np.random.default_rng(4)
    picture = np.clip(rng.normal(0.5, 0.12, (64, 64, 3)), 0.05, 0.95).astype(np.float32)
    smooth = np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1)
    turn, shift = colour_map([smooth], np.rint(smooth * 255).astype(np.uint8))
    assert np.abs(turn - np.eye(3)).max() < 0.1
    assert np.abs(shift).max() < 0.05


def test_a_grey_drawing_makes_grey(network):
    grey = np.repeat(draw_picture(5, 200, 200).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    before = [painted(network, each) for each in stand_ins()]
    turned = tint(network.content, zoo.find_style("scream").weights, before, grey)
    shown = painted(TfliteNetwork(network.path, turned, network.runtime, 1), stand_ins()[3])
    assert (shown.max(axis=2) - shown.min(axis=2)).mean() < 0.05


def test_a_network_without_that_layer_is_refused():
    with pytest.raises(UserError, match="no layer paint"):
        tint(b"", [], [np.full((8, 8, 3), 0.5, np.float32)], draw_picture(1))
