"""Formats that fill a file: sizes, limits, what they say of themselves, and what they say when a package is missing."""

import hashlib
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pyarrow.parquet
import pytest

from incidents_api.exporters import EXPORTERS, About, Column, MissingExtra, Table, TooManyRows, table, xlsx
from incidents_api.exporters.package import Package, schema
from incidents_api.exporters.parquet import ROW_GROUP, Parquet
from incidents_api.exporters.xlsx import MAX_TEXT, Xlsx

SMALL = Table(
    "numbers",
    "Made-up rows.",
    (
        Column(name="id", type="text", meaning="Id."),
        Column(name="count", type="integer", meaning="Whole."),
        Column(name="names", type="text", meaning="Texts.", many=True),
        Column(name="day", type="day", meaning="Day."),
    ),
    lambda record: [[record["id"], record["n"], [], "2024-02-29"]],
)
ABOUT = About("Numbers", {"seq": 7, "hash": "ab", "recorded_at": "2026-01-02T03:04:05.000006Z"}, {"name": "CC0-1.0"})


def numbered(count: int, size: int = 1000) -> Iterator[list[dict]]:
    for start in range(0, count, size):
        yield [{"id": f"r{n}", "n": n} for n in range(start, min(start + size, count))]


def test_every_format_has_the_same_surface() -> None:
    assert list(EXPORTERS) == ["csv", "ndjson", "geojson", "parquet", "xlsx", "zip"]
    for suffix, exporter in EXPORTERS.items():
        assert exporter.suffix == suffix
        assert exporter.media_type.count("/") == 1
        wanted = ("begin", "write", "end") if exporter.streamed else ("write_file",)
        assert all(callable(getattr(exporter, name)) for name in wanted)


def test_parquet_has_row_groups_of_bounded_size_whatever_the_pages() -> None:
    file = io.BytesIO()
    Parquet(SMALL, ABOUT).write_file(file, numbered(2 * ROW_GROUP + 5, 3333))
    read = pyarrow.parquet.ParquetFile(io.BytesIO(file.getvalue()))
    sizes = [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, 5]
    assert read.metadata.row_group(0).column(0).compression == "ZSTD"
    assert read.read()["count"].to_pylist() == list(range(2 * ROW_GROUP + 5))
    told = {key.decode(): value.decode() for key, value in read.schema_arrow.metadata.items()}
    assert told["title"] == "Numbers"
    assert json.loads(told["edition"]) == ABOUT.edition
    assert json.loads(told["licence"]) == {"name": "CC0-1.0"}
    assert read.schema_arrow.field("count").metadata == {b"description": b"Whole."}


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_a_file_without_rows_has_its_columns(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    EXPORTERS[suffix](table("incidents")).write_file(path, [])
    names = [column.name for column in table("incidents").columns]
    if suffix == "parquet":
        assert pyarrow.parquet.read_table(path).column_names == names
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))["incidents"]
        assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [names]


def test_a_sheet_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert xlsx.MAX_ROWS == 1_048_576
    monkeypatch.setattr(xlsx, "MAX_ROWS", 11)
    Xlsx(SMALL).write_file(io.BytesIO(), numbered(10))
    with pytest.raises(TooManyRows, match=r"holds 10 rows .* CSV or Parquet"):
        Xlsx(SMALL).write_file(io.BytesIO(), numbered(11))


@pytest.mark.parametrize("text", ["x" * MAX_TEXT, "x" * (MAX_TEXT + 1), "😀" * 20_000, "x" + "😀" * 20_000])
def test_a_text_too_long_for_a_cell_is_cut_and_shows_it(text: str) -> None:
    file = io.BytesIO()
    Xlsx(SMALL).write_file(file, [[{"id": text, "n": 1}]])
    cell = openpyxl.load_workbook(file)["numbers"]["A2"].value
    assert len(cell.encode("utf-16-le")) // 2 <= MAX_TEXT
    if text == "x" * MAX_TEXT:
        assert cell == text
    else:
        assert cell.endswith("…")
        assert text.startswith(cell[:-1])


def test_a_workbook_says_what_to_cite_and_is_the_same_each_time() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    Xlsx(SMALL, ABOUT).write_file(first, numbered(3))
    Xlsx(SMALL, ABOUT).write_file(second, numbered(3))
    assert first.getvalue() == second.getvalue()
    told = openpyxl.load_workbook(first).properties
    assert (told.title, told.subject) == ("Numbers", "seq 7, hash ab, recorded_at 2026-01-02T03:04:05.000006Z")
    assert told.description == "name CC0-1.0"


@pytest.mark.parametrize(("suffix", "module"), [("parquet", "pyarrow"), ("xlsx", "xlsxwriter")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, suffix: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{module}: pip install 'incidents-api\[{suffix}\]'"):
        EXPORTERS[suffix](SMALL)


def test_a_package_describes_what_it_holds() -> None:
    file = io.BytesIO()
    Package([SMALL], ABOUT).write_file(file, {"numbers": numbered(2500)})
    with ZipFile(file) as archive:
        assert archive.testzip() is None
        told = json.loads(archive.read("datapackage.json"))
        data = archive.read("data/numbers.csv")
    (resource,) = told["resources"]
    assert resource["bytes"] == len(data)
    assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert data.count(b"\r\n") == 2501
    assert (told["edition"], told["version"], told["licenses"]) == (ABOUT.edition, "7", [{"name": "CC0-1.0"}])
    assert resource["schema"]["missingValues"] == [""]
    assert [field["type"] for field in resource["schema"]["fields"]] == ["string", "integer", "list", "date"]


def test_without_an_edition_or_a_licence_the_package_claims_none() -> None:
    file = io.BytesIO()
    Package([SMALL]).write_file(file, {"numbers": []})
    with ZipFile(file) as archive:
        told = json.loads(archive.read("datapackage.json"))
    assert not {"licenses", "edition", "version", "created"} & set(told)


def test_a_table_schema_has_every_column_with_its_codes() -> None:
    told = schema(table("claims"))
    fields = {field["name"]: field for field in told["fields"]}
    assert "freed" in fields["measure"]["constraints"]["enum"]
    assert fields["claim_id"]["constraints"] == {"required": True}
    assert fields["in_headline"]["type"] == "boolean"
    assert told["foreignKeys"][0]["fields"] == ["incident_id"]


@pytest.mark.parametrize("suffix", ["parquet", "xlsx", "zip"])
def test_memory_does_not_grow_with_the_rows(suffix: str, tmp_path: Path) -> None:
    def peak(count: int) -> int:
        made = EXPORTERS[suffix]([SMALL] if suffix == "zip" else SMALL)
        pages = numbered(count)
        tracemalloc.start()
        made.write_file(tmp_path / "file", {"numbers": pages} if suffix == "zip" else pages)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    count = 2 * ROW_GROUP if suffix == "parquet" else 3_000
    peak(100)  # what is loaded once is no growth
    assert peak(3 * count) < 1.5 * peak(count)
