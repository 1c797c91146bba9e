"""CQL2 filters: the official examples, an oracle, bad filters each with the character at fault, and random trees."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incidents_api.model import vocabulary
from incidents_api.model.geometry import Box, Points, Polygons
from incidents_api.reading import cql2
from incidents_api.reading.cql2 import (
    And,
    Between,
    Compare,
    FieldInfo,
    FilterError,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Spatial,
    Temporal,
    parse,
    shape,
    to_json,
)
from tests.machine import needs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT.parent / "shared" / "data" / "cql2_examples"
ORACLE = Path(__file__).with_name("cql2_oracle.json")
HERE = "\u25b8"
"""Stands in a bad filter before the character at fault."""

FIELDS = {
    field.name: field
    for field in (
        FieldInfo("type", "code", codes=vocabulary.codes("incident_type")),
        FieldInfo("title", "text"),
        FieldInfo("country", "country"),
        FieldInfo("admin1", "admin1"),
        FieldInfo("freed_best", "integer"),
        FieldInfo("lat", "number"),
        FieldInfo("date", "day", temporal=True),
        FieldInfo("earliest", "day"),
        FieldInfo("recorded_at", "instant"),
        FieldInfo("geometry", "text", spatial=True),
        FieldInfo("identified", "flag"),
        FieldInfo("tag", "text", many=True),
        FieldInfo("actor", "id", many=True),
        FieldInfo("in", "text"),
        FieldInfo("eo:cloud.cover", "number"),
        FieldInfo("über_1", "text"),
    )
}


def read(text: str) -> Node:
    return parse(text, FIELDS)


# --- What filters mean -----------------------------------------------------------------------------------------------


A, B, C = (Compare("=", "title", letter) for letter in "abc")
DAY = date(2024, 3, 26)
NOON = datetime(2024, 3, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("title='a' AND title='b' OR title='c'", Or((And((A, B)), C))),
        ("title='a' OR title='b' AND title='c'", Or((A, And((B, C))))),
        ("title='a' AND title='b' AND title='c'", And((A, B, C))),
        ("title='a' AND (title='b' AND title='c')", And((A, And((B, C))))),
        ("NOT title='a' AND title='b'", And((Not(A), B))),
        ("NOT(title='a'AND title='b')", Not(And((A, B)))),
        ("nOt NoT title='a'", Not(Not(A))),
        ("((title='a'))", A),
        # Names and texts.
        ("\"title\"='a'", A),
        ("\"in\" = 'x'", Compare("=", "in", "x")),
        ("eo:cloud.cover<.5", Compare("<", "eo:cloud.cover", 0.5)),
        ("über_1 = 'x'", Compare("=", "über_1", "x")),
        ("title='it''s'", Compare("=", "title", "it's")),
        (r"title='it\'s'", Compare("=", "title", "it's")),
        (r"title='\\''", Compare("=", "title", "\\'")),
        (r"title='a\b\\c'", Compare("=", "title", r"a\b\\c")),
        ("title=''''", Compare("=", "title", "'")),
        ("title = 'AND ) ('", Compare("=", "title", "AND ) (")),
        ("\u00a0title\u00a0=\t'a'\r\n", A),
        # Numbers: whole ones for an integer, floats for a number.
        ("freed_best = 10.0", Compare("=", "freed_best", 10)),
        ("freed_best = 1e3", Compare("=", "freed_best", 1000)),
        ("freed_best = 9223372036854775807", Compare("=", "freed_best", 2**63 - 1)),
        ("freed_best = -9007199254740993", Compare("=", "freed_best", -9007199254740993)),
        ("lat = - 5", Compare("=", "lat", -5.0)),
        ("lat >= 5.", Compare(">=", "lat", 5.0)),
        ("lat < +1.5E-3", Compare("<", "lat", 0.0015)),
        # The value on the left.
        ("10 < freed_best", Compare(">", "freed_best", 10)),
        ("10 <= freed_best", Compare(">=", "freed_best", 10)),
        ("10 > freed_best", Compare("<", "freed_best", 10)),
        ("10 >= freed_best", Compare("<=", "freed_best", 10)),
        ("10 = freed_best", Compare("=", "freed_best", 10)),
        ("FALSE <> identified", Compare("<>", "identified", False)),
        ("CASEI('a') = CASEI(title)", Compare("=", "title", "a", casei=True)),
        ("DATE('2024-03-26') < date", Compare(">", "date", DAY)),
        # Words of their own.
        ("title NOT IN ('a')", Not(In("title", ("a",)))),
        ("freed_best NOT BETWEEN 1 AND 2 AND title='a'", And((Not(Between("freed_best", 1, 2)), A))),
        ("title NOT LIKE 'a'", Not(Like("title", "a"))),
        ("NOT title NOT LIKE 'a'", Not(Not(Like("title", "a")))),
        ("geometry IS NULL", IsNull("geometry")),
        ("date is not null", Not(IsNull("date"))),
        (r"title LIKE '\%\_\\%_'", Like("title", r"\%\_\\%_")),
        ("ACCENTI(CASEI(title)) = CASEI(ACCENTI('a'))", Compare("=", "title", "a", casei=True, accenti=True)),
        ("casei(tag) in (casei('a'), CASEI('B'))", In("tag", ("a", "B"), casei=True)),
        ("accenti(title) < accenti('b')", Compare("<", "title", "b", accenti=True)),
        # Days and instants.
        ("date = '2024-03-26'", Compare("=", "date", DAY)),
        ("date = TIMESTAMP('2024-03-26T23:00:00-05:00')", Compare("=", "date", DAY)),
        ("date IN ('2024-03-26', DATE('2024-03-26'))", In("date", (DAY, DAY))),
        ("recorded_at = '2024-03-26T07:00:00-05:00'", Compare("=", "recorded_at", NOON)),
        ("recorded_at >= DATE('2024-03-26')", Compare(">=", "recorded_at", NOON.replace(hour=0))),
        ("recorded_at < '2024-03-26'", Compare("<", "recorded_at", NOON.replace(hour=0))),
        (
            "recorded_at > DATE('2024-03-26')",
            Compare(">", "recorded_at", datetime(2024, 3, 26, 23, 59, 59, 999999, tzinfo=UTC)),
        ),
        (
            "recorded_at BETWEEN '2024-03-26' AND '2024-03-26'",
            Between(
                "recorded_at",
                datetime(2024, 3, 26, tzinfo=UTC),
                datetime(2024, 3, 26, 23, 59, 59, 999999, tzinfo=UTC),
            ),
        ),
        ("T_AFTER(date, '2024-03-26')", Temporal("after", "date", DAY, DAY)),
        ("T_AFTER('2024-03-26', date)", Temporal("before", "date", DAY, DAY)),
        ("T_BEFORE(DATE('2024-03-26'), earliest)", Temporal("after", "earliest", DAY, DAY)),
        ("T_INTERSECTS(INTERVAL('..', '2024-03-26'), date)", Temporal("intersects", "date", None, DAY)),
        ("t_during(date, interval(date('2024-03-26'), '..'))", Temporal("during", "date", DAY, None)),
        (
            "T_INTERSECTS(recorded_at, DATE('2024-03-26'))",
            Temporal(
                "intersects",
                "recorded_at",
                datetime(2024, 3, 26, tzinfo=UTC),
                datetime(2024, 3, 26, 23, 59, 59, 999999, tzinfo=UTC),
            ),
        ),
        # Places.
        ("S_INTERSECTS(POINT(1 2), geometry)", Spatial("intersects", "geometry", Points(((1.0, 2.0),)))),
        ('s_within("geometry",bbox ( 1,2,3,4 ))', Spatial("within", "geometry", Box(1.0, 2.0, 3.0, 4.0))),
        (
            "((S_WITHIN(geometry, POINT(1 2))))AND title='a'",
            And((Spatial("within", "geometry", Points(((1.0, 2.0),))), A)),
        ),
    ],
)
def test_a_filter_is_read_as(text: str, node: Node) -> None:
    found = read(text)
    assert found == node
    assert repr(found) == repr(node)  # 10 and 10.0 are equal, but not bound alike


def test_names_that_are_words_elsewhere_stay_names() -> None:
    fields = {name: FieldInfo(name, "text") for name in ("date", "point", "interval", "casei", "s_within", "Date")}
    for name in fields:
        assert parse(f"{name} = 'x'", fields) == Compare("=", name, "x")
    with pytest.raises(FilterError, match="did you mean"):
        parse("DATE = 'x'", fields)
    spot = {"point": FieldInfo("point", "text", spatial=True)}
    assert parse("S_WITHIN(point, POINT(1 2))", spot) == Spatial("within", "point", Points(((1.0, 2.0),)))


# --- Bad filters -----------------------------------------------------------------------------------------------------

BAD: tuple[tuple[str, str], ...] = (
    # nothing, or too little
    ("", "empty"),
    ("   ", "empty"),
    ("title▸", "operator"),
    ("title ▸", "operator"),
    ("title =▸", "a field or a value expected, not the end"),
    ("title = ▸", "not the end"),
    ("title NOT▸", "IN, BETWEEN or LIKE expected"),
    ("title IS▸", "NULL or NOT NULL expected"),
    ("title IS NOT▸", "NULL expected"),
    ("title IN▸", "( expected"),
    ("title IN (▸", "a field or a value expected"),
    ("title IN ('a'▸", ", or ) expected"),
    ("title IN ('a',▸", "a field or a value expected"),
    ("freed_best BETWEEN▸", "a field or a value"),
    ("freed_best BETWEEN 1▸", "AND and the upper value"),
    ("freed_best BETWEEN 1 AND▸", "a field or a value"),
    ("title = 'a' AND▸", "a field or a value"),
    ("title = 'a' OR ▸", "a field or a value"),
    ("NOT▸", "a field or a value"),
    ("CASEI(▸", "a field or a value"),
    ("DATE(▸", "the DATE in single quotes expected"),
    ("S_WITHIN(▸", "a field or a value"),
    ("S_WITHIN(geometry▸", ", expected"),
    ("S_WITHIN(geometry,▸", "a field or a value"),
    ("T_AFTER(date, INTERVAL(▸", "a day or a time in single quotes"),
    ("T_AFTER(date, INTERVAL('2024-01-01'▸", ", expected"),
    # brackets and quotes
    ("▸(title = 'a'", "not closed"),
    ("▸((title = 'a')", "not closed"),
    ("(▸(title = 'a' OR title = 'b'", "not closed"),
    ("title = 'a'▸)", "AND, OR or the end expected, not )"),
    ("(title = 'a' ▸title = 'b')", "AND, OR or ) expected"),
    ("(▸)", "a field or a value expected, not )"),
    ("▸)", "a field or a value expected, not )"),
    ("title = ▸'a", "no closing '"),
    ("title = ▸'a\\'", "stand for a quote within it"),
    ("title = ▸'a''", "no closing '"),
    ("title = ▸'", "no closing '"),
    ("▸\"title = 'a'", 'no closing "'),
    ('▸"title\'a" = 1', "no field"),
    ("title = ▸(1)", "brackets stand around conditions"),
    ("(title▸) = 'a'", "operator"),
    ("(▸'a') = title", "a value alone"),
    # characters
    ("title = ▸\u2018a\u2019", "straight quotes"),
    ("title = ▸\u201ca\u201d", "straight quotes"),
    ("title = ▸`a`", "straight quotes"),
    ("title ▸# 'a'", "'#' is not taken"),
    ("title = 'a'▸; DROP TABLE incident", "';' is not taken"),
    ("title = 'a' ▸-- more", "arithmetic (-)"),
    ("title = 'a' ▸/* more */", "arithmetic (/)"),
    ("title = ▸$1", "'$' is not taken"),
    ("title = ▸?", "'?' is not taken"),
    ("title = ▸[1]", "'[' is not taken"),
    ("▸@title = 'a'", "'@' is not taken"),
    ("title = 'a' ▸&& title = 'b'", "'&' is not taken"),
    ("title = 'a▸\x00b'", "U+0000"),
    ("title = 'a' ▸\x00", "U+0000"),
    ("title = '▸\ud800'", "U+D800"),
    ("title ▸\u2260 'a'", "is not taken"),
    ("freed_best = ▸\u0663", "is not taken"),
    # operators
    ("title ▸== 'a'", "write ="),
    ("title ▸!= 'a'", "write <>"),
    ("title >▸< 'a'", "a field or a value"),
    ("title <> ▸> 'a'", "a field or a value"),
    ("title = ▸= 'a'", "a field or a value"),
    ("title ▸'a'", "operator"),
    ("title ▸title = 'a'", "operator"),
    ("title ▸ILIKE 'a'", "operator"),
    ("title ▸MATCHES 'a'", "operator"),
    ("title ▸AND title = 'a'", "operator"),
    ("title ▸, 'a'", "operator"),
    ("title = 'a' ▸XOR title = 'b'", "AND, OR or the end"),
    ("title = 'a' ▸title = 'b'", "AND, OR or the end"),
    ("title = 'a'▸, title = 'b'", "AND, OR or the end"),
    ("title = 'a' AND ▸AND title = 'b'", "not AND"),
    ("title = 'a' OR ▸AND title = 'b'", "not AND"),
    ("▸AND title = 'a'", "not AND"),
    ("▸OR", "not OR"),
    ("▸IN ('a')", "not IN"),
    ("title NOT ▸= 'a'", "IN, BETWEEN or LIKE"),
    ("title NOT ▸NULL", "IN, BETWEEN or LIKE"),
    ("title NOT ▸IS NULL", "IN, BETWEEN or LIKE"),
    ("title NOT ▸NOT IN ('a')", "IN, BETWEEN or LIKE"),
    ("title IS ▸TRUE", "NULL or NOT NULL"),
    ("title IS NOT ▸'a'", "NULL expected"),
    ("title IS NULL ▸NULL", "AND, OR or the end"),
    ("title = ▸NULL", "IS NULL"),
    ("title <> ▸null", "IS NULL"),
    ("title IN (▸NULL)", "IS NULL"),
    ("▸'a' IS NULL", "IS has a field on its left"),
    ("▸'a' IN ('a', 'b')", "IN has a field on its left"),
    ("▸'a' LIKE 'a'", "LIKE has a field on its left"),
    ("▸1 BETWEEN 1 AND 2", "BETWEEN has a field on its left"),
    ("▸1 NOT IN (1)", "NOT has a field on its left"),
    # conditions that are none
    ("▸TRUE", "a value alone"),
    ("▸'a'", "a value alone"),
    ("▸1 AND title = 'a'", "a value alone"),
    ("▸1 = 1", "both sides of this one are values"),
    ("▸'a' < 'b'", "both sides"),
    ("▸TRUE = FALSE OR title = 'a'", "both sides"),
    ("1 ▸'a'", "expected"),
    ("1 ▸! 1", "'!' is not taken"),
    ("lat = ▸lat", "not with another field"),
    ('lat > ▸"lat"', "not with another field"),
    ("freed_best BETWEEN ▸lat AND 5", "not with another field"),
    ("title IN ('a', ▸tag)", "not with another field"),
    ("CASEI(title) = ▸CASEI(tag)", "not with another field"),
    # unknown fields
    ("▸contry = 'MX'", "there is no field contry; did you mean country?"),
    ("▸Title = 'a'", "did you mean title?"),
    ("▸\"titel\" = 'a'", "did you mean title?"),
    ("▸zzzzzz = 1", "there is no field zzzzzz"),
    ("title = 'a' AND (▸freed_bst > 1)", "did you mean freed_best?"),
    ("NOT ▸foo IS NULL", "no field foo"),
    ("1 < ▸freed", "did you mean freed_best?"),
    ("CASEI(▸titl) = CASEI('a')", "did you mean title?"),
    ("S_WITHIN(▸geom, POINT(1 2))", "did you mean geometry?"),
    ("T_AFTER(▸dat, DATE('2024-01-01'))", "did you mean date?"),
    ("▸select = 1", "no field select"),
    ("▸kidnapping", "no field kidnapping"),
    ("country = ▸MX", "a text stands in single quotes: 'MX'"),
    ('country = ▸"MX"', "a text stands in single quotes: 'MX'"),
    ("country IN (▸MX, US)", "single quotes"),
    ("admin1 = ▸MX-SIN", "single quotes"),
    # arithmetic and functions
    ("lat ▸+ 1 > 2", "arithmetic (+)"),
    ("lat ▸* 2 = 4", "arithmetic (*)"),
    ("lat▸-1 = 4", "arithmetic (-)"),
    ("lat ▸% 2 = 0", "arithmetic (%)"),
    ("lat ▸^ 2 = 4", "arithmetic (^)"),
    ("freed_best ▸div 2 = 1", "arithmetic (div)"),
    ("lat = 1 ▸+ 1", "arithmetic (+)"),
    ("lat = ▸-lat", "arithmetic (-)"),
    ("▸- lat = 1", "arithmetic (-)"),
    ("1 ▸+ 1 = lat", "arithmetic (+)"),
    ("lat = ▸(lat + 1)", "arithmetic"),
    ("▸avg(lat) > 1", "avg is not taken"),
    ("title = ▸upper('a')", "upper is not taken"),
    ("lat IN (▸abs(1))", "abs is not taken"),
    ("date > ▸now()", "now is not taken"),
    ("▸lower(title) = 'a'", "the only functions are CASEI and ACCENTI"),
    # folding
    ("CASEI(title) = ▸'a'", "CASEI stands on one side only"),
    ("title = ▸CASEI('a')", "CASEI stands on one side only"),
    ("title LIKE ▸ACCENTI('a')", "ACCENTI stands on one side only"),
    ("CASEI(title) IN (CASEI('a'), ▸'b')", "CASEI stands on one side only"),
    ("CASEI(ACCENTI(title)) = ▸CASEI('a')", "ACCENTI stands on one side only"),
    ("CASEI(▸CASEI(title)) = CASEI('a')", "within itself"),
    ("CASEI(▸freed_best) = 1", "texts"),
    ("CASEI(▸type) = CASEI('kidnapping')", "texts"),
    ("CASEI(▸geometry) IS NULL", "texts"),
    ("CASEI(title) = CASEI(▸1)", "texts"),
    ("CASEI('a'▸, 'b') = title", ") expected"),
    ("▸CASEI(title) IS NULL", "the field itself"),
    ("▸'a' = CASEI(title)", "CASEI stands on one side only"),
    # values of the wrong type
    ("freed_best = ▸'10'", "freed_best takes a whole number"),
    ("freed_best = ▸2.5", "not 2.5"),
    ("freed_best > ▸1e-1", "takes a whole number"),
    ("freed_best = ▸9223372036854775808", "too large"),
    ("freed_best = ▸-9223372036854775808", "too large"),
    ("freed_best = ▸1e400", "too large"),
    ("lat = ▸1e400", "too large"),
    ("lat = ▸-1e309", "too large"),
    ("lat = ▸00000000000000000000000000000000000000001", "at the most 40 characters"),
    ("lat = ▸TRUE", "lat takes a number"),
    ("lat = DATE(▸'2024-01-01')", "lat takes a number"),
    ("title = ▸1", "title takes a text"),
    ("title = ▸TRUE", "title takes a text"),
    ("identified = ▸'true'", "TRUE or FALSE"),
    ("identified = ▸1", "TRUE or FALSE"),
    ("identified IN (TRUE, ▸0)", "TRUE or FALSE"),
    ("date = ▸2024", "date takes a day"),
    ("date >= ▸2024-03-26", "date takes a day"),
    ("actor = ▸7", "an id or a name"),
    ("actor = ▸' '", "not an empty text"),
    ("lat = 1.2▸.3", "AND, OR or the end"),
    ("lat = 5▸abc", "AND, OR or the end"),
    ("lat = ▸.", "is not taken"),
    ("lat = 1▸e", "AND, OR or the end"),
    # codes
    ("type = ▸'kidnaping'", "'kidnaping' is not a code of type; did you mean kidnapping?"),
    ("type = ▸'Kidnapping'", "did you mean kidnapping?"),
    ("type IN ('kidnapping', ▸'xyzzy')", "'xyzzy' is not a code of type"),
    ("▸'raids' = type", "did you mean raid?"),
    ("type = ▸''", "is not a code"),
    ("type ▸> 'kidnapping'", "no order"),
    ("type ▸BETWEEN 'a' AND 'b'", "BETWEEN is for numbers and times"),
    ("type ▸LIKE 'kid%'", "LIKE is for texts"),
    ("country = ▸'mx'", "did you mean MX?"),
    ("country = ▸'MEX'", "did you mean MX?"),
    ("country = ▸'Mexico'", "did you mean MX?"),
    ("country = ▸'ZZ'", "ISO 3166-1"),
    ("country = ▸'MX-SIN'", "ISO 3166-1"),
    ("admin1 = ▸'MX'", "ISO 3166-2"),
    ("admin1 = ▸'Sinaloa'", "did you mean MX-SIN?"),
    ("country ▸< 'MX'", "no order"),
    ("admin1 ▸LIKE 'MX-%'", "LIKE is for texts"),
    ("title ▸BETWEEN 'a' AND 'b'", "BETWEEN is for numbers and times"),
    ("identified ▸>= TRUE", "no order"),
    ("TRUE ▸> identified", "no order"),
    ("actor ▸> 'a'", "no order"),
    ("lat ▸LIKE '1%'", "LIKE is for texts"),
    ("date ▸LIKE '2024%'", "LIKE is for texts"),
    ("title LIKE ▸1", "takes a text"),
    ("title LIKE ▸'a\\b'", "a backslash stands before"),
    ("title LIKE ▸'\\\\\\a'", "a backslash stands before"),
    ("freed_best BETWEEN ▸20 AND 10", "above the upper"),
    ("date BETWEEN ▸'2024-02-01' AND '2024-01-01'", "above the upper"),
    ("freed_best BETWEEN 1 ▸OR 2", "AND and the upper value"),
    ("freed_best BETWEEN 1 ▸, 2", "AND and the upper value"),
    ("freed_best IN (▸)", "a field or a value expected, not )"),
    ("freed_best IN ▸1", "( expected"),
    ("freed_best IN (1 ▸2)", ", or ) expected"),
    ("freed_best IN (1,▸,2)", "a field or a value"),
    ("freed_best IN (▸(1))", "brackets"),
    # days and instants
    ("date = ▸'2024'", "no such day or time"),
    ("date = ▸'2024-03'", "no such day or time"),
    ("date = ▸'2024-02-30'", "no such day or time"),
    ("date = ▸'2023-02-29'", "no such day or time"),
    ("date = ▸'0000-01-01'", "no such day or time"),
    ("date = ▸'20240326'", "no such day or time"),
    ("date = ▸'2024-W01-1'", "no such day or time"),
    ("date = ▸'2024-3-26'", "no such day or time"),
    ("date = ▸'2024-03-26 '", "no such day or time"),
    ("date = ▸'\u0662\u0660\u0662\u0664-03-26'", "no such day or time"),
    ("date = ▸''", "no such day or time"),
    ("date = DATE(▸'yesterday')", "no such day or time"),
    ("date = DATE(▸'2024-03-26T10:00:00Z')", "no such day or time"),
    ("date = DATE(▸2024)", "the DATE in single quotes"),
    ("date = DATE('2024-03-26'▸, 1)", ") expected"),
    ("date = TIMESTAMP(▸'2024-03-26')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T10:00:00')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26 10:00:00Z')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T24:00:00Z')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T10:00:61Z')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T10:00:00.1234567Z')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T10:00:00.Z')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'0001-01-01T00:00:00+05:00')", "no such day or time"),
    ("recorded_at > TIMESTAMP(▸'2024-03-26T10:00:00+25:00')", "no such day or time"),
    ("recorded_at > ▸'now'", "no such day or time"),
    ("recorded_at = DATE(▸'2024-03-26')", "ask T_INTERSECTS(recorded_at, DATE('2024-03-26'))"),
    ("recorded_at IN (▸'2024-03-26')", "is a whole day"),
    ("recorded_at <> ▸'2024-03-26'", "is a whole day"),
    ("date = ▸INTERVAL('2024-01-01', '..')", "a T_ operator only"),
    ("T_AFTER(date, ▸5)", "date takes a day"),
    ("T_AFTER(date, ▸'soon')", "no such day or time"),
    ("▸T_AFTER", "no field T_AFTER"),
    ("▸T_AFTER = 'a'", "no field T_AFTER"),
    ("T_AFTER(date▸)", ", expected"),
    ("T_AFTER(date, '2024-01-01'▸, '2024-02-01')", ") expected"),
    ("T_AFTER(date, ▸date)", "a dated field and a time"),
    ("T_AFTER('2024-01-01', ▸'2024-01-02')", "a dated field and a time"),
    ("T_AFTER(▸title, '2024-01-01')", "title is no day or time"),
    ("T_AFTER(▸geometry, '2024-01-01')", "geometry is no day or time"),
    ("T_AFTER(date, ▸CASEI('2024-01-01'))", "a field or a time"),
    ("T_DURING(▸INTERVAL('2024-01-01', '..'), date)", "takes the field first"),
    ("T_DURING(date, ▸INTERVAL('2024-02-01', '2024-01-01'))", "ends before it begins"),
    ("T_DURING(date, INTERVAL(▸earliest, '..'))", "INTERVAL takes days and times"),
    ("T_DURING(INTERVAL(▸earliest, date), INTERVAL('2024-01-01', '..'))", "INTERVAL takes days and times"),
    ("T_DURING(date, INTERVAL('2024-01-01'▸))", ", expected"),
    ("T_DURING(date, INTERVAL(▸'2024', '..'))", "no such day or time"),
    ("T_DURING(date, INTERVAL(▸1, 2))", "date takes a day"),
    ("T_BEFORE(date, ▸INTERVAL('..', '2024-01-01'))", "open on that side"),
    ("T_AFTER(date, ▸INTERVAL('2024-01-01', '..'))", "open on that side"),
    ("T_AFTER(▸INTERVAL('..', '2024-01-01'), date)", "open on that side"),
    ("▸T_EQUALS(date, '2024-01-01')", "there is T_INTERSECTS, T_DURING, T_BEFORE and T_AFTER"),
    ("▸T_DISJOINT(date, '2024-01-01')", "write NOT T_INTERSECTS"),
    ("▸T_CONTAINS(date, '2024-01-01')", "T_CONTAINS is not taken"),
    ("▸t_meets(date, '2024-01-01')", "t_meets is not taken"),
    ("▸T_DURIN(date, '2024-01-01')", "there is T_INTERSECTS"),
    # places
    ("geometry ▸= 'POINT(1 2)'", "ask S_INTERSECTS, S_WITHIN or IS NULL"),
    ("geometry ▸IN ('a')", "is a place"),
    ("geometry ▸LIKE 'a'", "is a place"),
    ("'a' ▸= geometry", "is a place"),
    ("▸POINT(1 2) = geometry", "an S_ operator only"),
    ("title = ▸POINT(1 2)", "an S_ operator only"),
    ("S_WITHIN(▸title, POINT(1 2))", "title is not a place; places are: geometry"),
    ("S_WITHIN(geometry, ▸geometry)", "a field and a geometry"),
    ("S_WITHIN(geometry, ▸'POINT(1 2)')", "a field and a geometry"),
    ("S_WITHIN(▸'x', geometry)", "a field and a geometry"),
    ("S_WITHIN(POINT(1 2), ▸POINT(1 2))", "a field and a geometry"),
    ("S_WITHIN(▸POINT(1 2), geometry)", "takes the field first"),
    ("S_WITHIN(CASEI(▸geometry), POINT(1 2))", "texts"),
    ("S_WITHIN(geometry, POINT(1 2)▸, 3)", ") expected"),
    ("S_WITHIN(geometry ▸POINT(1 2))", ", expected"),
    ("S_WITHIN(geometry, ▸Buffer(geometry, 10, 'm'))", "Buffer is not taken"),
    ("▸S_EQUALS(geometry, POINT(1 2))", "there is S_INTERSECTS and S_WITHIN"),
    ("▸S_DISJOINT(geometry, POINT(1 2))", "write NOT S_INTERSECTS"),
    ("▸S_CONTAINS(geometry, POINT(1 2))", "S_CONTAINS is not taken"),
    ("▸A_CONTAINS(tag, ('a', 'b'))", "= and IN match a field with many values"),
    ("▸a_overlaps(tag, ('a'))", "a_overlaps is not taken"),
    ("S_WITHIN(geometry, ▸LINESTRING(1 2, 3 4))", "LINESTRING is not taken"),
    ("S_WITHIN(geometry, ▸GEOMETRYCOLLECTION(POINT(1 2)))", "GEOMETRYCOLLECTION is not taken"),
    ("S_WITHIN(geometry, ▸ENVELOPE(1, 2, 3, 4))", "write BBOX"),
    ("S_WITHIN(geometry, POINT ▸Z(1 2 3))", "Z is not taken"),
    ("S_WITHIN(geometry, POINT ▸EMPTY)", "EMPTY is not taken"),
    ("S_WITHIN(geometry, POINT(1▸, 2))", "a space parts"),
    ("S_WITHIN(geometry, POINT(1 2 ▸3))", "heights"),
    ("S_WITHIN(geometry, POINT(▸181 2))", "longitude"),
    ("S_WITHIN(geometry, POINT(1 ▸-91))", "latitude"),
    ("S_WITHIN(geometry, POINT(▸a b))", "a number is expected"),
    ("S_WITHIN(geometry, POINT(1 2▸", "several are a MULTIPOINT"),
    ("S_WITHIN(geometry, POLYGON(▸0 0, 1 0, 1 1, 0 0))", "( is expected"),
    ("S_WITHIN(geometry, POLYGON(▸(0 0, 1 0, 1 1, 0 1)))", "not closed"),
    ("S_WITHIN(geometry, POLYGON(▸(0 0, 1 0, 0 0)))", "at least four positions"),
    ("S_WITHIN(geometry, BBOX(1, ▸5, 3, 4))", "south"),
    ("S_WITHIN(geometry, BBOX(1, 2, 3▸))", "a comma is expected"),
    ("S_WITHIN(geometry, BBOX(1, 2, 3, 4▸, 5, 6))", "heights"),
    ("S_WITHIN(geometry, BBOX(1, 2, ▸300, 4))", "east"),
)


@pytest.mark.parametrize(("marked", "detail"), BAD, ids=range(len(BAD)))
def test_a_bad_filter_is_refused_at_the_character(marked: str, detail: str) -> None:
    with pytest.raises(FilterError) as caught:
        read(marked.replace(HERE, "", 1))
    assert caught.value.position == max(marked.find(HERE), 0)
    assert detail in caught.value.detail
    assert str(caught.value) == f"{caught.value.detail} (at position {caught.value.position})"


def test_there_are_bad_filters_enough_and_none_twice() -> None:
    assert len({marked.replace(HERE, "") for marked, _ in BAD}) == len(BAD) >= 150


@pytest.mark.parametrize(
    ("text", "position", "detail"),
    [
        ("(" * 20_000, 32, "nest at the most 32 deep"),
        ("(" * 33 + "title = 'a'" + ")" * 33, 32, "nest at the most 32 deep"),
        ("NOT " * 5_000, 32 * 4, "nest at the most 32 deep"),
        ("NOT (" * 17 + "title = 'a'" + ")" * 17, 16 * 5, "nest at the most 32 deep"),
        ("CASEI(" * 3_000, 6, "within itself"),
        ("CASEI(ACCENTI(" * 1_000, 14, "within itself"),
        ("a" * 100_000, 20_000, "at the most 20,000 characters"),
        ("title = 'a' OR " * 6_667, 20_000, "at the most 20,000 characters"),
        (" " * 20_001, 20_000, "at the most 20,000 characters"),
        (" " * 20_000, 0, "empty"),
        ("1=lat AND " * 500 + "1=lat", 5_000, "at the most 500 conditions"),
        ("lat IN (" + "1," * 200 + "1)", 408, "at the most 200 values"),
        ("lat = " + "9" * 15_000, 6, "at the most 40 characters"),
        ("lat = 1e" + "9" * 15_000, 6, "at the most 40 characters"),
        ("title = '" + "\\'" * 9_000, 8, "no closing '"),
        ("title = '" + "''" * 9_000, 8, "no closing '"),
        ("S_WITHIN(geometry, MULTIPOINT(" + "1 2," * 1_000 + "1 2))", 4_030, "at the most 1,000 positions"),
        ("S_WITHIN(geometry, " + "POLYGON(" * 2_000, 27, "is expected"),
        ("S_WITHIN(geometry, POINT(1 " + "2" * 19_000 + "))", 27, "latitude"),
        ("type = '" + "k" * 19_000 + "'", 7, "is not a code of type"),
        ("k" * 19_000 + " = 1", 0, "no field"),
        ("country = '" + "x" * 19_000 + "'", 10, "ISO 3166-1"),
    ],
    ids=range(22),
)
def test_no_filter_costs_more_than_its_bounds(text: str, position: int, detail: str) -> None:
    with pytest.raises(FilterError) as caught:
        read(text)
    assert caught.value.position == position
    assert detail in caught.value.detail
    assert len(caught.value.detail) < 400


def test_what_lies_within_the_bounds_is_taken() -> None:
    assert read("(" * 32 + "title = 'a'" + ")" * 32) == A
    assert isinstance(read("NOT " * 32 + "title = 'a'"), Not)
    many = read(" OR ".join(["1=lat"] * 500))
    assert isinstance(many, Or)
    assert len(many.nodes) == 500
    listed = read("lat IN (" + ",".join(["1"] * 200) + ")")
    assert isinstance(listed, In)
    assert len(listed.values) == 200
    # Beside each other, brackets do not nest.
    assert isinstance(read(" AND ".join(["(NOT (title = 'a'))"] * 100)), And)


def test_without_a_place_or_a_field_the_message_still_stands() -> None:
    with pytest.raises(FilterError, match="places are: none here"):
        parse("S_WITHIN(title, POINT(1 2))", {"title": FieldInfo("title", "text")})
    with pytest.raises(FilterError, match="there is no field title"):
        parse("title = 'a'", {})


# --- The official examples -------------------------------------------------------------------------------------------

EXAMPLE_FIELDS = {
    "text": "city name cityName road_class etat_vol eo:instrument landsat:scene_id landsat:wrs_path beamMode owner"
    " swathDirection polarization material geophys:SURVEY_NAME",
    "number": "windSpeed balance depth eo:cloud_cover taxes value foo bar x vehicle_height bridge_clearance",
    "integer": "category landsat:wrs_row floors",
    "day": "updated built updated_at",
    "instant": "event_time touchdown liftOff starts_at ends_at",
    "flag": "swimming_pool",
    "id": "id",
    "spatial": "geometry footprint location road",
    "many": "layer:ids values",
}
"""The fields that the examples name, by the type that makes them fit."""
OTHER_TYPES = {
    "example04": ("landsat:wrs_path", "integer"),
    "example06a": ("landsat:wrs_path", "integer"),
    "example06b": ("landsat:wrs_path", "integer"),
    "example40": ("value", "text"),
    "example40-alt01": ("value", "text"),
    "example54": ("updated_at", "instant"),
    "example54-alt01": ("updated_at", "instant"),
}
"""Examples that use a field as another type than the rest do."""
ARRAYS = "is not taken: = and IN match a field with many values when any of them does (at position 0)"
PLACES = "is not taken: there is S_INTERSECTS and S_WITHIN (at position 0)"
TIMES = "is not taken: there is T_INTERSECTS, T_DURING, T_BEFORE and T_AFTER (at position 0)"
FUNCTIONS = "is not taken: the only functions are CASEI and ACCENTI"
ARITHMETIC = "brackets stand around conditions; around values they are arithmetic, which is not taken"
INTERVALS = (
    "INTERVAL takes days and times in single quotes: ask the dated field itself, as in T_DURING(date, INTERVAL(...))"
)
LEFT_OUT = {
    "clause6_01": f"avg {FUNCTIONS} (at position 0)",
    "clause6_02b": f"avg {FUNCTIONS} (at position 0)",
    "clause6_02c": "arithmetic (-) is not taken: compare a field with a plain value (at position 7)",
    "clause7_10": f"S_CROSSES {PLACES}",
    "clause7_13": f"{INTERVALS} (at position 18)",
    "clause7_15": f"A_CONTAINS {ARRAYS}",
    "clause7_16": f"S_CROSSES {PLACES}",
    "clause7_17": "T_DURING takes a dated field and a time (at position 67)",
    "clause7_18": f"Buffer {FUNCTIONS} (at position 14)",
    "clause7_19": f"{ARITHMETIC} (at position 17)",
    "example22": f"{INTERVALS} (at position 18)",
    "example45": "BBOX takes four numbers, west, south, east, north: heights are not taken (at position 64)",
    "example46-alt01": f"S_EQUALS {PLACES}",
    "example46": f"S_EQUALS {PLACES}",
    "example47": "S_DISJOINT is not taken: write NOT S_INTERSECTS(...) (at position 0)",
    "example48": f"S_TOUCHES {PLACES}",
    "example49-alt01": "positions are longitude and latitude alone: heights are not taken (at position 33)",
    "example49": "Z is not taken: positions are longitude and latitude alone (at position 17)",
    "example50": f"S_OVERLAPS {PLACES}",
    "example51": f"S_CROSSES {PLACES}",
    "example52": f"S_CONTAINS {PLACES}",
    "example55-alt01": f"T_CONTAINS {TIMES}",
    "example55": f"T_CONTAINS {TIMES}",
    "example56": "T_DISJOINT is not taken: write NOT T_INTERSECTS(...) (at position 0)",
    "example57": f"{INTERVALS} (at position 18)",
    "example58": f"T_EQUALS {TIMES}",
    "example59": f"T_FINISHEDBY {TIMES}",
    "example60": f"T_FINISHES {TIMES}",
    "example61": f"{INTERVALS} (at position 22)",
    "example62": f"T_MEETS {TIMES}",
    "example63": f"T_METBY {TIMES}",
    "example64": f"T_OVERLAPPEDBY {TIMES}",
    "example65": f"T_OVERLAPS {TIMES}",
    "example66": f"T_STARTEDBY {TIMES}",
    "example67": f"T_STARTS {TIMES}",
    "example68": f"Foo {FUNCTIONS} (at position 0)",
    "example69": f"Bar {FUNCTIONS} (at position 9)",
    "example72": f"{ARITHMETIC} (at position 10)",
    "example73": f"{ARITHMETIC} (at position 10)",
    "example74": f"{ARITHMETIC} (at position 11)",
    "example75": f"{ARITHMETIC} (at position 10)",
    "example76": f"{ARITHMETIC} (at position 11)",
    "example77": f"{ARITHMETIC} (at position 4)",
    "example78": f"{ARITHMETIC} (at position 4)",
    "example79": f"A_CONTAINEDBY {ARRAYS}",
    "example80": f"A_CONTAINS {ARRAYS}",
    "example81": f"A_EQUALS {ARRAYS}",
    "example82": f"A_OVERLAPS {ARRAYS}",
    "example83": f"S_EQUALS {PLACES}",
    "example84": f"S_EQUALS {PLACES}",
    "example85-alt01": "arithmetic (-) is not taken: compare a field with a plain value (at position 8)",
    "example85": f"{ARITHMETIC} (at position 10)",
    "example86": "CASEI stands on one side only: write it around the field and around each value (at position 12)",
}
"""The examples that use what is left out, each with the whole message."""


@pytest.fixture(scope="module")
def examples() -> dict[str, tuple[str, Any]]:
    """Every official example by name: its text and its JSON. Without the folder CI fails; elsewhere it is told."""
    needs(EXAMPLES, "the official examples were not read: there is no ../shared/data/cql2_examples by the repository")
    return {
        path.stem: (
            path.read_text(encoding="utf-8").rstrip(),
            json.loads((EXAMPLES / "json" / f"{path.stem.removesuffix('-alt01')}.json").read_text(encoding="utf-8")),
        )
        for path in sorted((EXAMPLES / "text").glob("*.txt"))
    }


def example_fields(name: str) -> dict[str, FieldInfo]:
    types = {field: kind for kind, fields in EXAMPLE_FIELDS.items() for field in fields.split()}
    types |= dict([OTHER_TYPES[name]]) if name in OTHER_TYPES else {}
    special = ("spatial", "many")
    return {
        field: FieldInfo(field, "text" if kind in special else kind, many=kind == "many", spatial=kind == "spatial")
        for field, kind in types.items()
    }


def test_every_official_example_is_read_like_its_json_or_refused_with_its_message(
    examples: dict[str, tuple[str, Any]],
) -> None:
    told: dict[str, str] = {}
    for name, (text, twin) in examples.items():
        try:
            node = parse(text, example_fields(name))
        except FilterError as error:
            told[name] = str(error)
        else:
            assert plain(to_json(node)) == plain(twin), name
    assert told == LEFT_OUT
    assert len(examples) - len(told) >= 60


# --- The oracle ------------------------------------------------------------------------------------------------------


def plain(told: Any) -> Any:
    """CQL2-JSON without what may be said in two ways: 1 and 1.0, and AND within AND, which an oracle takes apart."""
    if isinstance(told, dict):
        if told.get("op") in ("and", "or"):
            args: list[Any] = []
            for arg in map(plain, told["args"]):
                args += arg["args"] if isinstance(arg, dict) and arg.get("op") == told["op"] else [arg]
            return {"op": told["op"], "args": args}
        return {key: plain(value) for key, value in told.items()}
    if isinstance(told, list):
        return [plain(value) for value in told]
    # True must not equal 1.
    return repr(float(told)) if isinstance(told, int | float) and not isinstance(told, bool) else told


def exact(told: Any) -> Any:
    """The same with fractions of a second as Python writes them."""
    return json.loads(re.sub(r"(\.\d+)Z", lambda match: match[1].ljust(7, "0") + "Z", json.dumps(told)))


def oracle() -> list[tuple[str, Any]]:
    return [(entry["text"], entry["json"]) for entry in json.loads(ORACLE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("text", "told"), oracle(), ids=range(len(oracle())))
def test_a_filter_is_read_as_the_oracle_reads_it(text: str, told: Any) -> None:
    assert plain(to_json(read(text))) == plain(exact(told))


def test_the_oracle_tells_enough() -> None:
    assert len(dict(oracle())) >= 80


# --- Shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("title = 'a'", "title = 'b'"),
        ("lat > 1", "lat > 2.5"),
        ("10 < lat", "lat > 11"),
        ("freed_best IN (1, 2)", "freed_best IN (3, 4.0)"),
        ("freed_best BETWEEN 1 AND 2", "freed_best BETWEEN 3 AND 4"),
        ("date >= '2024-01-01' AND NOT title LIKE 'a%'", "date >= DATE('2023-01-01') AND title NOT LIKE '%b_'"),
        ("CASEI(title) = CASEI('a')", "CASEI(title) = CASEI('b')"),
        ("T_AFTER(date, '2024-01-01')", "T_AFTER(date, INTERVAL('2023-01-01', '2023-02-01'))"),
        ("T_DURING(date, INTERVAL('2024-01-01', '..'))", "T_DURING(date, INTERVAL('2023-01-01', '..'))"),
        ("S_WITHIN(geometry, BBOX(1, 2, 3, 4))", "S_WITHIN(geometry, BBOX(5, 6, 7, 8))"),
        ("S_WITHIN(geometry, POINT(1 2))", "S_WITHIN(geometry, POINT(3 4))"),
        ("S_WITHIN(geometry, POLYGON((0 0,1 0,1 1,0 0)))", "S_WITHIN(geometry, POLYGON((5 5,6 5,6 6,5 5)))"),
    ],
)
def test_filters_that_differ_in_values_have_one_shape(one: str, other: str) -> None:
    assert read(one) != read(other)
    assert shape(read(one)) == shape(read(other))


def test_filters_that_need_another_statement_have_another_shape() -> None:
    texts = (
        *("title = 'a'", "title <> 'a'", "title < 'a'", "tag = 'a'", "CASEI(title) = CASEI('a')"),
        *("ACCENTI(title) = ACCENTI('a')", "title IN ('a')", "title IN ('a', 'b')", "title NOT IN ('a')"),
        *("CASEI(title) IN (CASEI('a'))", "title LIKE 'a'", "CASEI(title) LIKE CASEI('a')", "title IS NULL"),
        *("title = 'a' AND title = 'b'", "title = 'a' OR title = 'b'", "NOT title = 'a'"),
        *("title = 'a' AND title = 'b' AND title = 'c'", "title = 'a' AND (title = 'b' AND title = 'c')"),
        *("lat BETWEEN 1 AND 2", "freed_best BETWEEN 1 AND 2", "lat = 1"),
        *("T_AFTER(date, '2024-01-01')", "T_BEFORE(date, '2024-01-01')", "T_DURING(date, '2024-01-01')"),
        *("T_INTERSECTS(date, '2024-01-01')", "T_INTERSECTS(date, INTERVAL('..', '2024-01-01'))"),
        *("T_INTERSECTS(date, INTERVAL('2024-01-01', '..'))", "T_INTERSECTS(date, INTERVAL('..', '..'))"),
        *("S_WITHIN(geometry, POINT(1 2))", "S_INTERSECTS(geometry, POINT(1 2))"),
        *("S_WITHIN(geometry, MULTIPOINT(1 2, 3 4))", "S_WITHIN(geometry, BBOX(1, 2, 3, 4))"),
        *("S_WITHIN(geometry, BBOX(3, 2, 1, 4))", "S_WITHIN(geometry, POLYGON((0 0,1 0,1 1,0 0)))"),
        "S_WITHIN(geometry, POLYGON((0 0,1 0,1 1,0 1,0 0)))",
    )
    assert len({shape(read(text)) for text in texts}) == len(texts)


# --- Random filters --------------------------------------------------------------------------------------------------

words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("'\\%_()\""), max_size=12
).filter(lambda text: not text.endswith("\\"))
days = st.dates()
moments = st.datetimes(timezones=st.just(UTC), allow_imaginary=False).map(lambda moment: moment.replace(fold=0))
whole = st.integers(-(2**63) + 1, 2**63 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
flags = st.booleans()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": words,
    "tag": words,
    "in": words,
    "type": st.sampled_from(vocabulary.codes("incident_type")),
    "country": st.sampled_from(["MX", "US", "GT"]),
    "admin1": st.sampled_from(["MX-SIN", "MX-SON"]),
    "freed_best": whole,
    "lat": numbers,
    "date": days,
    "earliest": days,
    "recorded_at": moments,
    "identified": flags,
    "actor": words.filter(str.strip),
}
TEXTS = ("title", "tag", "in")
RANGES = ("freed_best", "lat", "date", "earliest", "recorded_at")
lons = st.integers(-1800, 1800).map(lambda tenth: tenth / 10)
lats = st.integers(-900, 900).map(lambda tenth: tenth / 10)
places = st.tuples(lons, lats)
rings = st.lists(places, min_size=3, max_size=6, unique=True).map(lambda ring: (*ring, ring[0]))
ringed = st.lists(rings, min_size=1, max_size=3).map(tuple)
geometries = st.one_of(
    st.builds(Box, lons, st.just(-10.5), lons, lats.filter(lambda lat: lat > -10.5)),
    places.map(lambda point: Points((point,))),
    st.lists(places, min_size=1, max_size=4).map(lambda points: Points(tuple(points), many=True)),
    ringed.map(lambda one: Polygons((one,))),
    st.lists(ringed, min_size=1, max_size=3).map(lambda several: Polygons(tuple(several), many=True)),
)


@st.composite
def scalars(draw: st.DrawFn, kind: str) -> Node:
    names = {"between": RANGES, "like": TEXTS}.get(kind, tuple(VALUES))
    name = draw(st.sampled_from(names))
    folds = {"casei": draw(flags), "accenti": draw(flags)} if name in TEXTS else {}
    if kind == "compare":
        ops = ["=", "<>", "<", "<=", ">", ">="] if name in (*RANGES, *TEXTS) else ["=", "<>"]
        return Compare(draw(st.sampled_from(ops)), name, draw(VALUES[name]), **folds)
    if kind == "in":
        return In(name, tuple(draw(st.lists(VALUES[name], min_size=1, max_size=4))), **folds)
    if kind == "between":
        return Between(name, *sorted([draw(VALUES[name]), draw(VALUES[name])]))
    parts = st.lists(st.sampled_from(["a", "%", "_", r"\%", r"\_", r"\\", "'", "é"]), max_size=8)
    return Like(name, draw(parts.map("".join).filter(lambda text: not text.endswith("\\"))), **folds)


@st.composite
def temporals(draw: st.DrawFn) -> Node:
    name = draw(st.sampled_from(["date", "earliest", "recorded_at"]))
    op = draw(st.sampled_from(["intersects", "during", "before", "after"]))
    start, end = sorted([draw(VALUES[name]), draw(VALUES[name])])
    opens, never_ends = op != "before" and draw(flags), op != "after" and draw(flags)
    return Temporal(op, name, None if opens else start, None if never_ends else end)


conditions = st.one_of(
    st.sampled_from(["compare", "in", "between", "like"]).flatmap(scalars),
    st.builds(IsNull, st.sampled_from(sorted(FIELDS))),
    st.builds(Spatial, st.sampled_from(["intersects", "within"]), st.just("geometry"), geometries),
    temporals(),
)
nodes = st.recursive(
    conditions,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=4).map(lambda several: And(tuple(several))),
        st.lists(inner, min_size=2, max_size=4).map(lambda several: Or(tuple(several))),
    ),
    max_leaves=12,
)


class Writer:
    """Writes a tree as text, choosing among the ways to say it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, *ways: str) -> str:
        return self.draw(st.sampled_from(ways))

    def word(self, word: str) -> str:
        return self.pick(word, word.lower(), word.capitalize())

    def gap(self) -> str:
        return self.pick("", " ", "\n ")

    def name(self, name: str) -> str:
        return f'"{name}"' if name == "in" else self.pick(name, f'"{name}"')

    def text(self, text: str) -> str:
        # '' is no way to write a quote after a backslash, which would make it \'.
        return "'" + text.replace("'", "\\'" if "\\'" in text else self.pick("''", "\\'")) + "'"

    def value(self, value: Any) -> str:
        if isinstance(value, bool):
            return self.word(str(value).upper())
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, datetime):
            told = f"'{value.isoformat().replace('+00:00', self.pick('Z', '+00:00'))}'"
            return self.pick(told, f"{self.word('TIMESTAMP')}({told})")
        if isinstance(value, date):
            return self.pick(f"'{value}'", f"{self.word('DATE')}{self.gap()}({self.gap()}'{value}')")
        return self.pick("", "+") + repr(value) if value > 0 else repr(value)

    def fold(self, node: Any, told: str) -> str:
        folds = [word for word, wanted in (("CASEI", node.casei), ("ACCENTI", node.accenti)) if wanted]
        for word in folds if self.draw(flags) else reversed(folds):
            told = f"{self.word(word)}({told}{self.gap()})"
        return told

    def write(self, node: Node) -> str:
        match node:
            case And(several) | Or(several):
                word = f" {self.word(type(node).__name__.upper())} "
                return word.join(self.within(one, type(node)) for one in several)
            case Not(inner):
                return f"{self.word('NOT')} {self.within(inner, Not)}"
            case _:
                return self.condition(node)

    def within(self, node: Node, around: type[Node]) -> str:
        bare = {And: (Not,), Or: (Not, And), Not: (Not,)}[around]
        told = self.write(node)
        if isinstance(node, And | Or) and not isinstance(node, bare):
            return f"({told})"
        return self.pick(told, f"({self.gap()}{told})")

    def condition(self, node: Any) -> str:
        name = self.name(node.field)
        match node:
            case Compare():
                told = self.compare(node, name)
            case In(_, values):
                listed = f"{self.gap()},".join(self.fold(node, self.value(value)) for value in values)
                told = f"{self.fold(node, name)} {self.word('IN')}{self.gap()}({listed})"
            case Between(_, low, high):
                told = f"{name} {self.word('BETWEEN')} {self.value(low)} {self.word('AND')} {self.value(high)}"
            case Like(_, pattern):
                told = f"{self.fold(node, name)} {self.word('LIKE')} {self.fold(node, self.text(pattern))}"
            case IsNull():
                told = f"{name} {self.word('IS')} {self.word('NULL')}"
            case Spatial(op, _, place):
                told = f"{self.word('S_' + op.upper())}{self.gap()}({name},{self.gap()}{wkt(place)})"
            case _:
                told = f"{self.word('T_' + node.op.upper())}({name}, {self.time(node)})"
        return told

    def compare(self, node: Compare, name: str) -> str:
        field, value = self.fold(node, name), self.fold(node, self.value(node.value))
        if self.draw(flags):
            mirror = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
            return f"{value}{self.gap()}{mirror.get(node.op, node.op)}{self.gap()}{field}"
        return f"{field}{self.gap()}{node.op}{self.gap()}{value}"

    def time(self, node: Temporal) -> str:
        ends = [self.text("..") if end is None else self.value(end) for end in (node.start, node.end)]
        told = f"{self.word('INTERVAL')}({','.join(ends)})"
        return self.pick(told, ends[0]) if node.start is not None and node.start == node.end else told


