"""Importers of foreign files, by small files of our own that hold each trap of the formats."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from incidents_api.errors import Invalid
from incidents_api.importers import IMPORTERS, Row
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage.database import Database
from incidents_api.writing.records import create_many

FILES = Path(__file__).parent / "files"
EACH = (
    ("ucdp", "ucdp_hdx"),
    ("acled", "acled"),
    ("acled", "acled_old"),
    ("gtd", "gtd"),
    ("awsd", "awsd"),
    ("iom", "iom"),
)


def content(name: str) -> bytes:
    return (FILES / f"{name}.csv").read_bytes()


def rows(importer: str, data: bytes) -> list[Row]:
    return list(IMPORTERS[importer].read(io.BytesIO(data)))


def incidents(importer: str, name: str) -> dict[str, dict[str, Any]]:
    """The reports of incidents by external id."""
    found = rows(importer, content(name))
    return {row.report["external_ids"][importer]: row.report for row in found if row.report and row.kind == "incident"}


def faults(importer: str, name: str) -> dict[str | None, str]:
    """What is wrong with the last row, by column."""
    last = rows(importer, content(name))[-1]
    assert last.report is None
    return {fault.pointer: fault.detail for fault in last.faults}


def claims(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (one["measure"], one["population"], one.get("value"), one.get("qualifier"), *one.get("dims", {}).values())
        for one in report["claims"]
    ]


def table(name: str, **options: Any) -> list[list[str]]:
    text = content(name).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), **options))


def written(cells: list[list[str]], encoding: str = "utf-8", **options: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(cells)
    return text.getvalue().encode(encoding)


# --- What holds for every format -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("importer", "name"), EACH)
def test_every_report_is_one_that_post_takes(importer: str, name: str) -> None:
    found = rows(importer, content(name))
    told = {(row.kind, row.external_id) for row in found if row.kind != "incident"}
    assert all((row.report is None) == bool(row.faults) for row in found)
    for row in found:
        if row.report is not None:
            validate(KINDS[row.kind].report, row.report)
            scheme, _, value = (row.external_id or "").partition(":")
            assert row.report["external_ids"] == {scheme: value}
            for kind, key in references(row.report):
                assert (kind, key) in told, "what a row refers to comes before it"


def references(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for place in report.get("locations", ()):
        if not place["location"].startswith("iso3166:"):
            yield "location", place["location"]
    yield from (("actor", one["actor"]) for one in report.get("actors", ()))
    yield from (("source", one["source"]) for one in report.get("evidence", ()))
    if "source" in report:
        yield "source", report["source"]


@pytest.mark.parametrize(("importer", "name"), EACH)
def test_the_original_row_is_kept_as_it_stood(importer: str, name: str) -> None:
    encoding = {"gtd": "latin-1", "awsd": "cp1252"}.get(importer, "utf-8-sig")
    text = content(name).decode(encoding)
    original = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;", key=text.partition("\n")[0].count))
    kept = {
        row["raw"][key]: row["raw"] for row in incidents(importer, name).values() for key in (next(iter(row["raw"])),)
    }
    named = 0
    for row in original:
        cells = {name: cell for name, cell in row.items() if cell}
        if next(iter(cells.values())) in kept:
            assert kept[next(iter(cells.values()))] == cells
            named += 1
    assert named == len(kept) > 0


@pytest.mark.parametrize(("importer", "name"), EACH)
def test_the_store_takes_the_rows(importer: str, name: str, database: Database) -> None:
    who = Visitor("importer", frozenset({"write"}))
    reports = [
        (KINDS[row.kind], validate(KINDS[row.kind].report, row.report))
        for row in rows(importer, content(name))
        if row.report is not None
    ]
    made = database.write_now(create_many, reports, who)
    assert len(made) == len(reports)


@pytest.mark.parametrize(("importer", "name"), EACH)
def test_lines_and_sources_lead_to_the_row_in_the_file(importer: str, name: str) -> None:
    lines = content(name).decode("latin-1").removeprefix("\xef\xbb\xbf").splitlines(keepends=True)
    for row in rows(importer, content(name)):
        first = row.source.split("\n")[0].encode().decode("utf-8").rstrip("\r")
        assert lines[row.line - 1].isascii() is False or lines[row.line - 1].startswith(first)


def test_columns_are_found_by_name_whatever_their_order_and_case() -> None:
    cells = table("acled")
    order = sorted(range(len(cells[0])), key=lambda place: cells[0][place][::-1])
    turned = [[row[place] for place in order] for row in cells]
    turned[0] = [name.upper().replace("_", " ") + " " for name in turned[0]]
    plain = [row.report for row in rows("acled", content("acled"))]
    again = [row.report for row in rows("acled", written(turned))]
    for one, other in zip(plain, again, strict=True):
        assert {**(one or {}), "raw": None} == {**(other or {}), "raw": None}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_separators_make_no_difference(encoding: str, delimiter: str) -> None:
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + written(table("iom"), encoding, delimiter=delimiter)
    else:
        data = written(table("iom"), encoding, delimiter=delimiter)
    plain = [(row.kind, row.external_id, row.report) for row in rows("iom", content("iom"))]
    assert [(row.kind, row.external_id, row.report) for row in rows("iom", data)] == plain


@pytest.mark.parametrize("importer", ["ucdp_hdx", "acled", "iom"])
def test_a_workbook_says_the_same(importer: str) -> None:
    cells = table(importer)
    book = openpyxl.Workbook()
    for row in cells:
        book.active.append(row)
    for row in book.active.iter_rows():
        for cell in row:
            cell.data_type = "s"  # a text that begins with = is no formula
    target = io.BytesIO()
    book.save(target)
    name = importer.partition("_")[0]
    plain = [(row.kind, row.external_id, row.report) for row in rows(name, written(cells, lineterminator="\n"))]
    told = [(row.kind, row.external_id, row.report) for row in rows(name, target.getvalue())]
    assert [row[:2] for row in told] == [row[:2] for row in plain]
    assert [report and {**report, "raw": None} for *_, report in told] == [
        report and {**report, "raw": None} for *_, report in plain
    ]


def test_days_and_numbers_of_a_workbook_are_read_as_such() -> None:
    cells: list[list[Any]] = [list(row) for row in table("iom")[:2]]
    import datetime

    cells[1][cells[0].index("Reported Date")] = datetime.datetime(2021, 8, 27)  # noqa: DTZ001 - as Excel has it
    cells[1][cells[0].index("Number of Survivors")] = 20.0
    cells[1][cells[0].index("Web ID")] = 1
    book = openpyxl.Workbook()
    for row in cells:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    report = rows("iom", target.getvalue())[-1].report
    assert report is not None
    assert report["date"] == "2021-08-27"
    assert ("survived", "victims", 20, None) in claims(report)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"182027,MEX,1992,0,Clear,2\n", "is no header of UCDP GED"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old kind"),
        (b"PK\x03\x04 and then nothing", "workbook cannot be read"),
    ],
)
def test_a_file_of_another_format_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        rows("ucdp", data)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    data = content("ucdp_hdx").replace(b"date_prec", b"date_precision", 1)
    with pytest.raises(Invalid) as refused:
        rows("ucdp", data)
    assert [fault.detail for fault in refused.value.faults] == [
        "the column date_prec is missing; is it date_precision?"
    ]


def test_a_row_of_another_width_is_refused_and_the_next_is_read() -> None:
    header, first, second = written(table("iom")[:3]).splitlines(keepends=True)
    found = rows("iom", header + first.replace(b"Mediterranean", b"Medi,terranean") + second)
    assert [fault.code for row in found for fault in row.faults] == ["columns"]
    assert [row.line for row in found if row.kind == "incident"] == [2, 3]


# --- UCDP ----------------------------------------------------------------------------------------------------------


def test_ucdp_rows_of_an_hdx_file() -> None:
    found = incidents("ucdp", "ucdp_hdx")
    assert list(found) == ["1", "2", "3", "4", "5", "6"], "the row of tags is none"
    assert found["1"]["date"] == "2021-03-01"
    assert claims(found["1"]) == [
        ("killed", "all", 3, None), ("killed", "side_b", 2, None), ("killed", "unknown", 1, None)
    ]  # fmt: skip
    assert found["1"]["claims"][0]["attributed_to"] == "police"
    assert found["1"]["locations"] == [
        {"location": "iso3166:MX-SIN", "name": "Culiacán town", "lat": 24.79032, "lon": -107.38782, "precision": "city"}
    ]
    assert found["2"]["date"] == "2021-02"
    assert found["3"]["granularity"] == "series"
    assert found["3"]["date"] == "2021-01-01/2021-12-31"
    assert found["3"]["locations"][0]["precision"] == "linear"
    assert found["4"]["date"] == "2021-03-01/2021-03-03"
    assert [(one["name"], one["role"]) for one in found["4"]["actors"]] == [
        ("Made-up Cartel", "perpetrator"), ("Civilians", "victim")
    ]  # fmt: skip
    assert found["6"]["locations"][0]["location"] == "ucdp:country-9999-atlantis"


def test_ucdp_zeros_and_bounds() -> None:
    found = incidents("ucdp", "ucdp_hdx")
    zero = found["2"]["claims"]
    assert [(zero[0][name]) for name in ("low", "value", "high")] == [0, 0, 4]
    assert zero[0]["quote"] == "best: 0, high: 4, low: 0"
    assert len(zero) == 1, "a part of 0 is no claim"
    moved = found["3"]["claims"][0]
    assert [moved[name] for name in ("low", "value", "high")] == [3, 3, 3]
    assert moved["note"].startswith("low (5) lies on the wrong side of best (3): moved to best; high (2)")
    assert "bounds-moved" in found["3"]["tags"]
    assert "parts-differ" in found["5"]["tags"]


def test_ucdp_reports_that_are_cited() -> None:
    cited = [row.report for row in rows("ucdp", content("ucdp_hdx")) if row.report and row.kind == "source"]
    assert [(one["title"], one.get("publisher"), one.get("published")) for one in cited[1:]] == [
        ("Three die; none is named", "Made-up Paper", "2021-03-02"),
        ("Three", "Other Paper", None),
        ("A free text of 1999", None, None),
    ]


def test_ucdp_faults_name_column_value_and_codes() -> None:
    found = rows("ucdp", content("ucdp_hdx"))[-1]
    assert {fault.pointer for fault in found.faults} == {"/event_clarity", "/date_end", "/deaths_a", "/latitude"}
    clarity = next(fault for fault in found.faults if fault.pointer == "/event_clarity")
    assert (clarity.detail, clarity.allowed) == ("event_clarity is '7'; it takes one of 1, 2", ("1", "2"))
    assert found.external_id == "ucdp:7"
    assert found.source.startswith("7,2021,")


# --- ACLED ---------------------------------------------------------------------------------------------------------


def test_acled_rows() -> None:
    found = incidents("acled", "acled")
    assert {key: row["type"] for key, row in found.items()} == {
        "MEX90001": "kidnapping", "MEX90002": "armed_clash", "MEX90003": "protest",
        "MEX90004": "enforced_disappearance",
    }  # fmt: skip
    assert [row["date"] for row in found.values()] == [
        "2024-03-26",
        "[2024-03-24..2024-03-30]",
        "2024-03",
        "2024-04-02",
    ]
    assert [row["locations"][0]["precision"] for row in found.values()] == ["city", "near_place", "adm1", "city"]
    assert [(one["name"], one["role"]) for one in found["MEX90001"]["actors"]] == [
        ("Unidentified Gang (Mexico)", "other"), ("Civilians (Mexico)", "victim"), ("Women (Mexico)", "other"),
        ("Journalists (Mexico)", "other"),
    ]  # fmt: skip


def test_acled_zero_is_a_lower_bound_unless_the_notes_say_so() -> None:
    found = incidents("acled", "acled")
    assert claims(found["MEX90001"]) == [("killed", "all", 0, "at_least")]
    assert claims(found["MEX90002"]) == [("killed", "all", 3, None)]
    assert claims(found["MEX90003"]) == [("killed", "all", 0, "explicit_zero")]
    assert found["MEX90003"]["claims"][0]["quote"] == "no fatalities"
    assert found["MEX90002"]["claims"][0]["as_of"] == "2024-03-27"


def test_acled_unidentified_groups_are_actors_of_one_incident() -> None:
    actors = [row.report for row in rows("acled", content("acled")) if row.report and row.kind == "actor"]
    assert [one["external_ids"]["acled"] for one in actors if not one.get("identified", True)] == [
        "MEX90001 Unidentified Gang (Mexico)"
    ]
    assert {one["name"]: one["type"] for one in actors}["Made-up Cartel"] == "organized_crime_group"


def test_acled_of_an_older_release() -> None:
    report = incidents("acled", "acled_old")["4841"]
    assert report["date"] == "2020-01-01", "a day number of Excel"
    place = report["locations"][0]
    assert (place["location"], place["lat"], place["lon"]) == ("iso3166:MX-MIC", 24.7903, -107.3878)
    assert [one["role"] for one in report["actors"]] == ["other", "victim"]


def test_acled_faults() -> None:
    told = faults("acled", "acled")
    assert told["/event_date"] == "event_date is '3/4/2024', which is no day; write it as YYYY-MM-DD"
    assert set(told) == {"/event_date", "/geo_precision", "/fatalities"}


# --- GTD -----------------------------------------------------------------------------------------------------------


def test_gtd_dates_come_from_their_columns() -> None:
    found = incidents("gtd", "gtd")
    assert [row["date"] for row in found.values()] == ["2019-03", "2019-03-04", "2019", "2019-03-10/2019-03-14"]
    assert found["201900000003"]["stage"] == "attempted"


def test_gtd_unknown_is_no_figure() -> None:
    found = incidents("gtd", "gtd")
    assert claims(found["201903040001"]) == [
        ("killed", "all", 0, "explicit_zero"), ("kidnapped", "hostages", 3, None), ("freed", "hostages", 2, None)
    ]  # fmt: skip
    assert claims(found["201900000003"]) == [("injured", "all", 4, None)]
    shared = found["201903040002"]["claims"][0]
    assert (shared["low"], shared["high"], shared["qualifier"]) == (2, 3, "range")


def test_gtd_captivity_and_attribution() -> None:
    found = incidents("gtd", "gtd")
    held = found["201903040001"]["captivity"]
    assert (held["days_low"], held["ransom_demanded"], held["ransom_amount"]) == (16, "yes", None), "0 hours, 16 days"
    assert held["outcome"] == "released"
    paid = found["201903040004"]["captivity"]
    assert (paid["days_low"], paid["ransom_amount"]["amount"], paid["ransom_paid"]) == (4, 50_000, "yes")
    assert [one["attribution"] for row in found.values() for one in row["actors"]] == [
        "possible", "contested", "contested", "reported_as_fact"
    ]  # fmt: skip


def test_gtd_relations_lead_to_rows_that_came_before() -> None:
    found = incidents("gtd", "gtd")
    assert found["201903040001"]["relations"] == []
    assert found["201903040002"]["relations"] == [{"type": "related", "incident": "gtd:201903040001"}]


def test_gtd_faults() -> None:
    told = faults("gtd", "gtd")
    assert set(told) == {"/eventid", "/attacktype1", "/iday", "/nkill", "/nwound"}
    assert "a spreadsheet has cut it" in told["/eventid"]


# --- AWSD ----------------------------------------------------------------------------------------------------------


def test_awsd_rows() -> None:
    found = incidents("awsd", "awsd")
    assert [row["date"] for row in found.values()] == ["2015", "2015-07", "2016-02-29"]
    assert [row["type"] for row in found.values()] == ["kidnapping", "attack", "explosion_remote"], (
        "typing errors aside"
    )
    assert [row["locations"][0].get("precision") for row in found.values()] == ["city", "adm2", None]
    assert "Kapoéta" in found["9001"]["summary"]
    assert "\u2013" in found["9001"]["summary"], "Windows-1252"
    assert found["9003"]["actors"] == []


def test_awsd_figures() -> None:
    found = incidents("awsd", "awsd")
    assert claims(found["9001"]) == [
        ("killed", "victims", 0, "explicit_zero"),
        ("injured", "victims", 1, None), ("injured", "victims", 1, None, "SS"),
        ("kidnapped", "victims", 2, None), ("kidnapped", "victims", 2, None, "SS"), ("affected", "victims", 3, None),
        ("affected", "victims", 2, None, "male"), ("affected", "victims", 1, None, "unknown"),
    ]  # fmt: skip
    assert "not killed" in next(one["note"] for one in found["9001"]["claims"] if one["measure"] == "kidnapped")
    assert ("killed", "victims", 1, None, "international") in claims(found["9002"])
    assert [measure for measure, *_ in claims(found["9003"])] == ["injured", "kidnapped", "affected"], (
        "blank is unknown"
    )


def test_awsd_faults() -> None:
    assert set(faults("awsd", "awsd")) == {"/month", "/total_killed"}


# --- IOM -----------------------------------------------------------------------------------------------------------


def test_iom_blank_is_unknown() -> None:
    found = incidents("iom", "iom")
    assert claims(found["1"]) == [
        ("still_missing", "victims", 4, "at_least"), ("affected", "victims", 4, None),
        ("survived", "victims", 20, None),
        ("affected", "victims", 1, None, "female"), ("affected", "victims", 3, None, "male"),
    ]  # fmt: skip
    assert claims(found["2"]) == [
        ("killed", "victims", 1022, None), ("still_missing", "victims", 0, "at_least"),
        ("affected", "victims", 1022, None), ("affected", "victims", 0, "explicit_zero", "female"),
        ("affected", "victims", 2, None, "child"),
    ]  # fmt: skip


def test_iom_places() -> None:
    found = incidents("iom", "iom")
    at_sea, desert = (row["locations"][0] for row in found.values())
    assert (at_sea["location"], at_sea["lat"], at_sea["lon"]) == ("iom:region-mediterranean", 33.25, 12.83)
    assert (desert["location"], desert["lat"], desert["lon"]) == ("iso3166:MX", 32.46, -114.57), "turned round"
    assert [row["type"] for row in found.values()] == ["missing_person", "remains_found"]


def test_iom_addresses_become_sources() -> None:
    cited = [row.report for row in rows("iom", content("iom")) if row.report and row.kind == "source"][1:]
    assert [one.get("url") for one in cited] == ["https://news.example/a", "https://news.example/%C3%A9", None]
    assert [one["reliability"] for one in cited] == ["reliable", "reliable", "not_usually_reliable"]


def test_iom_faults() -> None:
    assert set(faults("iom", "iom")) == {"/number_dead", "/reported_date", "/location_coordinates", "/source_quality"}
