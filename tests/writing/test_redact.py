"""Redaction: the words are gone from every answer, table and file, and the chain still holds and says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import projection
from incidents_api.writing.archive import log_lines
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import key_for, serve
from tests.writing.test_projection import dump
from tests.writing.test_tampering import VERIFIER

WORDS = "Xochiquetzalli Tlacaelelpan"
MERGE = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}


def store_of(client: TestClient) -> Database:
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    return database


def whole(client: TestClient) -> list[str]:
    """What verify says was redacted; it and the independent verifier find no fault, and a rebuild changes nothing."""
    database = store_of(client)
    with database.connect() as conn:
        verdict = verify(conn)
        entries = [json.loads(line) for line in log_lines(conn)]
    assert verdict.faults == []
    assert VERIFIER.check(entries, f"{verdict.seq}:{verdict.hash}") == (f"{verdict.seq}:{verdict.hash}", [])
    before = dump(database)
    database.write_now(projection.rebuild)
    assert dump(database) == before
    return verdict.redacted


def ways_out(client: TestClient, record_id: str, versions: int) -> list[str]:
    one = f"/v1/incidents/{record_id}"
    return [
        one, f"{one}/revisions", f"{one}/diff?from=1", *(f"{one}/revisions/{n}" for n in range(1, versions + 1)),
        *(f"{one}?as_of={n}" for n in range(1, client.get("/v1/edition").json()["seq"] + 1)),
        "/v1/incidents", "/v1/claims", "/v1/changes?limit=1000", "/v1/changes.ndjson", "/v1/changes?include=diff",
        "/v1/incidents.csv", "/v1/incidents.ndjson", "/v1/incidents.geojson", "/v1/claims.csv", "/v1/sources",
        "/v1/actors", "/v1/locations", "/v1/totals?by=tag",
    ]  # fmt: skip


def nowhere(client: TestClient, record_id: str, versions: int, words: str = WORDS) -> None:
    for path in ways_out(client, record_id, versions):
        assert words.split(maxsplit=1)[0] not in client.get(path).text, path
    for word in words.split():
        assert client.get(f"/v1/incidents?q={word}").json()["items"] == []


@pytest.fixture
def keys(client: TestClient) -> dict[str, str]:
    return key_for(client, "admin")


def made(client: TestClient, key: dict[str, str], **members: Any) -> str:
    answer = client.post("/v1/incidents", json=make.incident(**members), headers=key)
    assert answer.status_code == 201, answer.text
    record_id: str = answer.json()["id"]
    return record_id


def patch(client: TestClient, key: dict[str, str], record_id: str, **members: Any) -> None:
    answer = client.patch(f"/v1/incidents/{record_id}", json=members, headers=key | MERGE)
    assert answer.status_code == 200, answer.text


def redact(client: TestClient, key: dict[str, str], record_id: str, kind: str = "incidents", **body: Any) -> Any:
    answer = client.post(f"/v1/{kind}/{record_id}/redact", json=body, headers=key | {"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_members_are_taken_out_of_every_version(client: TestClient, keys: dict[str, str]) -> None:
    claim = make.claim(quote=f"{WORDS} was among them", attributed_to=WORDS)
    record_id = made(client, keys, title=f"{WORDS} is free", claims=[make.claim(measure="killed", value=1), claim])
    patch(client, keys, record_id, title=f"{WORDS} and others are free", tags=["a"])
    held = client.get(f"/v1/incidents/{record_id}").json()["claims"]
    patch(client, keys, record_id, title="People are free", claims=held[::-1])
    patch(client, keys, record_id, claims=held)
    assert client.get(f"/v1/incidents?q={WORDS.split(maxsplit=1)[0]}").json()["items"]
    told = redact(
        client, keys, record_id, note="asked by the family",
        paths=["/title", "/claims/1/quote", "/claims/1/attributed_to"],
    )  # fmt: skip
    assert (told["redacted"], told["version"], told["ended"]) == ([1, 2, 3, 4], 5, False)
    nowhere(client, record_id, 5)
    now = client.get(f"/v1/incidents/{record_id}").json()
    assert (now["title"], now["claims"][1]["quote"], now["version"]) == (None, None, 5)
    assert now["claims"][0]["value"] == 1
    assert now["tallies"]
    history = client.get(f"/v1/incidents/{record_id}/revisions").json()["items"]
    assert history[0]["operation"] == "redact"
    assert history[0]["reason"]["redaction"]["paths"] == ["/title", "/claims/1/quote", "/claims/1/attributed_to"]
    said = whole(client)
    assert len(said) == 4
    assert all(f"redacted by revision {told['seq']} (privacy: asked by the family)" in one for one in said)
    patch(client, keys, record_id, title="It goes on")
    whole(client)


def test_a_record_is_taken_out_whole(client: TestClient, keys: dict[str, str]) -> None:
    record_id = made(client, keys, title=WORDS, external_ids={"desk": "1"})
    patch(client, keys, record_id, summary=f"About {WORDS}.")
    cursor = client.get("/v1/edition").json()["cursor"]
    told = redact(client, keys, record_id)
    assert (told["ended"], told["redacted"]) == (True, [1, 2])
    heard = client.get(f"/v1/changes?after={cursor}").json()["items"]
    assert [(change["id"], change["change"]) for change in heard] == [(record_id, "leave")]
    assert client.get(f"/v1/incidents/{record_id}").status_code == 404
    nowhere(client, record_id, 3)
    gone = client.get(f"/v1/incidents/{record_id}", headers=keys)
    assert (gone.status_code, gone.json()["reason"]) == (410, "privacy")
    assert client.get(f"/v1/incidents/{record_id}/revisions/1", headers=keys).status_code == 410
    assert len(whole(client)) == 2
    feed = [c for c in client.get("/v1/changes?kind=incident", headers=keys).json()["items"] if c["id"] == record_id]
    assert [change["change"] for change in feed] == ["redacted", "redacted", "end"]
    again = client.post(f"/v1/incidents/{record_id}/redact", json={"versions": [1]}, headers=keys | {"If-Match": "*"})
    assert again.status_code == 409


def test_one_version_is_taken_out_and_the_record_goes_on(client: TestClient, keys: dict[str, str]) -> None:
    record_id = made(client, keys, title=WORDS)
    patch(client, keys, record_id, title="Better")
    told = redact(client, keys, record_id, versions=[1])
    assert (told["redacted"], told["ended"]) == ([1], False)
    nowhere(client, record_id, 3)
    assert client.get(f"/v1/incidents/{record_id}").json()["title"] == "Better"
    old = client.get(f"/v1/incidents/{record_id}/revisions/1", headers=keys)
    assert (old.status_code, old.json()["reason"]) == (410, "redacted")
    whole(client)
    redact(client, keys, record_id, paths=["/title"], note="and this, too")
    redact(client, keys, record_id)
    assert len(whole(client)) == 4


def test_an_ended_and_a_merged_record_lose_words_and_stay_what_they_were(
    client: TestClient, keys: dict[str, str]
) -> None:
    ended, into = made(client, keys, title=WORDS), made(client, keys, title="Other", date="2023-01-01")
    merged = made(client, keys, title="Third", summary=WORDS)
    headers = keys | {"If-Match": "*"}
    assert client.delete(f"/v1/incidents/{ended}?reason=test&note={WORDS}", headers=headers).status_code == 204
    answer = client.post(f"/v1/incidents/{merged}/merge", json={"into": into}, headers=headers)
    assert answer.status_code == 200, answer.text
    redact(client, keys, ended)
    gone = client.get(f"/v1/incidents/{ended}", headers=keys).json()
    assert (gone["status"], gone["reason"]) == (410, "test")
    redact(client, keys, merged)
    redact(client, keys, into, paths=["/summary"])
    moved = client.get(f"/v1/incidents/{merged}", headers=keys, follow_redirects=False)
    assert moved.status_code == 308
    nowhere(client, ended, 3)
    whole(client)
    mark = keys | {"If-Match": moved.headers["etag"]}
    back = client.put(f"/v1/incidents/{merged}", json=make.incident(), headers=mark, follow_redirects=False)
    assert (back.status_code, "redacted" in back.json()["detail"]) == (409, True)


def test_the_past_of_what_was_merged_stays_closed(client: TestClient, keys: dict[str, str]) -> None:
    into, merged = made(client, keys, title="Other"), made(client, keys, title=WORDS, summary="Canary")
    seq = client.get("/v1/edition").json()["seq"]
    headers = keys | {"If-Match": "*"}
    assert client.post(f"/v1/incidents/{merged}/merge", json={"into": into}, headers=headers).status_code == 200
    patch(client, keys, into, sensitivity="restricted")
    for _ in range(2):
        assert client.get(f"/v1/incidents/{merged}?as_of={seq}").status_code == 404
        assert client.get(f"/v1/incidents?as_of={seq}").json()["items"] == []
        if client.get(f"/v1/incidents/{merged}/revisions/1", headers=keys).json()["title"]:
            redact(client, keys, merged, paths=["/title"])
    whole(client)
    redact(client, keys, into)
    assert client.get(f"/v1/incidents?as_of={seq}").json()["items"] == []
    whole(client)


def test_other_kinds(client: TestClient, keys: dict[str, str]) -> None:
    record_id = made(client, keys, actors=[{"name": WORDS, "role": "perpetrator"}])
    actor = client.get(f"/v1/incidents/{record_id}").json()["actors"][0]["actor_id"]
    refused = client.post(f"/v1/actors/{actor}/redact", json={}, headers=keys | {"If-Match": "*"})
    assert refused.status_code == 409  # an incident names it
    holes = client.post(f"/v1/actors/{actor}/redact", json={"versions": [1]}, headers=keys | {"If-Match": "*"})
    assert holes.status_code == 422
    redact(client, keys, actor, "actors", paths=["/name"])
    redact(client, keys, record_id, paths=["/actors/0/name"])
    nowhere(client, record_id, 2)
    assert client.get(f"/v1/actors/{actor}").json()["name"] == "[redacted]"
    whole(client)
    for plural, path in (("locations", "/name"), ("sources", "/title"), ("statistics", "/title")):
        report = make.REPORTS[plural](**({"title": WORDS} if plural != "locations" else {"name": WORDS}))
        one = client.post(f"/v1/{plural}", json=report, headers=keys).json()["id"]
        redact(client, keys, one, plural, paths=[path])
        assert WORDS not in client.get(f"/v1/{plural}/{one}/revisions/1").text
        redact(client, keys, one, plural)
        assert client.get(f"/v1/{plural}/{one}").status_code == 410
    whole(client)


def test_what_hung_on_a_redacted_record_is_as_after_a_rebuild(client: TestClient, keys: dict[str, str]) -> None:
    put = keys | {"If-Match": "*"}

    def post(plural: str, **members: Any) -> str:
        answer = client.post(f"/v1/{plural}", json=make.REPORTS[plural](**members), headers=keys)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    somewhere: dict[str, Any] = {"lon": None, "lat": None, "country": None, "kind": "region"}
    for plural, common, alias in (("actors", {}, {"name": WORDS}), ("locations", somewhere, WORDS)):
        above = post(plural, name="Above", **common)
        between = post(plural, name="Between", aliases=[alias], parent_id=above, **common)
        below = post(plural, name="Below", parent_id=between, **common)
        places = {"locations": [{"location_id": between}]} if plural == "locations" else {}
        actors = [{"actor_id": between, "role": "perpetrator"}] if plural == "actors" else []
        record_id = made(client, keys, actors=actors, **places)
        assert client.get(f"/v1/incidents?q={WORDS.split(maxsplit=1)[0]}").json()["items"]
        redact(client, keys, between, plural, paths=["/aliases/0"])
        nowhere(client, record_id, 1)
        whole(client)
        assert client.delete(f"/v1/incidents/{record_id}?reason=test", headers=put).status_code == 204
        moved = client.patch(f"/v1/{plural}/{below}", json={"parent_id": above}, headers=keys | MERGE)
        assert moved.status_code == 200, moved.text
        redact(client, keys, between, plural)
        whole(client)
        redact(client, keys, below, plural, paths=["/name"])
        whole(client)


def test_parts_are_taken_off_as_after_a_rebuild_whatever_is_redacted(client: TestClient, keys: dict[str, str]) -> None:
    def killed() -> tuple[int, int]:
        told = client.get("/v1/totals?measure=killed", headers=keys).json()
        return told["rows"][0]["measures"]["killed"]["best"], told["excluded"]["netted_parts"]

    def kills(n: int, *wholes: str) -> dict[str, Any]:
        relations = [{"type": "part_of", "incident_id": one} for one in wholes]
        return {"claims": [make.claim(measure="killed", value=n, quote=WORDS)], "relations": relations}

    whole_id = made(client, keys, **kills(9))
    parts = [made(client, keys, **kills(n, whole_id)) for n in (2, 3)]
    assert killed() == (9, 2)
    # Words alone: figures and parts stay, though no record got a version of its own.
    for one in (whole_id, parts[0]):
        redact(client, keys, one, paths=["/claims/0/quote"])
        assert killed() == (9, 2)
        assert whole(client)
    redact(client, keys, parts[0])
    assert killed() == (9, 1)
    assert whole(client)
    redact(client, keys, whole_id)
    assert killed() == (3, 0)
    assert whole(client)


def test_an_external_id_stays_with_who_took_it_since(client: TestClient, keys: dict[str, str]) -> None:
    first = made(client, keys, external_ids={"a": "1", "c": "1"})
    patch(client, keys, first, external_ids={"a": "1", "c": None})
    second = made(client, keys, external_ids={"c": "1"}, title="Second")
    redact(client, keys, first, versions=[2])
    whole(client)
    for name in ("a:1", "c:1"):
        found = client.get(f"/v1/incidents?external_id={name}").json()["items"]
        assert [one["id"] for one in found] == ([second] if name == "c:1" else [])
    refused = client.post("/v1/incidents", json=make.incident(external_ids={"a": "1"}), headers=keys)
    assert refused.status_code == 409


def test_what_cannot_be_redacted_is_told(client: TestClient, keys: dict[str, str]) -> None:
    record_id = made(client, keys)
    path = f"/v1/incidents/{record_id}/redact"
    writer = key_for(client, "write", "review", "read:restricted")
    assert client.post(path, json={}, headers=writer | {"If-Match": "*"}).json()["scope"] == "admin"
    assert client.post(path, json={}).status_code == 401
    assert client.post(path, json={}, headers=keys).status_code == 428
    assert client.post(path, json={}, headers=keys | {"If-Match": '"9-9"'}).status_code == 412
    put = keys | {"If-Match": "*"}
    for body, pointer in (
        ({"paths": ["/type"]}, "/paths/0"), ({"paths": ["title"]}, "/paths/0"),
        ({"paths": ["/claims/0/value"]}, "/paths/0"),
        ({"paths": ["/summary"]}, "/paths/0"), ({"paths": []}, "/paths"), ({"versions": [7]}, "/versions"),
        ({"reason": "because"}, "/reason"), ({"what": 1}, "/what"),
    ):  # fmt: skip
        answer = client.post(path, json=body, headers=put)
        assert answer.status_code == 422, answer.text
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert client.post(f"/v1/actors/{record_id}/redact", json={}, headers=put).status_code == 404
    assert client.get(f"/v1/incidents/{record_id}").json()["version"] == 1


def test_a_redaction_that_is_undone_or_made_up_is_found(client: TestClient, keys: dict[str, str]) -> None:
    record_id = made(client, keys, title=WORDS)
    patch(client, keys, record_id, title="Better")
    log = tables.revision
    own = log.c.record_id == record_id
    with store_of(client).connect() as conn:
        first = conn.execute(sa.select(log).where(own, log.c.version == 1)).mappings().one()
    redact(client, keys, record_id, paths=["/title"])
    bodies = ("record", "reason", "salt")
    ways = [
        {name: first[name] for name in bodies},  # what was removed is there again
        {"record": first["record"]},
        {"record": None},
        {"record": None, "reason": None, "salt": None},  # more was removed than is told
        {"salt": "0" * 32},
    ]
    for values in ways:
        with store_of(client).connect() as conn:
            conn.execute(sa.update(log).where(own, log.c.version == 1).values(values))
            entries = [json.loads(line) for line in log_lines(conn)]
            assert verify(conn).faults, values
            assert VERIFIER.check(entries)[1], values
            conn.rollback()
    whole(client)


# --- The bytes -----------------------------------------------------------------------------------------------------


def test_the_words_are_in_no_file_afterwards(engine: str, new_store: Callable[..., str], tmp_path: Path) -> None:
    url = new_store(engine, seeded=True)
    text = f"The day. {WORDS} was freed on Tuesday."
    source = make.source(text=text)
    with serve(url) as client:
        keys = key_for(client, "admin")
        send = keys | {"Idempotency-Key": "one"}
        report = make.incident(
            title=f"{WORDS} is free", source=source, raw={"who": WORDS},
            claims=[make.claim(quote=f"{WORDS} was freed")],
        )  # fmt: skip
        answer = client.post("/v1/incidents", json=report, headers=send)
        assert answer.status_code == 201, answer.text
        record_id = answer.json()["id"]
        patch(client, keys, record_id, summary=f"And again {WORDS}.")
        assert WORDS in client.get("/v1/incidents.csv?q=" + WORDS).text
        client.get("/v1/incidents.parquet")
        assert found_in(files_of(engine, url)), "the test must be able to find them"
        told = redact(client, keys, record_id)
        assert told["texts_removed"] == (1 if "text" in source else 0)
        assert found_in(files_of(engine, url)) == []
        whole(client)
    assert found_in(files_of(engine, url)) == []


def files_of(engine: str, url: str) -> list[Path]:
    """Every file that holds a part of the store: SQLite's with its log, the data folder of PostgreSQL but for its own
    log of writes, which the server recycles in its own time (docs/operate.md)."""
    if engine == "sqlite":
        path = Path(url.removeprefix("sqlite:///"))
        return [one for one in path.parent.iterdir() if one.name.startswith(path.name)]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CHECKPOINT")
        row = conn.execute(
            "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return [path for path in (Path(row[0]) / "base" / str(row[1])).rglob("*") if path.is_file()]


def found_in(paths: list[Path]) -> list[str]:
    first, last = (word.encode() for word in WORDS.split())
    needles = (first, last, first.lower(), last.lower())
    return [path.name for path in paths if path.exists() and any(word in path.read_bytes() for word in needles)]
