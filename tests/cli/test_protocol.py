"""How many pieces an answer goes out in."""

import asyncio
from collections.abc import Callable, Iterable

import pytest

from incidents_api.cli.protocol import InOnePiece


class Recorded(asyncio.Transport):
    """Keeps every call of the kernel that would have been made."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.calls.append(b"closed")
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def _head(pieces: InOnePiece) -> None:
    pieces.write(b"head ")


def _answer(pieces: InOnePiece) -> None:
    pieces.write(b"head ")
    pieces.write(b"body")


def _chunks(pieces: InOnePiece) -> None:
    _answer(pieces)
    pieces.write(b"more ")
    pieces.write(b"and more")


def _last(pieces: InOnePiece) -> None:
    _head(pieces)
    pieces.close()


def _cut(pieces: InOnePiece) -> None:
    _head(pieces)
    pieces.abort()


@pytest.mark.parametrize(
    ("does", "calls"),
    [
        (_head, [b"head "]),
        (_answer, [b"head body"]),
        (_chunks, [b"head body", b"more and more"]),
        (_last, [b"head ", b"closed"]),
        (_cut, []),
    ],
)
def test_what_is_written_in_one_turn_of_the_loop_goes_out_together(
    does: Callable[[InOnePiece], None], calls: list[bytes]
) -> None:
    transport = Recorded()

    async def turn() -> None:
        does(InOnePiece(transport, asyncio.get_running_loop()))
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert transport.calls == calls