def wkt(place: Any) -> str:
    """The geometry as text; tests write it by themselves."""

    def listed(points: Any) -> str:
        return "(" + ", ".join(f"{lon} {lat}" for lon, lat in points) + ")"

    match place:
        case Box(west, south, east, north):
            return f"BBOX({west}, {south}, {east}, {north})"
        case Points(points):
            return ("MULTIPOINT" if place.many else "POINT") + listed(points)
    told = ["(" + ", ".join(map(listed, polygon)) + ")" for polygon in place.polygons]
    return f"MULTIPOLYGON({','.join(told)})" if place.many else f"POLYGON{told[0]}"


@given(st.data())
def test_a_tree_written_down_is_read_as_the_same_tree(data: st.DataObject) -> None:
    node = data.draw(nodes)
    text = Writer(data.draw).write(node)
    found = read(text)
    assert found == node
    assert repr(found) == repr(node)
    assert json.loads(json.dumps(to_json(found))) == to_json(node)
    assert shape(found) == shape(node)


def pieces() -> Iterator[str]:
    """Words out of which junk is made that is nearly a filter."""
    for text, _ in oracle():
        yield from re.findall(r"'[^']*'|\w+|\s+|\S", text)


def read_or_refused(text: str) -> None:
    """Nothing but a tree or a FilterError may come of a text, whatever it is."""
    refused = None
    try:
        node = read(text)
    except FilterError as error:
        refused = error
    if refused:
        assert 0 <= refused.position <= len(text)
        assert refused.detail
    else:
        assert shape(node)
        assert json.dumps(to_json(node))


