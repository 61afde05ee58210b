import json
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from edge.controls import ALIASES, FADE, KEYS, Controls
from edge.painter import Look

NAMES = ["wave", "scream", "night"]


def controls(**settings: object) -> Controls:
    made = Controls(NAMES, [1.0, 0.0, 0.0], **settings)
    made.look(0.0)
    return made


def settled(made: Controls) -> tuple[float, ...]:
    """The shares when every fade is over."""
    made.look(100.0)
    return made.look(101.0).shares


def test_what_was_asked_for_at_the_start_holds_from_the_first_frame():
    made = Controls(NAMES, [0.5, 0.3, 0.0], strength=80, detail=20, keep_color=True)
    look = made.look(0.0)
    assert look.shares == pytest.approx((0.625, 0.375, 0.0))
    assert replace(look, shares=()) == Look((), 0.8, keep_color=True, detail=0.2)


def test_a_style_fades_in_over_half_a_second_of_the_frames_own_clock():
    made = controls()
    made.look(10.0)
    made.apply({"style": "scream"})
    shares = [made.look(10 + FADE * step).shares for step in (0.1, 0.25, 0.5, 1.0, 1.2)]
    assert [share[1] for share in shares] == pytest.approx([0.1, 0.25, 0.5, 1.0, 1.0])
    assert all(sum(share) == pytest.approx(1) for share in shares)


def test_a_second_change_starts_from_what_is_seen_at_that_moment():
    made = controls()
    made.apply({"style": "scream"})
    seen = made.look(FADE / 2).shares
    made.apply({"style": "night"})
    assert made.look(FADE / 2 + 0.0001).shares == pytest.approx(seen, abs=0.001)
    assert made.look(2 * FADE).shares == (0.0, 0.0, 1.0)


def test_a_source_that_begins_anew_does_not_fade_for_ever():
    made = controls()
    made.look(500.0)
    made.apply({"style": "scream"})
    assert made.look(0.0).shares == (0.0, 1.0, 0.0)


def test_next_and_previous_go_round():
    made = controls()
    seen = []
    for key in ("n", "n", "n", "p"):
        assert made.press(key)
        seen.append(made.status()["style"])
    assert seen == ["scream", "night", "wave", "night"]


def test_two_styles_are_blended_by_a_slider_or_taken_by_their_shares():
    made = controls()
    assert made.apply({"second": "night", "blend": 30})["shares"] == [0.7, 0.0, 0.3]
    assert settled(made) == pytest.approx((0.7, 0.0, 0.3))
    made.press("]")
    assert settled(made) == pytest.approx((0.6, 0.0, 0.4))
    for _ in range(9):
        made.press("[")
    assert settled(made) == (1.0, 0.0, 0.0)
    assert made.apply({"mix": {"wave": 0.2, "night": 0.6}})["ok"]
    assert settled(made) == pytest.approx((0.25, 0.0, 0.75))
    assert controls().apply({"blend": 50})["second"] == "scream"  # the next one, where none was named


def test_sliders_and_switches_hold_from_the_next_frame_on_and_keys_stay_within_them():
    made = controls()
    made.apply({"strength": 40, "detail": 25, "keep_color": True, "split": True, "freeze": True})
    expected = Look((1.0, 0.0, 0.0), 0.4, keep_color=True, detail=0.25, split=True, freeze=True)
    assert made.look(0.04) == expected
    for key, end in (("+", 100), ("-", 0)):
        for _ in range(12):
            made.press(key)
        assert made.status()["strength"] == end


def unlike(indices: Sequence[int]) -> str | None:
    """The second of three styles has another architecture."""
    return "scream cannot be mixed" if 1 in indices and len(indices) > 1 else None


