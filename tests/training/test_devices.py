from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.runs import RunDirectory
from tests.harness import sixteen_bits
from tests.training import toys
from tests.training.runs import NO_VGG16, keyframe_words, tiny, write_config
from training import devices as arithmetic
from training.devices import Devices, worker_of
from training.recipes import RECIPES

ROOT = Path(__file__).parents[2]
NEGATIVE = str(ROOT / "tests" / "edge" / "networks" / "negative.tflite")
WORKERS = ["10.0.0.1:2222", "10.0.0.2:2222"]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def start():
    """Start a process of its own; `task` is (its index, the ports of all workers).  None outlives its test."""
    started = []

    def begin(weights, words, devices=1, task=None):
        environment = dict(os.environ)
        if task:
            index, ports = task
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            environment["TF_CONFIG"] = json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": index}}
            )
        command = [sys.executable, "-m", "tests.training.worker", str(weights), str(devices), *words]
        started.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def start_two(start, folder, words):
    ports = free_ports(2)
    return [start(folder / f"worker_{index}.npz", words, task=(index, ports)) for index in range(2)]


def ended(process, seconds=600):
    _, error = process.communicate(timeout=seconds)
    return process.returncode, error


def weights_of(path):
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def assert_alike(ours, theirs, tolerance):
    assert len(ours) == len(theirs) > 10
    for mine, yours in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, yours, atol=tolerance, rtol=tolerance)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("recipe", ["painting", "collection"])
def test_two_workers_take_the_steps_of_one_with_the_same_batch(recipe, start, photos, painting, tmp_path):
    source = ["--collection", str(photos)] if recipe == "collection" else ["--style", str(painting)]
    # 16 bits round a half unlike a whole, and Adam turns a last digit into a step: small ones.
    exact = ["schedule.mixed_precision=false", "schedule.learning_rate=2e-4"]
    config = tiny(recipe, "data.batch=4", "schedule.steps=4", *exact)
    settings = ["--config", write_config(tmp_path / "tiny.json", config), "--photos", str(photos)]
    words = [*source, *settings, "--no-export", "--quiet", "--run"]

    runs = {
        "one": lambda folder: [start(tmp_path / "one.npz", [*words, folder])],
        "halves": lambda folder: [start(tmp_path / "halves.npz", [*words, folder], devices=2)],
        "two": lambda folder: start_two(start, tmp_path, [*words, folder]),
    }
    for name, begin in runs.items():
        for process in begin(str(tmp_path / name)):
            status, error = ended(process)
            assert status == 0, f"{name}: {error}"

    rows = {name: RunDirectory(tmp_path / name).rows() for name in runs}
    for name in ("two", "halves"):
        assert [row["step"] for row in rows[name]] == [1, 2, 3, 4]
        for ours, alone in zip(rows[name], rows["one"], strict=True):
            for term in set(alone) - {"minutes"}:
                near = 1e-4 if alone["step"] == 1 else 5e-3
                assert ours[term] == pytest.approx(alone[term], rel=near, abs=1e-5), (name, term)
    first, second = (weights_of(tmp_path / f"worker_{index}.npz") for index in range(2))
    assert_alike(first, second, tolerance=0)
    assert_alike(first, weights_of(tmp_path / "halves.npz"), tolerance=1e-5)


HALVES = """
import json
from types import SimpleNamespace
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.training.toys import make_batch, tiny
from training.terms import TERMS, Painted
from training.trainers.film import FilmTrainer

distil, film = tiny("distil"), tiny("film")
lesson, clips = make_batch(distil), make_batch(film)["clip"]
lesson["painted"] = lesson["clip"].copy()
for name, still in (("painted", slice(0, None, 2)), ("taught", slice(1, None, 2))):
    lesson[name][still, 1] = lesson[name][still, 0]

def look(rows):
    batch = {name: tf.gather(array, rows) for name, array in lesson.items()}
    ours, theirs = ([batch[name][:, time] for time in (0, 1)] for name in ("painted", "taught"))
    painted = Painted(SimpleNamespace(config=distil), batch, ours, None, None, taught=theirs)
    clip = tf.gather(clips, rows)
    frames = [clip[:, time] for time in range(clip.shape[1])]
    shown, original = FilmTrainer.judged(SimpleNamespace(config=film), {"clip": clip}, frames)
    return [TERMS["steadier"].function(painted), *(tf.reduce_mean(each, (1, 2, 3)) for each in (shown, original))]

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

@tf.function
def in_halves():
    def half():
        place = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
        return look(tf.stack([place]))
    return strategy.run(half)

halves = [[half.numpy().tolist() for half in each.values] for each in in_halves()]
print(json.dumps([[each.numpy().tolist() for each in look(tf.range(2))], halves]))
"""