junk = st.lists(st.sampled_from(sorted(set(pieces()))), max_size=30).map("".join) | st.text(max_size=60)


@given(junk)
@example("\u0130N")
@example("title \u0131n ('a')")
@example("title = 'a' \u212aAND")
@example("\u00b2 = 1")
@example("lat = \u00b2")
@example("lat = 1e")
@example("lat = 1e+")
@example("'")
@example('"')
@example('"" = 1')
@example(":")
@example("T_AFTER(date,INTERVAL('..','..'))")
def test_junk_is_read_or_refused_at_a_character(text: str) -> None:
    read_or_refused(text)


@given(st.sampled_from([text for text, _ in oracle()]), st.data())
def test_a_filter_that_lost_or_gained_a_piece_is_read_or_refused(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    more = data.draw(st.sampled_from(["", "(", ")", "'", '"', ",", " NOT ", " AND ", "1", "..", "\\"]))
    lost = data.draw(st.integers(0, 3))
    changed = text[:cut] + more + text[cut + lost :]
    read_or_refused(changed)


def test_no_pattern_of_the_parser_can_go_back() -> None:
    room = Path(cql2.__file__).parent
    for path in (*room.glob("cql2*.py"), room.parent / "model" / "geometry.py"):
        code = path.read_text(encoding="utf-8")
        told = re.findall(r're\.compile\(r"(.*)"\)', code)
        assert len(told) == len(re.findall(r"\bre\.\w", code)), path.name
        for pattern in told:
            assert re.fullmatch(r"(?:\\s|\[[^\]]*\])\*?", pattern), f"{path.name}: {pattern} is more than one class"
