"""Memory of the formats: four times the records hold hardly more, whatever the format."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from incidents_api.exporters import EXPORTERS, parquet, table
from incidents_api.exporters.package import NAMES

GOLDEN = Path(__file__).with_name("golden") / "incidents.ndjson"
LINES = GOLDEN.read_text(encoding="utf-8").splitlines() * 20
FEW, MANY = 4, 16
"""Pages."""
GROWTH = 500_000
"""Bytes that twelve more pages may hold more; their records take 40 times that."""


def pages(number: int, *, text: bool) -> Iterator[Any]:
    """Pages of records, each made when it is asked for."""
    for _ in range(number):
        yield "\n".join(LINES).encode() if text else orjson.loads(f"[{','.join(LINES)}]")


def most_held(suffix: str, number: int, target: Path) -> int:
    """The most memory that the writing of so many pages holds at a time."""
    exporter = EXPORTERS[suffix](None if suffix == "zip" else table("incidents"))
    tracemalloc.start()
    try:
        if exporter.streamed:
            for page in pages(number, text=exporter.takes_text):
                exporter.write(page)
        elif suffix == "zip":
            of_each = {name: number if name in ("incidents", "claims") else 0 for name in NAMES}
            exporter.write_file(target, {name: pages(n, text=False) for name, n in of_each.items()})
        else:
            exporter.write_file(target, pages(number, text=False))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_memory_does_not_follow_the_number_of_records(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 2 * len(LINES))  # what Parquet holds, less than is written
    most_held(suffix, 1, tmp_path / "first")  # the first time also imports
    few, many = (most_held(suffix, number, tmp_path / f"{number}") for number in (FEW, MANY))
    assert many - few <= GROWTH, (few, many)