@pytest.mark.slow
def test_of_two_devices_each_judges_and_compares_what_one_would():
    done = subprocess.run(
        [sys.executable, "-c", HALVES], cwd=ROOT, capture_output=True, text=True, check=True
    )

    (steadier, *whole), (each_steadier, *halves) = json.loads(done.stdout)
    assert each_steadier == pytest.approx([steadier, steadier], rel=1e-4, abs=1e-6)
    for together, (first, second) in zip(whole, halves, strict=True):
        np.testing.assert_allclose([*first, *second], together, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_worker_that_dies_ends_the_job_in_one_line_and_resume_goes_on(start, photos, tmp_path):
    folder = tmp_path / "run"
    words = keyframe_words(tmp_path, photos, "schedule.steps=150")
    chief, other = start_two(start, tmp_path, [*words, "--run", str(folder)])
    run, patience = RunDirectory(folder), time.monotonic() + 600
    while not run.has_checkpoint and time.monotonic() < patience:
        time.sleep(0.2)
    other.send_signal(signal.SIGKILL)
    died = time.monotonic()
    other.communicate()
    status, error = ended(chief, 150)

    assert status == 2, error
    assert time.monotonic() - died < 120
    (line,) = (line for line in error.splitlines() if line.startswith("training.fit:"))
    assert "Another worker is gone" in line
    assert f"python -m training.fit --run {folder} --resume" in line
    assert 0 < run.last_step() < 150

    for process in start_two(start, tmp_path, ["--run", str(folder), "--resume", "--quiet"]):
        status, error = ended(process)
        assert status == 0, error
    steps = [row["step"] for row in run.rows()]
    assert steps == list(range(1, 151))
    assert run.record()["finished"] is True


@pytest.fixture
def taught(photos, tmp_path):
    """The words of a short run with a teacher, without the folder it lives in."""
    config = tiny("distil", *NO_VGG16, "schedule.steps=2", "data.taught=60")
    file = write_config(tmp_path / "tiny.json", config)
    return ["--teacher", NEGATIVE, "--photos", str(photos), "--config", file, "--no-export", "--run"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_two_workers_the_first_alone_paints_what_the_teacher_paints(start, taught, tmp_path):
    told = []
    for process in start_two(start, tmp_path, [*taught, str(tmp_path / "run")]):
        status, error = ended(process)
        assert status == 0, error
        told.append(error)

    assert ["negative paints" in error for error in told] == [True, False]
    assert RunDirectory(tmp_path / "run").last_step() == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_where_the_first_worker_cannot_paint_the_others_end_in_one_line(start, taught, tmp_path):
    painted = tmp_path / "run" / "teacher"
    painted.mkdir(parents=True)
    (painted / "about.json").write_text("damaged")
    lines = []
    for process in start_two(start, tmp_path, [*taught, str(tmp_path / "run")]):
        status, error = ended(process, 150)
        assert status == 2, error
        lines += [line for line in error.splitlines() if line.startswith("training.fit:")]

    chief, other = lines
    assert "about.json cannot be read" in chief
    assert "Another worker ended before all of them had what they learn from" in other


def test_tf_config_says_who_is_who():
    cluster = {"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": 1}}
    assert worker_of(json.dumps(cluster)) == (1, 2)
    with_chief = {"cluster": {"chief": ["10.0.0.3:2222"], "worker": WORKERS}}
    assert worker_of(json.dumps({**with_chief, "task": {"type": "worker", "index": 1}})) == (2, 3)
    assert worker_of(json.dumps({**with_chief, "task": {"type": "chief", "index": 0}})) == (0, 3)
    assert worker_of(None) == worker_of("") == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_tf_config_that_says_nothing_is_refused(text):
    with pytest.raises(UserError, match="TF_CONFIG must look like"):
        worker_of(text)


def test_a_batch_that_cannot_be_shared_is_refused():
    devices = Devices()
    assert devices.replica_config(RECIPES["smoke"]) == RECIPES["smoke"]
    devices.replicas = 3
    with pytest.raises(UserError, match=r"multiple of the 3 devices.*Received: 2\. Use --set data\.batch=3"):
        devices.replica_config(RECIPES["smoke"])


CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu sse4_2 {} avx2\n\nprocessor\t: 1\n"


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(arithmetic.tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("has", [True, False])
@pytest.mark.parametrize(("setting", "asked"), [(True, True), (False, False), ("auto", None)])
def test_networks_train_in_sixteen_bits_when_asked_to_or_where_the_processor_has_them(
    setting, asked, has, monkeypatch
):
    monkeypatch.setattr(arithmetic, "_cpu_has_bfloat16", lambda: has)
    policy = "mixed_bfloat16" if (has if asked is None else asked) else "float32"

    with arithmetic.precision(setting):
        assert keras.config.dtype_policy().name == policy
    assert keras.config.dtype_policy().name == "float32"  # of what is exported after training
    assert arithmetic.features_dtype(setting) == policy.removeprefix("mixed_")


@pytest.mark.parametrize(("capability", "policy"), [((7, 5), "float32"), ((8, 0), "mixed_bfloat16")])
def test_a_gpu_has_sixteen_bits_from_ampere_on(capability, policy, monkeypatch):
    config = arithmetic.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["GPU:0"])
    details = {"compute_capability": capability}
    monkeypatch.setattr(config.experimental, "get_device_details", lambda device: details)

    with arithmetic.precision("auto"):
        assert keras.config.dtype_policy().name == policy
    assert arithmetic.features_dtype("auto") == ("bfloat16" if policy == "mixed_bfloat16" else "float32")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("flags", "found"), [("avx512_bf16", True), ("amx_bf16", True), ("avx512f avx512_bf16x", False)]
)
def test_a_processor_tells_by_its_flags(flags, found, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO.format(flags))

    assert arithmetic._cpu_has_bfloat16(cpuinfo) is found


@pytest.mark.parametrize("recipe", ["painting", "keyframes"])
def test_in_sixteen_bits_weights_memory_sums_and_terms_stay_in_float32(recipe):
    config = toys.tiny(recipe)
    batch = toys.make_batch(config)
    with sixteen_bits():
        trainer = toys.make_trainer(config)
        rough = trainer.train_step(batch)

    kept = [variable for variable in trainer.variables if "int" not in str(variable.dtype)]
    assert {str(variable.dtype) for variable in kept} == {"float32"}
    assert any("memory" in variable.path for variable in kept)
    assert {term.dtype.name for term in rough.values()} == {"float32"}
    exact = toys.floats(toys.make_trainer(config).train_step(batch))
    assert toys.floats(rough) == pytest.approx(exact, rel=0.05, abs=0.02)
    assert np.isfinite([*toys.floats(rough).values()]).all()
