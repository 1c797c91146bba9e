"""Generates the data that every system is given: `python -m bench.generate 300000`."""

import csv
import itertools
import json
import re
import sqlite3
import sys
import time
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from bench import CACHE, rows
from bench.incidents import SCHEME, Maker, id_of
from bench.systems import COLUMNS, NUMBERS, SUMS, Data

_TYPES = {float: "REAL", int: "INTEGER"}
TEXTS = ("title", "summary", "place", "actor_a", "actor_b")
FORM = 1
"""Counts up when generated data change, so that what was made before is made anew."""


def data(size: int, folder: Path | None = None) -> Data:
    """The files for so many incidents; made when they are not there."""
    made = Data(folder or CACHE / f"data-{size}-{FORM}", size)
    if not (made.folder / "made").exists():
        if (why := rows.missing()) is not None:
            raise FileNotFoundError(why)
        made.folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        _write(made)
        (made.folder / "made").write_text(f"{time.perf_counter() - begun:.0f} seconds\n")
    return made


def _write(to: Data) -> None:
    """Every file, incident by incident: nothing is held, however many there are."""
    _write_actors_and_sources(to)
    to.reference.unlink(missing_ok=True)
    with (
        to.incidents.open("w", encoding="utf-8") as reports,
        to.revisions.open("w", encoding="utf-8") as revisions,
        to.flat.open("w", encoding="utf-8", newline="") as flat,
        closing(sqlite3.connect(to.reference, isolation_level=None)) as reference,
    ):
        _create(reference)
        sheet = csv.writer(flat)
        sheet.writerow(COLUMNS)
        for made, revised in itertools.islice(Maker().incidents(), to.size):
            _line(reports, made.report())
            if revised is not None:
                _line(revisions, revised.report())
                _insert(reference, "earlier", made.flat())
            if not made.restricted:
                row = (revised or made).flat()
                sheet.writerow(row)
                place = _insert(reference, "flat", row)
                reference.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (place, folded(row)))
                if made.whole is not None:
                    reference.execute("INSERT INTO tree VALUES (?, ?)", (row[0], id_of(made.whole)))
        for statement in _INDEXES:
            reference.execute(statement)


_TOLD = f"month, date_end, {', '.join(SUMS)}"
_INDEXES = (
    f"CREATE INDEX by_id ON flat (id, date_start, country, {_TOLD})",
    f"CREATE INDEX by_date ON flat (date_start, id, country, {_TOLD})",
    f"CREATE INDEX by_country ON flat (country, date_start, id, type, {_TOLD})",
    "CREATE INDEX by_place ON flat (lat, lon, date_start, id)",
    "CREATE UNIQUE INDEX earlier_by_id ON earlier (id)",
    "COMMIT",
    "ANALYZE",
)
"""Most answers are read from an index alone: a file of some gigabytes is not read row by row from everywhere."""


def _create(reference: sqlite3.Connection) -> None:
    reference.execute("PRAGMA journal_mode = OFF")
    reference.execute("PRAGMA synchronous = OFF")
    reference.execute("BEGIN")
    columns = ", ".join(f"{name} {_TYPES.get(NUMBERS.get(name, str), 'TEXT')}" for name in COLUMNS)
    for table in ("flat", "earlier"):
        reference.execute(f"CREATE TABLE {table} ({columns})")
    reference.execute("CREATE TABLE tree (part TEXT, whole TEXT)")
    reference.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii')")


def _insert(reference: sqlite3.Connection, table: str, row: list[Any]) -> int:
    marks = ",".join("?" * len(row))
    return reference.execute(f"INSERT INTO {table} VALUES ({marks})", row).lastrowid or 0


def folded(row: list[Any]) -> str:
    """The words of a flat row as searches meet them: no accents, no capitals, no signs."""
    told = " ".join(row[COLUMNS.index(name)] for name in TEXTS)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", told.casefold()) if not unicodedata.combining(sign))
    return re.sub(r"[^\w]|_", " ", bare)


def _write_actors_and_sources(to: Data) -> None:
    with to.actors.open("w", encoding="utf-8") as file:
        for number, name in enumerate(rows.actors()):
            _line(file, {"name": name, "type": "unknown", "external_ids": {SCHEME: str(number)}})
    with to.sources.open("w", encoding="utf-8") as file:
        for number in range(to.size // 10 + 20):
            title = rows.events()[number % len(rows.events())].title
            told = {"kind": "news_article", "title": title, "url": f"https://news.example/{number}"}
            _line(file, told | {"external_ids": {SCHEME: str(number)}})


def _line(file: TextIO, report: dict[str, Any]) -> None:
    file.write(json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    for asked in sys.argv[1:] or ["20000"]:
        done = data(int(asked))
        print(f"{done.folder}: {done.size:,} incidents, made in {(done.folder / 'made').read_text().strip()}")
