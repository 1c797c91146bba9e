"""The server of one process: it says that it is going before it goes, and goes within a bounded time."""

import asyncio
import signal
import socket
import time
from types import FrameType
from typing import Any

import uvicorn

from incidents_api.app import create_app
from incidents_api.cli.protocol import bounded
from incidents_api.settings import Settings


class Server(uvicorn.Server):
    """A first signal: not ready, `delay` seconds later no new connection, then the end; a second one: the end now."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, delay: float) -> None:
        super().__init__(config)
        self.stopping, self.delay = stopping, delay
        self._asked: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does: here it is only noted, the loop acts on it."""
        if self._asked is not None:
            # Whatever was committed is on disk, whatever was not was not acknowledged.
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._asked = time.monotonic()
        self._captured_signals.append(sig)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: go when it was asked for."""
        if self._asked is not None:
            self.stopping.set()
            self.should_exit = self.should_exit or time.monotonic() >= self._asked + self.delay
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what has begun, then the application; who still does not read what was sent is cut off."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # closing the loop would wait for it, without an end
        await asyncio.sleep(0)


def server(settings: Settings, app: Any = None) -> Server:
    """The server as the settings want it."""
    served = app or create_app(settings)
    config = uvicorn.Config(
        served,
        host=settings.host,
        port=settings.port,
        http=bounded(settings.client_seconds, settings.max_connections),
        ws="none",
        # Settings say which proxies are believed (INCIDENTS_TRUSTED_HOPS); uvicorn would believe any on this machine.
        proxy_headers=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    return Server(config, served.state.stopping, settings.shutdown_delay)
