import numpy as np
import pytest

from edge.selection import parse_shares, select_network, style_vector
from keras_vst.errors import UserError


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("wave", {"wave": 1.0}),
        ("wave:0.25", {"wave": 0.25}),
        ("wave:0.5, night:0.3", {"wave": 0.5, "night": 0.3}),
        ("wave,night", {"wave": 0.5, "night": 0.5}),
        ("wave:0.5,night,dance", {"wave": 0.5, "night": 0.25, "dance": 0.25}),
        ("wave:1,night", {"wave": 1.0, "night": 0.0}),
    ],
)
def test_shares_are_read(text, shares):
    assert parse_shares(text) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no style"),
        ("wave,", "names no style"),
        (":0.5", "names no style"),
        ("wave,wave", "names a style twice"),
        ("wave:much", "a share is a number from 0 to 1, but 'much' came"),
        ("wave:-0.1", "'-0.1' came"),
        ("wave:nan", "'nan' came"),
        ("wave:1.5", "'1.5' came"),
        ("wave:0.7,night:0.4", "add up to 1.1; they may add up to 1 at most"),
    ],
)
def test_shares_that_make_no_sense_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_shares(text)


def test_a_style_leads_to_its_network(bundled):
    assert select_network({"light": 1.0}, None).path == bundled / "pair" / "negative.tflite"
    assert select_network({"plain": 1.0}, None).name == "single"


def test_styles_of_one_network_can_be_mixed_and_others_not(bundled):
    assert select_network({"dark": 0.5, "light": 0.5}, None).name == "pair"
    with pytest.raises(UserError, match="dark, plain belong to different networks"):
        select_network({"dark": 0.5, "plain": 0.5}, None)


def test_without_a_style_the_known_ones_are_listed(bundled):
    with pytest.raises(UserError, match="one of: dark, light, plain"):
        select_network(None, None)


def test_a_file_of_ones_own_takes_the_names_of_the_card_beside_it(bundled, negative):
    path = bundled / "pair" / "negative.tflite"
    assert [style.name for style in select_network(None, path).styles] == ["dark", "light"]
    assert select_network(None, negative).styles == ()


def test_the_vector_has_the_order_of_the_network():
    vector = style_vector({"c": 0.5, "a": 0.25}, ["a", "b", "c"], 3)
    np.testing.assert_array_equal(vector, np.array([0.25, 0.0, 0.5], np.float32))


def test_without_shares_all_weight_is_on_the_first_style():
    np.testing.assert_array_equal(style_vector(None, [], 2), np.array([1.0, 0.0], np.float32))


def test_styles_without_names_have_numbers():
    np.testing.assert_array_equal(style_vector({"1": 1.0}, [], 2), np.array([0.0, 1.0], np.float32))
    with pytest.raises(UserError, match="no style '2'; known: 0, 1"):
        style_vector({"2": 1.0}, [], 2)


def test_a_card_that_names_other_styles_than_the_network_has_is_told():
    with pytest.raises(UserError, match="names 1 styles, but the network has 2"):
        style_vector(None, ["a"], 2)
