"""A real Chromium or Firefox, driven over its debugging port with nothing but aiohttp."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--mute-audio",
    "--remote-debugging-port=0",
)


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


IN_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"),
]


class Browser:
    """One page of a headless Chromium; use it in an `async with`."""

    def __init__(self, path: str, width: int = 1280, height: int = 800, flags: Sequence[str] = FLAGS) -> None:
        self._path, self._size, self._flags = path, (width, height), flags
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._count = 0
        self.complaints: list[str] = []  # what the page wrote on the console, and exceptions

    async def __aenter__(self) -> Browser:
        window = f"--window-size={self._size[0]},{self._size[1]}"
        self._process = subprocess.Popen(
            [self._path, *self._flags, window, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = (await self._written("DevToolsActivePort")).split()[0]
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [target for target in await answer.json() if target["type"] == "page"]
        self._socket = await self._session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        return self

    async def _written(self, name: str) -> str:
        """What the browser writes into its profile once it listens."""
        file = Path(self._profile.name) / name
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text().strip():
            assert time.monotonic() < end, f"{self._path} did not start"
            await asyncio.sleep(0.1)
        return file.read_text()

    @property
    def pid(self) -> int:
        """Of the process that all others of Chromium come from."""
        return self._process.pid

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()
        self._process.terminate()
        self._process.wait(10)
        self._profile.cleanup()

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the debugging protocol and its answer."""
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(str(message["params"]))
            if message.get("id") == self._count:
                assert "error" not in message, message["error"]
                return message["result"]

    async def open(self, address: str) -> None:
        await self.call("Page.navigate", url=address)
        await self.until(f"location.href.startsWith({address!r}) && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """What a JavaScript expression comes to."""
        result = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 15) -> None:
        """Wait for an expression to become true."""
        end = time.monotonic() + seconds
        while not await self.run(script):
            assert time.monotonic() < end, f"never true: {script}; {self.complaints}"
            await asyncio.sleep(0.1)

    async def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def resize(self, width: int, height: int, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    async def screenshot(self, path: Path) -> Path:
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path


class Firefox(Browser):
    """The same by WebDriver BiDi: opened, asked and waited for; its camera is a coloured square.

    It has WebGL only with a display, so it gets one of its own.
    """

    async def __aenter__(self) -> Firefox:
        settings = dict.fromkeys(
            ("media.navigator.streams.fake", "media.navigator.permission.disabled", "webgl.force-enabled"),
            True,
        )
        lines = "".join(
            f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in settings.items()
        )
        (Path(self._profile.name) / "user.js").write_text(lines)
        self._process = subprocess.Popen(
            ["xvfb-run", "-a", self._path, "--remote-debugging-port=0", "--profile", self._profile.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = json.loads(await self._written("WebDriverBiDiServer.json"))["ws_port"]
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=0)
        await self.call("session.new", capabilities={})
        (page,) = (await self.call("browsingContext.getTree"))["contexts"]
        self._context = page["context"]
        return self

    async def open(self, address: str) -> None:
        await self.call("browsingContext.navigate", context=self._context, url=address, wait="complete")

    async def run(self, script: str) -> Any:
        """What a JavaScript expression comes to; no lists and objects."""
        target = {"context": self._context}
        result = await self.call(
            "script.evaluate", expression=script, target=target, awaitPromise=True, userActivation=True
        )
        assert result["type"] == "success", result
        return result["result"].get("value")
