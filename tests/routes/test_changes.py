"""The feed of changes: order, places, filters, what is taken out of sight, and the three forms of the answer."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from incidents_api import app
from incidents_api.model.audience import COARSENED, HIDDEN
from incidents_api.model.diff import diff
from incidents_api.routes import changes as route
from incidents_api.routes import streams
from incidents_api.routes.watch import Watch
from incidents_api.storage.database import Database
from incidents_api.writing import projection
from tests import live, make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}


def create(client: TestClient, key: dict[str, str], **members: Any) -> dict[str, Any]:
    answer = client.post("/v1/incidents", json=make.incident(**members), headers=key)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def patch(client: TestClient, key: dict[str, str], record_id: str, **members: Any) -> dict[str, Any]:
    answer = client.patch(f"/v1/incidents/{record_id}", json=members, headers=key | MERGE)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def feed(client: TestClient, query: str = "", key: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Every change, page by page."""
    address, found = f"/v1/changes?{query}", []
    while address:
        answer = client.get(address, headers=key)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        address = answer.json()["next"]
    return found


def test_every_revision_in_order_whatever_the_page(seeded: TestClient) -> None:
    whole = feed(seeded, "limit=1000")
    head = seeded.get("/v1/edition").json()
    assert [change["seq"] for change in whole] == list(range(1, head["seq"] + 1))
    assert feed(seeded, "limit=1") == feed(seeded, "limit=7") == whole
    assert whole[-1]["cursor"] == head["cursor"]
    for change in whole:
        record = seeded.get(f"/v1/{change['kind']}s/{change['id']}").json()
        assert change["record"] == record
        assert (change["change"], change["operation"], change["version"]) == ("upsert", "create", 1)


def test_a_page_says_where_to_go_on_and_a_later_one_begins_there(client: TestClient) -> None:
    key = key_for(client)
    empty = client.get("/v1/changes").json()
    assert (empty["items"], empty["next"], empty["as_of"]) == ([], None, 0)
    assert client.get("/v1/edition").json()["cursor"] == empty["cursor"]
    made = create(client, key)
    first = client.get(f"/v1/changes?after={empty['cursor']}").json()
    assert first["items"][-1]["record"]["id"] == made["id"]
    again = client.get(f"/v1/changes?after={first['cursor']}").json()
    assert (again["items"], again["cursor"], again["next"]) == ([], first["cursor"], None)


def test_an_unchanged_page_is_not_sent_twice(seeded: TestClient) -> None:
    first = seeded.get("/v1/changes?limit=3")
    tag = {"If-None-Match": first.headers["etag"]}
    assert seeded.get("/v1/changes?limit=3", headers=tag).status_code == 304
    assert seeded.get("/v1/changes?limit=4", headers=tag).status_code == 200
    create(seeded, key_for(seeded))
    assert seeded.get("/v1/changes?limit=3", headers=tag).status_code == 200
    assert first.headers["cache-control"] == "no-cache"


def test_a_life_as_upserts_and_a_tombstone_with_its_reason(client: TestClient) -> None:
    key = key_for(client)
    made = create(client, key)
    other = create(client, key, title="The other")
    patched = patch(client, key, made["id"], title="Better")
    ended = client.delete(
        f"/v1/incidents/{made['id']}?reason=duplicate&successor={other['id']}", headers=key | {"If-Match": "*"}
    )
    assert ended.status_code == 204
    own = [change for change in feed(client) if change["id"] == made["id"]]
    assert [change["change"] for change in own] == ["upsert", "upsert", "end"]
    assert own[1]["record"] == {name: value for name, value in patched.items() if name != "resolved"}
    assert own[2]["record"] is None
    assert own[2]["reason"] == {"code": "duplicate", "note": None, "successor": other["id"]}
    assert own[2]["recorded_by"] == "tester"
    bare = [change for change in feed(client, "include=none") if change["id"] == made["id"]]
    assert bare == [{name: value for name, value in change.items() if name != "record"} for change in own]


