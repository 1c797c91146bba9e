"""Whole files of UCDP, HDX and IOM through the door: every row is taken, adds up, and comes back as it was."""

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from starlette.testclient import TestClient

from incidents_api.exporters.csv import harmless
from incidents_api.model.layouts import LAYOUTS
from tests.conftest import ENGINES, serve
from tests.real import ucdp
from tests.real.ucdp import Taken, take

DATA = ucdp.FILE.parent
HDX = DATA / "hdx_conflict_data_ukr_2022_hxl.csv"
IOM = DATA / "iom_missing_migrants_2021-09-05.csv"
UCDP_ROWS, HDX_ROWS, IOM_ROWS = 18_957, 1_167, 8_810
LEVELS = ("low", "best", "high")
PARTS = {"side_a": "deaths_a", "side_b": "deaths_b", "civilians": "deaths_civilians", "unknown": "deaths_unknown"}
IOM_COLUMNS = {
    ("killed", ""): "Number Dead",
    ("still_missing", ""): "Minimum Estimated Number of Missing",
    ("affected", ""): "Total Dead and Missing",
    ("survived", ""): "Number of Survivors",
    ("affected", "female"): "Number of Females",
    ("affected", "male"): "Number of Males",
    ("affected", "child"): "Number of Children",
}
TO_STAY = ("--confirm", "coordinates")
COORDINATES = ("54892", "54303")
"""Two rows of IOM tell in words where at sea a boat was met: `incidents import` wants to be told that they stay."""


def counts(told: Taken) -> tuple[int, ...]:
    return tuple(told[name] for name in ("received", "created", "updated", "unchanged", "refused", "ended"))


@pytest.fixture(scope="module", params=ENGINES)
def mexico(
    request: pytest.FixtureRequest,
    lasting_store: Callable[..., str],
    ucdp_imported: ucdp.Imported,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Taken]:
    """A store that took the file of UCDP, and what was said of it."""
    if request.param == "sqlite":
        own = shutil.copyfile(ucdp_imported.path, tmp_path_factory.mktemp("mexico") / "store.db")
        return f"sqlite:///{own}", ucdp_imported.told
    url = lasting_store(request.param)
    return url, take(url, "ucdp", ucdp.FILE)


@pytest.fixture(scope="module")
def mexican(mexico: tuple[str, Taken]) -> Iterator[TestClient]:
    """The service over the rows of UCDP."""
    with serve(mexico[0]) as client:
        yield client


@pytest.fixture(scope="module", params=ENGINES)
def others(request: pytest.FixtureRequest, lasting_store: Callable[..., str]) -> tuple[str, Taken, Taken]:
    """A store that took the files of HDX and IOM, and what was said of them."""
    url = lasting_store(request.param)
    return url, take(url, "ucdp", HDX), take(url, "iom", IOM, *TO_STAY)


@pytest.fixture(scope="module")
def other(others: tuple[str, Taken, Taken]) -> Iterator[TestClient]:
    """The service over the rows of HDX and IOM."""
    with serve(others[0]) as client:
        yield client


def ask(client: TestClient, path: str, **asked: str) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- Taken whole, and once -----------------------------------------------------------------------------------------


def test_every_row_of_ucdp_is_taken_and_the_same_file_again_changes_nothing(
    mexico: tuple[str, Taken], mexican: TestClient
) -> None:
    url, first = mexico
    assert len(ucdp.rows()) == UCDP_ROWS
    assert counts(first) == (UCDP_ROWS, UCDP_ROWS, 0, 0, 0, 0)
    assert ask(mexican, "/v1/incidents", count="exact", limit="1")["total"] == UCDP_ROWS
    edition = ask(mexican, "/v1/edition")
    again = take(url, "ucdp", ucdp.FILE)
    assert counts(again) == (UCDP_ROWS, 0, 0, UCDP_ROWS, 0, 0)
    assert (again["also"], again["seq"]) == (0, None)
    assert ask(mexican, "/v1/edition") == edition


def test_every_row_of_hdx_and_iom_is_taken(others: tuple[str, Taken, Taken], other: TestClient) -> None:
    """Under the header of HDX stands a row of tags, which is no incident."""
    _, hdx, iom = others
    tags, *rows = rows_of(HDX)
    assert tags["date_start"] == "#date+start"
    assert (len(rows), len(rows_of(IOM))) == (HDX_ROWS, IOM_ROWS)
    assert counts(hdx) == (HDX_ROWS, HDX_ROWS, 0, 0, 0, 0)
    assert counts(iom) == (IOM_ROWS, IOM_ROWS, 0, 0, 0, 0)
    assert ask(other, "/v1/incidents", count="exact", limit="1")["total"] == HDX_ROWS + IOM_ROWS


