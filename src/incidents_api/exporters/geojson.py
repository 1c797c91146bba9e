"""GeoJSON (RFC 7946): one feature per row at its point, or without geometry where no point is known."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson

from incidents_api.exporters.columns import SEPARATOR, About, Row, Table
from incidents_api.model.wire import Record


class GeoJson:
    """A table as one FeatureCollection, page by page.

    `properties` are the columns, `precision` among them; only lon and lat stand in the geometry instead. Many values
    are joined to one text, as map programs keep one value per attribute. The edition is a foreign member.
    """

    media_type: ClassVar[str] = "application/geo+json"
    suffix: ClassVar[str] = "geojson"
    streamed: ClassVar[bool] = True
    takes_text: ClassVar[bool] = False

    def __init__(self, table: Table, about: About | None = None) -> None:
        self._table = table
        self._edition = dict(about.edition) if about else {}
        self._id = table.at("id")
        self._names = [column.name for column in table.columns]
        self._many = [(column.name, place) for place, column in enumerate(table.columns) if column.many]
        self._written = False

    def begin(self) -> bytes:
        """The head of the collection."""
        edition = b'"edition":' + orjson.dumps(self._edition) + b"," if self._edition else b""
        return b'{"type":"FeatureCollection",' + edition + b'"features":['

    def write(self, records: Iterable[Record]) -> bytes:
        """The features of these records, each on a line of its own."""
        features = [orjson.dumps(self._feature(row)) for record in records for row in self._table.rows(record)]
        if not features:
            return b""
        before = b",\n" if self._written else b"\n"
        self._written = True
        return before + b",\n".join(features)

    def end(self) -> bytes:
        """The end of the collection."""
        return b"\n]}\n"

    def _feature(self, row: Row) -> Mapping[str, Any]:
        properties = dict(zip(self._names, row, strict=True))
        for name, place in self._many:
            properties[name] = SEPARATOR.join(row[place]) or None
        lon, lat = properties.pop("lon"), properties.pop("lat")
        located = lon is not None and lat is not None
        return {
            "type": "Feature",
            "id": row[self._id],
            "geometry": {"type": "Point", "coordinates": [lon, lat]} if located else None,
            "properties": properties,
        }