def test_diffs_turn_each_state_into_the_next(client: TestClient) -> None:
    key = key_for(client)
    made = create(client, key, tags=["a"])
    patch(client, key, made["id"], tags=["b"], title="Better")
    told = feed(client, "include=diff&kind=incident")
    records = [change["record"] for change in feed(client, "kind=incident")]
    bodies = [{k: v for k, v in one.items() if k not in route._ENVELOPE} for one in records]
    assert told[0]["diff"] == diff({}, bodies[0])
    assert told[1]["diff"] == diff(bodies[0], bodies[1])
    assert {one["path"] for one in told[1]["diff"]} == {"/tags/0", "/title"}
    assert "record" not in told[0]


def test_kinds_select(seeded: TestClient) -> None:
    whole = feed(seeded)
    for kinds in (["incident"], ["source", "actor"]):
        found = feed(seeded, f"kind={','.join(kinds)}&limit=5")
        assert found == [change for change in whole if change["kind"] in kinds]
    assert feed(seeded, "kind=actor")


def test_a_filter_tells_what_enters_and_what_leaves(client: TestClient) -> None:
    key = key_for(client)
    inside = create(client, key, tags=["wanted"])
    outside = create(client, key, tags=["other"])
    patch(client, key, outside["id"], title="Still outside")
    patch(client, key, outside["id"], tags=["wanted"])
    patch(client, key, inside["id"], tags=["other"])
    patch(client, key, inside["id"], title="Outside now")
    client.delete(f"/v1/incidents/{outside['id']}?reason=test", headers=key | {"If-Match": "*"})
    told = [(change["id"], change["change"]) for change in feed(client, "tag=wanted&limit=2")]
    assert told == [
        (inside["id"], "upsert"),
        (outside["id"], "upsert"),
        (inside["id"], "leave"),
        (outside["id"], "end"),
    ]
    left = next(change for change in feed(client, "tag=wanted") if change["change"] == "leave")
    assert set(left) == {"cursor", "seq", "kind", "id", "change", "recorded_at"}
    entered = feed(client, "tag=wanted&include=diff")[1]
    assert {one["op"] for one in entered["diff"]} == {"add"}


FILTERS = (
    "type=rescue_operation", "country=MX", "admin1=MX-SIN", "location=MX-SIN", "actor=Mexican Army", "role=rescuer",
    "measure=freed", "q=rescued", "from=2024-03&to=2024-03", "filter=freed_best >= 10", "bbox=-118,14,-86,33",
    "lat=24.8&lon=-107.4&radius_km=300", "actor=Mexican Army&role=rescuer&country=MX",
)  # fmt: skip


def test_every_filter_of_the_list_selects_the_same_in_the_feed(seeded: TestClient) -> None:
    found = 0
    for asked in FILTERS:
        listed = {one["id"] for one in seeded.get(f"/v1/incidents?limit=1000&{asked}").json()["items"]}
        assert {change["id"] for change in feed(seeded, asked)} == listed, asked
        found += len(listed)
    assert found > 20


