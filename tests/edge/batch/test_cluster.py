"""A batch on a Ray cluster of two machines, which are processes here: workers and machines may be lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.batch import processes
from tests.edge.batch.films import SECONDS, SLOW, batch, film, painters, shown, wait_for
from tests.keras_vst.clips import grey_steps, write_clip

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="the extra `cluster` is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals are a matter of POSIX"),
]
STORE = 80 * 2**20  # bytes of the object store, the least that Ray takes: nothing large goes through it


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One machine without a core, which the command joins, and one with a core for work."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "240")  # for a machine that does other things as well
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    machines = ray_cluster.Cluster(initialize_head=True, head_node_args=head)
    try:
        yield machines
    finally:
        machines.shutdown()


def arguments(cluster: Any, films: tuple[Path, ...], out: Path, negative: Path) -> tuple[object, ...]:
    options = ("--model", negative, "--codec", "ffv1", *SLOW, "--json", "--cluster", cluster.address)
    return (*films, "-o", out, *options)


def whole(vst, path: Path, target: Path, negative: Path) -> list:
    assert vst("stylize", path, "-o", target, "--model", negative, "--codec", "ffv1", *SLOW)[0] == 0
    return shown(target)


def test_a_worker_that_is_killed_costs_its_piece_alone(vst, cluster, negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    cluster.add_node(num_cpus=2, object_store_memory=STORE)
    with batch(*arguments(cluster, (path,), out, negative)) as process:
        os.kill(wait_for(lambda: painters(out), process)[0], signal.SIGKILL)
        told, err = process.communicate(timeout=250)
    assert (process.returncode, err) == (0, "")
    row = json.loads(told)
    assert (row["tried_again"], row["frames"]) == (1, SECONDS)
    assert row["by"] == "a cluster of 2 machines"
    assert shown(out / "a.mkv") == whole(vst, path, tmp_path / "whole.mkv", negative)


def test_a_machine_that_is_removed_leaves_its_work_to_another(vst, cluster, negative, tmp_path):
    path, out = film(tmp_path / "a.mkv"), tmp_path / "out"
    lost = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    with batch(*arguments(cluster, (path,), out, negative)) as process:
        wait_for(lambda: painters(out), process)
        cluster.remove_node(lost, allow_graceful=False)
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
        told, err = process.communicate(timeout=250)
    assert (process.returncode, err) == (0, "")
    row = json.loads(told)
    assert row["frames"] == SECONDS
    assert row["tried_again"] >= 1
    assert shown(out / "a.mkv") == whole(vst, path, tmp_path / "whole.mkv", negative)


def test_a_decoder_that_hangs_costs_its_own_video_alone(vst, cluster, negative, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 5.0)
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    os.mkfifo(tmp_path / "hangs.mkv")  # nobody writes into it
    films = (tmp_path / "hangs.mkv", write_clip(tmp_path / "fine.mkv", grey_steps(3)))
    status, told, err = vst("batch", *arguments(cluster, films, tmp_path / "out", negative))
    row = json.loads(told)
    assert (status, row["painted"]) == (2, 1)
    reason = "its decoder hangs: no frame came for 5 s; export it again"
    assert err == f"vst: left out: {films[0]}: {reason}\n"


def test_a_cluster_that_is_not_there_is_told_in_one_line(negative, tmp_path):
    options = ("--model", negative, "--cluster", "127.0.0.1:1")
    with batch(film(tmp_path / "a.mkv"), "-o", tmp_path / "out", *options) as process:
        _, err = process.communicate(timeout=250)
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert "there is no Ray cluster at 127.0.0.1:1" in err
