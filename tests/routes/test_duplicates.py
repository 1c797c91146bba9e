"""Duplicates: the likely ones are told with why, others are not, each pair once; posting one again can be refused."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import key_for
from tests.routes.test_merge import Store

CARTEL = [{"name": "Gulf Cartel", "role": "perpetrator"}]


def report(**members: Any) -> dict[str, Any]:
    return make.incident(
        **{
            "type": "kidnapping",
            "title": "Seven taken from a bus in Reynosa",
            "date": "2024-05-02",
            "location": "Reynosa, MX-TAM",
            "actors": CARTEL,
            "claims": [make.claim(measure="kidnapped", value=7, quote="seven people were taken")],
        }
        | members
    )


def pairs(store: Store, **asked: Any) -> list[dict[str, Any]]:
    """Every pair, page by page."""
    found, url = [], "/v1/duplicates"
    while url:
        answer = store.client.get(url, params=asked or None, headers=store.key)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        url, asked = answer.json()["next"], {}
    return found


def ids(found: list[dict[str, Any]]) -> set[frozenset[str]]:
    told = [frozenset(one["id"] for one in pair["incidents"]) for pair in found]
    assert len(told) == len(set(told))
    return set(told)


def post(store: Store, status: int = 201, query: str = "", **members: Any) -> Any:
    answer = store.client.post(f"/v1/incidents{query}", json=report(**members), headers=store.key)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_pair_is_told_with_every_part_of_its_score(client: TestClient) -> None:
    store = Store(client)
    one = post(store)
    two = post(
        store,
        type="hostage_taking",
        title="Bus stopped near Reynosa, eight abducted",
        date="2024-05-03",
        claims=[make.claim(measure="kidnapped", value=8, quote="eight persons", source="https://two.example")],
    )
    assert one["possible_duplicates"] == []
    (told,) = two["possible_duplicates"]
    assert (told["id"], told["title"], told["country"]) == (one["id"], "Seven taken from a bus in Reynosa", "MX")
    (pair,) = pairs(store)
    assert [each["id"] for each in pair["incidents"]] == [two["id"], one["id"]]
    assert pair["why"] == {
        "date": 0.75, "place": 1.0, "counts": 0.875, "actors": 1.0, "type": 0.5, "words": pair["why"]["words"],
    }  # fmt: skip
    assert (pair["days_apart"], pair["km_apart"]) == (1, 0.0)
    weights = {"date": 0.25, "place": 0.25, "counts": 0.15, "actors": 0.15, "type": 0.1, "words": 0.1}
    assert pair["score"] == pytest.approx(sum(weights[name] * part for name, part in pair["why"].items()), abs=0.002)
    assert {name: told[name] for name in ("score", "why")} == {name: pair[name] for name in ("score", "why")}
    assert ids(pairs(store, min_score=0.99)) == set()
    assert ids(pairs(store, days=0)) == set()


@pytest.mark.parametrize(
    "other",
    [
        {"date": "2024-05-12"},
        {"date": None},
        {"date": "2024"},
        {"location": "Matamoros, MX-TAM"},
        {"location": "Culiacán, MX-SIN"},
        {"type": "protest", "actors": [], "claims": [make.claim(measure="killed", value=1)], "title": "A march"},
        {"granularity": "period_total"},
    ],
)
def test_what_is_not_alike_is_not_told(client: TestClient, other: dict[str, Any]) -> None:
    store = Store(client)
    post(store)
    assert post(store, **other)["possible_duplicates"] == []
    assert pairs(store) == []


def test_distance_counts_between_places_only(client: TestClient) -> None:
    """A state stands for itself: its point is no place, so nothing is near it or far from it."""
    store = Store(client)
    town = post(store, location="Reynosa, MX-TAM")
    state = post(store, location="MX-TAM")
    (pair,) = pairs(store)
    assert ids([pair]) == {frozenset((town["id"], state["id"]))}
    assert (pair["km_apart"], pair["why"]["place"]) == (None, 0.4)
    assert post(store, location="MX-SIN")["possible_duplicates"] == []
    near = {"location": "Reynosa, MX-TAM", "lon": -98.3, "lat": 26.2}
    across = post(store, location=None, locations=[near])["possible_duplicates"]
    assert {told["id"] for told in across} == {town["id"], state["id"]}
    assert any((told["km_apart"] or 0) > 10 for told in across)
    assert not any(pair["km_apart"] for pair in pairs(store, km=1))


def test_coarse_dates_and_spans_meet(client: TestClient) -> None:
    store = Store(client)
    day, lasted = post(store), post(store, date="2024-04-30/2024-05-02")
    month = post(store, date="2024-05")
    assert frozenset((day["id"], lasted["id"])) in ids(pairs(store))
    assert {told["id"] for told in month["possible_duplicates"]} == {day["id"], lasted["id"]}
    assert [one["why"]["date"] for one in month["possible_duplicates"]] == [0.226, 0.226]


def test_what_somebody_looked_at_is_not_told_again(client: TestClient) -> None:
    store = Store(client)
    one, two = post(store)["id"], post(store)["id"]
    assert ids(pairs(store)) == {frozenset((one, two))}
    store.patch("incidents", two, {"relations": [{"type": "distinct_from", "incident_id": one}]})
    assert pairs(store) == []
    whole = post(store, title="The whole", date="2023-01-01")["id"]
    for part in (one, two):
        store.patch("incidents", part, {"relations": [{"type": "part_of", "incident_id": whole}]})
    assert pairs(store) == []  # parts of one whole were told apart
    store.patch("incidents", one, {"relations": []})
    assert ids(pairs(store)) == {frozenset((one, two))}
    store.merge("incidents", two, one)
    assert pairs(store) == []


def test_rows_that_one_dataset_numbers_apart_are_not_the_same(client: TestClient) -> None:
    store = Store(client)
    one = post(store, external_ids={"ucdp": "1"})
    assert post(store, external_ids={"ucdp": "2"})["possible_duplicates"] == []
    two = post(store, external_ids={"acled": "MEX1"})
    assert one["id"] in {told["id"] for told in two["possible_duplicates"]}


def test_both_of_a_pair_meet_the_filters(client: TestClient) -> None:
    store = Store(client)
    one, two = post(store, tags=["seen"])["id"], post(store, tags=["seen"])["id"]
    other = post(store)["id"]
    assert ids(pairs(store)) == {frozenset(pair) for pair in ((one, two), (one, other), (two, other))}
    assert ids(pairs(store, tag="seen")) == {frozenset((one, two))}
    assert ids(pairs(store, admin1="MX-SIN")) == set()
    assert ids(pairs(store, filter="kidnapped_best = 7", tag="seen")) == {frozenset((one, two))}


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_give_each_pair_once(client: TestClient, limit: int) -> None:
    store = Store(client)
    crowd = [post(store, date=f"2024-05-0{n % 3 + 1}")["id"] for n in range(7)]
    found = pairs(store, limit=limit, days=0)
    same_day = {frozenset((a, b)) for n, a in enumerate(crowd) for m, b in enumerate(crowd) if n < m and n % 3 == m % 3}
    assert ids(found) == same_day
    first = store.ask(f"/v1/duplicates?limit={limit}&days=0").json()
    assert len(first["items"]) == min(limit, len(same_day))
    assert ids(pairs(store, limit=limit)) == {frozenset((a, b)) for a in crowd for b in crowd if a != b}


def test_restricted_incidents_are_nobodys_duplicates(client: TestClient) -> None:
    store, public = Store(client), Store(client, "write")
    one, two = post(store)["id"], post(store, sensitivity="restricted")["id"]
    assert ids(pairs(store)) == {frozenset((one, two))}
    assert pairs(public) == []
    assert client.get("/v1/duplicates").json()["items"] == []
    told = post(public)["possible_duplicates"]
    assert [each["id"] for each in told] == [one]
    store.patch("incidents", one, {"sensitivity": "restricted"})
    post(public, 201, "?on_duplicate=reject", title="Alone", date="2024-05-03", location="MX-TAM", actors=[])


def test_a_likely_duplicate_can_be_refused(client: TestClient) -> None:
    store = Store(client)
    one = post(store, 201, "?on_duplicate=reject")
    before = store.ask("/v1/edition").json()
    refused = post(store, 409, "?on_duplicate=reject", actors=[{"name": "Somebody new", "role": "perpetrator"}])
    assert [told["id"] for told in refused["candidates"]] == [one["id"]]
    assert store.ask("/v1/edition").json() == before
    assert store.ids("actors", name="Somebody new") == set()
    told = post(store, 400, "?on_duplicate=refuse")["errors"][0]
    assert (told["parameter"], told["allowed"]) == ("on_duplicate", ["report", "reject"])
    assert len(post(store, 201, "?on_duplicate=report")["possible_duplicates"]) == 1
    actor = client.post("/v1/actors?on_duplicate=report", json=make.actor(), headers=key_for(client))
    assert actor.status_code == 400


def test_what_is_asked_wrongly_is_told(client: TestClient) -> None:
    for asked, parameter in (
        ("km=far", "km"), ("km=500", "km"), ("days=40", "days"), ("min_score=0", "min_score"), ("kms=2", "kms"),
        ("as_of=1", "as_of"), ("sort=date", "sort"), ("cursor=abc", "cursor"), ("km=1&km=2", "km"),
    ):  # fmt: skip
        answer = client.get(f"/v1/duplicates?{asked}")
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, parameter), asked
    empty = client.get("/v1/duplicates").json()
    assert empty == {"items": [], "next": None, "walked": 0, "compared": 0}
