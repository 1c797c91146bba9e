"""The tables: columns come from the catalogue, stay in its order, and every row fills them."""

import json
from pathlib import Path

import pytest

from incidents_api.exporters import CLAIM_COLUMNS, claim_rows, columns, kind_table, table
from incidents_api.exporters.columns import TYPES
from incidents_api.exporters.csv import harmless
from incidents_api.model import fields, vocabulary
from incidents_api.model.claims import DIMS
from incidents_api.model.kinds import BY_PLURAL, KINDS

GOLDEN = Path(__file__).with_name("golden")
TABLES = (*BY_PLURAL, "claims")


def records(name: str) -> list[dict]:
    text = (GOLDEN / f"{'incidents' if name == 'claims' else name}.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_field_of_the_catalogue_has_its_column_in_its_order(kind) -> None:
    names = [column.name for column in columns(kind)]
    assert names[: len(fields.ENVELOPE)] == [field.name for field in fields.ENVELOPE]
    expected = [
        "date_edtf" if field.name == "date" else field.name
        for field in kind.own_fields
        if not field.internal and field.name != "known_as" and not field.name.endswith(("_low", "_best", "_high"))
    ]
    start = len(fields.ENVELOPE)
    assert names[start : start + len(expected)] == expected


def test_incidents_end_with_a_block_per_measure() -> None:
    names = [column.name for column in columns(KINDS["incident"])]
    blocks = [f"{code}_{level}" for code in vocabulary.codes("measure") for level in ("low", "best", "high")]
    assert names[-len(blocks) - 1 :] == ["summary", *blocks]
    assert not {"span_start", "span_end", "known_as", "date"} & set(names)


@pytest.mark.parametrize("name", TABLES)
def test_a_column_has_one_name_a_type_and_a_meaning(name: str) -> None:
    made = table(name)
    names = [column.name for column in made.columns]
    assert len(set(names)) == len(names)
    for column in made.columns:
        assert column.type in TYPES
        assert column.meaning.endswith(".")
        assert column.codes is None or column.codes in vocabulary.LISTS
    for key in made.key:
        assert names[made.at(key)] == key
    with pytest.raises(ValueError, match=f"{name} has no column nonsense"):
        made.at("nonsense")


@pytest.mark.parametrize("name", TABLES)
def test_rows_hold_a_value_of_the_type_for_every_column(name: str) -> None:
    made = table(name)
    types = {"text": str, "integer": int, "number": int | float, "day": str, "instant": str, "flag": bool}
    keys = []
    for record in records(name):
        for row in made.rows(record):
            keys.append(tuple(row[made.at(key)] for key in made.key))
            for column, value in zip(made.columns, row, strict=True):
                values = value if column.many else [value]
                assert all(one is None or isinstance(one, types[column.type]) for one in values), column.name
                if column.codes:
                    assert all(one is None or one in vocabulary.LISTS[column.codes].codes for one in values)
    assert len(set(keys)) == len(keys) >= 5


def test_the_figures_come_from_the_function_that_is_given() -> None:
    made = kind_table(KINDS["incident"], lambda record: {"freed": (1, None, 3)})
    (row,) = made.rows(records("incidents")[0])
    assert [row[made.at(f"freed_{level}")] for level in ("low", "best", "high")] == [1, None, 3]
    assert row[made.at("killed_best")] is None


def test_the_figures_of_the_articles() -> None:
    made = table("incidents")
    rows = [row for record in records("incidents") for row in made.rows(record)]

    def column(name: str) -> list[int]:
        return [row[made.at(name)] for row in rows if row[made.at(name)] is not None]

    assert sum(column("kidnapped_best")) == 88
    assert {16, 42, 58} <= set(column("freed_best"))  # a whole and its parts, each in its own row
    assert sorted(column("killed_best")) == [0, 1]  # the zero is a quoted one


def test_claims_are_one_row_each_with_their_incident() -> None:
    names = [column.name for column in CLAIM_COLUMNS]
    assert names[:8] == [
        "incident_id", "incident_title", "incident_type", "date_edtf", "earliest", "latest", "country", "admin1",
    ]  # fmt: skip
    assert [name for name in names if name in DIMS] == list(DIMS)
    for record in records("incidents"):
        rows = [dict(zip(names, row, strict=True)) for row in claim_rows(record)]
        assert [row["claim_id"] for row in rows] == [claim["id"] for claim in record["claims"]]
        for row, claim in zip(rows, record["claims"], strict=True):
            assert row["incident_id"] == record["id"]
            assert {dim: row[dim] for dim in DIMS if row[dim]} == claim["dims"]
            assert (row["low"], row["value"], row["high"]) == (claim["low"], claim["value"], claim["high"])
            assert row["quote"] == (claim["quote"] or {}).get("text")


@pytest.mark.parametrize("name", TABLES)
def test_plain_columns_hold_nothing_that_needs_guarding(name: str) -> None:
    one = table(name)
    told = [
        text
        for record in records(name)
        for row in one.rows(record)
        for column, value in zip(one.columns, row, strict=True)
        if column.plain and value is not None
        for text in (value if column.many else [value])
    ]
    assert told
    assert [text for text in told if harmless(text) != text] == []
