"""What a list can be asked: words, boxes, circles, moments, members and linked records; the same on both databases."""

import random

import pytest
from starlette.testclient import TestClient

from incidents_api.reading import pages as paged
from tests import make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}


def keys(answer: dict) -> list[str]:
    return [item["external_ids"]["seed"] for item in answer["items"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=safehouse", {"S002-R1"}),
        ("q=SAFEHOUSE", {"S002-R1"}),
        ("q=culiacan", {"S001-R0", "S001-R1", "S001-R2"}),
        ("q=Culiacán", {"S001-R0", "S001-R1", "S001-R2"}),
        ("q=culia*", {"S001-R0", "S001-R1", "S001-R2"}),
        ('q="individuals freed to 58"', {"S001-R0"}),
        ('q="freed individuals"', set()),
        ("q=tamaulipas hospitals", {"S002-R1"}),
        ('q="northern mexico" migr*', {"S000-R1", "S000-K1"}),
        ("q=sedena", {"S002-R1"}),
        ("q=zzz", set()),
        ("bbox=-108,24,-107,25", {"S001-R0", "S001-R1"}),
        ("bbox=-108,24,-107,25&max_precision=adm1", {"S001-R0", "S001-R1", "S001-K1", "S001-R2", "S001-H1"}),
        ("bbox=170,-90,-107,90", {"S001-R0", "S001-R1"}),
        ("bbox=-107,-90,170,90", set()),
        ("lat=24.8&lon=-107.4&radius_km=5", {"S001-R0", "S001-R1"}),
        ("lat=24.8&lon=-107.4&radius_km=1", set()),
        ("max_precision=city", {"S001-R0", "S001-R1"}),
        ("updated_after=0&type=release", {"S001-R2"}),
        ("updated_after=2026-01-01&type=release", {"S001-R2"}),
    ],
)
def test_words_and_places(seeded: TestClient, asked: str, found: set[str]) -> None:
    answer = seeded.get(f"/v1/incidents?{asked}")
    assert answer.status_code == 200, answer.text
    assert set(keys(answer.json())) == found


ORDERS = (
    "",
    "&sort=date",
    "&country=MX",
    "&to=2024-12-31",
    "&sort=-kidnapped_best",
    "&type=release,kidnapping",
    "&as_of={}",
)


