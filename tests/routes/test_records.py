"""The life of a record over HTTP: created, read, replaced, patched, ended, its history kept; on both databases."""

import pytest
from starlette.testclient import TestClient

from incidents_api.model.answers import ANSWERS
from incidents_api.model.kinds import BY_PLURAL, KINDS
from tests import make
from tests.conftest import key_for

MERGE = {"Content-Type": "application/merge-patch+json"}


def shape(kind: str, record: dict) -> None:
    """Reads build no model; the shape of their bytes is pinned here instead."""
    ANSWERS[kind].model_validate(record)


@pytest.mark.parametrize("plural", BY_PLURAL)
def test_every_kind_lives_the_same_life(client: TestClient, plural: str) -> None:
    kind = BY_PLURAL[plural]
    key = key_for(client)
    created = client.post(f"/v1/{plural}", json=make.REPORTS[plural](), headers=key)
    assert created.status_code == 201, created.text
    record = created.json()
    where = created.headers["location"]
    assert where == f"/v1/{plural}/{record['id']}"
    assert record.pop("resolved") is not None
    assert record.pop("possible_duplicates", []) == []
    shape(kind.name, record)

    read = client.get(where)
    assert read.json() == record
    assert read.headers["etag"] == created.headers["etag"]
    assert client.head(where).headers["etag"] == read.headers["etag"]
    assert client.head(where).content == b""
    same = client.get(where, headers={"If-None-Match": read.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"/v1/{plural}?count=exact").json()["items"][-1:] == [record] or plural == "locations"

    # The whole record may be sent back; nothing changed, so no revision is made.
    again = client.put(where, json=record, headers=key | {"If-Match": read.headers["etag"]})
    assert again.status_code == 200, again.text
    assert again.json()["version"] == 1

    note = {"incident": "summary", "actor": "description", "location": "aliases", "source": "note", "statistic": "note"}
    value = ["Old Ranch"] if plural == "locations" else "Said otherwise"
    change = {note[kind.name]: value}
    assert client.patch(where, json=change, headers=key | MERGE).status_code == 428
    patched = client.patch(where, json=change, headers=key | MERGE | {"If-Match": read.headers["etag"]})
    assert patched.status_code == 200, patched.text
    assert patched.json()["version"] == 2
    assert patched.json()[note[kind.name]] == value
    stale = client.patch(where, json=change, headers=key | MERGE | {"If-Match": read.headers["etag"]})
    assert stale.status_code == 412
    assert stale.json()["version"] == 2

    history = client.get(f"{where}/revisions").json()["items"]
    assert [(entry["version"], entry["operation"]) for entry in history] == [(2, "patch"), (1, "create")]
    assert client.get(history[1]["url"]).json() == record

    etag = patched.headers["etag"]
    assert client.delete(where, headers=key | {"If-Match": etag}).status_code == 400
    ended = client.delete(f"{where}?reason=test&note=over", headers=key | {"If-Match": etag})
    assert "content-length" not in ended.headers
    assert ended.status_code == 204, ended.text
    gone = client.get(where)
    assert gone.status_code == 410
    assert (gone.json()["reason"], gone.json()["note"], gone.json()["successor"]) == ("test", "over", None)
    assert client.patch(where, json=change, headers=key | MERGE | {"If-Match": "*"}).status_code == 410
    assert record["id"] not in [item["id"] for item in client.get(f"/v1/{plural}").json()["items"]]
    assert [entry["operation"] for entry in client.get(f"{where}/revisions").json()["items"]] == [
        "end",
        "patch",
        "create",
    ]


def test_the_seeds_have_the_shape_that_openapi_tells(seeded: TestClient) -> None:
    for kind in KINDS.values():
        items = seeded.get(f"/v1/{kind.plural}?limit=1000").json()["items"]
        assert items
        for record in items:
            shape(kind.name, record)


def test_the_golden_record(seeded: TestClient) -> None:
    found = seeded.get("/v1/incidents?external_id=seed:S001-R0").json()["items"]
    assert len(found) == 1
    freed = {str(tally["dims"]): tally for tally in found[0]["tallies"] if tally["measure"] == "freed"}
    whole = freed["{}"]
    assert (whole["low"], whole["best"], whole["high"], whole["contested"]) == (58, 58, 58, False)
    assert {tally["best"] for dims, tally in freed.items() if dims != "{}"} == {36, 22}
    assert all(claim["quote"]["text"] for claim in found[0]["claims"])


def test_the_contested_year(seeded: TestClient) -> None:
    found = seeded.get("/v1/incidents?granularity=period_total").json()["items"]
    assert len(found) == 1
    assert {claim["value"] for claim in found[0]["claims"]} == {7326, 7329}
    tally = found[0]["tallies"][0]
    assert (tally["measure"], tally["low"], tally["best"], tally["high"]) == ("rescued", 7326, 7329, 7329)
    assert tally["contested"] is True


@pytest.mark.parametrize(
    ("asked", "total"),
    [
        ("", 12),
        ("granularity=single", 6),
        ("granularity=operation", 4),
        ("granularity=series", 1),
        ("granularity=period_total", 1),
        ("granularity=single,series", 7),
        ("granularity=single&granularity=series", 7),
        ("admin1=MX-SIN", 5),
        ("admin1=MX-TAM", 1),
        ("country=MX", 12),
        ("location=MX", 12),
        ("location=Mexico", 12),
        ("location=M%C3%A9xico", 12),
        ("location=Sinaloa", 5),
        ("location=MX-SIN,MX-TAM", 6),
        ("location=culiacan, MX-SIN", 2),
        ("actor=Sinaloa Cartel", 2),
        ("actor=sinaloa  cartel&role=perpetrator", 1),
        ("actor=seed:mx-national-guard&role=rescuer", 2),
        ("role=perpetrator&attribution=claimed_by_actor", 1),
        ("measure=kidnapped", 2),
        ("measure=freed", 6),
        ("measure=released", 1),
        ("source=seed:001", 5),
        ("source=seed:003", 0),
        ("tag=migrants", 2),
        ("status=published", 12),
        ("status=submitted", 0),
        ("from=2024-03-01&to=2024-03-31&date_mode=within", 3),
        ("from=2024-03&to=2024-03&date_mode=within", 3),
        ("from=2024-03-01&to=2024-03-31", 6),
        ("from=2021&to=2021", 7),
        ("from=2021-06-01&to=2021-06-30&date_mode=contains", 4),
        ("type=release", 1),
        ("secondary_type=release", 1),
        ("stage=accomplished", 12),
    ],
)
def test_filters(seeded: TestClient, asked: str, total: int) -> None:
    answer = seeded.get(f"/v1/incidents?count=exact&{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == total
    assert len(answer.json()["items"]) == total


def test_a_source_without_an_incident_is_data(seeded: TestClient) -> None:
    assert seeded.get("/v1/sources?count=exact").json()["total"] == 5
    assert seeded.get("/v1/sources?assessment=no_incident&count=exact").json()["total"] == 1
    assert seeded.get("/v1/statistics?count=exact").json()["total"] == 8


def test_what_changed_between_two_versions(client: TestClient) -> None:
    key = key_for(client)
    created = client.post("/v1/incidents", json=make.incident(), headers=key)
    where = created.headers["location"]
    changed = {"title": "Sixteen rescued", "tags": ["army"]}
    tag = created.headers["etag"]
    client.patch(where, json=changed, headers=key | MERGE | {"If-Match": tag})
    told = client.get(f"{where}/diff")
    assert told.headers["content-type"] == "application/json-patch+json"
    assert told.json() == [
        {"op": "add", "path": "/tags/-", "value": "army"},
        {"op": "replace", "path": "/title", "value": "Sixteen rescued"},
    ]
    assert client.get(f"{where}/diff?from=2&to=1").json()[-1]["value"] == "Sixteen people rescued"
    assert client.get(f"{where}/diff?from=1&to=9").status_code == 404
