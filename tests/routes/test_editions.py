"""What changed between two editions: records, versions, and the totals before, after and between."""

from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.conftest import key_for

MERGE = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
SCOPES = ("write", "review", "read:restricted")


def diff(client: TestClient, query: str, key: dict[str, str] | None = None) -> dict[str, Any]:
    answer = client.get(f"/v1/editions/diff?{query}", headers=key)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def create(client: TestClient, key: dict[str, str], **members: Any) -> dict[str, Any]:
    answer = client.post("/v1/incidents", json=make.incident(review={"status": "published"}, **members), headers=key)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def patch(client: TestClient, key: dict[str, str], record_id: str, **members: Any) -> None:
    answer = client.patch(f"/v1/incidents/{record_id}", json=members, headers=key | MERGE)
    assert answer.status_code == 200, answer.text


def test_what_changed_and_what_it_did_to_the_totals(seeded: TestClient) -> None:
    key = key_for(seeded, *SCOPES)
    old = create(seeded, key, claims=[make.claim(value=5)])
    gone = create(seeded, key, title="Goes", claims=[make.claim(value=7)])
    first = seeded.get("/v1/edition").json()
    patch(seeded, key, old["id"], title="Changed twice")
    patch(seeded, key, old["id"], claims=[old["claims"][0] | {"value": 6}])
    new = create(seeded, key, title="New", claims=[make.claim(value=20)])
    passing = create(seeded, key, title="Came and went")
    for one in (gone, passing):
        url = f"/v1/incidents/{one['id']}?reason=test"
        assert seeded.delete(url, headers=key | {"If-Match": "*"}).status_code == 204
    last = seeded.get("/v1/edition").json()
    told = diff(seeded, f"from={first['seq']}")
    incidents = {one["id"]: one for one in told["items"] if one["kind"] == "incident"}
    assert {name: one["change"] for name, one in incidents.items()} == {
        old["id"]: "changed", gone["id"]: "ended", new["id"]: "created",
    }  # fmt: skip
    changed = incidents[old["id"]]
    assert (changed["from_version"], changed["to_version"]) == (1, 3)
    assert {one["path"].split("/")[1] for one in seeded.get(changed["diff"]).json()} >= {"title", "claims"}
    for end, edition in (("from", first), ("to", last)):
        assert {name: edition[name] for name in told[end]} == told[end]
    totals = [seeded.get(f"/v1/totals?as_of={edition['seq']}").json()["rows"][0] for edition in (first, last)]
    assert told["totals"]["incidents"] == {
        "before": totals[0]["incidents"],
        "after": totals[1]["incidents"],
        "delta": 0,
    }
    freed = told["totals"]["measures"]["freed"]["best"]
    assert freed["delta"] == (6 - 5) + 20 - 7
    for name, levels in told["totals"]["measures"].items():
        for level in ("low", "best", "high", "incidents"):
            assert levels[level]["before"] == totals[0]["measures"].get(name, {}).get(level, 0)
            assert levels[level]["after"] == totals[1]["measures"][name][level]


def test_pages_join_to_the_whole(seeded: TestClient) -> None:
    whole = diff(seeded, "from=0&limit=1000")
    assert len(whole["items"]) == sum(whole["to"]["counts"].values())
    assert {one["change"] for one in whole["items"]} == {"created"}
    assert whole["next"] is None
    found, url = [], "/v1/editions/diff?from=0&limit=7"
    while url:
        answer = seeded.get(url)
        found += answer.json()["items"]
        url = answer.json()["next"]
    assert found == whole["items"]
    assert diff(seeded, f"from={whole['to']['seq']}")["items"] == []


def test_days_and_times_are_moments_and_the_past_stands_fast(seeded: TestClient) -> None:
    head = seeded.get("/v1/edition").json()
    assert len(diff(seeded, "from=2000-01-01")["items"]) == len(diff(seeded, "from=0")["items"])
    assert diff(seeded, f"from={head['recorded_at']}")["from"]["seq"] == head["seq"]
    assert "max-age" in seeded.get("/v1/editions/diff?from=0&to=5").headers["cache-control"]
    assert seeded.get("/v1/editions/diff?from=0").headers["cache-control"] == "no-cache"


def test_the_public_hears_nothing_of_what_is_restricted(client: TestClient) -> None:
    key = key_for(client, *SCOPES)
    hidden = create(client, key, sensitivity="restricted")
    shown = create(client, key, title="Shown")
    middle = client.get("/v1/edition").json()["seq"]
    patch(client, key, hidden["id"], title="Changed")
    patch(client, key, shown["id"], sensitivity="restricted")
    for query in ("from=0", f"from={middle}"):
        told = diff(client, query)
        assert [one for one in told["items"] if one["kind"] == "incident"] == [], query
        assert told["totals"]["incidents"] == {"before": 0, "after": 0, "delta": 0}
    seen = [one["id"] for one in diff(client, f"from={middle}", key)["items"]]
    assert sorted(seen) == sorted([hidden["id"], shown["id"]])


def test_what_cannot_be_asked(client: TestClient) -> None:
    for query, parameter in (
        ("from=x", "from"), ("from=0&to=9", "to"), ("from=9", "from"), ("from=0&limit=0", "limit"),
        ("from=0&after=x", "after"), ("from=0&what=1", "what"), ("from=0&from=0", "from"),
    ):  # fmt: skip
        answer = client.get(f"/v1/editions/diff?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["errors"][0]["parameter"] == parameter, query
