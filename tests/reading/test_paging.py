"""Pages joined are the whole list, for every order, on both databases, byte for byte the same."""

import random
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from incidents_api.model.kinds import BY_PLURAL
from incidents_api.model.visitor import Visitor
from incidents_api.reading.query import parameters
from incidents_api.writing import append, ingest
from tests import make, postgres
from tests.conftest import ENGINES, key_for, serve

EDITOR = Visitor("editor", frozenset({"write", "review", "read:restricted"}))
PUBLIC: dict[str, str] = {}


def reports(seed: int = 7, count: int = 45) -> dict[str, list[Any]]:
    """Records with nulls, ties, equal titles, other scripts, in an order that no sort gives."""
    chance = random.Random(seed)
    titles = [
        None,
        "Same",
        "Same",
        "same",
        "Éxodo",
        "exodo",
        "Z",
        "a",
        "\U0001f600",
        "\ufb33",
        "x, y",
        "10",
        "9",
        "'; --",
    ]
    places = ["Culiacán, MX-SIN", "MX-SIN", "MX-TAM", "MX", "GT", "Reynosa, MX-TAM"]
    dates = [None, "2024", "2024-03-26", "2024-03", "../2020", "2024/..", "2021", "[2024-03-01..2024-03-31]"]
    sources = [
        make.source(
            external_ids={"test": f"s{n}"}, url=f"https://news.example/s{n}", title=chance.choice(titles),
            publisher=chance.choice([None, "El Diario", "el diario"]), published=chance.choice(dates),
            kind=chance.choice(["news_article", "ngo_report"]),
        )
        for n in range(12)
    ]  # fmt: skip
    actors = [
        make.actor(
            external_ids={"test": f"a{n}"},
            name=chance.choice(["Grupo", "grupo", "Ñ", "Z"]) + chance.choice(["", f" {n}"]),
            country=chance.choice([None, "MX", "GT"]),
            type=chance.choice(["gang", "state_police"]),
            **({"parent": f"test:a{chance.randrange(n)}"} if n and n % 3 == 0 else {}),
        )
        for n in range(12)
    ]
    incidents = [
        make.incident(
            external_ids={"test": f"i{n}"}, title=chance.choice(titles), date=chance.choice(dates),
            type=chance.choice(["raid", "release", "kidnapping"]), source=f"test:s{chance.randrange(12)}",
            locations=[chance.choice(places)] if chance.random() < 0.8 else [],
            actors=[
                {"actor": f"test:a{chance.randrange(12)}", "role": chance.choice(["rescuer", "perpetrator"])}
                for _ in range(chance.randrange(3))
            ],
            claims=[
                make.claim(measure=chance.choice(["rescued", "killed", "kidnapped"]), value=chance.choice([3, 10, 90]))
                for _ in range(chance.randrange(3))
            ],
            tags=chance.sample(["a", "b", "c"], chance.randrange(3)),
            sensitivity=chance.choice(["public"] * 5 + ["restricted"]),
            review={"status": chance.choice(["submitted", "published"])},
        )
        for n in range(count)
    ]  # fmt: skip
    statistics = [
        make.statistic(
            external_ids={"test": f"t{n}"}, indicator=chance.choice(["aa", "bb", "c_c"]), period=chance.choice(dates),
            area=chance.choice([None, "MX", "GT", "MX-SIN"]), source="test:s0",
        )
        for n in range(12)
    ]  # fmt: skip
    return {"sources": sources, "actors": actors, "incidents": incidents, "statistics": statistics}


@pytest.fixture(scope="module")
def clients(
    postgres_server: str, template: Callable[[str, bool], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, TestClient]]:
    """The same data on both databases, loaded in several writes at moments that are the same."""
    path = tmp_path_factory.mktemp("paging") / "store.db"
    shutil.copyfile(template("sqlite", False).removeprefix("sqlite:///"), path)
    server = postgres.create_database(postgres_server, template("postgresql", False))
    opened = {"sqlite": serve(f"sqlite:///{path}"), "postgresql": serve(server)}
    with pytest.MonkeyPatch.context() as patch, opened["sqlite"], opened["postgresql"]:
        moments = iter([])
        patch.setattr(append, "_moment", lambda *_: next(moments))
        data = reports()
        for client in opened.values():
            moments = iter(f"2026-11-22T10:00:{n:02}.000000Z" for n in range(60))
            database = client.app.state.database
            database.write_now(ingest.ingest, data | {"incidents": data["incidents"][:9]}, EDITOR)
            for n in range(9, len(data["incidents"]), 6):
                database.write_now(ingest.ingest, {"incidents": data["incidents"][n : n + 6]}, EDITOR)
        yield opened
    postgres.drop_database(server)


