"""Parquet: typed columns, zstd, row groups of at most 5,000 rows; needs the extra [parquet]."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, ClassVar

from incidents_api.exporters.columns import About, Column, Pages, Row, Table, Target, optional

ROW_GROUP = 5_000
_BATCH = 500
"""Rows that are held as Python's values, which take ten times the room of Arrow's."""


class Parquet:
    """A table as Parquet, with a list of texts where there are many values.

    Beside the schema stand `title`, `edition` and `licence` (JSON), and with each column its `description`.
    """

    media_type: ClassVar[str] = "application/vnd.apache.parquet"
    suffix: ClassVar[str] = "parquet"
    streamed: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False

    def __init__(self, table: Table, about: About | None = None) -> None:
        """MissingExtra when pyarrow is not installed."""
        self._table = table
        self._about = about or About()
        self._arrow = optional("pyarrow", "parquet")
        self._parquet = optional("pyarrow.parquet", "parquet")
        self._arrow.set_memory_pool(
            self._arrow.system_memory_pool()
        )  # the only one that gives back what it does not use
        self._makers = [_maker(column) for column in table.columns]

    def write_file(self, target: Target, pages: Pages) -> None:
        """Write the rows of all records; never more than a row group, in Arrow's own arrays, and a page are held."""
        schema = self._schema()
        where = target if hasattr(target, "write") else str(target)
        rows = (row for page in pages for record in page for row in self._table.rows(record))
        with self._parquet.ParquetWriter(where, schema, compression="zstd") as writer:
            while group := self._group(rows, schema):
                writer.write_table(group, row_group_size=ROW_GROUP)
                del group  # before the next is made

    def _schema(self) -> Any:
        told = {"title": self._about.title} | {
            name: json.dumps(dict(value), ensure_ascii=False)
            for name, value in (("edition", self._about.edition), ("licence", self._about.licence))
            if value
        }
        return self._arrow.schema(
            [
                self._arrow.field(column.name, self._type(column), metadata={"description": column.meaning})
                for column in self._table.columns
            ],
            metadata=told,
        )

    def _type(self, column: Column) -> Any:
        arrow = self._arrow
        types: dict[str, Callable[[], Any]] = {
            "text": arrow.string,
            "integer": arrow.int64,
            "number": arrow.float64,
            "day": arrow.date32,
            "instant": lambda: arrow.timestamp("us", tz="UTC"),
            "flag": arrow.bool_,
        }
        return arrow.list_(types[column.type]()) if column.many else types[column.type]()

    def _group(self, rows: Iterator[Row], schema: Any) -> Any:
        """A row group; None when no rows are left."""
        batches = [self._batch(some, schema) for some in _batches(islice(rows, ROW_GROUP))]
        return self._arrow.Table.from_batches(batches, schema) if batches else None

    def _batch(self, rows: list[Row], schema: Any) -> Any:
        arrays = [
            self._arrow.array(_values(cells, maker), one.type)
            for cells, maker, one in zip(zip(*rows, strict=True), self._makers, schema, strict=True)
        ]
        return self._arrow.RecordBatch.from_arrays(arrays, schema=schema)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _BATCH)):
        yield some


def _values(cells: tuple[Any, ...], maker: Callable[[Any], Any] | None) -> Iterator[Any] | tuple[Any, ...]:
    return cells if maker is None else (None if cell is None else maker(cell) for cell in cells)


def _maker(column: Column) -> Callable[[Any], Any] | None:
    """What turns a value as stored into the one that pyarrow takes; None where it is the same."""
    makers: dict[str, Callable[[Any], Any]] = {"day": date.fromisoformat, "instant": datetime.fromisoformat}
    return makers.get(column.type)
