"""What must hold whatever is stored (R7b): pages, negations, groups, parts, order of arrival, and both databases."""

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from httpx2 import Response
from starlette.testclient import TestClient

from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import ingest, projection
from incidents_api.writing.records import create_many, patch
from tests.conftest import ENGINES, serve
from tests.real import made

NUMBER = 400
LEVELS = ("low", "best", "high")
GROUPS = (
    "type", "stage", "granularity", "year", "month", "country", "admin1", "location", "status", "date_kind",
    "date_precision", "type,year", "admin1,stage", "country,admin1,month",
)  # fmt: skip


def reports(seed: int = 5) -> list[dict[str, Any]]:
    """Incidents in trees of up to four levels; a part comes after its whole."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    levels: list[list[int]] = [[], [], [], []]
    for n in range(NUMBER):
        depth = chance.choices((0, 1, 2, 3), (4, 3, 2, 1))[0]
        report = made.incident(chance, n, levels[depth - 1][-10:] if depth else ())
        levels[depth if "relations" in report else 0].append(n)
        found.append(report)
    return found


def fill(database: Database, found: Sequence[Mapping[str, Any]]) -> None:
    """Store the incidents in the order given, and revise some."""
    kind = KINDS["incident"]
    database.write_now(ingest.ingest, made.base(), made.WHO)
    database.write_now(create_many, [(kind, validate(kind.report, report)) for report in found], made.WHO)
    for n in range(0, NUMBER, 9):
        database.write_now(patch, kind, made.incident_id(n), {"tags": ["revised"]}, (), made.WHO)


def copy(origin: Database, target: Database) -> None:
    """The same log in another store, whose query tables are rebuilt from it."""
    with origin.connect() as connection:
        log = [dict(row) for row in connection.execute(sa.select(tables.revision)).mappings()]
        head = dict(connection.execute(sa.select(tables.head)).mappings().one())

    def write(connection: Any) -> None:
        connection.execute(sa.insert(tables.revision), log)
        connection.execute(sa.update(tables.head).values({name: head[name] for name in ("seq", "hash", "recorded_at")}))
        projection.rebuild(connection)

    target.write_now(write)


@pytest.fixture(scope="module")
def stores(lasting_store: Callable[..., str]) -> dict[str, str]:
    """One log in both databases: `live` wrote it, the others were rebuilt from it; `shuffled` came in another order."""
    urls = {name: lasting_store(name) for name in ENGINES} | {"live": lasting_store("sqlite")}
    urls |= {f"shuffled {name}": lasting_store(name) for name in ENGINES}
    databases = {name: Database(url) for name, url in urls.items()}
    fill(databases["live"], reports())
    for name in ENGINES:
        copy(databases["live"], databases[name])
        mixed = reports()
        random.Random(name).shuffle(mixed)
        fill(databases[f"shuffled {name}"], mixed)
    for database in databases.values():
        database.close_writer()
    return urls


@pytest.fixture(scope="module")
def clients(stores: dict[str, str]) -> Iterator[dict[str, TestClient]]:
    """The service over each of the stores."""
    opened: dict[str, TestClient] = {}
    try:
        for name, url in stores.items():
            opened[name] = serve(url).__enter__()
        yield opened
    finally:
        for client in opened.values():
            client.__exit__(None, None, None)


@pytest.fixture
def over(clients: dict[str, TestClient], engine: str) -> TestClient:
    """One database, then the other."""
    return clients[engine]


def get(client: TestClient, path: str, **asked: str) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, (path, asked, answer.text)
    return answer.json()


def test_pages_joined_are_the_unpaged_list(over: TestClient) -> None:
    chance = random.Random("pages")
    names = ["date", "title", "type", "country", "admin1", "recorded_at", "killed_best", "freed_low", "rescued_high"]
    for _ in range(30):
        sort = ",".join(chance.choice(("", "-")) + name for name in chance.sample(names, chance.randint(1, 3)))
        asked = {"sort": sort} | ({"filter": made.condition(chance)} if chance.random() < 0.4 else {})
        whole = [item["id"] for item in get(over, "/v1/incidents", limit="1000", **asked)["items"]]
        limit = str(chance.choice((7, 33, 100, 399, 400, 401)))
        page = get(over, "/v1/incidents", limit=limit, **asked)
        joined = [item["id"] for item in page["items"]]
        while page["next"]:
            page = over.get(page["next"]).json()
            assert page["items"]
            joined += [item["id"] for item in page["items"]]
        assert joined == whole, (asked, limit)
        assert len(set(whole)) == len(whole)


def test_a_filter_and_its_negation_make_the_whole(over: TestClient) -> None:
    chance = random.Random("not")
    numbers = set()
    for _ in range(150):
        text = made.condition(chance, 3)
        found, rest = (
            get(over, "/v1/incidents", filter=one, count="exact", limit="1")["total"] for one in (text, f"NOT ({text})")
        )
        assert found + rest == NUMBER, text
        again = get(over, "/v1/incidents", filter=f"NOT NOT ({text})", count="exact", limit="1")["total"]
        assert again == found, text
        numbers.add(found)
    assert len(numbers) > 20


@pytest.mark.parametrize("by", GROUPS)
def test_groups_add_up_to_the_whole(over: TestClient, by: str) -> None:
    chance = random.Random(by)
    texts = ["version >= 1", *(made.condition(chance, 1) for _ in range(3))]
    for text in texts:
        for more in ({}, {"include_period_totals": "true"}, {"measure": "freed"}, {"population": "victims"}):
            whole = get(over, "/v1/totals", filter=text, **more)["rows"][0]
            rows = get(over, "/v1/totals", filter=text, by=by, **more)["rows"]
            assert sum(row["incidents"] for row in rows) == whole["incidents"], (text, more)
            assert {measure for row in rows for measure in row["measures"]} == set(whole["measures"])
            for measure, levels in whole["measures"].items():
                assert levels["low"] <= levels["best"] <= levels["high"], (text, more, measure)
                for level, value in levels.items():
                    summed = sum(row["measures"][measure][level] for row in rows if measure in row["measures"])
                    assert summed == value, (text, more, measure, level)


# --- Parts ---------------------------------------------------------------------------------------------------------


class Oracle:
    """The netting rule, written from its words: what stands for an incident is its figure or its parts, the larger."""

    def __init__(self, client: TestClient) -> None:
        lines = client.get("/v1/incidents.csv").text
        self.rows = {row["id"]: row for row in csv.DictReader(io.StringIO(lines, newline=""))}
        self.whole: dict[str, str] = {}
        for item in get(client, "/v1/incidents", limit="1000")["items"]:
            for relation in item["relations"]:
                if relation["type"] == "part_of":
                    self.whole[item["id"]] = relation["incident_id"]

    def figure(self, one: str, measure: str, level: str) -> int | None:
        low, best, high = (self.rows[one][f"{measure}_{name}"] for name in LEVELS)
        if not (low or best or high):
            return None
        stated = {"low": low or "0", "best": best or low or "0", "high": high or best or low or "0"}
        return int(stated[level])

    def nearest(self, one: str, chosen: set[str]) -> str | None:
        above = self.whole.get(one)
        while above is not None and above not in chosen:
            above = self.whole.get(above)
        return above

    def total(self, chosen: set[str], measure: str, level: str) -> int:
        parts: dict[str | None, list[str]] = {}
        for one in chosen:
            parts.setdefault(self.nearest(one, chosen), []).append(one)

        def stands(one: str) -> int:
            return max(self.figure(one, measure, level) or 0, sum(map(stands, parts.get(one, ()))))

        return sum(map(stands, parts.get(None, ())))


def test_totals_follow_the_rule_of_parts(over: TestClient) -> None:
    oracle, chance = Oracle(over), random.Random("parts")
    netted = exceeded = 0
    for _ in range(60):
        text = made.condition(chance, chance.choice((0, 1, 2)))
        chosen = {item["id"] for item in get(over, "/v1/incidents", filter=text, limit="1000")["items"]}
        chosen = {one for one in chosen if oracle.rows[one]["granularity"] != "period_total"}
        answer = get(over, "/v1/totals", filter=text)
        netted += answer["excluded"]["netted_parts"]
        exceeded += answer["excluded"]["parts_exceed_whole"]
        inside = [one for one in chosen if oracle.nearest(one, chosen) is not None]
        assert answer["excluded"]["netted_parts"] <= len(inside)
        told = answer["rows"][0]["measures"]
        for measure in made.MEASURES:
            figures = told.get(measure, dict.fromkeys(LEVELS, 0))
            wanted = {level: oracle.total(chosen, measure, level) for level in LEVELS}
            assert {level: figures[level] for level in LEVELS} == wanted, (text, measure)
    assert netted > 100
    assert exceeded > 10


def test_a_part_adds_nothing_to_its_whole(over: TestClient) -> None:
    oracle, chance = Oracle(over), random.Random("whole")
    kept = grown = 0
    keys = {one: row["external_id"] for one, row in oracle.rows.items()}
    for part, whole in sorted(oracle.whole.items()):
        some = {whole, *chance.sample(sorted(oracle.rows), 5)} - {part}
        asked = {"include_period_totals": "true"}
        before, after = (
            get(over, "/v1/totals", external_id=",".join(sorted(keys[one] for one in chosen)), **asked)["rows"][0]
            for chosen in (some, {*some, part})
        )
        for measure in made.MEASURES:
            for level in LEVELS:
                first, second = (
                    row["measures"].get(measure, dict.fromkeys(LEVELS, 0))[level] for row in (before, after)
                )
                wanted = oracle.total({*some, part}, measure, level)
                assert (first, second) == (oracle.total(some, measure, level), wanted), (part, whole, measure, level)
                if first == second:
                    kept += 1
                else:
                    # Only what the parts have beyond the whole can come on top.
                    beneath = [one for one in (*some, part) if oracle.nearest(one, {*some, part}) == whole]
                    parts = sum(oracle.figure(one, measure, level) or 0 for one in beneath)
                    assert parts > (oracle.figure(whole, measure, level) or 0) or oracle.nearest(part, some) != whole
                    grown += 1
    assert kept > 500
    assert grown > 0


# --- Order of arrival, and both databases --------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Without what the log gave: seq and time follow the order of arrival."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name not in ("seq", "recorded_at", "as_of")}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_arrival_makes_no_difference(clients: dict[str, TestClient], engine: str) -> None:
    chance = random.Random("order")
    for _ in range(40):
        asked = {"filter": made.condition(chance)}
        by = chance.choice((*GROUPS, "tag", "actor", "population", "sex"))
        sort = chance.choice(("date", "-title", "-killed_best,type", "admin1"))
        for path, more in (
            ("/v1/totals", {"by": by}),
            ("/v1/incidents", {"limit": "1000", "count": "exact", "sort": sort}),
            ("/v1/claims", {"limit": "1000", "count": "exact"}),
        ):
            one, other = (get(clients[name], path, **asked, **more) for name in (engine, f"shuffled {engine}"))
            assert plain(one) == plain(other), (path, asked, more)


PATHS = (
    "/v1/incidents?limit=1000&count=exact",
    "/v1/incidents?limit=17&sort=-killed_best,title",
    "/v1/incidents?limit=1000&include=actors,locations,sources",
    "/v1/incidents?q=migrants&limit=1000",
    "/v1/incidents?q=muzquiz pen*&limit=1000",
    '/v1/incidents?q="army rescued"&limit=1000',
    '/v1/incidents?q="band 1"&limit=1000',
    "/v1/incidents?bbox=-105,15,-95,30&limit=1000&count=exact",
    "/v1/incidents?lat=24.8&lon=-107.4&radius_km=300&limit=1000&count=exact",
    "/v1/incidents?from=2022&to=2022&limit=1000&count=exact",
    "/v1/incidents?from=2022&to=2022&date_mode=within&limit=1000",
    "/v1/incidents?actor=made:0&role=rescuer&limit=1000",
    "/v1/incidents?actor=Band 1&limit=1000",
    "/v1/incidents?location=MX-SIN&limit=1000",
    "/v1/incidents?as_of=300&limit=1000&count=exact",
    "/v1/claims?limit=1000&count=exact",
    "/v1/claims?limit=20&measure=freed",
    "/v1/totals",
    "/v1/totals?by=type,year",
    "/v1/totals?by=actor",
    "/v1/totals?by=tag,sex&include_period_totals=true",
    "/v1/edition",
    "/v1/edition?as_of=100",
    "/v1/actors?limit=1000",
    "/v1/locations?limit=1000&sort=-country,name",
    "/v1/sources?limit=1000",
    "/v1/incidents.csv?sort=title,-date",
    "/v1/incidents.ndjson",
    "/v1/incidents.geojson?from=2022",
    "/v1/incidents.parquet?type=attack,raid",
    "/v1/incidents.xlsx?type=attack",
    "/v1/incidents.zip?type=attack",
    "/v1/claims.csv?measure=killed",
    "/v1/claims.ndjson",
    "/v1/claims.parquet",
    "/v1/actors.csv",
    "/v1/locations.geojson",
)


@pytest.mark.parametrize("path", PATHS)
def test_one_log_gives_the_same_bytes(clients: dict[str, TestClient], path: str) -> None:
    answers = {name: clients[name].get(path) for name in ("live", *ENGINES)}
    live = answers.pop("live")
    assert live.status_code == 200, live.text
    assert live.content
    for name, answer in answers.items():
        assert without_epoch(answer) == without_epoch(live), name
        assert answer.headers.get("etag") == live.headers.get("etag") or path.startswith("/v1/edition"), name


def without_epoch(answer: Response) -> bytes:
    """The answer without the cursor of an edition, whose first half is each store's own."""
    return re.sub(rb'"cursor":"\w+\.', b'"cursor":".', answer.content)


def test_random_filters_give_the_same_bytes(clients: dict[str, TestClient]) -> None:
    chance = random.Random("bytes")
    for _ in range(80):
        asked = {"filter": made.condition(chance, 3), "limit": "50", "count": "exact", "sort": "-freed_best,title"}
        answers = [clients[name].get("/v1/incidents", params=asked) for name in ("live", *ENGINES)]
        assert answers[0].status_code == 200, answers[0].text
        assert answers[0].content == answers[1].content == answers[2].content, asked


def test_a_rebuild_finds_the_same_phrases(clients: dict[str, TestClient]) -> None:
    """Each pair of words that could meet where one member of a record ends and another begins."""
    words = sorted({word.lower() for word in made.WORDS} | {"band", "governor", "sinaloa", "culiacan", "a", "the"})
    chance, found = random.Random("phrases"), 0
    for one, other in chance.sample([(one, other) for one in words for other in words], 150):
        asked = {"q": f'"{one} {other}"', "limit": "1000", "fields": "id"}
        answers = [clients[name].get("/v1/incidents", params=asked) for name in ("live", *ENGINES)]
        assert answers[0].content == answers[1].content == answers[2].content, asked
        found += bool(json.loads(answers[0].content)["items"])
    assert found > 20
