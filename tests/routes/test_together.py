"""Reports that arrive at one time are written in one append, with the answers that they would have one by one."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.storage.database import Database
from incidents_api.writing import likely
from tests import make
from tests.conftest import key_for, serve
from tests.routes.test_merge import whole

Sent = tuple[dict[str, Any], dict[str, str]]
"""A report and the headers that it is sent with."""


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many reports were composed together, each time that any were."""
    real, found = likely.create_all_compared, []

    def noted(conn: Any, asked: Sequence[Any]) -> Any:
        found.append(len(asked))
        return real(conn, asked)

    monkeypatch.setattr(likely, "create_all_compared", noted)
    return found


def post_at_once(client: TestClient, sent: Sequence[Sent], query: str = "") -> list[Any]:
    """The answers, in the order in which the reports are queued: while the writer is busy with something else."""
    database: Database = client.app.state.database
    begun, release = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        begun.set()
        assert release.wait(20)

    def post(one: Sent) -> Any:
        return client.post(f"/v1/incidents{query}", json=one[0], headers=one[1])

    with ThreadPoolExecutor(len(sent) + 1) as pool:
        pool.submit(database.write_now, wait)
        assert begun.wait(20)
        answers = []
        for n, one in enumerate(sent, 1):
            answers.append(pool.submit(post, one))
            until(lambda n=n: database.load().queued >= n)
        release.set()
        return [one.result(20) for one in answers]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        threading.Event().wait(0.005)
    pytest.fail("it never came to hold")


def told(answers: Sequence[Any]) -> list[Any]:
    """What answers say, with ids by the order in which they come, and without times and hashes."""
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {name: one for name, one in value.items() if name not in ("recorded_at", "request_id", "instance")}
            return {name: plain(one) for name, one in kept.items()}
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, str) and len(value) == 36 and value.count("-") == 4:
            return names.setdefault(value, f"id {len(names)}")
        return value

    return [(answer.status_code, plain(answer.json())) for answer in answers]


def reports() -> list[dict[str, Any]]:
    """Reports that name what those before them made: a place, an actor, a source, another incident."""
    place = {
        "name": "Rancho Nuevo",
        "kind": "facility",
        "country": "MX",
        "admin1": "MX-SIN",
        "lon": -107.1,
        "lat": 24.5,
    }
    paper = make.source(url="https://news.example/9", external_ids={"paper": "9"})
    first = make.incident(location=place, source=paper, external_ids={"desk": "1"}, tags=["first"])
    return [
        first,
        make.incident(location="Rancho Nuevo, MX-SIN", title="Another rescue", date="2024-04-02", source="paper:9"),
        make.incident(actors=[{"name": "Los Nuevos", "role": "perpetrator"}], date="2023-01-05", title="A raid"),
        make.incident(actors=[{"name": "Los Nuevos", "role": "perpetrator"}], date="2022-01-05", title="A second raid"),
        make.incident(relations=[{"type": "follows", "incident": "desk:1"}], date="2024-03-29", title="What followed"),
        first | {"external_ids": {"desk": "2"}, "tags": ["again"]},
    ]


def test_reports_at_one_time_are_told_what_they_would_be_one_by_one(
    client: TestClient, composed: list[int], new_store: Callable[..., str], engine: str
) -> None:
    key = key_for(client)
    at_once = post_at_once(client, [(one, key) for one in reports()])
    assert composed == [len(at_once)]
    assert [one.status_code for one in at_once] == [201] * len(at_once)
    like = [[one["id"] for one in answer.json()["possible_duplicates"]] for answer in at_once]
    assert like[0] == []
    assert like[-1] == [at_once[0].json()["id"]]
    made = [[note["how"] for note in answer.json()["resolved"] if note["kind"] == "location"] for answer in at_once]
    assert "created" in made[0]
    assert "created" not in made[1]
    seqs = [answer.json()["seq"] for answer in at_once]
    assert seqs == sorted(seqs)
    whole(client)
    with serve(new_store(engine)) as other:
        key = key_for(other)
        in_turn = [other.post("/v1/incidents", json=one, headers=key) for one in reports()]
    assert told(at_once) == told(in_turn)


def test_one_that_cannot_be_taken_does_not_stand_in_the_way_of_others(client: TestClient, composed: list[int]) -> None:
    key = key_for(client)
    first, *others = reports()
    wrong = make.incident(relations=[{"type": "follows", "incident": "desk:none"}])
    again = first | {"title": "The same number"}
    answers = post_at_once(client, [(one, key) for one in (first, wrong, others[0], again)])
    assert composed == [4, 1, 1, 1, 1]
    assert [one.status_code for one in answers] == [201, 422, 201, 409]
    assert answers[1].json()["errors"][0]["pointer"] == "/relations/0/incident"
    assert answers[3].json()["id"] == answers[0].json()["id"]
    whole(client)


def test_one_finds_what_came_before_it_and_not_what_comes_after(client: TestClient) -> None:
    key = key_for(client)
    before, after = reports()[4], reports()[0]
    answers = post_at_once(client, [(before, key), (after, key)])
    assert [one.status_code for one in answers] == [422, 201]


def test_a_duplicate_is_refused_where_that_is_asked_for(client: TestClient, composed: list[int]) -> None:
    key, one = key_for(client), reports()[0] | {"external_ids": {}}
    answers = post_at_once(client, [(one, key), (one, key)], "?on_duplicate=reject")
    assert [answer.status_code for answer in answers] == [201, 409]
    assert [found["id"] for found in answers[1].json()["candidates"]] == [answers[0].json()["id"]]
    assert composed == [2, 1, 1]


def test_what_is_closed_is_written_with_what_is_open(client: TestClient, composed: list[int]) -> None:
    key = key_for(client, "write", "read:restricted")
    closed = make.incident(sensitivity="restricted", external_ids={"desk": "1"})
    answers = post_at_once(client, [(closed, key), (reports()[4], key)])
    assert [one.status_code for one in answers] == [201, 201]
    assert composed == [2]
    assert [client.get(f"/v1/incidents/{one.json()['id']}").status_code for one in answers] == [404, 200]
    whole(client)


def test_each_is_written_in_the_name_of_who_sent_it(client: TestClient, composed: list[int]) -> None:
    one, other = key_for(client, name="one"), key_for(client, name="other")
    first, second, third = reports()[:3]
    answers = post_at_once(client, [(first, one), (second, one), (third, other)])
    assert composed == [2, 1]
    assert [answer.json()["recorded_by"] for answer in answers] == ["one", "one", "other"]


def test_a_key_of_a_request_keeps_its_own_answer(client: TestClient, composed: list[int]) -> None:
    key, one = key_for(client), reports()[0]
    sent = [(one, key | {"Idempotency-Key": "a"}), (one, key | {"Idempotency-Key": "a"})]
    answers = post_at_once(client, sent)
    assert composed == [1]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
