"""The catalogue: every field gives its value for every record, and agrees with tables, parameters and vocabulary."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import EVERYTHING
from incidents_api.model.field import Field, every
from incidents_api.model.fields import sources_of
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.places import main_place
from incidents_api.reading import conditions, query
from incidents_api.storage import kind_tables, tables
from incidents_api.storage.database import Database
from incidents_api.writing import lookup

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
FIELDS = [(kind, field) for kind in KINDS.values() for field in kind.fields]
fields = pytest.mark.parametrize(("kind", "field"), FIELDS, ids=[f"{kind.name}.{field.name}" for kind, field in FIELDS])

TYPES: dict[str, type | tuple[type, ...]] = {
    "flag": bool,
    "integer": int,
    "number": (int, float),
}


def records(database: Database, kind: Kind) -> list[dict[str, Any]]:
    with database.connect() as conn:
        ids = conn.execute(sa.select(tables.record.c.id).where(tables.record.c.kind == kind.name)).scalars()
        return [lookup.parse(_document(conn, one)) for one in ids]


def _document(conn: sa.Connection, record_id: str) -> str:
    from incidents_api.model.revision import document

    found = lookup.known(conn, record_id)
    assert found is not None
    return document(lookup.revision_of(conn, record_id, found.version))


@kinds
def test_names_stand_once(kind: Kind) -> None:
    assert [name for name, count in Counter(field.name for field in kind.fields).items() if count > 1] == []


@kinds
def test_every_field_is_found_by_name(kind: Kind) -> None:
    assert [kind.field(field.name) for field in kind.fields] == list(kind.fields)
    with pytest.raises(KeyError):
        kind.field("no_such_field")


@fields
def test_every_field_is_told_in_full(kind: Kind, field: Field) -> None:
    assert field.meaning.endswith(".")
    assert field.type in kind_tables.TYPES
    assert (field.codes is not None) is (field.type == "code")
    assert field.codes is None or vocabulary.codes(field.codes)


@fields
def test_every_filter_names_a_shape(kind: Kind, field: Field) -> None:
    if field.filter in ("actor", "participation"):
        assert kind.name == "incident"
        assert not field.kept
    elif field.filter is not None:
        assert field.filter in conditions._SHAPES
        assert field.kept
        assert field.many is (field.filter in ("term", "source", "related"))


@fields
def test_what_sorts_or_groups_is_a_column(kind: Kind, field: Field) -> None:
    if field.sort:
        assert field.name in tables.KIND_TABLES[kind.name].c
        assert not field.many


@kinds
def test_the_table_of_a_kind_is_its_catalogue(kind: Kind) -> None:
    wanted = {"id", "seq_from", "seq_to", "version", "recorded_at"}
    wanted |= {field.name for field in kind.own_fields if field.kept and not field.many}
    if kind.name == "incident":
        wanted |= {"audience", "turns", "document", "owner"}
    assert set(tables.KIND_TABLES[kind.name].c.keys()) == wanted


@kinds
def test_the_table_in_the_database_is_its_catalogue(database: Database, kind: Kind) -> None:
    with database.connect() as conn:
        found = {column["name"] for column in sa.inspect(conn).get_columns(kind.name)}
    assert found == set(tables.KIND_TABLES[kind.name].c.keys())


@kinds
def test_default_sorts_are_sorts(kind: Kind) -> None:
    assert kind.field(kind.sort.lstrip("-")).sort
    assert kind.dated is None or kind.dated in kind.report.model_fields
    assert set(kind.derived).isdisjoint(kind.report.model_fields)


@kinds
def test_every_parameter_comes_from_a_field(kind: Kind) -> None:
    asked = query.parameters(kind)
    own = {name for name, parameter in asked.items() if parameter.field is not None}
    assert own == {field.name for field in kind.own_fields if field.filter}
    assert {"sort", "limit", "cursor", "count"} <= set(asked) - own
    assert ({"from", "to", "date_mode"} <= set(asked)) is (kind.dated is not None)


def test_every_field_has_its_value_for_every_seed_record(seeded_database: Database) -> None:
    for kind in KINDS.values():
        found = records(seeded_database, kind)
        assert found
        for record in found:
            for field in kind.fields:
                check(field, record)


def check(field: Field, record: dict[str, Any]) -> None:
    value = field.value(record)
    if field.many:
        assert value == sorted(set(value))
    for one in value if field.many else [value]:
        assert one is not None or not field.many
        if one is not None:
            assert isinstance(one, TYPES.get(field.type, str)), (field.name, one)
            assert field.codes is None or one in vocabulary.codes(field.codes), (field.name, one)


def test_rows_and_terms_are_the_values_of_the_fields(seeded_database: Database) -> None:
    for kind in KINDS.values():
        table = tables.KIND_TABLES[kind.name]
        for record in records(seeded_database, kind):
            with seeded_database.connect() as conn:
                row = conn.execute(sa.select(table).where(table.c.id == record["id"])).mappings().one()
                term = tables.term.c
                terms = conn.execute(sa.select(term.field, term.value).where(term.record_id == record["id"])).all()
            for field in kind.own_fields:
                if field.kept and not field.many:
                    assert row[field.name] == field.value(record)
                elif field.kept:
                    assert sorted(value for name, value in terms if name == field.name) == field.value(record)


def test_a_seed_record_can_be_asked_for_by_each_of_its_values(seeded_database: Database) -> None:
    """Every filter finds the record whose value it is given."""

    async def ask() -> None:
        from incidents_api.reading.pages import total

        for kind in KINDS.values():
            found = records(seeded_database, kind)
            for name, parameter in query.parameters(kind).items():
                if parameter.field is None:
                    continue
                held = parameter.field.value(found[0])
                values = held if parameter.field.many else [held]
                for value in [one for one in values if one is not None][:2]:
                    text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
                    asked = query.parse(kind, f"{name}={_quoted(text)}".encode(), 1000)
                    count = (await seeded_database.read(total(asked, to=EVERYTHING)))[0][0]
                    assert count >= 1, (kind.name, name, value)
        await seeded_database.close()

    asyncio.run(ask())


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


# --- Reading values ------------------------------------------------------------------------------------------------


def test_every_value_at_a_path_is_found_through_lists() -> None:
    record = {"a": [{"b": 1}, {"b": [2, 3]}, {}, None, "x"], "c": {"d": None}}
    assert every("a.b")(record) == [1, 2, 3, None, None, None]
    assert every("c.d")(record) == [None]
    assert every("c.d.e")(record) == [None]
    assert every("nothing.here")(record) == [None]
    assert every("a.b")({"a": []}) == []


def test_the_main_place_is_where_it_occurred() -> None:
    def place(role: str, country: str) -> dict[str, Any]:
        return {"role": role, "country": country}

    assert main_place({"locations": [place("origin", "GT"), place("held_at", "US"), place("occurred_at", "MX")]}) == (
        place("occurred_at", "MX")
    )
    assert main_place({"locations": [place("transit", "GT"), place("taken_from", "US")]})["country"] == "US"
    assert main_place({"locations": [place("occurred_at", "MX"), place("occurred_at", "US")]})["country"] == "MX"
    assert main_place({"locations": [place("origin", "GT")]}) == {}
    assert main_place({"locations": []}) == {}


def test_every_role_but_origin_can_stand_for_the_incident() -> None:
    for role in vocabulary.codes("location_role"):
        found = main_place({"locations": [{"role": role}]})
        assert bool(found) is (role != "origin")


def test_sources_are_found_wherever_they_are_cited() -> None:
    record = {
        "evidence": [{"source_id": "s1", "quote": None}],
        "claims": [{"source_id": "s2", "links": []}, {"source_id": None}],
        "captivity": {"evidence": [{"source_id": "s3"}]},
        "raw": {"source_id": "not ours", "more": [{"source_id": "not ours"}]},
    }
    assert sorted(sources_of(record)) == ["s1", "s2", "s3"]


def test_an_empty_incident_has_values_too() -> None:
    record = json.loads(
        '{"type":"raid","secondary_types":[],"stage":"unknown","granularity":"single","title":null,"summary":null,'
        '"date":{"edtf":null,"earliest":null,"latest":null,"kind":"unknown","precision":"unknown"},"locations":[],'
        '"actors":[],"claims":[],"tallies":[],"relations":[],"captivity":null,"tags":[],"evidence":[],'
        '"external_ids":{},"review":{"status":"draft"},"sensitivity":"public","raw":null}'
    )
    told = {field.name: field.value(record) for field in KINDS["incident"].own_fields}
    assert {name: value for name, value in told.items() if value not in (None, [])} == {
        "type": "raid",
        "stage": "unknown",
        "granularity": "single",
        "date": "",
        "date_kind": "unknown",
        "date_precision": "unknown",
        "status": "draft",
        "sensitivity": "public",
        # What lists are sorted by is never null.
        "title_order": "",
        "country_order": "",
        "admin1_order": "",
    }


@pytest.mark.parametrize(
    ("date", "key", "start", "end"),
    [
        ({"edtf": "2024", "earliest": "2024-01-01", "latest": "2024-12-31"}, "2024-01-01", "2024-01-01", "2024-12-31"),
        ({"edtf": "../2024", "earliest": None, "latest": "2024-12-31"}, "2024-12-31", "0001-01-01", "2024-12-31"),
        ({"edtf": "2024/..", "earliest": "2024-01-01", "latest": None}, "2024-01-01", "2024-01-01", "9999-12-31"),
        ({"edtf": None, "earliest": None, "latest": None}, "", None, None),
        (None, "", None, None),
    ],
)
def test_the_columns_of_a_date(date: Any, key: str, start: str | None, end: str | None) -> None:
    kind = KINDS["statistic"]
    told = tuple(kind.field(name).value({"period": date}) for name in ("date", "span_start", "span_end"))
    assert told == (key, start, end)


def test_a_measure_is_found_under_what_it_is_a_kind_of() -> None:
    twice = {"claims": [{"measure": "rescued"}, {"measure": "rescued"}, {"measure": "killed"}]}
    found = KINDS["incident"].field("measure").value(twice)
    assert found == sorted({"killed", "rescued", "freed", *found})
    assert "kidnapped" not in found
    for measure, code in vocabulary.LISTS["measure"].codes.items():
        told = KINDS["incident"].field("measure").value({"claims": [{"measure": measure}]})
        assert measure in told
        assert code.parent is None or code.parent in told
