"""NDJSON: the stored documents as they stand, one to a line."""

from typing import ClassVar

from incidents_api.exporters.columns import About, Table


class Ndjson:
    """Documents one to a line. Takes their bytes: canonical JSON holds no raw line feed, so nothing is parsed."""

    media_type: ClassVar[str] = "application/x-ndjson"
    suffix: ClassVar[str] = "ndjson"
    streamed: ClassVar[bool] = True
    takes_text: ClassVar[bool] = True

    def __init__(self, table: Table | None = None, about: About | None = None) -> None:
        """Both are there so that every format is made alike; lines of JSON have no use for them."""

    def begin(self) -> bytes:
        """Nothing: there is no header."""
        return b""

    def write(self, lines: bytes | memoryview) -> bytes | memoryview:
        """The lines as they are: the documents come with a line feed after each."""
        return lines

    def end(self) -> bytes:
        """Nothing: the last line is ended."""
        return b""
