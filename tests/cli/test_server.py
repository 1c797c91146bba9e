"""The real server on a real socket: slow and broken clients, too many of them, and how it ends."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa

from incidents_api import access
from incidents_api.cli.protocol import MAX_HEAD_BYTES
from incidents_api.cli.server import Server, server
from incidents_api.routes.exports import Download
from incidents_api.settings import Settings
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing.verify import verify
from tests import make


class Running:
    """A server in a thread, and ways to talk to it."""

    def __init__(self, url: str, settings: dict[str, Any]) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.server: Server = server(Settings(_env_file=None, database_url=url, port=self.port, **settings))
        self.app: Any = self.server.config.app
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.thread.start()
        self.until(lambda: self.server.started)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=30)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what will be so; the test fails when it is not after a long time."""
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def open(self, sent: bytes = b"") -> socket.socket:
        """A connection that has sent some bytes."""
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        opened.sendall(sent)
        return opened

    def key(self) -> dict[str, str]:
        """A key that may write."""
        return {"Authorization": f"Bearer {self.app.state.database.write_now(access.create_key, 'tester', ['write'])}"}

    def metric(self, name: str) -> float:
        """One figure of the metrics."""
        [line] = re.findall(rf"^incidents_{name} (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        return float(line)

    def stop(self) -> None:
        """As a signal does, once."""
        if self.server._asked is None:
            self.server.handle_exit(signal.SIGTERM, None)

    def close(self) -> None:
        """End it and wait for its end."""
        self.client.close()
        self.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()


@contextmanager
def running(url: str, **settings: Any) -> Iterator[Running]:
    served = Running(url, settings)
    try:
        yield served
    finally:
        served.close()


def answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of what comes until the server closes; status 0 when nothing came."""
    with connection:
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return 0, {}, None
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, orjson.loads(body)


def is_problem(told: tuple[int, dict[str, str], Any], status: int, code: str) -> bool:
    assert told[1]["content-type"] == "application/problem+json"
    assert told[1]["connection"] == "close"
    assert told[1]["x-request-id"]
    return (told[0], told[2]["status"], told[2]["code"]) == (status, status, code)


# --- Bounds of a connection ----------------------------------------------------------------------------------------

BEGUN = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POSTING = b"POST /v1/actors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n"


def test_headers_have_a_bound(new_store: Callable[..., str]) -> None:
    with running(new_store("sqlite")) as served:
        assert served.client.get("/livez", headers={"X-Large": "a" * (MAX_HEAD_BYTES - 1000)}).status_code == 200
        opening = BEGUN + b"X-Large: "
        connection = served.open(opening + b"a" * (MAX_HEAD_BYTES + 1 - len(opening)))
        assert is_problem(answer(connection), 431, "headers_too_large")
        for endless in (b"X-Large: " + b"a" * 2_000_000, b"X-Small: a\r\n" * 100_000):
            # Closed while it still sends, so that the answer may not reach it.
            with served.open(BEGUN) as connection, suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(endless)
                assert connection.recv(65536) == b"" or connection.recv(65536) == b""
        served.until(lambda: len(served.server.server_state.connections) == 1)
        assert served.client.get("/livez").status_code == 200


def test_what_is_no_http_is_answered(new_store: Callable[..., str]) -> None:
    with running(new_store("sqlite")) as served:
        assert is_problem(answer(served.open(b"HELLO\r\n\r\n")), 400, "bad_request")


def test_a_client_that_sends_too_slowly_is_cut_off(new_store: Callable[..., str]) -> None:
    with running(new_store("sqlite"), client_seconds=0.3) as served:
        assert is_problem(answer(served.open(BEGUN)), 408, "too_slow")
        key = f"Authorization: {served.key()['Authorization']}\r\n\r\n".encode()
        assert is_problem(answer(served.open(POSTING + key + b"{")), 408, "too_slow")
        assert answer(served.open())[0] == 0  # nothing was asked
        served.until(lambda: not [one for one in served.server.server_state.connections if one._waits])
        assert served.client.get("/livez").status_code == 200


def test_a_client_that_goes_away_in_the_middle_is_no_fault_of_ours(
    new_store: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with running(new_store("sqlite")) as served:
        key = f"Authorization: {served.key()['Authorization']}\r\n\r\n".encode()
        served.open(POSTING + key + b"{").close()
        gone = 'incidents_requests_total{method="POST",route="/v1/actors",status="499"} 1'
        served.until(lambda: gone in served.client.get("/metrics").text)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_client_that_does_not_read_is_cut_off(new_store: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def pages(*_: Any, **__: Any) -> Any:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)  # where a page is read

    monkeypatch.setattr(Download, "pages", pages)
    url = new_store("sqlite", seeded=True)
    exports = b"GET /v1/incidents.ndjson HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(url, client_seconds=0.3) as served, served.open(exports):
        served.until(lambda: served.metric("exports_running") == 1)
        served.until(lambda: served.metric("exports_running") == 0)


def test_connections_have_a_bound(new_store: Callable[..., str]) -> None:
    with running(new_store("sqlite"), max_connections=3) as served, ExitStack() as held:
        for _ in range(3):
            held.enter_context(served.open())
        served.until(lambda: len(served.server.server_state.connections) == 3)
        told = answer(served.open(BEGUN + b"\r\n"))
        assert is_problem(told, 503, "unavailable")
        assert told[1]["retry-after"] == "1"
        for _ in range(4):  # far beyond the bound nobody is heard
            held.enter_context(served.open())
        held.close()
        served.until(lambda: len(served.server.server_state.connections) == 0)
        assert served.client.get("/livez").status_code == 200


def test_slow_clients_hold_neither_the_store_nor_the_others(seeded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 send their headers slowly, 50 their bodies, 50 do not read: the others are served, no connection is held."""
    real = Download.pages

    async def long(job: Download, query: Any, *, text: bool) -> Any:
        async for page in real(job, query, text=text):
            while True:
                yield bytes(page) * 100  # soon more than the buffers between server and client hold
                await asyncio.sleep(0)

    monkeypatch.setattr(Download, "pages", long)
    with running(seeded_url, max_exports=200, client_seconds=300) as served, ExitStack() as held:
        key = f"Authorization: {served.key()['Authorization']}\r\n\r\n".encode()
        exports = b"GET /v1/incidents.ndjson HTTP/1.1\r\nHost: x\r\n\r\n"
        for sent, count in ((BEGUN, 200), (POSTING + key + b"{", 50)):
            for _ in range(count):
                held.enter_context(served.open(sent))
        for n in range(5, 51, 5):  # not all at once: whoever waits too long for the first page is told to come back
            for _ in range(5):
                held.enter_context(served.open(exports))
            served.until(lambda n=n: served.metric("exports_running") == n and served.metric("readers_busy") == 0)
        # All of them wait for their clients, so nothing is read from the store.
        served.until(lambda: served.metric("readers_busy") == 0 and served.metric("reads_waiting") == 0)
        times = []
        for _ in range(20):
            for path in ("/livez", "/readyz", "/v1/incidents?q=rescue&count=exact", "/v1/totals"):
                begun = time.monotonic()
                assert served.client.get(path).status_code == 200
                times.append(time.monotonic() - begun)
        sys.stdout.write(f"300 slow clients: {len(times)} answers, the slowest after {max(times) * 1000:.0f} ms\n")
        assert served.client.post("/v1/actors", headers=served.key(), json=make.actor()).status_code == 201
        served.until(lambda: served.metric("readers_busy") == 0)
        assert served.metric("exports_running") == 50


# --- The end -------------------------------------------------------------------------------------------------------


def names(url: str) -> list[str]:
    database = Database(url)
    with database.connect() as conn:
        actor = tables.KIND_TABLES["actor"]
        found = list(conn.execute(sa.select(actor.c.name)).scalars())
        assert verify(conn).faults == []
    database.close_writer()
    return found


@pytest.mark.parametrize("_round", range(10))
def test_no_acknowledged_write_is_lost_when_the_service_is_stopped_under_load(store_url: str, _round: int) -> None:
    acknowledged: list[str] = []
    refused: list[int] = []
    with running(store_url) as served:
        key = served.key()

        def post(client: int) -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", trust_env=False, timeout=30) as http:
                for n in range(10_000):
                    name = f"Actor {client}.{n}"
                    try:
                        told = http.post("/v1/actors", headers=key, json=make.actor(name=name))
                    except httpx.TransportError:
                        return  # no answer: it may be there or not
                    if told.status_code != 201:
                        refused.append(told.status_code)
                        return
                    acknowledged.append(name)

        with ThreadPoolExecutor(6) as pool:
            posting = [pool.submit(post, client) for client in range(6)]
            served.until(lambda: len(acknowledged) > 5 + 3 * _round)
            begun = time.monotonic()
            served.stop()
            served.thread.join(30)
            assert not served.thread.is_alive()
            sys.stdout.write(f"stopped under load after {time.monotonic() - begun:.2f} s\n")
        for one in posting:
            one.result()
    stored = names(store_url)
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    assert set(refused) <= {503}


def test_it_is_not_ready_before_it_goes_and_what_has_begun_ends(store_url: str) -> None:
    with running(store_url, shutdown_delay=0.5) as served:
        key = f"Authorization: {served.key()['Authorization']}\r\n".encode()
        body = orjson.dumps(make.actor(name="Begun before"))
        head = b"POST /v1/actors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + key
        begun = served.open(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:9])
        # The server has read its headers when it has answered somebody who came later.
        assert served.client.get("/readyz").status_code == 200
        served.stop()
        served.until(served.app.state.stopping.is_set)
        with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as late:
            told = late.get("/readyz")
            assert (told.status_code, told.json()["code"]) == (503, "unavailable")
            assert late.get("/v1/incidents").status_code == 200
        served.until(lambda: not served.server.servers[0].is_serving())
        begun.sendall(body[9:])
        assert answer(begun)[0] == 201
        served.thread.join(30)
    assert "Begun before" in names(store_url)