def test_a_filter_that_selects_little_goes_on_in_pages_that_may_be_empty(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents_api.reading.changes.WINDOW", 2)
    monkeypatch.setattr(route, "MAX_LOOKS", 3)
    key = key_for(client)
    for _ in range(8):
        create(client, key)
    last = create(client, key, tags=["rare"])
    first = client.get("/v1/changes?tag=rare").json()
    assert first["items"] == []
    assert first["next"]
    assert [change["id"] for change in feed(client, "tag=rare")] == [last["id"]]
    lines = client.get("/v1/changes.ndjson?tag=rare").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [last["id"]]


def test_what_is_restricted_is_not_told_and_what_becomes_so_is_taken_out_of_sight(client: TestClient) -> None:
    key = key_for(client, "write", "read:restricted")
    hidden = create(client, key, title="Canary one", sensitivity="restricted")
    shown = create(client, key, title="Canary two")
    patch(client, key, shown["id"], title="Canary three")
    before = feed(client, "kind=incident")
    assert [change["id"] for change in before] == [shown["id"]] * 2
    patch(client, key, shown["id"], sensitivity="restricted")
    patch(client, key, shown["id"], title="Canary four")
    for include in ("record", "diff", "none"):
        public = feed(client, f"kind=incident&include={include}")
        assert [(change["id"], change["change"]) for change in public] == [(shown["id"], "leave")]
        assert "Canary" not in json.dumps(public)
    assert len(feed(client, "kind=incident", key)) == 5
    patch(client, key, hidden["id"], sensitivity="public", title="Open")
    opened = feed(client, "kind=incident&include=diff")[-1]
    assert (opened["id"], opened["change"]) == (hidden["id"], "upsert")
    assert "Canary" not in json.dumps(feed(client, "kind=incident&include=diff"))
    assert {one["op"] for one in opened["diff"]} == {"add"}
    for one in (hidden, shown):
        client.delete(f"/v1/incidents/{one['id']}?reason=test", headers=key | {"If-Match": "*"})
    assert [(c["id"], c["change"]) for c in feed(client, "kind=incident")] == [
        (shown["id"], "leave"), (hidden["id"], "upsert"), (hidden["id"], "end"),
    ]  # fmt: skip
    assert "Canary" not in client.get("/v1/changes.ndjson").text


SEEN = ("published", "verified")


def review(client: TestClient, key: dict[str, str], record_id: str, status: str) -> None:
    body = {"status": status, "reason": "checked"}
    answer = client.post(f"/v1/incidents/{record_id}/review", json=body, headers=key | {"If-Match": "*"})
    assert answer.status_code == 200, answer.text


def lives(client: TestClient, editor: dict[str, str], writer: dict[str, str]) -> None:
    """Incidents that were closed, opened, held, published, ended and merged, each at another step of its life."""
    held, over = ({"hold_until": f"{year}-01-01T00:00:00Z"} for year in (2999, 2001))
    beginnings: list[dict[str, Any]] = [{}, {"sensitivity": "restricted"}, held, over]
    turns: list[list[dict[str, Any]]] = [
        [],
        [{"title": "Another"}],
        [{"sensitivity": "restricted"}],
        [{"sensitivity": "public", "hold_until": None}, {"title": "Another"}],
        [held, {"hold_until": None, "sensitivity": "public"}],
        [over, {"title": "Another"}],
        [{"sensitivity": "restricted"}, {"sensitivity": "public"}, {"title": "Another"}],
    ]
    made = []
    for n, (beginning, changes, reviewed) in enumerate(product(beginnings, turns, (False, True))):
        one = create(client, writer if n % 3 else editor, title=f"No {n}", **beginning)
        if reviewed:  # what a reviewer reports is published by that
            review(client, editor, one["id"], "published" if n % 3 else "disputed")
        for change in changes:
            patch(client, editor, one["id"], **change)
        made.append(one["id"])
    for n in range(0, len(made) - 1, 5):
        address, headers = f"/v1/incidents/{made[n]}", editor | {"If-Match": "*"}
        if n % 2:
            answer = client.delete(f"{address}?reason=test", headers=headers)
        else:
            answer = client.post(f"{address}/merge", json={"into": made[n + 1]}, headers=headers)
        assert answer.status_code in (200, 204), answer.text


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_what_is_told_at_once_is_what_each_revision_tells_by_itself(
    store_url: str, treatment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(store_url)
    database.write_now(projection.rebuild, lambda _: None, 500, treatment)
    database.close_writer()
    monkeypatch.setattr(app, "LIFT_SECONDS", 3_600)  # nothing is to be written between the two looks
    with serve(store_url, public_statuses=SEEN) as client:
        editor = key_for(client, "write", "review", "read:restricted", name="editor")
        writer = key_for(client, "write", "read:restricted", name="writer")
        lives(client, editor, writer)
        others = (("write",), "writer"), (("review",), "reviewer"), (("read:restricted",), "reader")
        keys = [None, editor, writer, *(key_for(client, *scopes, name=name) for scopes, name in others)]
        asked = [(f"limit=40&include={include}", key) for include in ("record", "none") for key in keys]
        at_once = [feed(client, *one) for one in asked]
        monkeypatch.setattr(route.changes, "is_plain", lambda _: False)
        by_itself = [feed(client, *one) for one in asked]
    assert at_once == by_itself
    assert len({json.dumps(told) for told in at_once}) == len(asked)  # each audience hears something else


def test_what_was_revised_or_closed_from_the_start_needs_no_second_look(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_for(client, "write", "read:restricted")
    create(client, key, title="Canary", sensitivity="restricted")
    shown = create(client, key)
    patch(client, key, shown["id"], title="Another")
    monkeypatch.setattr(route.changes, "page", None)
    assert [change["id"] for change in feed(client, "kind=incident")] == [shown["id"]] * 2


def test_a_place_of_another_time_of_the_store_is_refused(client: TestClient) -> None:
    cursor = client.get("/v1/changes").json()["cursor"]
    epoch = cursor.partition(".")[0]
    for wrong in (f"{'0' * 16}.0", f"{epoch}.1"):
        for headers, path in (
            ({}, f"/v1/changes?after={wrong}"),
            ({}, f"/v1/changes.ndjson?after={wrong}"),
            ({"Accept": "text/event-stream"}, f"/v1/changes?after={wrong}"),
            ({"Accept": "text/event-stream", "Last-Event-ID": wrong}, "/v1/changes"),
        ):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 409
            assert answer.json()["epoch"] == epoch
            assert "start over" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ("after=5", "after"), ("after=", "after"), ("after=x.1", "after"), ("kind=event", "kind"),
        ("include=all", "include"), ("limit=0", "limit"), ("tag=x&kind=actor", "kind"), ("cursor=x", "cursor"),
        ("as_of=3", "as_of"), ("sort=date", "sort"), ("updated_after=3", "updated_after"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(client: TestClient, asked: str, parameter: str) -> None:
    for path in ("/v1/changes", "/v1/changes.ndjson"):
        answer = client.get(f"{path}?{asked}")
        assert answer.status_code == 400
        assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]
    assert client.get("/v1/changes.ndjson?limit=3").status_code == 400


def test_a_place_in_a_header_must_be_one_too(client: TestClient) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "7"}
    assert client.get("/v1/changes", headers=headers).status_code == 400


def test_lines_are_the_items_of_the_pages(seeded: TestClient) -> None:
    answer = seeded.get("/v1/changes.ndjson?kind=incident")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.text.splitlines()] == feed(seeded, "kind=incident")
    assert seeded.get("/v1/changes?kind=incident", headers={"Accept": "application/x-ndjson"}).text == answer.text
    head = seeded.head("/v1/changes.ndjson")
    assert (head.status_code, head.content) == (200, b"")
    assert seeded.head("/v1/changes", headers={"Accept": "text/event-stream"}).status_code == 200


# --- Streams -------------------------------------------------------------------------------------------------------

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def served(seeded_url: str) -> Iterator[tuple[httpx.Client, Any]]:
    """The five articles on a real socket."""
    with live.running(seeded_url) as told:
        yield told


def messages(lines: Iterator[str]) -> Iterator[tuple[str | None, str | None]]:
    """(id, data) of each block of a stream, as the HTML standard reads them."""
    place, data = None, None
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            place = value
        elif name == "data":
            data = value
        elif not line:
            yield place, data
            data = None


def changes_of(lines: Iterator[str], count: int) -> list[tuple[str | None, dict[str, Any]]]:
    found = []
    for place, data in messages(lines):
        if data is not None:
            found.append((place, json.loads(data)))
            if len(found) == count:
                break
    return found


def test_a_stream_tells_what_was_and_what_comes(served: tuple[httpx.Client, Any]) -> None:
    client, app = served
    key = key_for_app(app)
    whole = client.get("/v1/changes?limit=1000").json()["items"]
    with client.stream("GET", "/v1/changes", headers=STREAM) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        told = changes_of(lines, len(whole))
        assert [change for _, change in told] == whole
        assert all(place == change["cursor"] for place, change in told)
        made = client.post("/v1/actors", json=make.actor(name="Somebody new"), headers=key).json()
        place, change = changes_of(lines, 1)[0]
        assert (change["id"], change["change"]) == (made["id"], "upsert")
    key_after = {**STREAM, "Last-Event-ID": str(place)}
    second = client.post("/v1/actors", json=make.actor(name="Somebody else"), headers=key).json()
    with client.stream("GET", f"/v1/changes?after={whole[0]['cursor']}", headers=key_after) as answer:
        assert changes_of(answer.iter_lines(), 1)[0][1]["id"] == second["id"]


def key_for_app(app: Any) -> dict[str, str]:
    class Holder:
        pass

    holder: Any = Holder()
    holder.app = app
    return key_for(holder, "write", "read:restricted")


def test_a_stream_moves_its_place_past_what_the_filter_leaves_out(served: tuple[httpx.Client, Any]) -> None:
    client, app = served
    key = key_for_app(app)
    head = client.get("/v1/edition").json()["cursor"]
    with client.stream("GET", "/v1/changes?tag=none-such", headers=STREAM) as answer:
        blocks = messages(answer.iter_lines())
        assert next(blocks) == (None, None)  # retry
        assert next(blocks) == (head, None)
        client.post("/v1/actors", json=make.actor(name="Somebody"), headers=key)
        assert next(blocks) == (client.get("/v1/edition").json()["cursor"], None)


def test_an_idle_stream_says_that_it_lives_and_other_processes_are_heard(
    engine: str, new_store: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr("incidents_api.routes.watch.POLL_SECONDS", 0.05)
    url = new_store(engine)
    with (
        live.running(url) as (client, _),
        live.running(url) as (other, app),
        client.stream("GET", "/v1/changes", headers=STREAM) as answer,
    ):
        lines = answer.iter_lines()
        assert any(line == ": still here" for line in lines)
        made = other.post("/v1/actors", json=make.actor(), headers=key_for_app(app)).json()
        assert changes_of(lines, 1)[0][1]["id"] == made["id"]


def test_streams_end_with_the_process_and_with_their_time(
    engine: str, new_store: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_store(engine)
    with live.running(url) as (client, app):
        monkeypatch.setattr(route, "STREAM_SECONDS", 0.2)
        with client.stream("GET", "/v1/changes", headers=STREAM) as answer:
            assert any(line.startswith("id: ") for line in answer.iter_lines())  # and it ends
        monkeypatch.setattr(route, "STREAM_SECONDS", 600)
        with client.stream("GET", "/v1/changes", headers=STREAM) as answer:
            lines = answer.iter_lines()
            assert next(lines)
            app.state.watch.closing = lambda: True
            assert list(lines)[-2].startswith("id: ")  # it ended, and as a whole answer
        assert app.state.watch.streams == 0


def test_there_is_an_end_to_how_many_streams_are_open(
    served: tuple[httpx.Client, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = served
    monkeypatch.setattr(route, "MAX_STREAMS", 1)
    with client.stream("GET", "/v1/changes", headers=STREAM) as first:
        lines = first.iter_lines()
        assert next(lines)
        refused = client.get("/v1/changes", headers=STREAM)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")


def test_a_reader_that_takes_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.05)
    given = closed = 0

    async def pieces() -> Any:
        nonlocal given, closed
        try:
            while True:
                given += 1
                yield b"x"
        finally:
            closed += 1

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 3:
            await asyncio.sleep(30)

    async def receive() -> Any:
        await asyncio.sleep(30)

    asyncio.run(asyncio.wait_for(streams.Stream(pieces(), {}, "text/plain")({}, receive, send), 5))
    assert (given, closed) == (3, 1)
    assert sent[-1] == {"type": "http.response.body", "body": b"x", "more_body": True}  # the answer is left unended


def test_what_is_made_for_a_reader_that_left_ends_though_a_read_went_on() -> None:
    async def pieces() -> Any:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        while True:
            yield b"x"
            await asyncio.sleep(60)

    async def send(_: Any) -> None:
        pass

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(asyncio.wait_for(streams.Stream(pieces(), {}, "text/plain")({}, receive, send), 20))


def test_nothing_is_read_while_nobody_waits(served: tuple[httpx.Client, Any]) -> None:
    _, app = served
    watch: Watch = app.state.watch
    assert watch._poll is None
    assert app.state.database.on_commit is None
