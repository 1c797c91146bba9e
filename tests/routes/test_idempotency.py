"""Idempotency-Key: a write that is sent again is done once and answered as the first time; on both databases."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from incidents_api.app import endpoints
from incidents_api.model.incident import IncidentReport
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import once, records
from tests import make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}


def with_key(key: dict[str, str], word: str = "night-1") -> dict[str, str]:
    return key | {"Idempotency-Key": word}


def head_of(client: TestClient) -> int:
    return client.get("/v1/edition").json()["seq"]


@pytest.mark.parametrize("plural", make.REPORTS)
def test_a_report_sent_again_is_stored_once(client: TestClient, plural: str) -> None:
    key = with_key(key_for(client))
    report = make.REPORTS[plural]()
    first = client.post(f"/v1/{plural}", json=report, headers=key)
    seq = head_of(client)
    again = client.post(f"/v1/{plural}", json=report, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert {name: again.headers[name] for name in ("location", "etag")} == {
        name: first.headers[name] for name in ("location", "etag")
    }
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert head_of(client) == seq


def test_every_other_write_is_done_once(client: TestClient) -> None:
    key = key_for(client)
    made = client.post("/v1/incidents", json=make.incident(), headers=key)
    where, tag = made.headers["location"], {"If-Match": made.headers["etag"]}
    more = {"claims": [make.claim(value=58)], "source": "https://news.example/2"}
    writes: list[tuple[str, str, dict[str, Any], Any]] = [
        ("PATCH", where, MERGE | tag, {"title": "Sixteen freed"}),
        ("POST", f"{where}/claims", {}, more),
    ]
    for n, (method, path, headers, body) in enumerate(writes):
        told = with_key(key, f"write-{n}") | headers
        first = client.request(method, path, json=body, headers=told)
        again = client.request(method, path, json=body, headers=told)
        assert first.status_code in (200, 201), first.text
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
    assert client.get(where).json()["version"] == 3
    gone = with_key(key, "end") | {"If-Match": client.get(where).headers["etag"]}
    for _ in range(2):
        answer = client.delete(f"{where}?reason=duplicate", headers=gone)
        assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["idempotency-replayed"] == "true"


def test_every_write_route_takes_a_key(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for endpoint in endpoints():
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        names = [one["name"] for one in operation["parameters"]] if "parameters" in operation else []
        assert ("Idempotency-Key" in names) == (endpoint.method != "GET")
        if endpoint.writes:
            assert {"400", "409", "422"} <= operation["responses"].keys()


def test_a_key_stands_for_one_request(client: TestClient) -> None:
    key = with_key(key_for(client))
    assert client.post("/v1/actors", json=make.actor(), headers=key).status_code == 201
    seq = head_of(client)
    for path, body in (("/v1/actors", make.actor(name="Another")), ("/v1/sources", make.actor())):
        refused = client.post(path, json=body, headers=key)
        assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] in ("key_reused", "unknown_member")
    wrong = client.post("/v1/actors", json=make.actor(name="Another"), headers=key).json()["errors"]
    assert [(one["parameter"], one["code"]) for one in wrong] == [("Idempotency-Key", "key_reused")]
    assert head_of(client) == seq


def test_another_client_may_choose_the_same_word(client: TestClient) -> None:
    answers = [
        client.post("/v1/actors", json=make.actor(name=name), headers=with_key(key_for(client, name="same")))
        for name in ("One", "Two")
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert len({one.json()["id"] for one in answers}) == 2


def test_what_was_refused_may_be_mended_and_sent_again(client: TestClient) -> None:
    key = with_key(key_for(client))
    unknown = make.incident(relations=[{"type": "part_of", "incident": "paper:1"}])
    assert client.post("/v1/incidents", json=unknown, headers=key).status_code == 422
    assert client.post("/v1/incidents", json=make.incident(), headers=key).status_code == 201


@pytest.mark.parametrize("word", ["", "two words", "x" * 256, "caf\u00e9", "tab\tbed"])
def test_a_key_that_cannot_be_read_is_refused(client: TestClient, word: str) -> None:
    key: dict[str, Any] = {name: value.encode() for name, value in key_for(client).items()}
    answer = client.post("/v1/actors", json=make.actor(), headers=key | {"Idempotency-Key": word.encode("latin-1")})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"
    twice = [*key_for(client).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert client.post("/v1/actors", json=make.actor(), headers=twice).status_code == 400
    assert head_of(client) == 0


@pytest.fixture
def two(store_url: str) -> Iterator[list[TestClient]]:
    """Two processes' worth of service over one store."""
    with serve(store_url) as one, serve(store_url) as other:
        yield [one, other]


def test_many_at_once_on_two_servers_make_one_record(two: list[TestClient]) -> None:
    key = with_key(key_for(two[0]))

    def post(n: int) -> Any:
        return two[n % 2].post("/v1/incidents", json=make.incident(), headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(16)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert sum("idempotency-replayed" in one.headers for one in answers) == 15
    assert two[0].get("/v1/incidents?count=exact").json()["total"] == 1


KEY = once.Key("holder", "word", "fingerprint", 7)
WRITER = Visitor("writer", frozenset({"write"}))


def create(conn: sa.Connection) -> Any:
    report = validate(IncidentReport, make.incident())
    return records.create(conn, KINDS["incident"], report, WRITER)


def test_write_and_answer_are_kept_together_or_not_at_all(database: Database) -> None:
    def broken(_: Any) -> once.Answer:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError):
        database.write_now(once.once, KEY, broken, create)
    assert counts(database) == (0, 0)
    given = database.write_now(once.once, KEY, lambda made: once.Answer(201, made.document), create)
    assert not given.replayed
    assert counts(database)[1] == 1


def counts(database: Database) -> tuple[int, int]:
    with database.connect() as conn:
        return tuple(
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (tables.revision, tables.request)
        )


def test_answers_are_forgotten_after_their_days(database: Database) -> None:
    def age(days: int) -> Callable[[sa.Connection], None]:
        then = once.stamp(datetime.now(UTC) - timedelta(days=days))
        return lambda conn: conn.execute(sa.update(tables.request).values(created_at=then)) and None

    def answer(made: Any) -> once.Answer:
        return once.Answer(201, made.record_id)

    first = database.write_now(once.once, KEY, answer, create)
    database.write_now(age(6))
    assert database.write_now(once.once, KEY, answer, create) == once.Answer(201, first.body, {}, replayed=True)
    database.write_now(age(8))
    later = database.write_now(once.once, KEY, answer, create)
    assert not later.replayed
    assert later.body != first.body
    assert counts(database)[1] == 1


def test_a_blanked_answer_is_not_done_again(client: TestClient) -> None:
    key = with_key(key_for(client))
    first = client.post("/v1/actors", json=make.actor(), headers=key)
    client.app.state.database.write_now(once.forget_bodies)
    again = client.post("/v1/actors", json=make.actor(), headers=key)
    assert (again.status_code, again.headers["location"]) == (409, first.headers["location"])
    assert re.search("was done", again.json()["detail"])
