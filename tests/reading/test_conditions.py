"""What a query selects, against a naive reading of the records; and that equal shapes are equal SQL."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from starlette.testclient import TestClient

from incidents_api.model import vocabulary
from incidents_api.model.audience import EVERYTHING, PUBLIC, Audience
from incidents_api.model.gazetteer import fold
from incidents_api.model.kinds import KINDS
from incidents_api.reading import conditions, pages, query
from incidents_api.storage import tables
from incidents_api.writing import ingest
from incidents_api.writing import records as writing
from tests.conftest import ENGINES, serve
from tests.reading.test_paging import EDITOR, reports


@pytest.fixture(scope="module", params=ENGINES)
def store(
    request: pytest.FixtureRequest, postgres_server: str, template: Callable[[str, bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TestClient]:  # fmt: skip
    """A store with a past: some records were changed, some ended."""
    import shutil

    from tests import postgres

    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("conditions") / "store.db"
        shutil.copyfile(template("sqlite", False).removeprefix("sqlite:///"), path)
        url = f"sqlite:///{path}"
    else:
        url = postgres.create_database(postgres_server, template("postgresql", False))
    with serve(url) as client:
        database = client.app.state.database
        database.write_now(ingest.ingest, reports(11, 60), EDITOR)
        chance = random.Random(3)
        for n, one in enumerate(sorted(everything(client, "incident"), key=str)):
            if n % 5 == 0:
                reason = {"code": "test", "note": None, "successor": None}
                database.write_now(writing.end, KINDS["incident"], one, reason, (), EDITOR)
            elif n % 2 == 0:
                changes = {"tags": chance.sample(["a", "d"], 1), "locations": ["GT"], "date": "2024-05", "actors": []}
                database.write_now(writing.patch, KINDS["incident"], one, changes, (), EDITOR)
        yield client
    if request.param == "postgresql":
        postgres.drop_database(url)


def everything(client: TestClient, kind: str) -> dict[str, Any]:
    """Every current record of a kind by its id, read from the log."""
    with client.app.state.database.connect() as conn:
        log, record = tables.revision.c, tables.record.c
        both = sa.and_(log.record_id == record.id, log.version == record.version)
        rows = conn.execute(
            sa.select(log.record_id, log.record).where(both, record.kind == kind, record.ended.is_(None))
        )
        return {row.record_id: json.loads(row.record) for row in rows}


def found(client: TestClient, asked: str) -> set[str]:
    answer = client.get(f"/v1/incidents?limit=1000&{asked}")
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["items"]}


def under(client: TestClient, kind: str, roots: set[str]) -> set[str]:
    """These records and everything that is part of them."""
    parents = {one: record["parent_id"] for one, record in everything(client, kind).items()}
    inside = set(roots)
    while more := {one for one, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return inside


def named(client: TestClient, kind: str, text: str) -> set[str]:
    names = KINDS[kind].field("known_as")
    return {one for one, record in everything(client, kind).items() if fold(text) in names.value(record)}


def selected(client: TestClient, test: Callable[[Any], bool]) -> set[str]:
    public = {
        one: record for one, record in everything(client, "incident").items() if record["sensitivity"] == "public"
    }
    return {one for one, record in public.items() if test(record)}


def test_without_a_filter_all_that_is_public_and_current_is_found(store: TestClient) -> None:
    assert found(store, "") == selected(store, lambda _: True)
    assert len(everything(store, "incident")) == 48


@pytest.mark.parametrize(
    ("asked", "test"),
    [
        ("type=raid", lambda one: one["type"] == "raid"),
        ("type=raid,release", lambda one: one["type"] in ("raid", "release")),
        ("type=raid&tag=a", lambda one: one["type"] == "raid" and "a" in one["tags"]),
        ("tag=a,b", lambda one: bool({"a", "b"} & set(one["tags"]))),
        ("tag=d", lambda one: "d" in one["tags"]),
        ("status=published", lambda one: one["review"]["status"] == "published"),
        ("measure=killed", lambda one: any(claim["measure"] == "killed" for claim in one["claims"])),
        (
            "measure=freed",
            lambda one: any(claim["measure"] in vocabulary.below("measure", "freed") for claim in one["claims"]),
        ),
        (
            "measure=killed,kidnapped",
            lambda one: any(claim["measure"] in ("killed", "kidnapped") for claim in one["claims"]),
        ),
        ("country=MX", lambda one: KINDS["incident"].field("country").value(one) == "MX"),
        ("country=GT,MX", lambda one: KINDS["incident"].field("country").value(one) in ("GT", "MX")),
        ("admin1=MX-SIN", lambda one: KINDS["incident"].field("admin1").value(one) == "MX-SIN"),
        ("role=rescuer", lambda one: any(actor["role"] == "rescuer" for actor in one["actors"])),
        ("role=rescuer,perpetrator", lambda one: bool(one["actors"])),
        ("attribution=alleged", lambda one: any(actor["attribution"] == "alleged" for actor in one["actors"])),
        ("external_id=test:i7,test:i8", lambda one: one["external_ids"].get("test") in ("i7", "i8")),
        ("stage=foiled", lambda one: False),
    ],
)
def test_filters_select_what_they_say(store: TestClient, asked: str, test: Callable[[Any], bool]) -> None:
    assert found(store, asked) == selected(store, test)


@pytest.mark.parametrize(
    "place", ["MX", "MX-SIN", "Sinaloa", "México", "Culiacán, MX-SIN", "MX-TAM", "GT", "iso3166:GT"]
)
def test_a_location_is_found_with_everything_inside_it(store: TestClient, place: str) -> None:
    code = {"Sinaloa": "MX-SIN", "México": "MX", "iso3166:GT": "GT"}.get(place, place)
    every = everything(store, "location")
    roots = {one for one, record in every.items() if record["external_ids"].get("iso3166") == code}
    roots = roots or named(store, "location", place.partition(",")[0])
    inside = under(store, "location", roots)
    assert found(store, f"location={quote(place)}") == selected(
        store, lambda one: any(each["location_id"] in inside for each in one["locations"])
    )


def test_an_actor_is_found_with_its_factions_in_the_role_asked_for(store: TestClient) -> None:
    checked = 0
    for n in range(12):
        [root] = [
            one for one, record in everything(store, "actor").items() if record["external_ids"]["test"] == f"a{n}"
        ]
        inside = under(store, "actor", {root})
        for role in (None, "rescuer", "perpetrator"):
            wanted = selected(
                store,
                lambda one, role=role, inside=inside: any(
                    each["actor_id"] in inside and role in (None, each["role"]) for each in one["actors"]
                ),
            )
            asked = f"&role={role}" if role else ""
            assert found(store, f"actor=test:a{n}{asked}") == found(store, f"actor={root}{asked}") == wanted
            checked += len(wanted)
    assert checked > 20


def test_an_actor_is_found_by_its_name(store: TestClient) -> None:
    for record in everything(store, "actor").values():
        inside = under(store, "actor", named(store, "actor", record["name"]))
        assert found(store, f"actor={quote(record['name'])}") == selected(
            store, lambda one, inside=inside: any(each["actor_id"] in inside for each in one["actors"])
        )


def test_a_source_is_found_by_id_address_or_external_id(store: TestClient) -> None:
    field = KINDS["incident"].field("source")
    for source_id, record in everything(store, "source").items():
        wanted = selected(store, lambda one, source_id=source_id: source_id in field.value(one))
        for text in (source_id, record["url"], f"test:{record['external_ids']['test']}"):
            assert found(store, f"source={quote(text, safe='')}") == wanted


LOW, HIGH = "0001-01-01", "9999-12-31"


@pytest.mark.parametrize("mode", ["overlaps", "within", "contains"])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2024-03-01", "2024-03-31"),
        ("2024-03-26", "2024-03-26"),
        ("2024-01-01", "2024-12-31"),
        ("2021-06-01", "2021-06-30"),
        ("2019-01-01", "2019-12-31"),
        ("2030-01-01", "2030-12-31"),
        ("2024-03-01", None),
        (None, "2021-12-31"),
        ("0001-01-01", "9999-12-31"),
    ],
)
def test_dates_in_their_three_modes(store: TestClient, mode: str, first: str | None, last: str | None) -> None:
    def test(record: Any) -> bool:
        date = record["date"]
        if date["edtf"] is None:
            return False
        start, end = date["earliest"], date["latest"]
        known = start is not None and end is not None
        begin, stop = start or LOW, end or HIGH
        if mode == "overlaps":
            return (first is None or stop >= first) and (last is None or begin <= last)
        if mode == "within":
            return known and (first is None or begin >= first) and (last is None or stop <= last)
        covers = start is not None and (end is not None or date["kind"] == "ongoing")
        return covers and (first is None or begin <= first) and (last is None or stop >= last)

    asked = "&".join(f"{name}={day}" for name, day in (("from", first), ("to", last)) if day)
    assert found(store, f"{asked}&date_mode={mode}") == selected(store, test)


def test_what_was_true_once_is_not_found_now(store: TestClient) -> None:
    """Old rows of changed records match no filter."""
    log, record = tables.revision.c, tables.record.c
    with store.app.state.database.connect() as conn:
        changed = conn.execute(
            sa.select(log.record_id, log.record).where(
                log.record_id == record.id, log.version == 1, record.version > 1, record.kind == "incident"
            )
        ).all()
    assert len(changed) > 20
    now = everything(store, "incident")
    for record_id, text in changed:
        before = json.loads(text)
        for tag in before["tags"]:
            assert (record_id in found(store, f"tag={tag}")) is (
                record_id in now and tag in now[record_id]["tags"] and now[record_id]["sensitivity"] == "public"
            )


def test_counting_what_meets_a_filter_and_what_does_not_gives_all(store: TestClient) -> None:
    total = len(found(store, ""))
    for name in ("type", "stage", "granularity", "status"):
        codes = vocabulary.codes(str(KINDS["incident"].field(name).codes))
        answers = [found(store, f"{name}={code}") for code in codes]
        assert sum(map(len, answers)) == len(set().union(*answers)) == total


# --- Shapes --------------------------------------------------------------------------------------------------------

PIECES = [
    "type=raid",
    "type=raid,release",
    "type=release,raid",
    "country=MX",
    "country=MX,GT",
    "tag=a",
    "tag=a,b",
    "location=MX",
    "location=Sinaloa",
    "location=Sinaloa, MX",
    "location=01900000-0000-7000-8000-000000000001",
    "location=MX,GT",
    "actor=x",
    "actor=seed:x",
    "actor=x&role=rescuer",
    "role=rescuer",
    "role=rescuer,perpetrator",
    "attribution=alleged",
    "from=2024",
    "to=2024",
    "from=2023&to=2024",
    "from=2024&date_mode=within",
    "from=2024&date_mode=contains",
    "source=https://x.example",
    "source=seed:1",
    "external_id=a:b",
    "measure=freed",
    "status=published,draft",
    "sort=title",
    "sort=-title",
    "sort=date,-type",
    "limit=5",
]


def test_equal_shapes_are_equal_sql() -> None:
    """A statement is compiled once for its shape: two queries of one shape must not want different SQL."""
    chance = random.Random(5)
    texts: dict[Any, str] = {}
    repeated = 0
    for _ in range(400):
        chosen: dict[str, str] = {}
        for piece in chance.sample(PIECES, chance.randint(0, 3)):
            for pair in piece.split("&"):
                name, _, value = pair.partition("=")
                chosen.setdefault(name, value)
        if "date_mode" in chosen and not {"from", "to"} & chosen.keys():
            continue
        text = "&".join(f"{name}={quote(value, safe=',:')}" for name, value in chosen.items())
        asked = query.parse(KINDS["incident"], text.encode(), 1000)
        if chance.random() < 0.4:
            nulls = [chance.choice(["-", "+x"]) if name != "date" else "+2024-03-26" for name, _ in asked.sort]
            key = "\x1f".join([*nulls, "01900000-0000-7000-8000-000000000001"])
            cursor = query.cursor_for(asked, key)
            asked = query.parse(KINDS["incident"], f"{text}&cursor={cursor}".encode(), 1000)
        to = chance.choice((EVERYTHING, PUBLIC, Audience(author="a", now="2026"), Audience(statuses=None)))
        for statement in (pages.page(asked, to=to), pages.total(asked, to=to)):
            compiled = statement.build().compile(dialect=sqlite.dialect(paramstyle="named"))
            told = str(compiled)
            repeated += statement.shape in texts
            assert texts.setdefault(statement.shape, told) == told
            bound = set(compiled.params) - {name for name, value in compiled.params.items() if value is not None}
            assert bound <= set(statement.values)
    assert repeated > 100


def test_no_value_of_a_client_is_in_the_sql() -> None:
    nasty = "'; DROP TABLE head; --"
    for name in ("tag", "location", "actor", "source"):
        asked = query.parse(KINDS["incident"], f"{name}={quote(nasty)}".encode(), 1000)
        statement = pages.page(asked, to=PUBLIC)
        assert "DROP" not in str(statement.build().compile(dialect=sqlite.dialect(paramstyle="named")))
        assert any(nasty == value or fold(nasty) == value for value in statement.values.values())


def test_every_shape_of_a_filter_is_used() -> None:
    used = {field.filter for kind in KINDS.values() for field in kind.own_fields if field.filter}
    assert used - {"actor", "participation"} == set(conditions._SHAPES)
