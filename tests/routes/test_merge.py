"""Merging over HTTP: everything moves to the survivor, the old id leads there for ever, and nobody is counted twice."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.storage.database import Database
from incidents_api.writing import projection
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import key_for, serve
from tests.writing.test_projection import dump

PLURALS = tuple(make.REPORTS)
ALL = ("write", "review", "read:restricted")


class Store:
    """A store as a reviewer uses it."""

    def __init__(self, client: TestClient, *scopes: str) -> None:
        self.client, self.key = client, key_for(client, *(scopes or ALL))

    def post(self, plural: str, **members: Any) -> str:
        answer = self.client.post(f"/v1/{plural}", json=make.REPORTS[plural](**members), headers=self.key)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def get(self, plural: str, record_id: str, **asked: Any) -> Any:
        return self.client.get(f"/v1/{plural}/{record_id}", params=asked, headers=self.key).json()

    def ids(self, plural: str = "incidents", **asked: Any) -> set[str]:
        answer = self.client.get(f"/v1/{plural}", params=asked, headers=self.key)
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["items"]}

    def patch(self, plural: str, record_id: str, changes: Any) -> Any:
        headers = self.key | {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        answer = self.client.patch(f"/v1/{plural}/{record_id}", json=changes, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def merge(self, plural: str, old: str, into: str, status: int = 200, **body: Any) -> Any:
        """The answer of a merge that is expected to end with this status."""
        body = {"into": into, "reason": "duplicate"} | body
        headers = self.key | {"If-Match": "*"}
        answer = self.client.post(f"/v1/{plural}/{old}/merge", json=body, headers=headers, follow_redirects=False)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ask(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=self.key | headers, follow_redirects=False)

    def freed(self) -> tuple[int, dict[str, int]]:
        row = self.client.get("/v1/totals", params={"measure": "rescued"}, headers=self.key).json()["rows"][0]
        return row["incidents"], row["measures"]["rescued"]


def whole(client: TestClient) -> None:
    """The log holds, every link leads somewhere, and replaying it gives the very same rows."""
    database: Database = client.app.state.database
    with database.connect() as conn:
        assert verify(conn).faults == []
    before = dump(database)
    database.write_now(projection.rebuild)
    assert dump(database) == before


def test_all_that_the_one_says_moves_to_the_other(client: TestClient) -> None:
    store = Store(client)
    quoted = make.claim(quote="sixteen people were rescued")
    kept = store.post(
        "incidents", external_ids={"ucdp": "1"}, claims=[quoted, make.claim(id="x", measure="killed", value=2)]
    )
    old = store.post(
        "incidents",
        title="Another title",
        summary="More is known.",
        location="MX-SIN",
        actors=[{"name": "Mexican Army", "role": "rescuer"}, {"name": "Sinaloa Cartel", "role": "perpetrator"}],
        claims=[
            quoted,
            make.claim(source="https://other.example", value=18, links=[{"type": "conflicts_with", "claim": "c1"}]),
            make.claim(id="x", measure="killed", value=3, links=[{"type": "part_of", "claim": "c9"}]),
            make.claim(id="c9", measure="killed", value=9, quote="nine"),
        ],
        tags=["seen"],
        external_ids={"ucdp": "2", "gtd": "7"},
        secondary_types=["raid"],
    )
    answer = store.merge("incidents", old, kept, note="One raid, told twice.")
    assert (answer["id"], answer["version"], answer["revised"]) == (kept, 2, 0)
    record = store.get("incidents", kept)
    assert {name: answer[name] for name in record} == record
    assert (record["title"], record["summary"]) == ("Sixteen people rescued", "More is known.")
    assert record["external_ids"] == {"ucdp": "1", "gtd": "7"}
    assert (record["tags"], record["secondary_types"]) == (["seen"], ["raid"])
    assert [(one["name"], one["role"]) for one in record["actors"]] == [
        ("Mexican Army", "rescuer"), ("Sinaloa Cartel", "perpetrator"),
    ]  # fmt: skip
    assert [one["precision"] for one in record["locations"]] == ["city", "adm1"]
    said = {claim["id"]: claim for claim in record["claims"]}
    assert {name: (claim["measure"], claim["value"]) for name, claim in said.items()} == {
        "c1": ("rescued", 16), "x": ("killed", 2), "c2": ("rescued", 18), "c4": ("killed", 3), "c9": ("killed", 9),
    }  # fmt: skip
    assert said["c2"]["links"] == [{"type": "conflicts_with", "claim": "c1", "incident_id": None}]
    assert said["c4"]["links"] == [{"type": "part_of", "claim": "c9", "incident_id": None}]
    assert said["c2"]["source_id"] != said["c1"]["source_id"]
    (rescued,) = [one for one in record["tallies"] if one["measure"] == "rescued"]
    assert (rescued["low"], rescued["high"], rescued["contested"]) == (16, 18, True)
    assert record["merged"] == [
        {
            "id": old,
            "external_ids": {"ucdp": "2", "gtd": "7"},
            "claims": {"c1": "c1", "c2": "c2", "x": "c4", "c9": "c9"},
        }
    ]
    for name in ("ucdp:1", "ucdp:2", "gtd:7"):
        assert store.ids(external_id=name) == {kept}
        scheme, value = name.split(":")
        again = client.post(
            "/v1/incidents", json=make.incident(external_ids={scheme: value}), headers=store.key, follow_redirects=False
        )
        assert (again.status_code, again.json()["id"]) == (409, kept)
    whole(client)


@pytest.mark.parametrize("plural", PLURALS)
def test_the_old_id_leads_to_the_survivor_for_ever(client: TestClient, plural: str) -> None:
    store = Store(client)
    named = {"actors": "name", "locations": "name", "sources": "url", "incidents": "title", "statistics": "title"}[
        plural
    ]
    a, b, c = (store.post(plural, **{named: f"https://news.example/{n}"}) for n in range(3))
    store.merge(plural, a, b)
    store.merge(plural, b, c)
    answer = store.ask(f"/v1/{plural}/{a}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/v1/{plural}/{c}")
    told = answer.json()
    assert (told["code"], told["reason"], told["successor"]) == ("moved", "duplicate", c)
    assert store.get(plural, a)["id"] == c  # a client that follows arrives
    assert store.ids(plural) & {a, b, c} == {c}
    history = store.ask(f"/v1/{plural}/{a}/revisions").json()["items"]
    assert [(one["operation"], (one["reason"] or {}).get("successor")) for one in history] == [
        ("merge", b), ("create", None),
    ]  # fmt: skip
    assert store.ask(f"/v1/{plural}/{a}/revisions/1").json()["id"] == a
    before = history[0]["seq"] - 1
    assert store.ask(f"/v1/{plural}/{a}?as_of={before}").json()["id"] == a
    assert store.ids(plural, as_of=before) >= {a, b, c}
    between = store.ask(f"/v1/{plural}/{a}?as_of={history[0]['seq'] + 1}")
    assert between.headers["location"] == f"/v1/{plural}/{b}?as_of={history[0]['seq'] + 1}"
    assert [one["id"] for one in store.get(plural, c)["merged"]] == [b, a]
    whole(client)


def test_a_write_to_the_old_id_is_sent_to_the_survivor(client: TestClient) -> None:
    store = Store(client)
    old, kept = store.post("incidents"), store.post("incidents")
    mark = store.ask(f"/v1/incidents/{old}").headers["etag"]
    store.merge("incidents", old, kept)
    body = {"claims": [make.claim(value=3, measure="killed", source="https://x.example")]}
    sent = client.post(f"/v1/incidents/{old}/claims", json=body, headers=store.key, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (308, f"/v1/incidents/{kept}/claims")
    followed = client.post(f"/v1/incidents/{old}/claims", json=body, headers=store.key)
    assert (followed.status_code, followed.json()["id"]) == (201, kept)
    for method in ("PUT", "DELETE", "PATCH"):
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = store.key | {"If-Match": mark, "Content-Type": media}
        sent = client.request(
            method, f"/v1/incidents/{old}?reason=test" if method == "DELETE" else f"/v1/incidents/{old}",
            json=make.incident(), headers=headers,
        )  # fmt: skip
        assert sent.status_code == 412, sent.text  # sent on, and the survivor is not at the version that was read


def test_totals_never_count_both(client: TestClient) -> None:
    store = Store(client)
    claim = make.claim(quote="sixteen people were rescued")
    a, b = (store.post("incidents", claims=[claim], title=title) for title in ("One", "Two"))
    part = store.post(
        "incidents", claims=[make.claim(value=6)], relations=[{"type": "part_of", "incident_id": a}], title="A part"
    )
    assert store.freed()[1]["best"] == 32
    store.merge("incidents", a, b)
    incidents, figure = store.freed()
    assert (incidents, figure["low"], figure["best"], figure["high"]) == (2, 16, 16, 16)
    assert store.get("incidents", part)["relations"][0]["incident_id"] == b
    assert store.ids(country="MX") == {b, part}
    whole(client)


def test_links_between_claims_of_different_incidents_move(client: TestClient) -> None:
    store = Store(client)
    old, kept = store.post("incidents"), store.post("incidents", claims=[make.claim(value=1)])
    far = store.post(
        "incidents",
        claims=[make.claim(links=[{"type": "restates", "claim": "c1", "incident_id": old}])],
        relations=[{"type": "follows", "incident_id": one} for one in (old, kept)],
    )
    assert store.merge("incidents", old, kept)["revised"] == 1
    record = store.get("incidents", far)
    assert record["claims"][0]["links"] == [{"type": "restates", "claim": "c2", "incident_id": kept}]
    assert [one["incident_id"] for one in record["relations"]] == [kept]
    later = store.post(
        "incidents", claims=[make.claim(links=[{"type": "restates", "claim": "c1", "incident_id": old}])]
    )
    assert store.get("incidents", later)["claims"][0]["links"][0] == {
        "type": "restates", "claim": "c2", "incident_id": kept,
    }  # fmt: skip
    whole(client)


def test_actors_merge_with_all_that_they_took_part_in(client: TestClient) -> None:
    store = Store(client)
    parent = store.post("actors", name="Federation")
    old = store.post("actors", name="CDS", aliases=["Cartel de Sinaloa"], parent_id=parent, type="unknown")
    kept = store.post("actors", name="Sinaloa Cartel", country="MX")
    faction = store.post("actors", name="Los Chapitos", parent_id=old)
    both = store.post(
        "incidents", actors=[{"actor_id": one, "role": "perpetrator", "evidence": [f"by {one}"]} for one in (kept, old)]
    )
    once = store.post("incidents", actors=[{"actor_id": faction, "role": "perpetrator"}])
    assert store.merge("actors", old, kept)["revised"] == 2
    record = store.get("actors", kept)
    assert [one["name"] for one in record["aliases"]] == ["CDS", "Cartel de Sinaloa"]
    assert (record["parent_id"], record["type"], record["country"]) == (parent, "organized_crime_group", "MX")
    (taking_part,) = store.get("incidents", both)["actors"]
    assert [one["quote"]["text"] for one in taking_part["evidence"]] == [f"by {kept}", f"by {old}"]
    assert store.get("actors", faction)["parent_id"] == kept
    for named in (kept, old, "CDS", "cartel de sinaloa", "Sinaloa Cartel", "Federation"):
        assert store.ids(actor=named) == {both, once}, named
    assert both in store.ids(q="CDS")
    # Later references by the old id or its names mean the survivor.
    for given in ({"actor_id": old}, {"actor": "Cartel de Sinaloa"}, {"name": "CDS"}):
        later = store.post("incidents", actors=[given | {"role": "perpetrator"}])
        assert store.get("incidents", later)["actors"][0]["actor_id"] == kept
    whole(client)


def test_locations_merge_with_what_their_incidents_copied(client: TestClient) -> None:
    store = Store(client)
    old = store.post("locations", name="Rancho El Viejo", lon=-107.2, lat=24.6, admin1=None)
    kept = store.post("locations", name="Rancho Viejo", admin1="MX-SIN")
    inside = store.post("locations", name="The barn", parent_id=old, lon=None, lat=None)
    plain = store.post("incidents", locations=[{"location_id": old}])
    exact = store.post("incidents", locations=[{"location_id": old, "lon": -107.25, "lat": 24.65}])
    figure = store.post("statistics", area={"location_id": old})
    assert store.merge("locations", old, kept)["revised"] == 4
    (place,) = store.get("incidents", plain)["locations"]
    assert (place["location_id"], place["admin1"], place["lon"], place["name"]) == (
        kept, "MX-SIN", -107.1, "Rancho El Viejo",
    )  # fmt: skip
    assert store.get("incidents", exact)["locations"][0]["lon"] == -107.25
    assert store.get("statistics", figure)["area"]["location_id"] == kept
    assert store.get("locations", inside)["parent_id"] == kept
    assert store.ids(location=old) == store.ids(location="MX-SIN") == {plain, exact}
    assert store.ids("statistics", location=old) == {figure}
    later = store.post("incidents", location="Rancho El Viejo")
    assert store.get("incidents", later)["locations"][0]["location_id"] == kept
    store.patch("incidents", plain, {"title": "Still takes a change"})
    whole(client)


def test_a_place_of_the_gazetteer_may_be_merged(client: TestClient) -> None:
    store = Store(client)
    report = store.get("incidents", store.post("incidents", location="Culiacán, MX-SIN"))
    town = report["locations"][0]["location_id"]
    kept = store.post("locations", name="Culiacán de los Nuestros", admin1="MX-SIN", kind="place")
    store.merge("locations", town, kept)
    for given in ("Culiacán, MX-SIN", town, "Culiacán de los Nuestros"):
        later = store.post("incidents", location=given)
        assert store.get("incidents", later)["locations"][0]["location_id"] == kept
    whole(client)


TEXT = "Navolato: in all, sixteen people were rescued on Tuesday."


def test_sources_merge_and_a_figure_said_twice_by_one_source_counts_once(client: TestClient) -> None:
    store = Store(client)
    kept = store.post("sources", url="https://news.example/a", text=TEXT)
    old = store.post("sources", url="https://news.example/b?copy", publisher="Wire")
    quoted = {"quote": "sixteen people were rescued"}
    report = store.post(
        "incidents",
        claims=[
            make.claim(source_id=kept, **quoted),
            make.claim(source_id=old, **quoted),
            make.claim(source="https://third.example", value=20),
            make.claim(source="https://fourth.example", value=20),
        ],
        source=None,
    )
    assert store.get("incidents", report)["tallies"][0]["best"] is None  # two sources against two
    assert store.merge("sources", old, kept)["revised"] == 1
    record = store.get("incidents", report)
    assert [(claim["id"], claim["source_id"] == kept) for claim in record["claims"]] == [
        ("c1", True), ("c3", False), ("c4", False),
    ]  # fmt: skip
    assert record["claims"][0]["quote"]["start"] == 18
    assert record["tallies"][0]["best"] == 20
    assert store.get("sources", kept)["publisher"] == "Wire"
    for given in (old, "https://news.example/b?copy"):
        later = store.post("incidents", source=given, claims=[make.claim(value=5)])
        assert store.get("incidents", later)["claims"][0]["source_id"] == kept
        assert store.ids(source=given) >= {report, later}
    whole(client)


def test_a_quote_that_the_surviving_text_does_not_hold_stands_against_a_merge(client: TestClient) -> None:
    store = Store(client)
    kept = store.post("sources", url="https://news.example/a", text=TEXT)
    old = store.post("sources", url="https://news.example/b")
    store.post("incidents", source=None, claims=[make.claim(source_id=old, quote="eighteen people were freed")])
    before = store.ask("/v1/edition").json()["seq"]
    assert "not in the text" in store.merge("sources", old, kept, 409)["detail"]
    assert store.ask("/v1/edition").json()["seq"] == before


def test_statistics_of_one_figure_merge(client: TestClient) -> None:
    store = Store(client)
    old = store.post("statistics", claims=[{"value": 131448}], source="https://x.example")
    kept, other = store.post("statistics"), store.post("statistics", period="2020")
    record = store.merge("statistics", old, kept)
    assert [claim["value"] for claim in record["claims"]] == [131488, 131448]
    assert (record["tally"]["low"], record["tally"]["high"]) == (131448, 131488)
    assert "another period" in store.merge("statistics", other, kept, 409)["detail"]
    whole(client)


def test_what_cannot_be_one_is_refused_and_leaves_no_trace(client: TestClient) -> None:
    store = Store(client)
    a, b = store.post("incidents"), store.post("incidents")
    part = store.post("incidents", relations=[{"type": "part_of", "incident_id": a}])
    below = store.post("incidents", relations=[{"type": "part_of", "incident_id": part}])
    other = store.post("incidents", relations=[{"type": "distinct_from", "incident_id": a}])
    period = store.post("incidents", granularity="period_total", date="2024")
    gone = store.post("incidents")
    client.request("DELETE", f"/v1/incidents/{gone}?reason=test", headers=store.key | {"If-Match": "*"})
    actor = store.post("actors")
    town, county = store.post("locations", admin1="MX-SIN"), store.post("locations", name="Else", admin1="MX-TAM")
    crowd = store.post("actors", name="a cartel", identified=False)
    faction = store.post("actors", name="A cell", parent_id=actor)
    before = store.ask("/v1/edition").json()["seq"]
    for status, plural, old, into, told in (
        (422, "incidents", a, a, "/into"),
        (422, "incidents", a, actor, "/into"),
        (422, "incidents", a, gone, "/into"),
        (422, "incidents", a, "ucdp:none", "/into"),
        (422, "incidents", a, "nothing at all", "/into"),
        (410, "incidents", gone, a, "ended"),
        (404, "incidents", actor, a, "no incident"),
        (409, "incidents", part, a, "part of the other"),
        (409, "incidents", a, below, "part of the other"),
        (409, "incidents", other, a, "distinct_from"),
        (409, "incidents", period, b, "total for a period"),
        (409, "locations", town, county, "MX-SIN"),
        (409, "actors", actor, crowd, "unnamed"),
        (409, "actors", faction, actor, "part of the other"),
    ):
        answer = store.merge(plural, old, into, status)
        assert told in str(answer), answer
    assert store.merge("incidents", a, b, 422, reason="dupe")["errors"][0]["pointer"] == "/reason"
    assert store.merge("incidents", a, b, 422, because="so")["errors"][0]["code"] == "unknown_member"
    assert store.ask("/v1/edition").json()["seq"] == before


def test_what_is_above_the_one_and_beneath_the_other_would_be_a_circle(client: TestClient) -> None:
    store = Store(client)
    a = store.post("incidents")
    middle = store.post("incidents", relations=[{"type": "part_of", "incident_id": a}])
    b = store.post("incidents", relations=[{"type": "part_of", "incident_id": middle}])
    assert "part of the other" in store.merge("incidents", b, a, 409)["detail"]
    up, down = store.post("actors", name="Up"), store.post("actors", name="Down")
    for _ in range(5):
        up = store.post("actors", name=f"Above {_}", parent_id=up)
        down, beneath = store.post("actors", name=f"Beneath {_}", parent_id=down), down
    assert beneath
    top = store.ids("actors", name="Down").pop()
    assert "levels" in store.merge("actors", top, up, 409)["detail"]


def test_the_longest_way_up_counts_where_two_share_what_is_above(client: TestClient) -> None:
    store = Store(client)

    def chain(name: str, parent: str, length: int) -> str:
        for n in range(length):
            parent = store.post("actors", name=f"{name} {n}", parent_id=parent)
        return parent

    root = store.post("actors", name="Root")
    long, short = chain("Long", root, 5), chain("Short", root, 2)
    chain("Beneath", short, 4)
    for old, into in ((long, short), (short, long)):
        assert "levels" in store.merge("actors", old, into, 409)["detail"]
    store.merge("actors", store.get("actors", long)["parent_id"], short)
    whole(client)


def test_a_write_names_no_survivor_that_a_read_would_not(store_url: str) -> None:
    """Review took the survivor back from the public: who cannot see it is not led to it."""
    with serve(store_url, public_statuses=("published",)) as client:
        store, outside = Store(client), key_for(client, "write", name="outside")
        old, kept = (store.post("incidents", title=n, review={"status": "published"}) for n in "ab")
        store.merge("incidents", old, kept)

        def answers(key: dict[str, str]) -> set[int]:
            body = {"claims": [make.claim(value=3, source="https://x.example")]}
            path, headers = f"/v1/incidents/{old}", key | {"If-Match": "*"}
            told = (
                client.get(path, headers=key, follow_redirects=False),
                client.put(path, json=make.incident(), headers=headers, follow_redirects=False),
                client.delete(f"{path}?reason=test", headers=headers, follow_redirects=False),
                client.post(f"{path}/claims", json=body, headers=key, follow_redirects=False),
            )
            assert all((kept in f"{one.text} {one.headers}") == (one.status_code == 308) for one in told)
            return {one.status_code for one in told}

        assert answers(outside) == {308}
        store.patch("incidents", kept, {"review": {"status": "disputed", "reason": "Two witnesses deny it."}})
        assert answers(outside) == {404}
        assert answers(store.key) == {308}


def test_who_may_merge(client: TestClient) -> None:
    store = Store(client)
    a, b = store.post("incidents"), store.post("incidents")
    path, body = f"/v1/incidents/{a}/merge", {"into": b}
    assert client.post(path, json=body).status_code == 401
    assert (
        client.post(path, json=body, headers=key_for(client, "write") | {"If-Match": "*"}).json()["scope"] == "review"
    )
    assert client.post(path, json=body, headers=store.key).status_code == 428
    assert client.post(path, json=body, headers=store.key | {"If-Match": '"9-0"'}).status_code == 412
    assert store.ids() == {a, b}


def test_the_stricter_sensitivity_holds_and_the_public_sees_neither(client: TestClient) -> None:
    store = Store(client)
    reviewer = Store(client, "write", "review")
    for closed_first in (True, False):
        closed = store.post("incidents", sensitivity="restricted", title="Closed", actors=[])
        public = store.post("incidents", title="Public", actors=[])
        old, kept = (closed, public) if closed_first else (public, closed)
        reviewer.merge("incidents", old, kept, 404 if closed_first else 422)
        store.merge("incidents", old, kept)
        assert store.get("incidents", kept)["sensitivity"] == "restricted"
        head = client.get("/v1/edition").json()["seq"]
        for one in (old, kept):
            for path in (one, f"{one}/revisions", f"{one}/revisions/1", f"{one}?as_of={head - 4}", f"{one}/diff"):
                assert client.get(f"/v1/incidents/{path}", follow_redirects=False).status_code == 404, path
        assert client.get("/v1/incidents").json()["items"] == []
        assert client.get("/v1/incidents", params={"as_of": head - 4}).json()["items"] == []
        assert store.ask(f"/v1/incidents/{old}").status_code == 308
    whole(client)


def test_a_survivor_that_is_closed_later_closes_the_past_of_what_was_merged(client: TestClient) -> None:
    store = Store(client)
    first, old = (store.post("incidents", title=f"Public {n}", actors=[]) for n in range(2))
    kept = store.post("incidents", title="Public 3", actors=[])
    store.merge("incidents", first, old)
    store.merge("incidents", old, kept)
    before = client.get("/v1/edition").json()["seq"]
    assert client.get(f"/v1/incidents/{old}/revisions/1").status_code == 200
    store.patch("incidents", kept, {"sensitivity": "restricted"})
    for one in (first, old, kept):
        for path in (one, f"{one}/revisions", f"{one}/revisions/1", f"{one}?as_of={before - 4}"):
            assert client.get(f"/v1/incidents/{path}", follow_redirects=False).status_code == 404, path
    for seq in range(before + 2):
        assert client.get("/v1/incidents", params={"as_of": seq}).json()["items"] == []
    assert store.ask(f"/v1/incidents/{old}/revisions/1").status_code == 200
    whole(client)


def test_a_merged_record_comes_back(client: TestClient) -> None:
    store = Store(client)
    first = store.post("incidents", external_ids={"gtd": "5"})
    old = store.post("incidents", external_ids={"ucdp": "2", "acled": "MEX1"}, title="Another")
    kept = store.post("incidents", external_ids={"ucdp": "1"})
    store.merge("incidents", first, old)
    before = {one: store.get("incidents", one) for one in (old, kept)}
    store.merge("incidents", old, kept)
    mark = store.ask(f"/v1/incidents/{old}").headers["etag"]
    path = f"/v1/incidents/{old}"
    writer = key_for(client, "write")
    refused = client.put(path, json=before[old], headers=writer | {"If-Match": mark})
    assert (refused.status_code, refused.json()["scope"]) == (403, "review")
    answer = client.put(path, json=before[old], headers=store.key | {"If-Match": mark})
    assert (answer.status_code, answer.json()["version"]) == (200, before[old]["version"] + 2)
    envelope = ("version", "seq", "recorded_at", "recorded_by")
    assert {**store.get("incidents", old), **dict.fromkeys(envelope)} == {**before[old], **dict.fromkeys(envelope)}
    survivor = store.get("incidents", kept)
    assert survivor["external_ids"] == {"ucdp": "1"}
    assert "merged" not in survivor
    assert len(survivor["claims"]) == 1
    for name, meant in (("ucdp:1", kept), ("ucdp:2", old), ("acled:MEX1", old), ("gtd:5", old)):
        assert store.ids(external_id=name) == {meant}
    assert store.ask(f"/v1/incidents/{first}").headers["location"] == f"/v1/incidents/{old}"
    again = client.put(
        f"/v1/incidents/{kept}",
        json=before[kept]
        | {"version": survivor["version"], "seq": survivor["seq"], "recorded_at": survivor["recorded_at"]},
        headers=store.key | {"If-Match": "*"},
    )
    assert again.status_code == 200, again.text
    assert store.ids() == {old, kept}
    assert [one["operation"] for one in store.ask(f"{path}/revisions").json()["items"]] == [
        "restore", "merge", "merge", "create",
    ]  # fmt: skip
    store.merge("incidents", kept, old)
    assert store.ids() == {old}
    whole(client)


def test_many_referring_records_move_in_one_append(client: TestClient) -> None:
    store = Store(client)
    old, kept = store.post("actors", name="CDS"), store.post("actors")
    source = store.post("sources")
    for n in range(60):
        store.post(
            "incidents", title=f"No. {n}", source=source, actors=[{"actor_id": old, "role": "perpetrator"}],
        )  # fmt: skip
    before = store.ask("/v1/edition").json()["seq"]
    assert store.merge("actors", old, kept)["revised"] == 60
    assert store.ask("/v1/edition").json()["seq"] == before + 62
    assert len(store.ids(actor=kept)) == 60
    whole(client)
