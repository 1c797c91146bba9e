"""Hot statements run over an index on both databases: asserted on the plan, over 18,957 incidents, not on time."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlencode

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from incidents_api.model.audience import PUBLISHED, Audience
from incidents_api.model.kinds import KINDS
from incidents_api.model.layouts import ucdp as layout
from incidents_api.reading import claims, pages, query, records, totals
from incidents_api.reading.conditions import squares_walked
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import READ_OPTIONS, sqlite_dialect
from tests.real import ucdp

INCIDENT = KINDS["incident"]


def read(purpose: str = "list", **asked: str) -> query.Query:
    return query.parse(INCIDENT, urlencode(asked).encode(), 1000, purpose)


def listed(**asked: str) -> Statement:
    return pages.page(read(**asked), to=PUBLIC)


def counted(**asked: str) -> Statement:
    return pages.total(read(**asked), to=PUBLIC)


def deep(**asked: str) -> Statement:
    """The page after one in the middle of the order."""
    row = ucdp.rows()[9_000]
    parts = {
        "date": row["date_start"][:10],
        "title": layout.title(row),
        "country": "MX",
        "admin1": "MX-NAY",
        "killed_best": row["best"],
    }
    names = [name.lstrip("-") for name in asked.get("sort", "-date").split(",")]
    key = "\x1f".join([*(f"+{parts[name]}" for name in names), ucdp.incident_id(row)])
    return pages.page(read(**asked).following(key), to=PUBLIC)


DYAD, ACTOR = "dyad-14353", "ucdp:775"
PARTS = {
    "box": {"bbox": "-108.4,24.2,-107.6,25.1"},
    "circle": {"lat": "24.8", "lon": "-107.4", "radius_km": "40"},
    "deep page of a box": {"bbox": "-108.4,24.2,-107.6,25.1", "to": "2020"},
}
"""Parts of the map, as a map shows them."""
BOX = "S_INTERSECTS(geometry, BBOX(-108.4, 24.2, -107.6, 25.1))"
HOT: Mapping[str, tuple[Callable[[], Statement], str]] = {
    "get one": (lambda: records.one(INCIDENT, ucdp.incident_id(ucdp.rows()[0]), to=PUBLIC), ""),
    "get one as of": (lambda: records.one(INCIDENT, ucdp.incident_id(ucdp.rows()[0]), at=5_000, to=PUBLIC), ""),
    "what stands of the past": (lambda: records.openings(to=PUBLIC), "ix_incident_turns"),
    "list by date": (listed, "ix_incident_by_date"),
    "list by title": (lambda: listed(sort="title"), "ix_incident_title_order_id"),
    "box": (lambda: listed(**PARTS["box"]), "ix_incident_by_square"),
    "circle": (lambda: listed(**PARTS["circle"]), "ix_incident_by_square"),
    "deep page of a box": (lambda: deep(**PARTS["deep page of a box"]), "ix_incident_by_square"),
    "box of a corner of a town": (lambda: listed(bbox="-107.4,24.7,-107.3,24.8"), "ix_incident_by_point"),
    "box of a country": (lambda: listed(bbox="-118,14,-86,33"), "ix_incident_by_point"),
    "small circle": (lambda: listed(lat="24.8", lon="-107.1", radius_km="10"), "ix_incident_by_point"),
    "box of a filter": (lambda: listed(filter=BOX), "ix_incident_by_point"),
    "list by country and dates": (lambda: listed(country="MX", **{"from": "2003", "to": "2004"}), ""),
    "list by admin1": (lambda: listed(admin1="MX-NAY"), "ix_incident_admin1"),
    "list by country": (lambda: listed(sort="-country"), "ix_incident_country_order_id"),
    "list by place": (lambda: listed(sort="admin1,-date"), "ix_incident_admin1_order_id"),
    # All rows are of one country, so the index by country, date and id finds the place as well.
    "deep page": (deep, "ix_incident_by_"),
    "deep page by title": (lambda: deep(sort="title"), "ix_incident_title_order_id"),
    "deep page by title downwards": (lambda: deep(sort="-title"), "ix_incident_title_order_id"),
    "deep page by place": (lambda: deep(sort="-admin1"), "ix_incident_admin1_order_id"),
    "sort by a figure": (lambda: listed(sort="-killed_best"), ""),
    "external_id": (lambda: listed(external_id="ucdp:182027"), "ix_term_kind_field_value_record_id"),
    "actor": (lambda: listed(actor=ACTOR), "ix_participation_actor_id_incident_id"),
    "location": (lambda: listed(location="MX-NAY"), "ix_incident_location_location_id_incident_id"),
    "tag": (lambda: listed(tag=DYAD), "ix_term_kind_field_value_record_id"),
    "q": (lambda: listed(q="massacre"), ""),
    "q counted": (lambda: counted(q="massacre"), ""),
    "a figure counted": (lambda: counted(filter="killed_best >= 100 AND admin1 = 'MX-NAY'"), ""),
    "external_id counted": (lambda: counted(external_id="ucdp:182027"), "ix_term_kind_field_value_record_id"),
    "totals by country over four years": (
        lambda: totals.statement(
            read("totals", country="MX", by="country", **{"from": "1999", "to": "2002"}), to=PUBLIC
        ),
        "",
    ),
    "totals of a span in every country": (
        lambda: totals.statement(read("totals", by="country", **{"from": "1999-03", "to": "2002-05-06"}), to=PUBLIC),
        "",
    ),
    "totals of one state": (
        lambda: totals.statement(read("totals", admin1="MX-NAY", by="year"), to=PUBLIC),
        "ix_figure_admin1",
    ),
    "claims by measure": (lambda: claims.page(read("claims", measure="killed", admin1="MX-NAY"), to=PUBLIC), ""),
    "claims of a rare measure": (
        lambda: claims.page(read("claims", measure="rescued"), to=PUBLIC),
        "ix_claim_measure_incident_id",
    ),
}
"""A statement, and the index that it must use where only one is sensible."""

PUBLIC = Audience(statuses=(*PUBLISHED, "submitted"))
"""Somebody without a key, where the rows of the file are shown: they wait for a review."""

LARGE = {"incident", "revision", "claim", "figure", "participation", "incident_location", "term"}
WALKS = {"list by date", "list by title", "list by country", "list by place", "q"}
"""What may walk along an index in the order of the list, since it stops at the end of the page; a page that is deep in
the order must be searched for. With words only where more than a thousand hold them."""


FEW = (
    "ix_figure_loose",
    "ix_figure_loose_by_year",
    "ix_figure_closed",
    "ix_figure_parts",
    "ix_figure_period_totals",
    "ix_incident_undated",
)
"""Indexes over few rows, made to be walked from end to end."""


def plan_of_file(url: str, statement: Statement) -> list[str]:
    """The steps of a plan as SQLite tells them."""
    built = statement.build().compile(dialect=sqlite_dialect())
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        values = {**built.params, **statement.values}
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {built}", values)]


def plan_of(url: str, statement: Statement) -> Iterator[str]:
    """The steps of a plan in words that are the same for both databases: `table: scan|walk|search, index`."""
    if url.startswith("sqlite"):
        for step in plan_of_file(url, statement):
            words = step.split()
            if words[0] in ("SCAN", "SEARCH"):
                index = words[words.index("INDEX") + 1] if "INDEX" in words else ""
                how = "search" if words[0] == "SEARCH" else "walk" if index else "scan"
                yield f"{words[1].removesuffix('_1')}: {how}, {index}"
        return
    built = statement.build().compile(dialect=postgresql.psycopg.dialect())
    with psycopg.connect(url, options=READ_OPTIONS) as connection:
        found = connection.execute(f"EXPLAIN (FORMAT JSON) {built}", {**built.params, **statement.values}).fetchone()
    steps = [found[0][0]["Plan"]]
    while steps:
        step = steps.pop()
        steps += step.get("Plans", ())
        if "Bitmap Index" in step["Node Type"]:
            yield f"{step['Index Name'].removeprefix('ix_')}: search, {step['Index Name']}"
        elif "Relation Name" in step and "Bitmap" not in step["Node Type"]:
            index = step.get("Index Name", "")
            how = "search" if step.get("Index Cond") else "walk" if index else "scan"
            yield f"{step['Relation Name']}: {how}, {index}"


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_uses_an_index(ucdp_url: str, name: str) -> None:
    make, index = HOT[name]
    steps = list(plan_of(ucdp_url, make()))
    assert steps
    refused = ("scan",) if name in WALKS else ("scan", "walk")
    # Sorting by a figure reads every record's figure: only the look-up of each must be a search.
    whole = {"incident"} if name == "sort by a figure" else set()
    whole |= {"revision", "figure"} if whole and ucdp_url.startswith("postgresql") else set()
    large = LARGE - whole
    wrong = [
        step
        for step in steps
        for how in refused
        if f": {how}," in step and step.partition(":")[0].rstrip("_0123456789") in large and not step.endswith(FEW)
    ]
    assert wrong == [], json.dumps(steps, indent=1)
    assert any(f", {index}" in step for step in steps) or not index, json.dumps(steps, indent=1)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_map_is_walked_by_date_in_its_squares(ucdp_store: Callable[[str], str], name: str) -> None:
    """Up to the end of the page: what a square holds is neither read whole nor sorted."""
    steps = plan_of_file(ucdp_store("sqlite"), HOT[name][0]())
    entered = [step for step in steps if "ix_incident_by_square (square=?" in step]
    assert len(entered) == len(squares_walked(read(**PARTS[name]))) > 1
    assert ("date<?" in entered[0]) is (name == "deep page of a box")
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("name", ["list by country and dates", *PARTS])
def test_each_way_of_a_list_ends_where_the_page_is_full(ucdp_store: Callable[[str], str], name: str) -> None:
    """PostgreSQL neither reads all that a way leads to nor sorts it."""
    statement = HOT[name][0]()
    built = statement.build().compile(dialect=postgresql.psycopg.dialect())
    with psycopg.connect(ucdp_store("postgresql"), options=READ_OPTIONS) as connection:
        told = f"EXPLAIN (ANALYZE, FORMAT JSON) {built}"
        found = connection.execute(told, {**built.params, **statement.values}).fetchone()
    steps, ways = [found[0][0]["Plan"]], []
    while steps:
        step = steps.pop()
        steps += step.get("Plans", ())
        if "Append" in step["Node Type"]:
            ways = step["Plans"]
    assert len(ways) > 1
    assert {one["Node Type"] for one in ways} == {"Limit"}
    assert sum(one["Plans"][0]["Actual Rows"] for one in ways) <= len(ways) * statement.values["limit"]


@pytest.mark.parametrize("name", ["box of a country", "small circle", "box of a filter"])
def test_points_are_looked_for_in_strips(ucdp_store: Callable[[str], str], name: str) -> None:
    """By latitude within each strip, and not all around the earth."""
    steps = plan_of_file(ucdp_store("sqlite"), HOT[name][0]())
    assert any("ix_incident_by_point (strip=? AND lat>? AND lat<?)" in step for step in steps), steps


@pytest.mark.parametrize("more", [{"type": "armed_clash"}, {"country": "MX"}], ids=str)
def test_what_has_no_place_is_found_among_the_closed(ucdp_store: Callable[[str], str], more: dict[str, str]) -> None:
    """Sums tell of all others: not all of a type or a country is looked through for it."""
    statement = pages.page(read(bbox="-108.4,24.2,-107.6,25.1", **more), to=PUBLIC, left=True)
    ways = [step for step in plan_of_file(ucdp_store("sqlite"), statement) if "incident USING" in step]
    of_the_page = [step for step in ways if "ix_incident_audience_turns_seq_from (audience=?" not in step]
    assert (len(ways), len(of_the_page)) == (3, 1), ways


@pytest.mark.parametrize(
    ("asked", "way"),
    [
        (
            {"by": "country", "from": "1999-03", "to": "2002-05"},
            "COVERING INDEX ix_rollup_coarse (grain=? AND period>?",
        ),
        ({"by": "month", "country": "MX"}, "PRIMARY KEY (grain=? AND country_order=?)"),
        ({"by": "month", "country": "MX", "type": "attack"}, "PRIMARY KEY (grain=? AND country_order=?)"),
        (
            {"by": "country", "type": "attack", "from": "1999"},
            "INDEX ix_rollup_grain_period_country_order (grain=? AND",
        ),
    ],
    ids=str,
)
def test_sums_lie_together(ucdp_store: Callable[[str], str], asked: dict[str, str], way: str) -> None:
    """By country, and by period in an index that holds all there is of them, without those by type."""
    steps = plan_of_file(ucdp_store("sqlite"), totals.statement(read("totals", **asked), to=PUBLIC))
    found = [step for step in steps if " rollup " in step]
    assert found
    assert all(f"SEARCH rollup USING {way}" in step for step in found), steps
    assert not any("MULTI-INDEX OR" in step for step in steps)


def test_a_figure_is_looked_up_by_its_incident(ucdp_url: str) -> None:
    """Not among all the figures of its measure, which would take as many steps as the square of the incidents."""
    if ucdp_url.startswith("sqlite"):
        found = plan_of_file(ucdp_url, counted(filter="killed_best >= 5"))
        steps = [step for step in found if "figure" in step]
        assert steps
        assert all("incident_id=?" in step for step in steps), found
    else:
        steps = [step for step in plan_of(ucdp_url, counted(filter="killed_best >= 5")) if step.startswith("figure:")]
        assert steps
        assert all(": search," in step for step in steps), steps


@pytest.mark.parametrize("asked", [{}, {"as_of": 18_000}], ids=["now", "then"])
def test_a_page_finds_its_records_by_their_place_in_the_log(ucdp_url: str, asked: dict[str, int]) -> None:
    of = replace(read(country="MX", **{"from": "2003", "to": "2004"}), at=asked.get("as_of"))
    statement = pages.page(of, to=PUBLIC, left=True)
    if ucdp_url.startswith("postgresql"):
        assert "revision: search, ix_revision_seq" in [*plan_of(ucdp_url, statement)]
        return
    steps = plan_of_file(ucdp_url, statement)
    assert any(step.startswith("MERGE") for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    assert any(step.startswith("SEARCH revision USING INTEGER PRIMARY KEY") for step in steps), steps
