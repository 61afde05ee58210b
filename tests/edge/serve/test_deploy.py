"""The files of docs/deploy say what the programs take: they cannot be run here, so what can be held against them is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edge.cli import build_parser

yaml = pytest.importorskip("yaml", reason="comes with the extra `serve`")

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "docs" / "deploy"


def services() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kserve.yaml").read_text()))


def settings(text: str) -> dict[str, int]:
    return {
        name: int(value) for name, value in re.findall(r"^\s*(\w+) \{ value: (\d+) \}$", text, re.MULTILINE)
    }


def test_the_servers_are_started_with_options_that_exist_and_finish_in_time() -> None:
    vst, (pod,) = services()["vst"], objects()[0]["spec"]["predictor"]["containers"]
    for arguments in (vst["command"], pod["args"]):
        options = build_parser(["serve"]).parse_args(["serve", *arguments])
        assert (options.host, options.port, options.grpc_port) == ("0.0.0.0", 8080, 8081)
    assert vst["stop_grace_period"] == "40s"
    assert objects()[0]["spec"]["predictor"]["terminationGracePeriodSeconds"] > 5 + 30


def test_every_file_that_is_mounted_or_built_from_is_there() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (DEPLOY / volume.partition(":")[0]).is_file(), volume
    built = services()["vst"]["build"]
    assert (DEPLOY / built["context"]).resolve() == ROOT
    assert (ROOT / built["dockerfile"]).is_file()
    assert ".[serve]" in (ROOT / built["dockerfile"]).read_text()


def test_ports_are_open_to_this_machine_alone() -> None:
    for service in services().values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_compose_and_kserve_batch_and_watch_alike() -> None:
    config = objects()[1]["data"]
    assert settings(config["batching.txt"]) == settings((DEPLOY / "batching.txt").read_text()) != {}
    assert config["monitoring.txt"] == (DEPLOY / "monitoring.txt").read_text()
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert {job["job_name"]: job["metrics_path"] for job in jobs}.items() >= {("vst", "/metrics")}
    (watched,) = (job["metrics_path"] for job in jobs if job["job_name"] == "tensorflow")
    assert f'"{watched}"' in config["monitoring.txt"]


def test_kubernetes_asks_where_no_token_is_needed() -> None:
    pytest.importorskip("prometheus_client", reason="comes with the extra `serve`")
    from edge.serve.rest import OPEN

    (pod,) = objects()[0]["spec"]["predictor"]["containers"]
    probes = [pod[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert set(probes) == set(OPEN)
