"""What every request passes: its id, its line in the log, and an answer even where we are at fault."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.reading import records
from incidents_api.routes.exports import Download
from tests import make
from tests.conftest import key_for


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """What the log told of each request."""
    told: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.told)  # type: ignore[attr-defined]

    keep = Keep()
    logger = logging.getLogger("incidents_api.requests")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(keep)
    yield told
    logger.removeHandler(keep)


def boom(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("the secret of the inside")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1.2:3_Z", True), ("a" * 100, True), (None, False), ("", False), ("a" * 101, False), ("a b", False),
        ("a\tb", False), ('a"b', False), ("é", False), ("a=b", False),
    ],
)  # fmt: skip
def test_every_answer_has_a_request_id(seeded: TestClient, given: str | None, kept: bool) -> None:
    sent = {} if given is None else {"X-Request-Id": given.encode()}
    for path, status in (("/v1/incidents", 200), ("/nowhere", 404), ("/v1/incidents?nope=1", 400), ("/a%0A", 404)):
        answer = seeded.get(path, headers=sent)
        assert answer.status_code == status
        told = answer.headers["X-Request-Id"]
        assert told == given if kept else re.fullmatch("[0-9a-f]{16}", told)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert seeded.delete("/v1", headers=sent).headers["X-Request-Id"]
    assert seeded.head("/v1/incidents", headers=sent).headers["X-Request-Id"]


def test_ids_differ(client: TestClient) -> None:
    assert len({client.get("/livez").headers["X-Request-Id"] for _ in range(30)}) == 30


def test_our_fault_says_nothing_of_the_inside_and_can_be_found_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lines: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(records, "head", boom)
    answer = client.get("/readyz", headers={"X-Request-Id": "find-me", "Origin": "http://page.example"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"] == "find-me"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.told == {"request_id": "find-me"}  # type: ignore[attr-defined]
    assert (lines[-1]["status"], lines[-1]["request_id"]) == (500, "find-me")


def test_a_fault_outside_the_routes_is_answered_too(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("incidents_api.app._methods", boom)
    answer = client.post("/v1")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert answer.headers["X-Request-Id"]


def test_the_log_tells_of_a_request_what_is_ours_and_nothing_of_the_client_s(
    seeded: TestClient, lines: list[dict[str, Any]]
) -> None:
    key = key_for(seeded, "write", name="Canary Name")
    listed = seeded.get("/v1/incidents?q=canaryword&limit=7", headers=key)
    seeded.get("/canarypath?q=canaryword")
    seeded.head("/v1/incidents/0193-canarypath")
    made = seeded.post("/v1/actors", headers=key, json=make.actor(name="Canary Name"))
    seeded.request("BREW", "/v1")
    assert [(one["method"], one["route"], one["status"]) for one in lines] == [
        ("GET", "/v1/incidents", 200),
        ("GET", "unmatched", 404),
        ("HEAD", "/v1/incidents/{id}", 404),
        ("POST", "/v1/actors", 201),
        ("other", "unmatched", 405),
    ]
    assert lines[0]["bytes"] == len(listed.content)
    assert lines[2]["bytes"] == 0
    assert all(one["ms"] >= 0 and "cut" not in one for one in lines)
    assert lines[0]["key"] == lines[3]["key"]
    assert "key" not in lines[1]
    assert lines[3]["request_id"] == made.headers["X-Request-Id"]
    told = str(lines).lower()
    assert "canary" not in told
    assert "testclient" not in told
    assert key["Authorization"].removeprefix("Bearer inc_") not in told


def test_an_answer_that_breaks_off_is_cut_and_told(
    seeded: TestClient, monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]]
) -> None:
    """Half a file must not look like a whole one: the error reaches the server, which cuts the connection."""

    async def pages(*_: Any, **__: Any) -> Any:
        yield b"x" * 100_000  # more than a piece
        boom()

    monkeypatch.setattr(Download, "pages", pages)
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"testserver")]
        scope = {"type": "http", "method": "GET", "path": "/v1/incidents.ndjson", "raw_path": b"", "root_path": "",
                 "scheme": "http", "query_string": b"", "headers": headers, "client": None, "server": ("x", 80),
                 "http_version": "1.1", "asgi": {"spec_version": "2.4"}}  # fmt: skip
        await seeded.app(scope, receive, send)

    with pytest.raises(ZeroDivisionError):
        seeded.portal.call(ask)
    assert sent[0]["status"] == 200
    assert all(message.get("more_body") for message in sent[1:])
    assert (lines[-1]["status"], lines[-1]["cut"]) == (200, True)


def test_what_is_no_request_passes_by(client: TestClient) -> None:
    """The lifespan of the application is no request: it has no passage."""

    async def lifespan() -> list[Any]:
        messages: list[Any] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        told: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            told.append(message["type"])

        await asyncio.wait_for(client.app({"type": "lifespan", "state": {}}, receive, send), 30)
        return told

    assert client.portal.call(lifespan) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_service_ends_though_the_end_of_a_chore_came_to_nothing(client: TestClient) -> None:
    """The chore that looks for embargoes goes on once, as `asyncio.wait_for` of Python 3.11 lets it."""
    asked = 0

    async def read(_: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return [(False,)]

    async def live() -> None:
        client.app.state.database.read = read
        async with asyncio.timeout(20), client.app.router.lifespan_context(client.app):
            await asyncio.sleep(0.01)

    client.portal.call(live)
    assert asked == 1
