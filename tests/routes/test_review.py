"""Review: moves along the vocabulary, who sees what stands where, a queue, and what free text must be confirmed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.model import vocabulary
from tests import make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}
STATUSES = vocabulary.codes("review_status")
MOVES = {code.code: code.extra["moves"] for code in vocabulary.LISTS["review_status"].codes.values()}


@pytest.fixture
def defaults(store_url: str) -> Iterator[TestClient]:
    """The service with the settings that it comes with."""
    with serve(store_url, public_statuses=("published", "verified")) as opened:
        yield opened


def move(client: TestClient, key: dict[str, str], where: str, **body: Any) -> Any:
    tag = client.get(where, headers=key).headers.get("etag", "*")
    return client.post(f"{where}/review", json={"reason": "checked"} | body, headers=key | {"If-Match": tag})


def test_every_move_of_the_vocabulary_and_no_other(client: TestClient) -> None:
    key = key_for(client, "write", "review", name="rita")
    for held in STATUSES:
        created = client.post("/v1/incidents", json=make.incident(review={"status": held}), headers=key)
        where = created.headers["location"]
        for status in STATUSES:
            answer = move(client, key, where, status=status)
            if status not in MOVES[held]:
                fault = answer.json()["errors"][0]
                assert (answer.status_code, fault["pointer"], fault["code"]) == (422, "/status", "move")
                assert fault.get("allowed", []) == list(MOVES[held])
                patched = client.patch(
                    where, json={"review": {"status": status}}, headers=key | MERGE | {"If-Match": "*"}
                )
                assert patched.status_code == (200 if status == held else 422)
                continue
            assert answer.status_code == 200, answer.text
            review = answer.json()["review"]
            assert (review["status"], review["by"], review["reason"]) == (status, "rita", "checked")
            entry = client.get(f"{where}/revisions").json()["items"][0]
            assert (entry["operation"], entry["author"]) == ("review", "rita")
            where = client.post("/v1/incidents", json=make.incident(review={"status": held}), headers=key).headers[
                "location"
            ]


def test_a_review_needs_scope_reason_and_version(client: TestClient) -> None:
    key, writer = key_for(client, "write", "review"), key_for(client, "write")
    where = client.post("/v1/incidents", json=make.incident(), headers=writer).headers["location"]
    refused = move(client, writer, where, status="published")
    assert (refused.status_code, refused.json()["scope"]) == (403, "review")
    body = {"status": "published", "reason": "checked"}
    assert client.post(f"{where}/review", json=body, headers=key).status_code == 428
    assert client.post(f"{where}/review", json=body, headers=key | {"If-Match": '"9-9"'}).status_code == 412
    assert move(client, key, where, status="published", reason=None).json()["errors"][0]["pointer"] == "/reason"
    assert move(client, key, where, status="publishd").json()["errors"][0]["pointer"] == "/status"
    assert move(client, key, where, status="published", chosen=["c9"]).json()["errors"][0]["pointer"] == "/chosen/0"
    assert client.get(where).json()["version"] == 1


def test_a_reviewer_chooses_the_best(client: TestClient) -> None:
    key = key_for(client, "write", "review")
    claims = [make.claim(), make.claim(value=18, source="https://other.example")]
    created = client.post("/v1/incidents", json=make.incident(claims=claims), headers=key)
    assert created.json()["review"]["status"] == "published"
    where = created.headers["location"]
    assert created.json()["tallies"][0]["best"] is None
    told = move(client, key, where, status="verified", chosen=["c2"]).json()
    assert (told["tallies"][0]["best"], told["review"]["chosen"]) == (18, ["c2"])
    # The choice may change while the status stays, and stays while the status changes.
    assert move(client, key, where, status="verified", chosen=["c1"]).json()["tallies"][0]["best"] == 16
    assert move(client, key, where, status="disputed").json()["review"]["chosen"] == ["c1"]


def test_who_sees_what_stands_where(defaults: TestClient) -> None:
    reviewer = key_for(defaults, "write", "review", name="rita")
    ana, bob = (key_for(defaults, "write", name=name) for name in ("ana", "bob"))
    places, seqs = {}, {}
    for status in STATUSES:
        report = make.incident(title=f"As {status}", review={"status": status}, tags=[status])
        created = defaults.post("/v1/incidents", json=report, headers=reviewer)
        places[status], seqs[status] = created.headers["location"], created.json()["seq"]
    own = defaults.post("/v1/incidents", json=make.incident(title="Ana's", tags=["ana"]), headers=ana)
    assert own.json()["review"]["status"] == "submitted"
    mine = own.headers["location"]

    def listed(key: dict[str, str], path: str = "/v1/incidents", *, tag: str = "") -> set[str]:
        page = defaults.get(f"{path}?count=exact{tag}", headers=key).json()
        assert page["total"] == len(page["items"])
        return {one["title"] for one in page["items"]}

    public = {"As published", "As verified"}
    assert listed({}) == listed(bob) == public
    assert listed(ana) == public | {"Ana's"}
    assert listed(reviewer) == {f"As {status}" for status in STATUSES} | {"Ana's"}
    for key, found in (({}, 2), (bob, 2), (ana, 3), (reviewer, 8)):
        assert defaults.get("/v1/totals", headers=key).json()["rows"][0]["incidents"] == found
        assert defaults.get("/v1/edition", headers=key).json()["counts"]["incidents"] == found
        assert len(defaults.get("/v1/claims", headers=key).json()["items"]) == found
        assert len(defaults.get("/v1/incidents.ndjson", headers=key).text.splitlines()) == found
        assert len(defaults.get("/v1/changes?kind=incident", headers=key).json()["items"]) == found
        assert defaults.get(mine, headers=key).status_code == (200 if key in (ana, reviewer) else 404)
        assert defaults.get(f"{mine}/revisions", headers=key).status_code == (200 if key in (ana, reviewer) else 404)
    assert listed({}, tag="&status=submitted") == listed({}, tag="&q=ana") == set()
    queue = defaults.get("/v1/incidents?status=submitted&sort=recorded_at", headers=reviewer).json()["items"]
    assert [one["title"] for one in queue] == ["As submitted", "Ana's"]
    assert defaults.patch(mine, json={"title": "x"}, headers=bob | MERGE | {"If-Match": "*"}).status_code == 404
    assert defaults.patch(mine, json={"stage": "attempted"}, headers=ana | MERGE | {"If-Match": "*"}).status_code == 200
    assert move(defaults, reviewer, mine, status="published").status_code == 200
    assert listed(bob) == public | {"Ana's"}
    # Its author still sees it when a reviewer has had it last; everybody else sees what was published then.
    seq = defaults.get("/v1/edition").json()["seq"]
    assert move(defaults, reviewer, mine, status="rejected").status_code == 200
    assert listed(ana) == public | {"Ana's"}
    assert listed({}) == public
    assert listed({}, tag=f"&as_of={seq}") == public | {"Ana's"}
    assert defaults.get(f"{mine}?as_of={own.json()['seq']}").status_code == 404


def test_what_could_lead_to_a_person_is_asked_about(client: TestClient) -> None:
    key = key_for(client, "write", "review")
    report = make.incident(
        title="Call 667 123 4567",
        summary="Seen at 24.79032, -107.38782, says ana@example.mx",
        claims=[make.claim(note="a van, placas VLK-123-A", quote="dial 667 123 4567")],
    )
    told = client.post("/v1/incidents", json=report, headers=key)
    assert told.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in told.json()["errors"]] == [
        ("/title", "found_phone"),
        ("/summary", "found_coordinates"),
        ("/summary", "found_email"),
        ("/claims/0/note", "found_plate"),
    ]
    assert "confirm=phone" in told.json()["errors"][0]["detail"]
    some = client.post("/v1/incidents?confirm=phone,email", json=report, headers=key)
    assert len(some.json()["errors"]) == 2
    assert client.post("/v1/incidents?confirm=phones", json=report, headers=key).json()["errors"][0]["allowed"]
    created = client.post("/v1/incidents?confirm=phone,email,coordinates,plate", json=report, headers=key)
    assert created.status_code == 201
    where = created.headers["location"]

    def change(path: str, body: dict[str, Any], call: Callable[..., Any] = client.patch) -> Any:
        media = MERGE if call == client.patch else {}
        return call(path, json=body, headers=key | media | {"If-Match": "*"})

    # What is there already is not asked about again.
    assert change(where, {"stage": "attempted"}).status_code == 200
    assert change(where, {"summary": "or bob@example.mx"}).json()["errors"][0]["pointer"] == "/summary"
    assert change(f"{where}?confirm=email", {"summary": "or bob@example.mx"}).status_code == 200
    body = {"status": "verified", "reason": "asked carl@example.mx"}
    assert change(f"{where}/review", body, client.post).json()["errors"][0]["pointer"] == "/review/reason"
    assert change(f"{where}/review?confirm=email", body, client.post).status_code == 200
    claims = {"claims": [make.claim(note="dora@example.mx")], "source": "https://x.example"}
    assert change(f"{where}/claims", claims, client.post).status_code == 422
    assert change(f"{where}/claims?confirm=email", claims, client.post).status_code == 201
    assert client.post("/v1/actors", json=make.actor(description="a@example.mx"), headers=key).status_code == 422


def test_small_counts_are_kept_back_from_the_public(client: TestClient) -> None:
    key, reader = key_for(client, "write", "review"), key_for(client, "read:restricted")
    for place, counts in (("MX-SIN", (3, 20)), ("MX-SON", (7, 30)), ("MX-CHH", (9, 40))):
        claims = [make.claim(value=sum(counts))]
        claims += [make.claim(value=n, dims={"sex": sex}) for n, sex in zip(counts, ("female", "male"), strict=True)]
        client.post("/v1/incidents", json=make.incident(location=place, claims=claims), headers=key)

    def best(path: str, headers: dict[str, str] | None = None) -> dict[tuple[Any, ...], int | None]:
        rows = client.get(f"/v1/totals?measure=rescued&{path}", headers=headers or {}).json()["rows"]
        return {tuple(row["key"].values()): row["measures"]["rescued"]["best"] for row in rows}

    assert best("by=sex") == {("female",): 19, ("male",): 90}
    told = best("by=admin1,sex")
    assert told[("MX-SIN", "female")] is None
    for axis in (0, 1):
        for value in {key[axis] for key in told}:
            assert [best is None for key, best in told.items() if key[axis] == value].count(True) != 1
    assert best("by=admin1,sex", reader)[("MX-SIN", "female")] == 3
    assert best("admin1=MX-SIN&sex=female") == {(): None}
    # Headline counts are what was published.
    assert best("by=admin1&admin1=MX-SIN") == {("MX-SIN",): 23}
    answer = client.get("/v1/totals?measure=rescued&by=admin1,sex").json()
    assert answer["suppressed"] == 4
    assert "suppressed" not in client.get("/v1/totals?measure=rescued&by=admin1").json()


def test_many_reports_are_screened_line_by_line(client: TestClient) -> None:
    lines = [make.incident(title="Call 667 123 4567"), make.incident(title="Plain")]
    for query, created in (("", 1), ("?confirm=phone", 2)):
        told = client.post(f"/v1/incidents/bulk{query}", json=lines, headers=key_for(client)).json()
        assert told["created"] == created, told
    assert client.post("/v1/incidents/bulk?confirm=x", json=lines, headers=key_for(client)).status_code == 400
