"""The client: keep-alive connections that ask without a pause, and what the servers used of the machine meanwhile."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import psutil
import uvloop

from bench.systems import Running

PATIENCE = 600.0
"""Seconds after which a drive that does not end is given up."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a drive gave: requests answered, seconds, how long each took (in seconds, sorted), bytes, failures, CPU
    seconds of the servers, and cores that others of the machine used meanwhile. `by`: the waits of each kind of
    request, where kinds were told."""

    requests: int
    seconds: float
    waits: tuple[float, ...]
    bytes: int
    failed: int
    cpu: float
    others: float
    by: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_each(self) -> float:
        """CPU seconds of the servers for a request."""
        return self.cpu / max(1, self.requests)

    def wait(self, share: float) -> float:
        """Seconds within which that share was answered."""
        return self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))] if self.waits else float("nan")


class _Connection(asyncio.Protocol):
    """One connection: the next request goes out when the answer before it is whole."""

    def __init__(self, drive: "_Drive") -> None:
        self.drive = drive
        self.transport: Any = None
        self._head = b""
        self._left = 0
        self._chunked = False
        self._tail = b""
        self._sent, self._turn = 0.0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self._turn, request = self.drive.following()
        if request is None:
            self.transport.close()
            return
        self._head, self._left, self._chunked, self._tail = b"", -1, False, b""
        self._sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Count until the answer is whole."""
        self.drive.bytes += len(data)
        if self._left < 0 and not self._chunked:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self.drive.failed += head[9:10] != b"2"
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
            self._chunked, self._left = not length, int(length or 0)
        if self._chunked:
            self._tail = (self._tail + data)[-7:]
            if self._tail.endswith(b"0\r\n\r\n"):
                self._done()
            return
        self._left -= len(data)
        if self._left <= 0:
            self._done()

    def _done(self) -> None:
        self.drive.waits.append((self._turn, time.perf_counter() - self._sent))
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """A server that hangs up on us failed; the others go on."""
        self.drive.failed += error is not None
        self.drive.open -= 1
        if not self.drive.open:
            self.drive.ended.set()


class _Drive:
    """The requests in turn, until the time is over."""

    def __init__(self, requests: Sequence[bytes], seconds: float) -> None:
        self._requests, self._turn = requests, count()
        self._until = time.perf_counter() + seconds
        self.waits: list[tuple[int, float]] = []
        self.bytes = self.failed = self.open = 0
        self.ended = asyncio.Event()

    def following(self) -> tuple[int, bytes | None]:
        """The next request and the how manieth it is; None when the time is over."""
        if time.perf_counter() >= self._until:
            return 0, None
        turn = next(self._turn)
        return turn, self._requests[turn % len(self._requests)]


async def _driven(running: Running, drive: _Drive, connections: int) -> None:
    places = [url.removeprefix("http://").partition(":") for url in (running.url, *running.more)]
    loop = asyncio.get_running_loop()
    drive.open = connections
    for (host, _, port), _ in zip(cycle(places), range(connections), strict=False):
        await loop.create_connection(lambda: _Connection(drive), host, int(port))
    async with asyncio.timeout(PATIENCE):
        await drive.ended.wait()


def drive(
    running: Running, requests: Sequence[bytes], connections: int = 8, seconds: float = 2.0, kinds: Sequence[str] = ()
) -> Load:
    """Ask these in turn over so many connections, for so long; `kinds` says what each of them is."""
    told = _Drive(requests, seconds)
    before, begun = cpu(running), time.perf_counter()
    everything, own = _busy(), time.process_time()
    uvloop.run(_driven(running, told, connections))
    took, used = time.perf_counter() - begun, cpu(running) - before
    others = max(0.0, _busy() - everything - used - (time.process_time() - own)) / took
    by: dict[str, list[float]] = {}
    for turn, wait in told.waits if kinds else ():
        by.setdefault(kinds[turn % len(kinds)], []).append(wait)
    sorted_by = {kind: tuple(sorted(waits)) for kind, waits in sorted(by.items())}
    waits = tuple(sorted(wait for _, wait in told.waits))
    return Load(len(waits), took, waits, told.bytes, told.failed, used, others, sorted_by)


def _busy() -> float:
    """CPU seconds that the machine has spent so far."""
    told = psutil.cpu_times()
    return float(sum(told) - told.idle - getattr(told, "iowait", 0.0) - getattr(told, "guest", 0.0))


def processes(pids: Iterable[int]) -> Iterator[psutil.Process]:
    """The processes of a system: its roots and all they started."""
    for pid in pids:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)


def cpu(running: Running) -> float:
    """CPU seconds that the processes of a system have used so far, those that have ended meanwhile included."""
    total = 0.0
    for process in processes(running.pids):
        try:
            total += sum(process.cpu_times()[:4])  # own and of ended children, each by user and system
        except psutil.NoSuchProcess:
            continue
    return total


def memory(running: Running) -> int:
    """Bytes that a system keeps in memory, without the server of its database, which keeps what it is told to.

    Pages that it shares with others are parted among those who share them.
    """
    return _counted(running, ("Pss",))


def own_memory(running: Running) -> int:
    """The same without pages of files, which the machine keeps as long as it has room and takes back at will."""
    return _counted(running, ("Pss_Anon", "Pss_Shmem"))


def _counted(running: Running, wanted: Sequence[str]) -> int:
    total = 0
    for process in processes(running.pids[:1]):
        try:
            told = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            continue
        lines = (line.split() for line in told.splitlines()[1:])
        total += sum(1024 * int(kilobytes) for name, kilobytes, *_ in lines if name.rstrip(":") in wanted)
    return total