def test_coordinates_in_words_are_taken_only_when_somebody_says_so(store_url: str, tmp_path: Path) -> None:
    found = [row for row in rows_of(IOM) if row["Web ID"] in COORDINATES]
    part = tmp_path / "part.csv"
    with part.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(found[0]))
        lines.writeheader()
        lines.writerows(found)
    told = take(store_url, "iom", part, status=3)
    assert counts(told) == (2, 0, 0, 0, 2, 0)
    assert {fault["code"] for one in told["refusals"] for fault in one["problem"]["errors"]} == {"found_coordinates"}
    assert counts(take(store_url, "iom", part, *TO_STAY)) == (2, 2, 0, 0, 0, 0)


# --- Sums ----------------------------------------------------------------------------------------------------------


def summed(client: TestClient, by: tuple[str, ...], **asked: str) -> dict[tuple[str, ...], tuple[int, ...]]:
    """(low, best, high) of the dead in every group that has a figure."""
    answer = ask(client, "/v1/totals", by=",".join(by), measure="killed", **asked)
    assert answer["overlapping"] is False
    assert not any(answer["excluded"].values())
    return {
        tuple(row["key"][name] or "" for name in by): tuple(row["measures"]["killed"][level] for level in LEVELS)
        for row in answer["rows"]
        if row["measures"]
    }


@pytest.mark.parametrize("by", [("year",), ("admin1",), ("year", "admin1")])
def test_deaths_by_year_and_state_equal_those_of_pandas(mexican: TestClient, by: tuple[str, ...]) -> None:
    """A bound on the wrong side of best is moved to best; what the sides and civilians lost stands as it is."""
    rows = pandas.read_csv(ucdp.FILE, dtype=str, keep_default_na=False)
    figures = rows[[*LEVELS, *PARTS.values()]].astype(int)
    moved = (figures["low"] > figures["best"]) | (figures["high"] < figures["best"])
    assert ask(mexican, "/v1/incidents", tag="bounds-moved", count="exact", limit="1")["total"] == int(moved.sum()) > 0
    figures["low"] = figures[["low", "best"]].min(axis=1)
    figures["high"] = figures[["high", "best"]].max(axis=1)
    first, last = rows["date_start"].str[:4], rows["date_end"].str[:4]
    keys = {
        "year": first.where(first == last, ""),
        "admin1": rows["adm_1"].map(lambda name: ucdp.admin1_of(name) or ""),
    }

    def wanted(*columns: str) -> dict[tuple[str, ...], tuple[int, ...]]:
        groups = figures[list(columns)].groupby([keys[name] for name in by]).sum()
        told = zip(groups.index, groups.itertuples(index=False), strict=True)
        return {key if isinstance(key, tuple) else (key,): tuple(map(int, sums)) for key, sums in told}

    assert summed(mexican, by) == wanted(*LEVELS)
    for population, column in PARTS.items():
        # A side that lost nobody has no figure of its own.
        lost = {key: sums for key, sums in wanted(column, column, column).items() if any(sums)}
        assert lost
        assert summed(mexican, by, population=population) == lost


@pytest.mark.parametrize("kind", IOM_COLUMNS)
def test_iom_sums_equal_those_of_pandas_and_blank_is_unknown(other: TestClient, kind: tuple[str, str]) -> None:
    measure, dim = kind
    rows = pandas.read_csv(IOM, dtype=str, keep_default_na=False)
    known = rows[IOM_COLUMNS[kind]].str.replace(",", "")
    known = known[known != ""].astype(int)
    assert len(known) < IOM_ROWS or measure == "affected"
    by = {"": "", "child": "age_group"}.get(dim, "sex")
    answer = ask(other, "/v1/totals", measure=measure, population="victims", **({"by": by} if by else {}))
    found = [row["measures"][measure] for row in answer["rows"] if row["key"].get(by, "") == dim]
    assert [(one["incidents"], one["best"]) for one in found] == [(len(known), int(known.sum()))]


# --- And back ------------------------------------------------------------------------------------------------------


def test_the_ucdp_layout_gives_the_file_back_cell_by_cell(mexican: TestClient) -> None:
    told = laid_out(mexican)
    assert list(told[0]) == list(ucdp.rows()[0])
    assert unlike(told, ucdp.rows()) == []


def test_the_ucdp_layout_gives_the_rows_of_hdx_back(other: TestClient) -> None:
    told = [row for row in laid_out(other) if row["id"]]
    assert unlike(told, rows_of(HDX)[1:]) == []


def laid_out(client: TestClient) -> list[dict[str, str]]:
    answer = client.get("/v1/incidents.csv?layout=ucdp")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def unlike(told: Any, rows: Any) -> list[tuple[str, ...]]:
    """The cells that differ. A text that a spreadsheet would run has the guard before it that every file has."""
    given = {row["id"]: row for row in rows}
    assert len(told) == len(rows) == len(given)
    assert {row["id"] for row in told} == set(given)
    numbers = LAYOUTS["ucdp"].numbers
    return [
        (row["id"], name, wanted, cell)
        for row in told
        for name, cell in row.items()
        if cell != (wanted := given[row["id"]][name]) and (name in numbers or cell != harmless(wanted))
    ]
