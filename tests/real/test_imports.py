"""Whole files of UCDP, HDX and IOM through the importers: every row is taken, and comes back as it was."""

import csv
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pandas
import pytest

from incidents_api.importers import IMPORTERS
from incidents_api.model.claims import ClaimReport, number_claims, stored_figure, tallies
from incidents_api.model.layouts import LAYOUTS
from incidents_api.model.revision import derived_id
from tests.real import ucdp

DATA = ucdp.FILE.parent
HDX = DATA / "hdx_conflict_data_ukr_2022_hxl.csv"
IOM = DATA / "iom_missing_migrants_2021-09-05.csv"
PARTS = {"side_a": "deaths_a", "side_b": "deaths_b", "civilians": "deaths_civilians", "unknown": "deaths_unknown"}
IOM_COLUMNS = {
    ("killed",): "Number Dead",
    ("still_missing",): "Minimum Estimated Number of Missing",
    ("affected",): "Total Dead and Missing",
    ("survived",): "Number of Survivors",
    ("affected", "female"): "Number of Females",
    ("affected", "male"): "Number of Males",
    ("affected", "child"): "Number of Children",
}


@cache
def reports(name: str, path: Path) -> tuple[dict[str, Any], ...]:
    """The reports of incidents that an importer makes of a file; every row gives one."""
    ucdp.need()
    with path.open("rb") as file:
        found = [row for row in IMPORTERS[name].read(file) if row.kind == "incident"]
    assert not [row for row in found if row.faults]
    assert len({row.external_id for row in found}) == len(found)
    return tuple(row.report for row in found if row.report is not None)


@pytest.mark.parametrize(
    ("name", "path", "number"), [("ucdp", ucdp.FILE, 18_957), ("ucdp", HDX, 1_167), ("iom", IOM, 8_810)]
)
def test_every_row_is_taken(name: str, path: Path, number: int) -> None:
    assert len(reports(name, path)) == number


def test_deaths_by_year_and_state_equal_those_of_pandas() -> None:
    told: Counter[tuple[str, ...]] = Counter()
    for report in reports("ucdp", ucdp.FILE):
        unit = report["locations"][0]["location"].removeprefix("iso3166:")
        key = (report["raw"]["date_start"][:4], unit)
        for claim in report["claims"]:
            for level in ("low", "value", "high") if claim["population"] == "all" else ("value",):
                told[(*key, claim["population"], level)] += claim[level]
    rows = pandas.read_csv(ucdp.need(), dtype=str, keep_default_na=False)
    keys = [rows["date_start"].str[:4], rows["adm_1"].map(lambda name: ucdp.admin1_of(name) or "MX")]
    figures = rows[["low", "best", "high", *PARTS.values()]].astype(int)
    columns = {
        ("all", "low"): figures[["low", "best"]].min(axis=1),
        ("all", "value"): figures["best"],
        ("all", "high"): figures[["high", "best"]].max(axis=1),
        **{(population, "value"): figures[column] for population, column in PARTS.items()},
    }
    wanted: Counter[tuple[str, ...]] = Counter()
    for column, values in columns.items():
        for key, number in values.groupby(keys).sum().items():
            wanted[(*key, *column)] = int(number)  # type: ignore[misc]
    assert +told == +wanted
    assert sum(1 for report in reports("ucdp", ucdp.FILE) if "bounds-moved" in report["tags"]) == 95 - overlapping()


def overlapping() -> int:
    """Rows with both bounds on the wrong side."""
    rows = ucdp.rows()
    return sum(int(row["low"]) > int(row["best"]) > int(row["high"]) for row in rows)


def record_of(report: dict[str, Any]) -> dict[str, Any]:
    """What the store makes of a report, as far as a layout looks at it."""
    claims = [stored_figure(ClaimReport.model_validate(claim)) for claim in report["claims"]]
    number_claims(claims)
    place = report["locations"][0]
    unit = place["location"].removeprefix("iso3166:")
    known = {"country": unit[:2], "admin1": unit if "-" in unit else None, "role": "occurred_at"}
    actors = [one | {"actor_id": derived_id("actor", *one["actor"].split(":", 1))} for one in report["actors"]]
    for claim in claims:
        claim |= {"source_id": "s", "quote": None}
    return report | {
        "id": "0",
        "date": {"edtf": report["date"]},
        "locations": [place | known],
        "actors": actors,
        "claims": claims,
        "tallies": tallies(claims),
    }


@pytest.mark.parametrize("path", [ucdp.FILE, HDX])
def test_the_ucdp_layout_equals_the_file_cell_by_cell(path: Path) -> None:
    layout = LAYOUTS["ucdp"]
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    wrong = []
    for report in reports("ucdp", path):
        told = dict(zip(layout.columns, layout.row(record_of(report)), strict=True))
        row = rows[told["id"]]
        wrong += [(told["id"], name, row[name], cell) for name, cell in told.items() if row[name] != cell]
    assert wrong == []


@pytest.mark.parametrize("kind", IOM_COLUMNS)
def test_iom_sums_equal_those_of_pandas_and_blank_is_unknown(kind: tuple[str, ...]) -> None:
    rows = pandas.read_csv(IOM, dtype=str, keep_default_na=False)
    known = rows[IOM_COLUMNS[kind]].str.replace(",", "")
    known = known[known != ""].astype(int)
    told = [
        claim["value"]
        for report in reports("iom", IOM)
        for claim in report["claims"]
        if (claim["measure"], *claim.get("dims", {}).values()) == kind
    ]
    assert (len(told), sum(told)) == (len(known), int(known.sum()))
