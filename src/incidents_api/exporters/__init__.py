"""Records as files: one file per format, pure functions of records; nothing here reads the store or the network.

Each format is a class with `media_type`, `suffix`, `streamed` and `takes_text`, made from a table and an `About`.
`streamed` ones give pieces: `begin()`, `write(records)` for each page, `end()`; the others fill a file that can seek:
`write_file(target, pages)`. `takes_text`: documents as bytes, one to a line, not parsed. Package takes several tables.
"""

from collections.abc import Mapping
from typing import Any

from incidents_api.exporters.columns import (
    CLAIM_COLUMNS,
    CLAIMS,
    About,
    Column,
    MissingExtra,
    Table,
    claim_rows,
    columns,
    kind_table,
    table,
)
from incidents_api.exporters.csv import Csv
from incidents_api.exporters.geojson import GeoJson
from incidents_api.exporters.layouts import layout_table
from incidents_api.exporters.ndjson import Ndjson
from incidents_api.exporters.package import Package
from incidents_api.exporters.parquet import Parquet
from incidents_api.exporters.xlsx import TooManyRows, Xlsx

__all__ = [
    "CLAIMS",
    "CLAIM_COLUMNS",
    "EXPORTERS",
    "About",
    "Column",
    "MissingExtra",
    "Table",
    "TooManyRows",
    "claim_rows",
    "columns",
    "kind_table",
    "layout_table",
    "table",
]

EXPORTERS: Mapping[str, type[Any]] = {
    exporter.suffix: exporter
    for exporter in (
        Csv,
        Ndjson,
        GeoJson,
        Parquet,
        Xlsx,
        Package,
    )
}
"""Every format by the ending of its address and file name."""
