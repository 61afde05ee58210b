"""The page of `vst web` as files: what of a style goes along, its hashes, the folder, and who is answered."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge import phone
from edge.cli import main
from keras_vst import zoo
from keras_vst.errors import UserError


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return phone.page(zoo.styles(quality="live")[:2])


def test_a_first_visit_and_each_further_style_are_small(files) -> None:
    shell = sum(len(content) for path, content in files.items() if "/" not in path)
    runtime = max(
        sum(len(content) for path, content in files.items() if f"wasm_{kind}" in path)
        for kind in ("threaded", "compat")
    )
    first = json.loads(files["styles.json"])["styles"][0]["networks"]["base"]
    style = len(files[first["bytes"]]) + len(files[first["weights"]])
    assert shell + runtime + len(files["vendor/litert.js"]) + style < 4.5e6
    assert all(len(files[path]) < 0.4e6 for path in files if path.startswith("styles/"))


def test_layout_and_weights_together_are_the_style_in_half_precision(files) -> None:
    catalogue = json.loads(files["styles.json"])
    networks = [
        (zoo.of_size(zoo.find_style(told["name"]), size), entry)
        for told in catalogue["styles"]
        for size, entry in told["networks"].items()
    ]
    for style, entry in networks:
        layout = catalogue["layouts"][entry["layout"]]
        content = bytearray(gzip.decompress(files[layout["file"]]))
        halves = np.frombuffer(files[entry["weights"]], "<f2")
        place = 0
        for offset, length in layout["tensors"]:
            content[offset : offset + length] = halves[place : place + length // 4].astype("<f4").tobytes()
            place += length // 4
        assert place == len(halves)
        exact = style.path.read_bytes()
        assert len(content) == len(exact)
        for tensor in style.weights:
            ends = tensor["offset"], tensor["offset"] + tensor["length"]
            mine, own = (np.frombuffer(each[slice(*ends)], "<f4") for each in (bytes(content), exact))
            np.testing.assert_allclose(mine, own, rtol=1e-3, atol=1e-6)
            content[slice(*ends)] = exact[slice(*ends)]
        assert bytes(content) == exact


def test_networks_of_one_architecture_share_their_layout(files) -> None:
    catalogue = json.loads(files["styles.json"])
    sizes = {size for style in catalogue["styles"] for size in style["networks"]}
    assert len(catalogue["layouts"]) == len(sizes) == 2


def test_every_file_is_listed_with_its_hash(files) -> None:
    listed = json.loads(files["files.js"].decode().partition("self.FILES = ")[2].partition(";\n")[0])
    assert set(files) - set(listed) == {"files.js", "_headers"}
    for path, integrity in listed.items():
        assert integrity == f"sha256-{base64.b64encode(hashlib.sha256(files[path]).digest()).decode()}"
    html = files["index.html"].decode()
    assert all(f'"{path}" integrity="{listed[path]}"' in html for path in ("main.js", "page.css"))


def test_the_page_may_load_and_call_nothing_from_elsewhere(files) -> None:
    policy = phone.HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert not any(word in policy for word in ("http", "*", "unsafe-inline", "'unsafe-eval'"))
    assert phone.RULES in files["index.html"].decode()
    own = [
        content
        for path, content in files.items()
        if path.endswith((".js", ".html", ".css")) and "/" not in path
    ]
    assert not any(b"//" + host in content for content in own for host in (b"cdn", b"www", b"fonts"))


def test_the_folder_is_written_whole_and_again_but_over_nothing_else(files, tmp_path: Path, capsys) -> None:
    phone.write(files, tmp_path / "built")
    phone.write(files, tmp_path / "built")
    written = {
        str(path.relative_to(tmp_path / "built"))
        for path in (tmp_path / "built").rglob("*")
        if path.is_file()
    }
    assert written == set(files)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("...")
    with pytest.raises(UserError, match="holds something else"):
        phone.write(files, tmp_path / "letters")
    assert main(["web", "--build", str(tmp_path / "letters")]) == 2
    assert "holds something else" in capsys.readouterr().err


@pytest.mark.slow
def test_a_wheel_holds_all_that_the_page_is_made_of(tmp_path: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("needs uv beside Python, as `make test` puts it there")
    subprocess.run(
        [uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, phone.ROOT.parents[2]], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert not any("node_modules" in name for name in packed.namelist())
        packed.extractall(tmp_path / "unpacked")
    told = subprocess.run(
        [sys.executable, "-m", "edge", "web", "--build", tmp_path / "page"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    expected = phone.page(zoo.styles(quality="live"))
    assert told.startswith(f"{len(expected)} files")
    for path, content in expected.items():
        assert (tmp_path / "page" / path).read_bytes() == content


def test_without_a_style_there_is_no_page() -> None:
    with pytest.raises(UserError, match="no style"):
        phone.page([])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_answers_this_machine_with_the_headers_that_threads_need(files) -> None:
    pytest.importorskip("aiohttp", reason="the page needs aiohttp, of the extra `live`")
    import asyncio

    from aiohttp.test_utils import TestClient, TestServer

    async def tell() -> None:
        async with TestClient(TestServer(phone.application(files))) as client:
            answer = await client.get("/")
            assert await answer.read() == files["index.html"]
            assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert (await client.get("/main.js")).content_type == "text/javascript"
            assert (await client.get("/../phone.py")).status == 404
            assert (await client.get("/", headers={"Host": "evil.example"})).status == 421

    asyncio.run(tell())
