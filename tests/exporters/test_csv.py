"""CSV: what is written is read back, whatever the text holds, and no spreadsheet runs any of it."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incidents_api.exporters import Column, Table
from incidents_api.exporters.csv import Csv, harmless

SIGNS = ("=", "+", "-", "@")
TABLE = Table(
    "trial",
    "Made-up rows.",
    (
        Column(name="id", type="text", meaning="Id."),
        Column(name="text", type="text", meaning="Any text."),
        Column(name="count", type="integer", meaning="Whole."),
        Column(name="lon", type="number", meaning="Number."),
        Column(name="flag", type="flag", meaning="Flag."),
        Column(name="names", type="text", meaning="Texts.", many=True),
    ),
    lambda record: [record["row"]],
)


def written(*rows: list, bom: bool = False) -> bytes:
    exporter = Csv(TABLE, bom=bom)
    return exporter.begin() + exporter.write([{"row": row} for row in rows]) + exporter.end()


def read(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def runs(cell: str) -> bool:
    """Whether a spreadsheet could take the cell for a formula."""
    return cell.startswith(("\t", "\r", "\n", "\0")) or cell.lstrip().startswith(SIGNS)


nasty = st.text(
    st.sampled_from([*"=+-@\t\r\n\0\"',; aéñ日", "\u2028", "\ufeff", "\xa0", "\uff1d"]) | st.characters(codec="utf-8"),
    min_size=1,
)


@given(st.lists(st.tuples(nasty, st.none() | nasty, st.none() | st.lists(nasty, max_size=3)), max_size=5))
@example([("a", '=cmd|"/c calc"!A1', ["-1", "=2"])])
@example([("\r\n=1", "\t=1", [])])
def test_what_is_written_is_read_back(given_rows: list) -> None:
    rows = [[name, text, None, None, None, names] for name, text, names in given_rows]
    lines = read(written(*rows))
    assert lines[0] == [column.name for column in TABLE.columns]
    assert [line[:2] + line[5:] for line in lines[1:]] == [
        [harmless(row[0]), harmless(row[1] or ""), "; ".join(map(harmless, row[5] or []))] for row in rows
    ]
    for line in lines[1:]:
        assert not any(runs(cell) for cell in line)


@given(nasty)
@example("x;=1+1")
@example("line\n=1+1")
@example("  =1")
@example(" ; = 1")
def test_only_apostrophes_are_added(text: str) -> None:
    safe = harmless(text)
    assert safe.replace("'", "") == text.replace("'", "")
    assert harmless(safe) == safe
    # Where the semicolon separates, quotes around our cells are not seen, and a line break ends a row.
    for cell in safe.replace("\r", ";").replace("\n", ";").replace("\t", ";").split(";")[1:]:
        assert not cell.lstrip().startswith(SIGNS)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("  =1", "'  =1"),
        ("\xa0=1", "'\xa0=1"),
        ("\ttab", "'\ttab"),
        ("\rreturn", "'\rreturn"),
        ("\nline", "'\nline"),
        ("\x00nul", "'\x00nul"),
        ("\uff1d1", "'\uff1d1"),
        ("16 rescued; 42 released", "16 rescued; 42 released"),
        ("/path: <b>?", "/path: <b>?"),
        ("one\n- two", "one\n'- two"),
        ("a; =b", "a; '=b"),
        ("a=b, c-d, e@f.example", "a=b, c-d, e@f.example"),
        ("two lines\nof words; no more", "two lines\nof words; no more"),
        ("Culiacán", "Culiacán"),
    ],
)
def test_cells_that_would_run_are_made_harmless(text: str, cell: str) -> None:
    assert harmless(text) == cell


def test_long_runs_of_blanks_cost_no_more_than_their_length() -> None:
    """A search that goes back from every blank would not end within the run of the suite."""
    text = " \n;\t" * 500_000
    assert harmless(text) == text
    assert harmless("x" + text + "=1") == "x" + text + "'=1"


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_numbers_and_flags_are_written_as_such(count: int, lon: float, flag: bool) -> None:
    (_, row) = read(written(["a", None, count, lon, flag, []]))
    assert row == ["a", "", str(count), repr(lon), "true" if flag else "false", ""]


def test_the_bytes_of_a_row() -> None:
    made = written(["a", 'say "x", é', -3, -107.38782, False, ["b", "=c"]], ["b", None, None, None, None, None])
    assert made == (
        b"id,text,count,lon,flag,names\r\n"
        b'a,"say ""x"", \xc3\xa9",-3,-107.38782,false,b; \'=c\r\n'
        b"b,,,,,\r\n"
    )  # fmt: skip
    assert written(bom=True) == b"\xef\xbb\xbfid,text,count,lon,flag,names\r\n"