def test_styles_that_cannot_be_mixed_are_refused_follow_at_once_or_are_passed_over():
    made = Controls(NAMES, [1.0, 0.0, 0.0], mixable=unlike)
    before = made.status()
    for message in ({"mix": {"wave": 0.5, "scream": 0.5}}, {"second": "scream", "blend": 30, "strength": 10}):
        assert made.apply(message) == {"ok": False, "error": "scream cannot be mixed"}
        assert made.status() == before
    assert made.apply({"blend": 50})["second"] == "night"
    settled(made)
    assert made.apply({"style": "scream"})["ok"]
    assert made.look(101.04).shares == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("key", [*KEYS, *ALIASES])
def test_every_key_does_something(key):
    made = controls(strength=50, detail=50, blend=50)
    before = made.status()
    assert made.press(key)
    assert made.status() != before or made.take_snapshot()
    before = made.status()
    assert not made.press("x")
    assert made.status() == before


def test_a_snapshot_is_taken_once_and_quitting_stays():
    made = controls()
    assert not made.take_snapshot()
    made.press("i")
    assert (made.take_snapshot(), made.take_snapshot()) == (True, False)
    made.apply({"quit": True})
    made.apply({"quit": False})
    assert made.quitting


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"style": "dance"}, "there is no style 'dance'; known: wave, scream, night"),
        ({"style": 3}, "there is no style 3"),
        ({"strength": 101}, "strength is a number from 0 to 100, but 101 came"),
        ({"strength": "80"}, "but '80' came"),
        ({"strength": True}, "but True came"),
        ({"strength": float("nan")}, "but nan came"),
        ({"split": 1}, "split is true or false, but 1 came"),
        ({"strength": 10, "split": "yes"}, "but 'yes' came"),
        ({"mix": {"wave": 0, "night": 0}}, "the shares of a mix are all 0"),
        ({"mix": {"wave": -1}}, "the share of wave is a number from 0 to 1"),
        ({"mix": {}}, "mix is an object of styles and shares"),
        ({"step": 7}, "step is a number from -1 to 1"),
        ({"toggle": ["style"]}, "['style'] cannot be toggled"),
        ({"colour": 1}, "'colour' is not known; expected one of: style, second, mix"),
        (["strength"], "a message is an object"),
    ],
)
def test_a_message_that_makes_no_sense_changes_nothing(message, error):
    made = controls()
    before = made.status()
    answer = made.apply(message)
    assert answer["ok"] is False
    assert error in answer["error"]
    assert made.status() == before


def test_the_status_is_json_and_says_how_it_goes():
    made = controls()
    made.report({"fps": 29.9})
    status = json.loads(json.dumps(made.status()))
    assert status["figures"] == {"fps": 29.9}
    assert (status["styles"], status["style"], status["blend"]) == (NAMES, "wave", 0)


def test_many_threads_may_turn_at_once():
    made = controls(strength=50)

    def turn(key: str) -> None:
        for _ in range(200):
            made.press(key)

    turning = [threading.Thread(target=turn, args=(key,)) for key in ("c", "s", "n", "c")]
    for thread in turning:
        thread.start()
    for thread in turning:
        thread.join()
    status = made.status()
    assert (status["keep_color"], status["split"], status["style"]) == (False, False, NAMES[200 % 3])


def test_a_style_that_comes_while_it_runs_is_faded_to_and_can_be_left_again():
    controls = Controls(["wave", "scream"], [0.5, 0.5])
    controls.look(0.0)
    controls.add("mine")
    assert controls.status()["style"] == "mine"
    assert controls.look(0.25).shares == pytest.approx((0.25, 0.25, 0.5))
    assert controls.look(1.0).shares == (0.0, 0.0, 1.0)
    assert controls.apply({"mix": {"mine": 0.5, "wave": 0.5}})["shares"] == [0.5, 0.0, 0.5]


def test_a_style_may_come_in_the_middle_of_a_fade():
    controls = Controls(["wave", "scream"], [1.0, 0.0])
    controls.look(0.0)
    controls.apply({"style": "scream"})
    controls.look(0.25)
    controls.add("mine")
    assert controls.look(0.5).shares == pytest.approx((0.25, 0.25, 0.5))
