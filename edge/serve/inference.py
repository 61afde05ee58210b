"""One request of the Open Inference Protocol v2, whichever way it came: tensors -> the painted ones.

rest.py and rpc.py hand over names, parameters and tensors, and get an answer or a Refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.painter import Parts
from edge.serve.counters import Counters
from edge.serve.limits import Limits, Refusal
from edge.serve.paint_settings import check_known, read_settings
from edge.serve.protocol import INPUTS, OUTPUTS, Picture, Tensor, answer, read_pictures, the_input
from edge.serve.workers import Job, Workers
from keras_vst import __version__
from keras_vst.networks.base import Size
from keras_vst.video import Provenance
from keras_vst.zoo import Style

NAME = "keras_vst"
EXTENSIONS = ["binary_tensor_data"]
MadeBy = Callable[[Parts], Provenance | None]
VERSION = "1"  # of each style: what is trained again has another name, or the server starts again


class Inference:
    """Knows the styles and the workers; lives in one event loop."""

    def __init__(
        self, styles: Mapping[str, Style], workers: Workers, limits: Limits, platform: str, made_by: MadeBy
    ) -> None:
        """`platform` is what paints, for metadata; `made_by` what a picture says of itself."""
        self.styles, self.workers, self.limits = styles, workers, limits
        self.counters: Counters = workers.counters
        self.ready = False
        self._platform, self._made_by = platform, made_by

    def about(self) -> dict[str, Any]:
        """The server."""
        return {"name": NAME, "version": __version__, "extensions": EXTENSIONS}

    def style_about(self, name: str, version: str = "") -> dict[str, Any]:
        """A style, as a model."""
        self.check_style(name, version)
        told = {"name": name, "versions": [VERSION], "platform": self._platform}
        return {**told, "inputs": INPUTS, "outputs": OUTPUTS, "parameters": self.styles[name].about()}

    def check_style(self, name: str, version: str = "") -> None:
        """Refuse what is not served."""
        check_known([name], self.styles)
        if version not in ("", VERSION):
            raise Refusal("unknown", f"{name} has no version {version[:20]!r}, only {VERSION}.")

    async def infer(
        self, style: str, version: str, parameters: Mapping[str, Any], tensors: Sequence[Tensor]
    ) -> Tensor:
        """Paint what the one tensor holds."""
        self.check_style(style, version)
        asked = the_input(tensors)
        if isinstance(asked.content, bytes):
            pictures = read_pictures(asked, self.limits)
        else:  # a list of numbers takes a while
            pictures = await asyncio.to_thread(read_pictures, asked, self.limits)
        return answer(asked, await self.paint(style, parameters, pictures))

    async def paint(
        self, style: str, parameters: Mapping[str, Any], pictures: Sequence[tuple[Size, Picture]]
    ) -> list[Picture]:
        """All of them, in their order, or a Refusal."""
        asked = read_settings(self.styles, style, parameters, self.limits)
        painted = await self.painted([Job(asked, size, content) for size, content in pictures])
        made_by = self._made_by([(self.styles[name], share) for name, share in asked.parts])
        if made_by is None:
            return painted
        return [made_by.marked(each, ".jpg") if isinstance(each, bytes) else each for each in painted]

    async def painted(self, jobs: Sequence[Job]) -> list[Picture]:
        """What the workers make of them, or a Refusal."""
        self.workers.submit(jobs)

        async def all_of_them() -> list[Picture]:
            return [await asyncio.wrap_future(job.painted) for job in jobs]

        try:
            return await asyncio.wait_for(all_of_them(), self.limits.patience)
        except asyncio.TimeoutError as error:
            raise Refusal("late", f"this was not painted within {self.limits.patience:g} seconds.") from error
        finally:
            for job in jobs:  # nobody waits for the others any more
                job.painted.cancel()
