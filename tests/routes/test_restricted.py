"""A restricted incident is not there for the public: not by id, list, search, total, export, history or moment."""

import httpx
from starlette.testclient import TestClient

from tests import make
from tests.conftest import key_for

MERGE = {"Content-Type": "application/merge-patch+json"}
SCOPES = ("write", "read:restricted")


def test_what_became_restricted_is_hidden_on_every_way_out(client: TestClient) -> None:
    key = key_for(client, *SCOPES)
    report = make.incident(title="Canary", tags=["canary"], external_ids={"t": "1"})
    created = client.post("/v1/incidents", json=report, headers=key)
    where, seq = created.headers["location"], created.json()["seq"]
    assert client.get(where).status_code == 200
    closed = {"sensitivity": "restricted"}
    tag = created.headers["etag"]
    assert client.patch(where, json=closed, headers=key | MERGE | {"If-Match": tag}).status_code == 200
    for path in (
        where,
        f"{where}?as_of={seq}",
        f"{where}/revisions",
        f"{where}/revisions/1",
        f"{where}/revisions/2",
        f"{where}/diff",
    ):
        assert client.get(path).status_code == 404, path
        assert client.get(path, headers=key).status_code == 200, path
    for moment in ("", f"&as_of={seq}"):
        for asked in ("tag=canary", "q=canary", "external_id=t:1", "filter=tag='canary'", "country=MX"):
            for route in ("incidents", "claims"):
                body = client.get(f"/v1/{route}?count=exact&{asked}{moment}").json()
                assert body["total"] == 0, (route, asked, moment)
            assert client.get(f"/v1/incidents.ndjson?{asked}{moment}").content == b""
            totals = client.get(f"/v1/totals?{asked}{moment}").json()["rows"]
            assert totals == [{"key": {}, "incidents": 0, "measures": {}}]
            seen = client.get(f"/v1/incidents?count=exact&{asked}{moment}", headers=key).json()["total"]
            assert seen == 1
    writer = key_for(client, "write")
    refused = client.patch(where, json={"title": "x"}, headers=writer | MERGE | {"If-Match": "*"})
    assert refused.status_code == 404
    again = client.post("/v1/incidents", json=report, headers=writer)
    assert again.status_code == 409
    assert created.json()["id"] not in again.text
    assert (
        client.post("/v1/incidents", json=make.incident(**closed), headers=writer).json()["scope"] == "read:restricted"
    )


def test_a_successor_that_is_closed_since_is_named_nowhere(client: TestClient) -> None:
    trusted, writer = key_for(client, "admin"), key_for(client, "write")
    made = [
        client.post("/v1/incidents", json=make.incident(external_ids={"t": str(n)}), headers=writer) for n in (1, 2)
    ]
    (old, successor), where = (one.json()["id"] for one in made), made[0].headers["location"]
    ended = client.delete(f"{where}?reason=duplicate&successor={successor}", headers=writer | {"If-Match": "*"})
    assert ended.status_code == 204
    related = make.incident(relations=[{"type": "follows", "incident_id": old}])
    line = make.incident(id=old)

    def told(key: dict[str, str]) -> dict[str, str]:
        """All that speaks of the end, headers included."""
        write = key or writer
        answers = {
            path: client.get(path, headers=key) for path in (where, f"{where}/revisions", f"{where}/revisions/2")
        }
        answers |= {path: client.get(path, headers=key) for path in ("/v1/changes", "/v1/changes?include=diff")}
        answers["a write"] = client.patch(where, json={"title": "x"}, headers=write | MERGE | {"If-Match": "*"})
        answers["a reference"] = client.post("/v1/incidents", json=related, headers=write)
        answers["a line"] = client.post("/v1/incidents/bulk?on_existing=update", json=[line], headers=write)
        assert {answers[path].status_code for path in (where, f"{where}/revisions/2", "a write")} == {410}
        assert answers["a reference"].status_code == 422
        return {of: f"{dict(one.headers)} {_ends(one)}" for of, one in answers.items()}

    assert all(successor in text for text in told({}).values())
    closed = {"sensitivity": "restricted"}
    assert client.patch(
        made[1].headers["location"], json=closed, headers=trusted | MERGE | {"If-Match": "*"}
    ).is_success
    assert [of for of, text in told({}).items() if successor in text] == []
    assert all(successor in text for text in told(trusted).values())


def _ends(answer: httpx.Response) -> str:
    """What an answer says; of the feed, what it says of ends."""
    if "changes" not in str(answer.request.url):
        return answer.text
    return str([one for one in answer.json()["items"] if one["change"] == "end"])
