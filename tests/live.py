"""A real server on a real socket, in a thread of the test's own process: for what lasts longer than one answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from incidents_api.app import create_app
from incidents_api.settings import Settings


@contextmanager
def running(url: str, **settings: Any) -> Iterator[tuple[httpx.Client, FastAPI]]:
    """The service over a store, until the block ends; the client knows its address."""
    app = create_app(Settings(_env_file=None, database_url=url, **settings))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    app.state.watch.closing = lambda: server.should_exit
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            yield client, app
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()
