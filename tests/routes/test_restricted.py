"""A restricted incident is not there for the public: not by id, list, search, total, export, history or moment."""

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
