"""Frictionless Data Package (version 2): tables as CSV in one zip, with what the columns mean and what to cite."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from incidents_api.exporters.columns import SEPARATOR, About, Column, Pages, Table, Target, table
from incidents_api.exporters.csv import Csv
from incidents_api.model import vocabulary

NAMES = ("incidents", "claims", "actors", "locations", "sources")
"""The tables of a package, in its order."""
_PROFILE = "https://datapackage.org/profiles/2.0/{}.json"
_TYPES = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "day": "date",
    "instant": "datetime",
    "flag": "boolean",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that one edition is the same file each time


class Package:
    """Several tables in one zip. `incidents` and `claims` are both made from the records of incidents."""

    media_type: ClassVar[str] = "application/zip"
    suffix: ClassVar[str] = "zip"
    streamed: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False

    def __init__(self, tables: Sequence[Table] | None = None, about: About | None = None) -> None:
        self._tables = tuple(tables) if tables is not None else tuple(map(table, NAMES))
        self._about = about or About()

    def write_file(self, target: Target, pages: Mapping[str, Pages]) -> None:
        """Write every table from its pages, by name; each is asked for when the one before it is written."""
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            resources = [self._write_table(archive, one, pages[one.name]) for one in self._tables]
            told = json.dumps(self._descriptor(resources), ensure_ascii=False, indent=2) + "\n"
            archive.writestr(_member("datapackage.json"), told.encode())

    def _write_table(self, archive: ZipFile, one: Table, pages: Pages) -> dict[str, Any]:
        """Stream one table into the zip and describe what was written."""
        path = f"data/{one.name}.csv"
        csv = Csv(one)
        digest, length = hashlib.sha256(), 0
        with archive.open(_member(path), "w", force_zip64=True) as member:

            def put(piece: bytes) -> None:
                nonlocal length
                digest.update(piece)
                length += len(piece)
                member.write(piece)

            put(csv.begin())
            for page in pages:
                put(csv.write(page))
            put(csv.end())
        return {
            "name": one.name,
            "path": path,
            "type": "table",
            "description": one.meaning,
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "bytes": length,
            "hash": f"sha256:{digest.hexdigest()}",
            "schema": schema(one),
        }

    def _descriptor(self, resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        edition, licence = self._about.edition, self._about.licence
        told: dict[str, Any] = {
            "$schema": _PROFILE.format("datapackage"),
            "name": "incidents",
            "title": self._about.title,
            "description": (
                "Every figure is a claim by a source. Unknown is an empty cell, never 0. In texts, an apostrophe "
                "stands before what a spreadsheet would run as a formula. Cite the edition."
            ),
        }
        if licence:
            told["licenses"] = [dict(licence)]
        if edition:
            told |= {"version": str(edition["seq"]), "created": edition["recorded_at"], "edition": dict(edition)}
        return told | {"resources": list(resources)}


def _member(path: str) -> ZipInfo:
    member = ZipInfo(path, _EPOCH)
    member.compress_type = ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def schema(one: Table) -> dict[str, Any]:
    """The Table Schema (Frictionless, version 2) of a table as CSV."""
    told: dict[str, Any] = {
        "$schema": _PROFILE.format("tableschema"),
        "fields": [_field(column, one.key) for column in one.columns],
        "missingValues": [""],
        "primaryKey": list(one.key),
    }
    if one.name == "claims":
        reference = {"resource": "incidents", "fields": ["id"]}
        told["foreignKeys"] = [{"fields": ["incident_id"], "reference": reference}]
    return told


def _field(column: Column, key: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"name": column.name, "type": _TYPES[column.type], "description": column.meaning}
    if column.many:
        return told | {"type": "list", "itemType": _TYPES[column.type], "delimiter": SEPARATOR}
    constraints: dict[str, Any] = {"required": True} if column.name in key else {}
    if column.codes is not None:
        constraints["enum"] = list(vocabulary.codes(column.codes))
    return told | ({"constraints": constraints} if constraints else {})
