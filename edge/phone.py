"""`vst web`: the page that paints on the visitor's own device, served to this machine or written as a folder.

The page comes as files by path.  Of each network of a style it gets the int8 file, which paints, and the weights in
half precision, which are what is mixed: without the int8 file, on a GPU, and in a mix the page puts them where the
layout (the fp32 file with its weights left out, one for all networks of an architecture) says they stand.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import mimetypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge.options import add_command, positive
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import atomic
from keras_vst.networks.opening import read_network
from keras_vst.zoo import OWN_SIZE, Style

ROOT = Path(__file__).parent / "web" / "phone"
PORT = 8090  # not that of `vst live --sink web`
SIZES = ("base", "small")  # of a style's networks; the page chooses by how fast the device is
SHELL = (".html", ".css", ".js", ".svg", ".png", ".webmanifest")
RULES = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": f"{RULES}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",  # with the next one: what threads in a page need
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    parser = add_command(
        commands, parent, "web", "a page that paints the camera in the browser, on the visitor's own device"
    )
    parser.add_argument(
        "--build", type=Path, metavar="DIR", help="write the page as a folder for any https host, and end"
    )
    parser.add_argument(
        "--port", type=positive, default=PORT, metavar="N", help=f"where it is served (default: {PORT})"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve the page to this machine until Ctrl-C, or write it."""
    files = page(zoo.styles(quality="live"))
    if options.build is None:
        serve(files, options.port)
    else:
        write(files, options.build)
        print(f"{len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB: {options.build}")
    return 0


def page(styles: Iterable[Style]) -> dict[str, bytes]:
    """The whole page, path to content."""
    files = {item.name: item.read_bytes() for item in ROOT.iterdir() if item.suffix in SHELL}
    files |= {f"vendor/{item.name}": item.read_bytes() for item in (ROOT / "vendor").iterdir()}
    files |= _painters(styles)
    hashes = {path: _integrity(content) for path, content in sorted(files.items()) if path != "index.html"}
    html = files["index.html"].decode().replace("RULES", RULES)
    for path in ("page.css", "main.js"):
        html = html.replace(f'"{path}"', f'"{path}" integrity="{hashes[path]}"')
    files["index.html"] = html.encode()
    hashes["index.html"] = _integrity(files["index.html"])
    files["files.js"] = (
        f"self.FILES = {json.dumps(hashes)};\nself.HEADERS = {json.dumps(HEADERS)};\n".encode()
    )
    files["_headers"] = ("/*\n" + "".join(f"  {name}: {value}\n" for name, value in HEADERS.items())).encode()
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """The page as a folder: complete or not there; an earlier page is replaced, another folder is not."""
    if folder.exists() and not (folder / "files.js").is_file() and any(folder.iterdir()):
        raise UserError(f"{folder} holds something else than a page; name a new folder.")
    with atomic(folder, folder=True) as part:
        for path, content in files.items():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(content)


def serve(files: Mapping[str, bytes], port: int) -> None:
    """Answer this machine's browsers until Ctrl-C."""
    try:
        from aiohttp import web
    except ImportError:
        raise UserError("`vst web` needs aiohttp; install it with `pip install 'keras-vst[live]'`.") from None
    told = f"http://localhost:{port}/ paints in the browser of this machine; Ctrl-C ends it."
    try:
        web.run_app(
            application(files), host="127.0.0.1", port=port, print=lambda *_: print(told), access_log=None
        )
    except (OSError, OverflowError) as error:
        raise UserError(
            f"nothing can be served at port {port} ({_reason(error)}); name another with --port."
        ) from error


def application(files: Mapping[str, bytes]) -> Any:
    """What answers with the files, and to none but this machine's names."""
    from aiohttp import web

    from edge.web.guard import Guard

    async def answer(request: web.Request) -> web.Response:
        path = request.match_info["path"] or "index.html"
        if path not in files:
            raise web.HTTPNotFound
        return web.Response(body=files[path], content_type=_kind(path), headers=HEADERS)

    served = web.Application(middlewares=[Guard("127.0.0.1").check])
    served.router.add_get("/{path:.*}", answer)
    return served


def _painters(styles: Iterable[Style]) -> dict[str, bytes]:
    """What paints: styles.json and the files it names."""
    files: dict[str, bytes] = {}
    layouts: dict[str, Any] = {}
    told: list[dict[str, Any]] = []
    for style in sorted(styles, key=lambda style: "look" in style.card):  # paintings first
        entry = {key: style.about()[key] for key in ("name", "title", "artist", "year")}
        there = [size for size in SIZES if size in zoo.sizes(style)]
        entry["networks"] = {size: _network(zoo.of_size(style, size), size, files, layouts) for size in there}
        told.append(entry)
    if not told:
        raise UserError("there is no style to paint in; see `vst styles`.")
    files["styles.json"] = json.dumps({"layouts": layouts, "styles": told}, ensure_ascii=False).encode()
    return files


def _network(style: Style, size: str, files: dict[str, bytes], layouts: dict[str, Any]) -> dict[str, Any]:
    """What styles.json tells of one network; its files join the page's."""
    place = f"styles/{style.name}" if size == OWN_SIZE else f"styles/{size}/{style.name}"
    ranges = [(tensor["offset"], tensor["length"]) for tensor in style.weights]
    halves, empty = _apart(read_network(style.path, style.sha256), ranges)
    layout = hashlib.sha256(empty + repr(ranges).encode()).hexdigest()[:8]
    layouts[layout] = {"file": f"styles/{layout}.tflite.gz", "tensors": ranges}
    files[layouts[layout]["file"]] = gzip.compress(empty, mtime=0)
    told = {"margin": style.margin, "layout": layout, "weights": f"{place}.f16", "bytes": None}
    files[told["weights"]] = halves
    if listed := style.card.get("files", {}).get("int8"):
        told["bytes"] = f"{place}.tflite"
        files[told["bytes"]] = read_network(style.path.parent / listed["file"], listed["sha256"])
    return told


def _apart(exact: bytes, ranges: Iterable[tuple[int, int]]) -> tuple[bytes, bytes]:
    """The weights one after another in half precision, and the file with zeros in their place."""
    empty, halves = bytearray(exact), []
    for start, length in ranges:
        halves.append(np.frombuffer(exact, "<f4", length // 4, start).astype("<f2").tobytes())
        empty[start : start + length] = bytes(length)
    return b"".join(halves), bytes(empty)


def _reason(error: OSError | OverflowError) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "ports end at 65535"


def _integrity(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


def _kind(path: str) -> str:
    known = {
        ".js": "text/javascript",
        ".webmanifest": "application/manifest+json",
        ".gz": "application/octet-stream",
    }
    return known.get(Path(path).suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