def whole(client: TestClient, plural: str, asked: str, headers: dict[str, str] = PUBLIC) -> list[Any]:
    answer = client.get(f"/v1/{plural}?limit=1000&count=exact&{asked}", headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["next"] is None
    assert body["total"] == len(body["items"])
    return list(body["items"])


def paged(client: TestClient, plural: str, asked: str, limit: int, headers: dict[str, str] = PUBLIC) -> list[Any]:
    url: str | None = f"/v1/{plural}?limit={limit}&{asked}"
    items: list[Any] = []
    while url is not None:
        answer = client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        url = body["next"]
        assert len(body["items"]) == limit or url is None
        assert len(body["items"]) <= limit
        items += body["items"]
        assert len(items) < 500, "the pages go in a circle"
    return items


def sorts(plural: str) -> list[str]:
    every = [sort for sort in parameters(BY_PLURAL[plural])["sort"].allowed if not sort.startswith("-")]
    figures = [sort for sort in every if sort.endswith(("_low", "_best", "_high"))]
    return [sort for sort in every if sort not in figures or sort in ("freed_best", "killed_low", "kidnapped_high")]


EVERY = [(plural, sign + sort) for plural in BY_PLURAL for sort in sorts(plural) for sign in ("", "-")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("plural", "sort"), EVERY)
def test_pages_joined_are_the_list(clients: dict[str, TestClient], engine: str, plural: str, sort: str) -> None:
    items = whole(clients[engine], plural, f"sort={sort}")
    assert len(items) > 5
    assert len({item["id"] for item in items}) == len(items)
    for limit in (4, 11, len(items), len(items) + 1):
        assert paged(clients[engine], plural, f"sort={sort}", limit) == items


@pytest.mark.parametrize(("plural", "sort"), EVERY)
def test_both_databases_give_the_same_bytes(clients: dict[str, TestClient], plural: str, sort: str) -> None:
    for limit in (5, 1000):
        answers = [clients[engine].get(f"/v1/{plural}?sort={sort}&limit={limit}") for engine in ENGINES]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content


@pytest.mark.parametrize(("plural", "sort"), EVERY)
def test_the_order_is_that_of_the_values(clients: dict[str, TestClient], plural: str, sort: str) -> None:
    """Unknown sorts lowest, texts byte by byte, and ids settle what is equal."""
    kind, name = BY_PLURAL[plural], sort.lstrip("-")
    if name in [field.name for field in kind.fields]:
        field = kind.field(name)
        items = whole(clients["sqlite"], plural, f"sort={sort}")

        def key(record: Any) -> tuple[bool, bytes, str]:
            value = field.value(record)
            return (value is not None, str(value or "").encode(), record["id"])

        assert items == sorted(items, key=key, reverse=sort.startswith("-"))
    else:
        measure, _, level = name.rpartition("_")
        items = whole(clients["sqlite"], plural, f"sort={sort}")
        told = [own_figure(item, measure, level) for item in items]
        ordered = sorted(told, key=lambda value: -1 if value is None else value, reverse=sort.startswith("-"))
        assert told == ordered or measure == "freed"  # the figure at a node of the tree is tested with the totals


def own_figure(record: Any, measure: str, level: str) -> int | None:
    found = [one for one in record["tallies"] if one["measure"] == measure and not one["dims"]]
    return found[0][level] if found else None


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pages_of_any_query_joined_are_its_list(
    clients: dict[str, TestClient], engine: str, data: st.DataObject
) -> None:
    plural = data.draw(st.sampled_from(sorted(BY_PLURAL)))
    names = data.draw(st.lists(st.sampled_from(sorts(plural)), min_size=1, max_size=3, unique=True))
    order = ",".join(data.draw(st.sampled_from(["", "-"])) + name for name in names)
    asked = f"sort={order}"
    if plural == "incidents":
        asked += data.draw(
            st.sampled_from(
                ["", "&type=raid,release", "&country=MX", "&tag=a&tag=b", "&role=rescuer", "&from=2024&to=2024",
                 "&location=MX-SIN", "&measure=freed", "&status=published"]
            )
        )  # fmt: skip
    limit = data.draw(st.integers(1, 13))
    headers = key_headers(clients[engine]) if data.draw(st.booleans()) else PUBLIC
    items = whole(clients[engine], plural, asked, headers)
    assert paged(clients[engine], plural, asked, limit, headers) == items


def key_headers(client: TestClient) -> dict[str, str]:
    """The header of a key that sees everything; made once for each store."""
    if not hasattr(client, "trusted"):
        client.trusted = key_for(client, "read:restricted")
    headers: dict[str, str] = client.trusted
    return headers


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_restricted_takes_part_for_those_who_see_it(clients: dict[str, TestClient], engine: str) -> None:
    seen, public = (whole(clients[engine], "incidents", "", one) for one in (key_headers(clients[engine]), PUBLIC))
    assert [item for item in seen if item["sensitivity"] == "public"] == public
    assert len(seen) == 45 > len(public)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cursor_refuses_another_query(clients: dict[str, TestClient], engine: str) -> None:
    client = clients[engine]
    following = client.get("/v1/incidents?limit=3&sort=title&type=raid").json()["next"]
    cursor = following.partition("cursor=")[2]
    for other in (
        "incidents?sort=-title&type=raid", "incidents?sort=title", "incidents?sort=title&type=raid&tag=a",
        "incidents?sort=title,date&type=raid", "incidents?type=raid", "actors?sort=name", "sources?sort=title",
    ):  # fmt: skip
        answer = client.get(f"/v1/{other}&cursor={cursor}")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "cursor"
    # Another size of page, or a total beside it, is the same query.
    assert client.get(f"/v1/incidents?sort=title&type=raid&limit=2&count=exact&cursor={cursor}").status_code == 200
    assert client.get(f"/v1/incidents?sort=title&type=raid&cursor={cursor[:-3]}").status_code == 400


@pytest.mark.parametrize("engine", ENGINES)
def test_the_next_page_is_told_in_the_header_too(clients: dict[str, TestClient], engine: str) -> None:
    answer = clients[engine].get("/v1/incidents?limit=3")
    assert answer.headers["link"] == f'<{answer.json()["next"]}>; rel="next"'
    assert "link" not in clients[engine].get("/v1/incidents?limit=1000").headers


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_list_has_no_next_page(clients: dict[str, TestClient], engine: str) -> None:
    body = clients[engine].get("/v1/incidents?tag=nothing&count=exact").json()
    assert (body["items"], body["next"], body["total"]) == ([], None, 0)
