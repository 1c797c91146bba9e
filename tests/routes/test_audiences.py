"""Each audience is answered from its own rows: whole, coarsened or not at all; embargoes lift by themselves."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from incidents_api.model.audience import COARSENED, HIDDEN, public_id
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import projection
from tests import make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = "2026-11-25T12:00:00Z"
FILES = ("csv", "ndjson", "geojson")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def coarse(store_url: str) -> Iterator[TestClient]:
    """The service over an empty store that gives the public coarsened incidents."""
    database = Database(store_url)
    database.write_now(projection.rebuild, lambda _: None, 500, COARSENED)
    database.close_writer()
    with serve(store_url) as opened:
        yield opened


def report(**members: Any) -> dict[str, Any]:
    claims = [make.claim(quote="canary words"), make.claim(value=3, dims={"sex": "female"})]
    told = {"title": "Canary", "summary": "canary", "tags": ["canary"], "external_ids": {"t": "canary"}}
    return make.incident(claims=claims, captivity={"setting": "safehouse"}, **(told | members))


def post(client: TestClient, key: dict[str, str], **members: Any) -> Any:
    answer = client.post("/v1/incidents", json=report(**members), headers=key)
    assert answer.status_code == 201, answer.text
    return answer


def patch(client: TestClient, key: dict[str, str], where: str, **changes: Any) -> Any:
    answer = client.patch(where, json=changes, headers=key | MERGE | {"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    return answer


def dump(database: Database) -> dict[str, list[str]]:
    with database.connect() as conn:
        return {
            table.name: sorted(repr(dict(row)) for row in conn.execute(sa.select(table)).mappings())
            for table in tables.PROJECTIONS
        }


def total(client: TestClient, query: str = "", key: dict[str, str] | None = None) -> int:
    listed = client.get(f"/v1/incidents?count=exact{query}", headers=key or {}).json()
    assert len(listed["items"]) == listed["total"]
    return int(listed["total"])


def test_the_public_reads_the_coarsened_view_everywhere(coarse: TestClient) -> None:
    key = key_for(coarse, "write", "read:restricted")
    where = post(coarse, key, sensitivity="restricted").headers["location"]
    one = coarse.get(where)
    assert one.status_code == 200
    assert one.json() == coarse.get("/v1/incidents").json()["items"][0]
    told = one.json()
    assert (told["date"]["edtf"], told["locations"][0]["admin1"], told["actors"]) == ("2024-03", "MX-SIN", [])
    assert told["recorded_by"] is None
    assert [claim["value"] for claim in told["claims"]] == [16]
    for query, found in (
        ("country=MX", 1),
        ("admin1=MX-SIN", 1),
        ("type=rescue_operation", 1),
        ("measure=freed", 1),
        ("location=MX-SIN", 1),
        ("filter=rescued_best=16", 1),
        (f"filter=id='{told['id']}'", 1),
        (f"filter=id IN ('{told['id']}')", 1),
        (f"filter=id<>'{told['id']}'", 0),
        ("from=2024-03&to=2024-03&date_mode=within", 1),
        ("from=2024-03-26&to=2024-03-26&date_mode=within", 0),
        ("location=Culiacán", 0),
        ("actor=Mexican Army", 0),
        ("tag=canary", 0),
        ("external_id=t:canary", 0),
        ("q=canary", 0),
        ("q=sixteen", 0),
        ("bbox=-110,20,-100,30", 0),
        ("source=https://news.example/1", 0),
    ):
        assert total(coarse, f"&{query}") == found, query
        assert total(coarse, f"&{query}", key) == 1 or "within" in query or "<>" in query or "sixteen" in query, query
    rows = coarse.get("/v1/claims").json()["items"]
    assert [(row["value"], row["incident_id"], row["source_id"], row["quote"]) for row in rows] == [
        (16, told["id"], None, None)
    ]
    sums = coarse.get("/v1/totals?measure=rescued&by=admin1").json()["rows"]
    assert sums[0]["measures"]["rescued"]["best"] == 16
    assert coarse.get("/v1/totals?by=sex").json()["rows"] == []
    for suffix in FILES:
        text = coarse.get(f"/v1/incidents.{suffix}").text
        assert told["id"] in text
        assert "canary" not in text.lower(), suffix
    assert coarse.get("/v1/edition").json()["counts"]["incidents"] == 1


def test_every_file_can_be_made_of_coarsened_records(coarse: TestClient) -> None:
    key = key_for(coarse, "write", "read:restricted")
    post(coarse, key, sensitivity="restricted")
    for path in ("incidents.parquet", "incidents.xlsx", "incidents.zip", "claims.csv", "claims.ndjson", "claims.xlsx"):
        assert coarse.get(f"/v1/{path}").status_code == 200, path


def test_history_and_moments_are_the_publics_own(coarse: TestClient) -> None:
    key = key_for(coarse, "write", "read:restricted")
    created = post(coarse, key)
    where, first = created.headers["location"], created.json()["seq"]
    closed = patch(coarse, key, where, sensitivity="restricted")
    patch(coarse, key, where, title="Canary again", summary="another canary")
    later = patch(coarse, key, where, type="kidnapping")
    public, tag = coarse.get(where), coarse.get(where).headers["etag"]
    assert public.json()["version"] == 4
    assert tag not in (later.headers["etag"], closed.headers["etag"])
    versions = [entry["version"] for entry in coarse.get(f"{where}/revisions").json()["items"]]
    # What was public is coarsened at every moment; a change that the public does not see makes no version.
    assert versions == [4, 1]
    assert [entry["hash"] for entry in coarse.get(f"{where}/revisions").json()["items"]] == [None, None]
    assert [coarse.get(f"{where}/revisions/{n}").status_code for n in (1, 2, 3, 4, 5)] == [200, 404, 404, 200, 404]
    assert json.loads(coarse.get(f"{where}/diff").text) == [{"op": "replace", "path": "/type", "value": "kidnapping"}]
    for seq in (first, closed.json()["seq"]):
        then = coarse.get(f"{where}?as_of={seq}")
        assert (then.json()["type"], then.json()["title"]) == ("rescue_operation", None)
        assert coarse.get(f"/v1/incidents?as_of={seq}").json()["items"] == [then.json()]
        assert total(coarse, f"&as_of={seq}&tag=canary") == 0
    unchanged = patch(coarse, key, where, title="Canary for the last time")
    assert coarse.get(where, headers={"If-None-Match": tag}).status_code == 304
    assert coarse.get(where, headers={"If-None-Match": unchanged.headers["etag"]}).status_code == 200
    patch(coarse, key, where, sensitivity="public")
    assert coarse.get(where).json()["title"] == "Canary for the last time"
    assert coarse.get(f"{where}?as_of={first}").json()["title"] == "Canary"
    assert coarse.get(f"{where}/revisions/3").status_code == 404


def test_a_closed_record_that_ends_says_so_in_one_word(coarse: TestClient) -> None:
    key = key_for(coarse, "write", "read:restricted")
    where = post(coarse, key, sensitivity="restricted").headers["location"]
    gone = coarse.delete(f"{where}?reason=privacy&note=canary", headers=key | {"If-Match": "*"})
    assert gone.status_code == 204
    told = coarse.get(where)
    assert (told.status_code, told.json()["reason"], told.json()["note"]) == (410, "privacy", None)
    assert coarse.get(where, headers=key).json()["note"] == "canary"
    assert total(coarse) == 0


def test_the_rows_of_a_rebuild_are_the_same(coarse: TestClient) -> None:
    key = key_for(coarse, "write", "read:restricted")
    database: Database = coarse.app.state.database
    where = post(coarse, key).headers["location"]
    post(coarse, key, external_ids={}, hold_until=LATER)
    for changes in (
        {"sensitivity": "restricted"},
        {"title": "x"},
        {"stage": "attempted"},
        {"sensitivity": "public"},
        {"hold_until": LATER},
        {"hold_until": None},
        {"sensitivity": "restricted", "date": "2023-01"},
    ):
        patch(coarse, key, where, **changes)
    made = dump(database)
    assert sum(public_id(where.rpartition("/")[2]) in row for row in made["incident"]) == 3
    database.write_now(projection.rebuild, lambda _: None, 3, COARSENED)
    assert dump(database) == made
    # The setting is a part of what the tables were built with.
    assert database.write_now(projection.is_stale, HIDDEN)
    assert not database.write_now(projection.is_stale, COARSENED)
    database.write_now(projection.rebuild)
    assert coarse.get(where).status_code == 404


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_what_was_told_of_the_past_stands_until_something_is_closed_or_opened(
    client: TestClient, treatment: str
) -> None:
    client.app.state.database.write_now(projection.rebuild, lambda _: None, 500, treatment)
    key = key_for(client, "write", "read:restricted")
    ids = iter("abcdefgh")

    def another(**members: Any) -> Any:
        return post(client, key, external_ids={"t": next(ids)}, **members)

    first = another()
    where, seq = first.headers["location"], first.json()["seq"]

    def tag() -> str:
        return client.get(f"/v1/incidents?as_of={seq}").headers["etag"]

    def moves(write: Callable[[], Any]) -> bool:
        before = tag()
        write()
        return tag() != before

    assert not moves(another)
    assert not moves(lambda: patch(client, key, where, title="Canary again"))
    assert moves(lambda: patch(client, key, where, sensitivity="restricted"))
    assert not moves(another)
    assert moves(lambda: patch(client, key, where, sensitivity="public"))
    assert moves(lambda: another(sensitivity="restricted"))
    assert moves(lambda: patch(client, key, where, hold_until="2999-01-01T00:00:00Z"))
    # Closed incidents are shown otherwise from now on, though nothing was written since the last was closed.
    other = HIDDEN if treatment == COARSENED else COARSENED
    assert moves(lambda: client.app.state.database.write_now(projection.rebuild, lambda _: None, 500, other))


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_an_embargo_lifts_by_itself(client: TestClient, treatment: str) -> None:
    clock = client.app.state.clock = Clock()
    client.app.state.database.write_now(projection.rebuild, lambda _: None, 500, treatment)
    key = key_for(client, "write", "read:restricted")
    client.post("/v1/incidents", json=make.incident(), headers=key)
    before = client.get("/v1/edition").json()["seq"]
    held = post(client, key, hold_until=LATER)
    where, seq = held.headers["location"], held.json()["seq"]
    assert held.json()["hold_until"] == "2026-11-25T12:00:00.000000Z"
    coarsened = int(treatment == COARSENED)
    asked = ("&q=canary", "&tag=canary", f"&as_of={seq}&tag=canary", "&filter=title='Canary'")
    tags = {path: client.get(path).headers["etag"] for path in (f"/v1/incidents?as_of={seq}", "/v1/incidents.csv")}
    for moment, open_ in ((NOW, 0), (NOW + timedelta(days=3, hours=1, minutes=59, seconds=59), 0), (None, 1)):
        clock.now = moment or datetime(2026, 11, 25, 12, tzinfo=UTC)
        assert client.get(where).status_code == (200 if coarsened or open_ else 404)
        assert total(client) == 1 + max(coarsened, open_)
        assert total(client, f"&as_of={before}") == 1
        for query in asked:
            assert total(client, query) == open_, query
            assert total(client, query, key) == 1
        people = client.get("/v1/totals?measure=rescued").json()["rows"][0]["measures"]["rescued"]["best"]
        assert people == 16 * (1 + max(coarsened, open_))
        assert ("Canary" in client.get("/v1/incidents.ndjson").text) == bool(open_)
        assert ("Canary" in client.get(f"/v1/incidents.csv?as_of={seq}").text) == bool(open_)
        for path, tag in tags.items():
            assert client.get(path, headers={"If-None-Match": tag}).status_code == (200 if open_ else 304), path
    # An embargo that is put on later hides the record at every moment, and one that is taken off opens it at once.
    patch(client, key, where, hold_until="2027-01-01T00:00:00+01:00")
    assert total(client, f"&as_of={seq}&tag=canary") == 0
    patch(client, key, where, hold_until=None)
    assert total(client, "&tag=canary") == 1


def test_who_may_hold(client: TestClient) -> None:
    client.app.state.clock = Clock()
    writer = key_for(client, "write")
    refused = client.post("/v1/incidents", json=report(hold_until=LATER), headers=writer)
    assert (refused.status_code, refused.json()["scope"]) == (403, "read:restricted")
    assert post(client, writer, hold_until="2026-11-01T00:00:00Z").json()["version"] == 1
    for wrong in ("2026-11-25", "2026-11-25T12:00:00", "soon", "2026-13-01T00:00:00Z"):
        answer = client.post("/v1/incidents", json=report(hold_until=wrong), headers=writer)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/hold_until")


def test_parts_are_netted_through_what_the_audience_sees(client: TestClient) -> None:
    key = key_for(client, "write", "read:restricted")

    def part(of: str | None, **members: Any) -> str:
        relations = [] if of is None else [{"type": "part_of", "incident_id": of}]
        answer = client.post("/v1/incidents", json=make.incident(relations=relations, **members), headers=key)
        return str(answer.json()["id"])

    whole = part(None)
    between = part(whole, sensitivity="restricted")
    part(between)

    def people(headers: dict[str, str]) -> int:
        rows = client.get("/v1/totals?measure=rescued", headers=headers).json()["rows"]
        return int(rows[0]["measures"]["rescued"]["best"])

    assert people(key) == 16
    assert people({}) == 32  # that the one is part of the other is said by a record that the public does not see


def test_a_closed_incident_is_told_by_no_refusal(client: TestClient) -> None:
    key, writer = key_for(client, "write", "read:restricted"), key_for(client, "write")
    hidden = post(client, key, sensitivity="restricted", actors=[{"name": "Ring", "role": "perpetrator"}]).json()
    other = post(client, writer, external_ids={}, tags=[], title="Open").headers["location"]
    answers = [
        client.post("/v1/incidents", json=report(), headers=writer),
        client.patch(other, json={"external_ids": {"t": "canary"}}, headers=writer | MERGE | {"If-Match": "*"}),
        client.post(
            "/v1/incidents",
            json=make.incident(relations=[{"type": "follows", "incident": "t:canary"}]),
            headers=writer,
        ),
        client.delete(f"/v1/actors/{hidden['actors'][0]['actor_id']}?reason=test", headers=writer | {"If-Match": "*"}),
        client.post(f"/v1/incidents/{hidden['id']}/claims", json={"claims": [make.claim()]}, headers=writer),
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 422, 409, 404]
    for answer in answers:
        told = answer.text.replace(answer.json()["instance"], "")
        assert hidden["id"] not in told
        assert public_id(hidden["id"]) not in told


@pytest.mark.parametrize("closing", [{"sensitivity": "restricted"}, {"hold_until": "2999-01-01T00:00:00Z"}])
def test_a_closed_incident_names_nobody_in_danger_in_public(client: TestClient, closing: dict[str, str]) -> None:
    key = key_for(client, "write", "read:restricted")
    client.post("/v1/actors", json=make.actor(name="Known Union"), headers=key)
    actors: list[dict[str, Any]] = [
        {"name": "Canary Witness", "role": "witness"},
        {"actor": "Canary Informant", "role": "informant"},
        {"actor": {"name": "Canary Boy", "type": "civilian_individual"}, "role": "other"},
        {"name": "Known Union", "role": "victim"},
        {"name": "Open Gang", "role": "perpetrator"},
    ]
    made = post(client, key, actors=actors, **closing)
    names = [one["name"] for one in client.get("/v1/actors").json()["items"]]
    assert sorted(set(names)) == ["Civilian (not named)", "Known Union", "Open Gang", "Unknown (not named)"]
    for path in ("/v1/actors", "/v1/changes?limit=1000", "/v1/actors.csv", "/v1/actors.ndjson"):
        assert "canary" not in client.get(path).text.lower()
    # Who may see the incident reads the names, as reported, there.
    told = client.get(made.headers["location"], headers=key).json()["actors"]
    assert [one["name"] for one in told] == [
        "Canary Witness", "Canary Informant", "Canary Boy", "Known Union", "Open Gang",
    ]  # fmt: skip
    assert client.get("/v1/incidents?q=Canary Witness&count=exact", headers=key).json()["total"] == 1
    assert patch(client, key, made.headers["location"], type="kidnapping").json()["actors"] == told
    more = {"name": "Canary", "aliases": ["Canary"], "external_ids": {"t": "canary"}}
    refused = client.post(
        "/v1/incidents",
        json=report(actors=[{"actor": more, "role": "victim"}], external_ids={}, **closing),
        headers=key,
    )
    faults = [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]]
    assert faults == [("/actors/0/actor/aliases", "exposed"), ("/actors/0/actor/external_ids", "exposed")]


@pytest.mark.parametrize("closing", [{"sensitivity": "restricted"}, {"hold_until": "2999-01-01T00:00:00Z"}])
def test_a_closed_incident_gives_no_place_away(client: TestClient, closing: dict[str, str]) -> None:
    key = key_for(client, "write", "read:restricted")
    ranch = make.location(name="Known Ranch", external_ids={"t": "ranch"})
    assert client.post("/v1/locations", json=ranch, headers=key).status_code == 201
    shelter = make.location(name="Canary Shelter", admin1="MX-SIN", lon=-107.4321, lat=24.7654)
    known = {"name": "Known Ranch", "kind": "facility", "external_ids": {"t": "ranch"}}
    places = [{"location": shelter}, {"location": known, "role": "origin"}, {"location": "Culiacán, MX-SIN"}]
    made = post(client, key, locations=places, **closing)
    for path in ("/v1/locations", "/v1/changes?limit=1000", "/v1/locations.csv", "/v1/locations.ndjson"):
        told = client.get(path).text
        assert "Canary" not in told
        assert "24.7654" not in told
    mine = client.get(made.headers["location"], headers=key).json()["locations"]
    assert [one["name"] for one in mine] == ["Canary Shelter", "Known Ranch", "Culiacán"]
    assert [mine[0][name] for name in ("admin1", "lon", "lat")] == ["MX-SIN", -107.4321, 24.7654]
    assert client.get("/v1/incidents?q=Canary Shelter&count=exact", headers=key).json()["total"] == 1
    assert patch(client, key, made.headers["location"], type="kidnapping").json()["locations"] == mine
    for members, at in (
        ({"aliases": ["Canary"]}, "/aliases"),
        ({"external_ids": {"t": "canary"}}, "/external_ids"),
        ({"parent": make.location(name="Canary Town")}, "/parent"),
        ({"country": None, "admin1": None}, ""),
    ):
        sent = report(locations=[{"location": shelter | members}], external_ids={}, **closing)
        refused = client.post("/v1/incidents", json=sent, headers=key).json()["errors"]
        assert [(one["pointer"], one["code"]) for one in refused] == [(f"/locations/0/location{at}", "exposed")]
