"""A server of the page, and the controls behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from edge.controls import Controls

if TYPE_CHECKING:
    from edge.web.server import WebServer


@pytest.fixture
def controls() -> Controls:
    return Controls(["wave", "scream"], [1.0, 0.0])


@pytest.fixture
def server(controls: Controls) -> Iterator[WebServer]:
    from edge.web.server import WebServer

    running = WebServer("127.0.0.1", 0, controls)
    yield running
    running.stop()
