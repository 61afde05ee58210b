import threading

import pytest

from edge.handover import Handover


def test_items_come_in_order_and_what_waits_at_the_end_still_comes():
    handover: Handover[int] = Handover(3)
    assert [handover.put(item) for item in (1, 2, 3)] == [True] * 3
    handover.finish()
    assert list(handover) == [1, 2, 3]
    assert not handover.put(4)
    assert list(handover) == []


def test_the_newest_wins_where_a_live_picture_is_wanted():
    handover: Handover[int] = Handover(1, newest_wins=True)
    for item in range(5):
        assert handover.put(item)
    handover.finish()
    assert list(handover) == [4]
    assert handover.dropped == 4


def test_a_fast_giver_waits_for_a_slow_taker():
    handover: Handover[int] = Handover(1)
    given: list[int] = []

    def give() -> None:
        for item in range(4):
            handover.put(item)
            given.append(item)
        handover.finish()

    giver = threading.Thread(target=give)
    giver.start()
    taken = []
    for item in handover:
        taken.append(item)
        assert len(given) <= item + 2  # the one taken, the one that waits
    giver.join(1)
    assert taken == [0, 1, 2, 3]
    assert handover.dropped == 0


@pytest.mark.parametrize("full", [True, False])
def test_cancelling_lets_whoever_waits_go(full):
    handover: Handover[int] = Handover(1)
    if full:
        handover.put(0)
    answers: list[object] = []
    waits = (lambda: answers.append(handover.put(1))) if full else (lambda: answers.append(list(handover)))
    waiting = threading.Thread(target=waits)
    waiting.start()
    handover.cancel()
    waiting.join(1)
    assert not waiting.is_alive()
    assert answers == [False if full else []]
    assert list(handover) == []


def test_whoever_waits_is_woken_again_and_again_until_something_comes():
    handover: Handover[int] = Handover(1)
    woken = []

    def meanwhile() -> None:
        woken.append(True)
        if len(woken) == 3:
            handover.put(7)
            handover.finish()

    assert list(handover.taken(0.001, meanwhile)) == [7]
    assert len(woken) == 3