@pytest.mark.parametrize("order", ORDERS)
def test_words_that_many_hold_find_the_same(seeded: TestClient, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """They are found by another way: along the list, not from the index of words."""
    order = order.format(seeded.get("/v1/edition").json()["seq"])
    pages = [seeded.get(f"/v1/incidents?q=migr*{order}&limit=3").json()]
    monkeypatch.setattr(paged, "_FEW", 0)
    # A statement is kept by its shape, so the others are asked of the same service started anew.
    with serve(str(seeded.app.state.database.url.render_as_string(hide_password=False))) as again:
        pages.append(again.get(f"/v1/incidents?q=migr*{order}&limit=3").json())
        following = again.get(pages[1]["next"]).json() if pages[1]["next"] else None
    assert pages[0] == pages[1]
    assert keys(pages[0])
    if following is not None:
        assert following == seeded.get(pages[0]["next"]).json()


DAYS = ("2024-03-26", "2024-03-26", "2024-03", "2023", "2024-02-29/2024-03-26", "../2024-03-26", None)


@pytest.mark.parametrize("sort", ["-date", "date", "-date,title", "date,-title"])
def test_words_alone_are_found_in_the_order_of_days(client: TestClient, sort: str) -> None:
    """From either end of the index of words: many of one day, some of none, some that were revised, ended or closed."""
    chance, key = random.Random(sort), key_for(client, "write", "read:restricted")
    for n in range(48):
        members = {"title": f"{chance.choice(('Convoy', 'River'))} {n % 7}", "date": chance.choice(DAYS)}
        members |= {"sensitivity": "restricted"} if n % 11 == 0 else {}
        made_one = client.post("/v1/incidents", json=make.incident(**members), headers=key)
        assert made_one.status_code == 201, made_one.text
        where, tag = made_one.headers["location"], key | MERGE | {"If-Match": made_one.headers["etag"]}
        if n % 5 == 0:
            changes = {"title": f"Convoy {n % 3}", "date": chance.choice(DAYS)}
            assert client.patch(where, json=changes, headers=tag).status_code == 200
        elif n % 13 == 0:
            assert client.delete(f"{where}?reason=coding_error", headers=tag).status_code == 204
    for headers in ({}, key):
        every = client.get(f"/v1/incidents?sort={sort}&limit=100", headers=headers).json()["items"]
        found, url = [], f"/v1/incidents?q=convoy&sort={sort}&limit=3"
        while url:
            page = client.get(url, headers=headers).json()
            found += [one["id"] for one in page["items"]]
            url = page["next"]
        assert found == [one["id"] for one in every if one["title"].startswith("Convoy")]
        assert 15 < len(found) < len(every)


def test_what_cannot_be_placed_is_counted(seeded: TestClient) -> None:
    near = seeded.get("/v1/incidents?lat=24.8&lon=-107.4&radius_km=5&type=rescue_operation").json()
    assert (len(near["items"]), near["unlocated"]) == (2, 6)
    then = seeded.get("/v1/incidents?from=2024&to=2024&type=rescue_operation").json()
    assert (len(then["items"]), then["undated"]) == (3, 1)
    assert "undated" not in near
    assert "unlocated" not in then


@pytest.mark.parametrize("level", ["low", "best", "high"])
@pytest.mark.parametrize("limit", [1, 5, 100])
def test_sort_by_a_figure(seeded: TestClient, level: str, limit: int) -> None:
    found: list[str] = []
    url = f"/v1/incidents?sort=-freed_{level},title&limit={limit}"
    while url:
        page = seeded.get(url).json()
        found += keys(page)
        url = page["next"]
    assert found[:4] == ["S004-A1", "S001-R0", "S001-R2", "S000-R1"]
    assert len(set(found)) == len(found) == 12


def test_a_moment_stands_fast(client: TestClient) -> None:
    key = key_for(client)
    first = client.post("/v1/incidents", json=make.incident(title="One"), headers=key)
    where, seq = first.headers["location"], first.json()["seq"]
    before = client.get(f"/v1/incidents?as_of={seq}&count=exact")
    assert before.headers["cache-control"] == "public, max-age=300"
    reader = client.get(f"/v1/incidents?as_of={seq}", headers=key_for(client, "read:restricted"))
    assert reader.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert before.json()["as_of"] == seq
    tag = first.headers["etag"]
    client.patch(where, json={"title": "Two", "tags": ["x"]}, headers=key | MERGE | {"If-Match": tag})
    client.post("/v1/incidents", json=make.incident(title="Three"), headers=key)
    assert client.get(f"/v1/incidents?as_of={seq}&count=exact").content == before.content
    same = client.get(f"/v1/incidents?as_of={seq}&count=exact", headers={"If-None-Match": before.headers["etag"]})
    assert same.status_code == 304
    assert client.get(f"{where}?as_of={seq}").json()["title"] == "One"
    assert client.get(where).json()["title"] == "Two"
    assert client.get(f"{where}?as_of=1").status_code == 404
    assert [one["title"] for one in client.get(f"/v1/incidents?as_of={seq}&q=one").json()["items"]] == ["One"]
    assert client.get("/v1/incidents?q=one").json()["items"] == []
    assert client.get(f"/v1/incidents?as_of={seq}&tag=x").json()["items"] == []
    moment = first.json()["recorded_at"]
    assert client.get(f"/v1/incidents?as_of={moment}").json()["as_of"] == seq
    assert client.get("/v1/incidents?as_of=999999").status_code == 400
    assert client.get("/v1/incidents").headers["as-of-seq"] == str(seq + 2)


def test_members_and_linked_records(seeded: TestClient) -> None:
    page = seeded.get("/v1/incidents?type=release&fields=title,type&include=actors,locations,sources").json()
    assert [sorted(item) for item in page["items"]] == [["id", "title", "type"]]
    whole = seeded.get("/v1/incidents?external_id=seed:S001-R0&include=actors,locations,sources").json()
    names = {actor["name"] for actor in whole["included"]["actors"]}
    assert "Mexican National Guard" in names
    assert [place["name"] for place in whole["included"]["locations"]] == ["Culiacán"]
    assert [source["external_ids"]["seed"] for source in whole["included"]["sources"]] == ["001"]
