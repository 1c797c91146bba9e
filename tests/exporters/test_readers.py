"""The files as their readers see them: pandas, polars, DuckDB, geopandas and openpyxl agree on ids, nulls and types."""

import datetime
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import duckdb
import geopandas
import openpyxl
import pandas
import polars
import pytest

from incidents_api.exporters import EXPORTERS, table
from incidents_api.exporters.package import NAMES

GOLDEN = Path(__file__).with_name("golden")
HOSTILE = '=HYPERLINK("https://evil.example")'


def records(name: str) -> list[dict[str, Any]]:
    text = (GOLDEN / f"{'incidents' if name == 'claims' else name}.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def hostile() -> list[dict[str, Any]]:
    """The incidents of the articles, one of them with a title that would run."""
    first, *others = records("incidents")
    return [first | {"title": HOSTILE, "summary": 'two\nlines, "quoted"; ñ'}, *others]


ROWS = hostile()
IDS = [row["id"] for row in ROWS]
FLAT = table("incidents")


def column(name: str) -> list[Any]:
    return [FLAT.rows(row)[0][FLAT.at(name)] for row in ROWS]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes the incidents in a format and gives the path."""

    def get(suffix: str, name: str = "incidents") -> Path:
        exporter = EXPORTERS[suffix](table(name))
        path = tmp_path / f"{name}.{suffix}"
        if not exporter.streamed:
            exporter.write_file(path, [ROWS[:5], [], ROWS[5:]])
        elif exporter.takes_text:
            lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
            path.write_bytes(exporter.begin() + exporter.write(lines.encode()) + exporter.end())
        else:
            pages = exporter.write(ROWS[:5]) + exporter.write(ROWS[5:])
            path.write_bytes(exporter.begin() + pages + exporter.end())
        return path

    return get


def plain(values: Any) -> list[Any]:
    """Values of a data frame with every kind of missing as None."""
    return [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN


def test_pandas_reads_csv(write: Callable[..., Path]) -> None:
    # A country may be NA and a name null: only the empty cell is missing.
    frame = pandas.read_csv(write("csv"), keep_default_na=False, na_values=[""])
    assert list(frame["id"]) == IDS
    assert list(frame.columns) == [one.name for one in FLAT.columns]
    assert frame["title"][0] == f"'{HOSTILE}"
    assert frame["summary"][0] == 'two\nlines, "quoted"; ñ'
    assert plain(frame["lon"]) == column("lon")
    assert plain(frame["freed_best"]) == column("freed_best")
    assert plain(frame["country"]) == column("country")
    assert plain(frame["latest"]) == column("latest")


def test_polars_reads_csv(write: Callable[..., Path]) -> None:
    frame = polars.read_csv(write("csv"), try_parse_dates=True, infer_schema_length=None)
    assert frame["id"].to_list() == IDS
    assert frame["lon"].to_list() == column("lon")
    assert frame["freed_low"].to_list() == column("freed_low")
    assert frame["latest"].dtype == polars.Date
    assert frame["location_name"].to_list() == column("location_name")


def test_duckdb_reads_csv_and_ndjson(write: Callable[..., Path]) -> None:
    with duckdb.connect() as engine:
        told = engine.read_csv(str(write("csv")), sample_size=-1)
        types = dict(zip(told.columns, map(str, told.types), strict=True))
        assert (types["seq"], types["lon"], types["latest"]) == ("BIGINT", "DOUBLE", "DATE")
        assert [str(row[0]) for row in told.project("id").fetchall()] == IDS
        assert [row[0] for row in told.project("freed_best").fetchall()] == column("freed_best")
        lines = engine.read_json(str(write("ndjson")), format="newline_delimited")
        assert [str(row[0]) for row in lines.project("id").fetchall()] == IDS


def test_pandas_and_polars_read_ndjson(write: Callable[..., Path]) -> None:
    path = write("ndjson")
    assert list(pandas.read_json(path, lines=True)["id"]) == IDS
    assert polars.read_ndjson(path, infer_schema_length=None)["id"].to_list() == IDS


def test_every_reader_reads_parquet_with_its_types(write: Callable[..., Path]) -> None:
    path = write("parquet")
    frame = polars.read_parquet(path)
    expected = {
        "id": polars.String,
        "seq": polars.Int64,
        "lon": polars.Float64,
        "latest": polars.Date,
        "recorded_at": polars.Datetime("us", "UTC"),
        "tag": polars.List(polars.String),
        "freed_best": polars.Int64,
    }
    assert {name: frame.schema[name] for name in expected} == expected
    assert frame["id"].to_list() == IDS
    assert frame["title"][0] == HOSTILE
    assert frame["tag"].to_list() == column("tag")
    days = [None if day is None else datetime.date.fromisoformat(day) for day in column("latest")]
    assert frame["latest"].to_list() == days
    assert frame["freed_high"].to_list() == column("freed_high")
    moments = [datetime.datetime.fromisoformat(moment) for moment in column("recorded_at")]
    assert frame["recorded_at"].to_list() == moments

    assert list(pandas.read_parquet(path)["id"]) == IDS
    with duckdb.connect() as engine:
        found = engine.read_parquet(str(path)).project("id, freed_best, location_name").fetchall()
    assert found == list(zip(IDS, column("freed_best"), column("location_name"), strict=True))


def test_parquet_holds_flags(write: Callable[..., Path]) -> None:
    frame = polars.read_parquet(write("parquet", "claims"))
    headlines = [claim["in_headline"] for row in ROWS for claim in row["claims"]]
    assert frame["in_headline"].dtype == polars.Boolean
    assert frame["in_headline"].to_list() == headlines
    assert frame["quote_start"].dtype == polars.Int64


def test_geopandas_reads_geojson(write: Callable[..., Path]) -> None:
    path = write("geojson")
    frame = geopandas.read_file(path)
    assert list(frame["id"]) == IDS
    assert frame.crs.to_epsg() == 4326
    for geometry, lon, lat in zip(frame.geometry, column("lon"), column("lat"), strict=True):
        assert (geometry is None) == (lon is None)
        if geometry is not None:
            assert math.isclose(geometry.x, lon)
            assert math.isclose(geometry.y, lat)
    assert {"lon", "lat"}.isdisjoint(frame.columns)
    assert plain(frame["precision"]) == column("precision")
    assert plain(frame["freed_best"]) == column("freed_best")
    assert frame["summary"][0] == 'two\nlines, "quoted"; ñ'
    assert len(frame.cx[-108:-107, 24:25]) == sum(lon is not None and -108 <= lon <= -107 for lon in column("lon"))
    collection = json.loads(path.read_bytes())
    assert all("precision" in feature["properties"] for feature in collection["features"])
    assert "bbox" not in collection
    assert "crs" not in collection


def test_excel_readers_see_texts_and_numbers_and_no_formula(write: Callable[..., Path]) -> None:
    path = write("xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book["incidents"]
    assert sheet.freeze_panes == "A2"
    head, *rows = sheet.iter_rows()
    names = [cell.value for cell in head]
    assert names == [one.name for one in FLAT.columns]
    assert [row[0].value for row in rows] == IDS
    title = rows[0][FLAT.at("title")]
    assert (title.value, title.data_type) == (HOSTILE, "s")
    assert not any(cell.data_type == "f" or cell.hyperlink for row in rows for cell in row)
    assert [row[FLAT.at("freed_best")].value for row in rows] == column("freed_best")
    assert [row[FLAT.at("latest")].value for row in rows] == column("latest")
    assert {row[0].value: row[2].value for row in book["columns"].iter_rows(min_row=2)} == {
        one.name: one.meaning for one in FLAT.columns
    }
    frame = pandas.read_excel(path)
    assert list(frame["id"]) == IDS
    assert plain(frame["lon"]) == column("lon")


def test_the_tables_of_a_package_join(tmp_path: Path) -> None:
    path = tmp_path / "incidents.zip"
    EXPORTERS["zip"]().write_file(path, {name: [records(name)] for name in NAMES})
    with ZipFile(path) as archive:
        frames = {}
        told = json.loads(archive.read("datapackage.json"))
        for resource in told["resources"]:
            with archive.open(resource["path"]) as member:
                frames[resource["name"]] = pandas.read_csv(member, keep_default_na=False, na_values=[""])
            names = [field["name"] for field in resource["schema"]["fields"]]
            assert list(frames[resource["name"]].columns) == names
    claims = frames["claims"].merge(frames["incidents"], left_on="incident_id", right_on="id")
    assert len(claims) == len(frames["claims"]) == sum(len(row["claims"]) for row in ROWS)
    assert set(frames["claims"]["source_id"]) <= set(frames["sources"]["id"])
