"""All of one server: workers, HTTP, gRPC and viewers, opened and closed in the right order; in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
from aiohttp import web

from edge.serve.counters import Counters
from edge.serve.inference import Inference, MadeBy
from edge.serve.limits import Limits, Refusal
from edge.serve.paint_settings import read_settings
from edge.serve.rest import OPEN, Rest
from edge.serve.sessions import Sessions
from edge.serve.workers import Job, Open, Workers
from edge.web.guard import Guard
from keras_vst.errors import UserError
from keras_vst.zoo import Style

TRIAL = (360, 640)  # (height, width) of the picture that every style paints before the first client
GOODBYE = 3.0  # seconds for the last answers to be taken


class Serving:
    """Begins to paint at its construction, and to answer with `open`."""

    def __init__(
        self,
        styles: Mapping[str, Style],
        open_parts: Open,
        platform: str,
        workers: int,
        limits: Limits,
        made_by: MadeBy = lambda parts: None,
    ) -> None:
        """`open_parts` opens the network of a mix of the styles; `made_by` is what its pictures say of themselves."""
        self.counters = Counters()
        self._workers = Workers(dict(styles), open_parts, workers, limits, self.counters)
        self.inference = Inference(styles, self._workers, limits, platform, made_by)
        self._sessions = Sessions(self.inference)
        self._runner: web.AppRunner
        self._rpc: Any = None
        self.port = self.grpc_port = 0
        self.counters.watch("vst_waiting_pictures", "Pictures in the queue.", lambda: self._workers.waiting)
        self.counters.watch("vst_ready", "1 while requests are taken.", lambda: self.inference.ready)

    async def open(self, host: str, port: int, grpc_port: int | None, token: str = "") -> Guard:
        """Listen and try every style; without a `token` one is made up where others than this machine can come."""
        guard = Guard(host, token, OPEN)
        async with AsyncExitStack() as undo:
            undo.callback(self._workers.close, GOODBYE)
            await self._listen(host, port, grpc_port, guard, undo)
            await self._try_out()
            undo.pop_all()
        self.inference.ready = True
        return guard

    async def _listen(
        self, host: str, port: int, grpc_port: int | None, guard: Guard, undo: AsyncExitStack
    ) -> None:
        application = Rest(self.inference, self._sessions, guard).application
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,  # nobody paints for who has left
            keepalive_timeout=self.inference.limits.idle,
            shutdown_timeout=GOODBYE,
        )
        await self._runner.setup()
        undo.push_async_callback(self._runner.cleanup)
        try:
            self._site = web.TCPSite(self._runner, host, port)
            await self._site.start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "ports end at 65535"
            raise UserError(
                f"nothing can be served at {host}:{port} ({reason}); name another --port."
            ) from error
        self.port = self._runner.addresses[0][1]
        if grpc_port is not None:
            from edge.serve.rpc import open_rpc

            address = f"[{host}]:{grpc_port}" if ":" in host else f"{host}:{grpc_port}"
            self._rpc, self.grpc_port = await open_rpc(self.inference, guard, address)

    async def close(self) -> bool:
        """Take nothing new, finish what was accepted, say goodbye; whether all of it was finished."""
        self.inference.ready = False
        limits = self.inference.limits
        await self._site.stop()
        last_calls = asyncio.create_task(self._rpc.stop(limits.ending)) if self._rpc is not None else None
        await self._sessions.close()
        finished = await asyncio.to_thread(self._workers.close, limits.ending)
        if last_calls is not None:
            await last_calls
        await self._runner.cleanup()
        return finished

    async def _try_out(self) -> None:
        """A broken file is told now, and the first client does not wait for what has to be opened."""
        for name in self.inference.styles:
            grey = np.full((*TRIAL, 3), 128, np.uint8)
            trial = Job(read_settings(self.inference.styles, name, {}, self.inference.limits), TRIAL, grey)
            self._workers.submit([trial])
            try:
                await asyncio.wrap_future(trial.painted)  # as long as it takes, nobody waits yet
            except Refusal as refusal:
                raise UserError(f"{name} does not paint: {refusal.reason}") from refusal