def test_an_export_that_does_not_end_is_cut_after_a_while(
    new_store: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pages(*_: Any, **__: Any) -> Any:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)  # where a page is read

    monkeypatch.setattr(Download, "pages", pages)
    with running(new_store("sqlite", seeded=True), shutdown_seconds=1) as served:
        reading = served.open(b"GET /v1/incidents.ndjson HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reading.recv(100).startswith(b"HTTP/1.1 200")
        served.stop()
        served.thread.join(30)
        assert not served.thread.is_alive()
        assert served.app.state.shares.exports.total() == 0
        received = b""
        try:
            while chunk := reading.recv(65536):
                received = chunk
        except OSError:
            pass
        reading.close()
        assert not received.endswith(b"0\r\n\r\n")  # what was cut does not look whole


def test_followers_of_the_feed_are_let_go_at_once(seeded_url: str) -> None:
    with running(seeded_url, shutdown_seconds=600) as served:
        following = served.open(b"GET /v1/changes HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        received = following.recv(65536)
        assert received.startswith(b"HTTP/1.1 200")
        served.until(lambda: served.metric("streams_open") == 1)
        served.stop()
        with following:
            while chunk := following.recv(65536):
                received += chunk
        assert received.endswith(b"0\r\n\r\n")  # whole: it may come back and go on
        served.thread.join(30)
        assert not served.thread.is_alive()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_first_signal_lets_requests_end_and_a_second_does_not(
    new_store: Callable[..., str], tmp_path: Any, sent: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = new_store("sqlite")
    database = Database(url)
    key = database.write_now(access.create_key, "tester", ["write"])
    database.close_writer()
    environment = {
        "PYTHONPATH": ":".join(sys.path), "INCIDENTS_DATABASE_URL": url, "INCIDENTS_PORT": str(port),
        "INCIDENTS_SHUTDOWN_SECONDS": "600", "INCIDENTS_LOG_FORMAT": "json",
    }  # fmt: skip
    command = [sys.executable, "-c", "from incidents_api.cli import main; main()", "serve"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        begun = socket.create_connection(("127.0.0.1", port), timeout=30)
        begun.sendall(POSTING + f"Authorization: Bearer {key}\r\n\r\n{{".encode())
        # Whoever comes later is answered when the server has taken that.
        assert httpx.get(f"http://127.0.0.1:{port}/v1", trust_env=False).status_code == 200
        process.send_signal(sent)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(sent)
        assert process.wait(30) == -sent
        begun.close()
    finally:
        process.kill()
        process.communicate()
