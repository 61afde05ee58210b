from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video.hearing import Ear, HeardFile, one_channel
from tests.keras_vst.clips import grey_steps, write_clip, write_tone

RATE = 8000
FRAME = 1 / 25


def wave(path: Path, samples: np.ndarray, rate: int = RATE, layout: str = "mono", codec: str = "pcm_s16le"):
    """Samples (channels, N) as a .wav, or what the name says."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        whole = np.ascontiguousarray((samples.T.reshape(1, -1) * 32767).astype(np.int16))
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def clicks(times: list[float], seconds: float, rate: int = RATE) -> np.ndarray:
    """Silence with clicks of 5 ms."""
    samples = np.zeros((1, round(seconds * rate)), np.float32)
    for time in times:
        start = round(time * rate)
        samples[0, start : start + round(0.005 * rate)] = (
            0.8 * np.array([1, -1] * rate)[: round(0.005 * rate)]
        )
    return samples


def rises(sound: HeardFile, seconds: float, period: float = FRAME) -> list[float]:
    """The times of the frames at which the value begins to go up by a quarter or more."""
    times = np.arange(0, seconds, period)
    values = [sound.at(float(time)) for time in times]
    assert 0 <= min(values) <= max(values) <= 1
    up = np.diff(values, prepend=0) > 0.25
    return [float(time) for time in times[up & ~np.roll(up, 1)]]


@pytest.mark.parametrize("reaction", ["loudness", "beat"])
def test_clicks_are_heard_within_a_frame_over_ten_minutes(tmp_path, reaction):
    rng, seconds = np.random.default_rng(0), 600.0
    times = np.cumsum(rng.uniform(0.6, 1.4, 590))
    times = [float(time) for time in times if time < seconds - 1]
    sound = HeardFile(str(wave(tmp_path / "clicks.wav", clicks(times, seconds))), reaction)
    shown = rises(sound, seconds)
    assert len(times) > 500
    assert len(shown) == len(times)
    late = np.array(shown) - times
    assert late.min() >= -FRAME
    assert late.max() <= FRAME
    assert abs(late[-50:].mean() - late[:50].mean()) < 0.01  # nothing drifts


@pytest.mark.parametrize("reaction", ["loudness", "beat"])
def test_silence_and_hiss_are_nothing(reaction):
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for samples in (np.zeros(RATE, np.float32), hiss):
        ear = Ear(reaction, RATE)
        ear.listen(samples)
        assert {ear.at(time) for time in np.arange(0, 1, 0.01)} == {0.0}


def test_loudness_is_that_of_the_piece_not_of_the_volume():
    times = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * times).astype(np.float32)
    tone[: RATE // 2] *= 0.25  # 12 dB softer
    levels = []
    for volume in (0.9, 0.1):
        ear = Ear("loudness", RATE)
        ear.listen(np.concatenate([volume * tone[RATE:], volume * tone]))
        levels.append((ear.at(0.9), ear.at(1.49), ear.at(2.9)))
        assert levels[-1] == pytest.approx((1.0, 0.5, 1.0), abs=0.05)
    assert levels[0] == pytest.approx(levels[1], abs=0.01)


def test_a_drum_over_a_held_chord_is_a_beat_and_the_chord_is_none():
    rate, times = 44100, np.arange(8 * 44100) / 44100
    chord = sum(np.sin(2 * np.pi * pitch * times) for pitch in (220, 277, 330)) / 10
    drum = np.zeros_like(times)
    rain = 0.02 * np.random.default_rng(0).standard_normal(len(times))
    hits = [1.0 + 0.5 * index for index in range(12)]
    for hit in hits:
        since = times - hit
        drum += np.where(since > 0, np.sin(2 * np.pi * 90 * since) * np.exp(-since / 0.05), 0) * 0.5
    ear = Ear("beat", rate)
    ear.listen((chord + drum + rain).astype(np.float32))
    values = np.array([ear.at(time) for time in np.arange(0.5, 8, 0.01)])
    found = 0.5 + 0.01 * (1 + np.flatnonzero(np.diff(values) > 0.2))
    assert found == pytest.approx(hits, abs=0.03)


def test_rain_is_no_drum():
    ear = Ear("beat", RATE)
    ear.listen(0.3 * np.random.default_rng(0).standard_normal(60 * RATE).astype(np.float32))
    values = np.array([ear.at(time) for time in np.arange(1, 60, 0.01)])
    assert (np.diff(values) > 0.2).sum() <= 20  # by chance, a minute


def test_what_is_heard_does_not_depend_on_how_it_is_cut():
    samples = clicks([0.3, 0.9, 1.4], 2)[0] + 0.01
    for reaction in ("loudness", "beat"):
        whole, cut = Ear(reaction, RATE), Ear(reaction, RATE)
        whole.listen(samples)
        for start in range(0, len(samples), 37):
            cut.listen(samples[start : start + 37])
        moments = np.arange(0, 2, 0.01)
        assert [whole.at(time) for time in moments] == pytest.approx(
            [cut.at(time) for time in moments], abs=1e-6
        )


def test_only_what_was_heard_before_counts():
    samples = clicks([0.5], 1)[0]
    for reaction in ("loudness", "beat"):
        ear = Ear(reaction, RATE)
        ear.listen(samples)
        assert ear.at(0.499) == 0
        assert ear.at(0.53) > 0.5


def test_forty_eight_channels_are_heard_as_one(tmp_path):
    samples = np.repeat(clicks([0.5], 1, 48000), 48, axis=0)
    path = wave(tmp_path / "many.wav", samples, 48000, "48 channels")
    assert rises(HeardFile(str(path), "beat"), 1.0) == pytest.approx([0.5], abs=FRAME)


def test_the_sound_of_a_part_of_a_clip_begins_with_it(tmp_path):
    path = wave(tmp_path / "clicks.wav", clicks([1.0, 3.0, 4.5], 6))
    assert rises(HeardFile(str(path), "beat", Fraction(2)), 3.0) == pytest.approx([1.0, 2.5], abs=FRAME)


def test_a_file_that_begins_anew_is_heard_again(tmp_path):
    path = wave(tmp_path / "click.wav", clicks([0.5], 1))
    sound = HeardFile(str(path), "beat", again=lambda: 1.0)
    assert rises(sound, 4.0) == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=FRAME)


def test_sound_that_begins_late_or_ends_early_leaves_silence(tmp_path):
    path = wave(tmp_path / "click.wav", clicks([0.5], 1))
    sound = HeardFile(str(path), "loudness")
    assert sound.at(0.52) > 0.5
    assert sound.at(30.0) == 0


def test_a_clip_without_sound_and_a_file_of_another_kind_are_told(tmp_path):
    silent = write_clip(tmp_path / "silent.mp4", grey_steps(3))
    with pytest.raises(UserError, match=r"silent\.mp4 has no sound.*--react-from"):
        HeardFile(str(silent), "beat")
    (tmp_path / "words.mp3").write_text("no sound")
    with pytest.raises(UserError, match=r"words\.mp3 cannot be read"):
        HeardFile(str(tmp_path / "words.mp3"), "beat")


def test_a_file_that_breaks_off_is_heard_up_to_there(tmp_path):
    whole = write_tone(tmp_path / "whole.mkv", "libopus")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sound = HeardFile(str(cut), "loudness")
    assert sound.at(0.2) > 0.8
    assert sound.at(5.0) == 0


@pytest.mark.parametrize("form", ["u8", "s16", "s16p", "s32", "flt", "dblp"])
def test_every_format_of_samples_is_one_channel_from_minus_one_to_one(form):
    wanted = np.array([0.0, 0.5, -0.5, 0.25], np.float64)
    scale = {"u8": 128, "s16": 2**15, "s32": 2**31}.get(form.removesuffix("p"), 1)
    dtype = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}[
        form.removesuffix("p")
    ]
    samples = (wanted * scale + (128 if form == "u8" else 0)).astype(dtype)
    two = np.stack([samples, samples])
    frame = av.AudioFrame.from_ndarray(
        two if form.endswith("p") else np.ascontiguousarray(two.T.reshape(1, -1)),
        format=form,
        layout="stereo",
    )
    assert one_channel(frame) == pytest.approx(wanted, abs=1e-6)
    assert one_channel(frame).dtype == np.float32
