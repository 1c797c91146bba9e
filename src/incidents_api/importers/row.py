"""What an importer gives: one row of a foreign file as a report, or the reason why it is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from incidents_api.errors import Fault


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: `report` as POST takes it, or `faults` that say why there is none.

    `line` is the line of the file where the row starts, the header being line 1 (in a JSON array: the place of the
    element, from 1). `external_id` is `scheme:value` where the row has one. `source` is the row as it stood, for the
    file of rejects.
    """

    line: int
    kind: str
    external_id: str | None
    report: dict[str, Any] | None
    source: str
    faults: tuple[Fault, ...] = ()


class Importer(Protocol):
    """A format of foreign files."""

    name: str
    about: str
    """One sentence for the help and the documents: whose format, which columns."""
    media_types: tuple[str, ...]

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of a file, one after the other; Invalid when it is not of this format."""
        ...
