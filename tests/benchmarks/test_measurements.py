"""That the benchmarks measure what they say: stamps, rows, ratios, what is left behind."""

import json
import sys
import time
from itertools import count

import cv2
import numpy as np
import pytest

from benchmarks import film_clip, peer, soak
from benchmarks.glass import age, write_stamp
from benchmarks.step import compare
from keras_vst.video import probe


def test_a_stamp_comes_through_jpeg_and_tells_the_age_of_the_picture():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (360, 640, 3), np.uint8)
    write_stamp(picture, 98_765.4321)
    content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    shown = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
    assert age(shown, 98_765.4321 + 0.0837) == pytest.approx(0.0837, abs=1e-9)


def test_an_age_is_right_when_the_count_starts_again():
    picture = np.zeros((16, 640, 3), np.uint8)
    end = (1 << 24) * 1e-4
    write_stamp(picture, end - 0.05)
    assert age(picture, end + 0.02) == pytest.approx(0.07, abs=1e-9)


def test_the_film_is_looped_and_scaled(tmp_path):
    assert film_clip(tmp_path / "film.mp4", (96, 54), 6.5) == 195
    info = probe(tmp_path / "film.mp4")
    assert (info.width, info.height, info.frames, info.has_audio) == (96, 54, 195, False)


def printing(row, stages=""):
    return [
        sys.executable,
        "-c",
        f"import sys; print({json.dumps(row)!r}); print({stages!r}, file=sys.stderr)",
    ]


def test_contenders_take_turns_and_the_table_says_how_many_times_as_fast_ours_is():
    stages = (
        "  fit  1.50 ms, 95 % below 2.00 ms\n  network  17.00 ms, 95 % below 20.00 ms\n  unfit  0.25 ms, 95 %"
    )
    contenders = {
        peer.OURS: printing({"frames": 60, "seconds": 2.0}, stages),
        "other": printing({"frames": 60, "seconds": 12.0}),
    }
    found = peer.compare(contenders, 2)
    rows = [peer.summarize(name, (640, 360), runs) for name, runs in found.items()]
    assert rows[0]["frames_per_second"] == 30
    assert rows[0]["runs"] == [30, 30]
    assert rows[0]["around_ms"] == 1.75
    assert rows[0]["unhidden_ms"] == pytest.approx(1e3 / 30 - 17, abs=0.01)
    assert peer.table(rows).splitlines()[2:] == [
        "| vst stylize | 640x360 | 30.0 |  | 1.75 ms |",
        "| other | 640x360 | 5.0 | 6.0 x as fast |  |",
    ]


def test_a_contender_that_fails_ends_the_measurement_with_what_it_said():
    with pytest.raises(SystemExit, match="no such network"):
        peer.run_once([sys.executable, "-c", "raise SystemExit('no such network')"])


def test_growth_is_counted_from_the_end_of_the_first_minute():
    watch = soak.Watch()
    watch.stop()
    watch.looks = [(float(second), 100.0 + min(second, 60) + second / 100) for second in range(600)]
    assert watch.growth(60, 10, 600) == pytest.approx(5.3, abs=0.01)


def test_a_step_is_compared_with_its_passes_and_with_a_kept_batch():
    def batches():
        for number in count():
            time.sleep(0.01)  # made while the step waits
            yield number

    found = compare(lambda _: time.sleep(0.03), lambda _: time.sleep(0.02), batches(), block=3, rounds=3)
    assert found["seconds_a_step"] == pytest.approx(0.04, rel=0.3)
    assert found["over_vgg16"] == pytest.approx(1.5, rel=0.3)
    assert found["vgg16_share"] == pytest.approx(1 / found["over_vgg16"], abs=1e-3)
    assert found["pipeline"] == pytest.approx(4 / 3, rel=0.3)
    assert found["steps_per_second"] == pytest.approx(1 / found["seconds_a_step"], rel=0.01)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("what", list(soak.WHAT))
def test_a_minute_leaves_nothing_behind_and_does_not_grow(what):
    row = soak.soak(60, what, ["--style", "great-wave"])
    assert row["growth_mb"] < soak.MOST_GROWTH
    assert row["after"] == row["before"]
