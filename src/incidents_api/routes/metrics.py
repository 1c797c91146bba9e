"""GET /metrics: requests, their durations, and how busy the store is, in the text format of Prometheus."""

import time
from collections.abc import Iterable, Iterator

from fastapi import Request, Response

from incidents_api import __version__, access
from incidents_api.access import OPEN
from incidents_api.errors import Unavailable
from incidents_api.model.visitor import Visitor
from incidents_api.reading import records
from incidents_api.routes import web
from incidents_api.routes.limits import shares_of
from incidents_api.routes.passage import Passage
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.load import Histogram

MEDIA = "text/plain; version=0.0.4"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
PREFIX = "incidents_"


class Metrics:
    """What was counted since the start. Labels come from our routes and from lists, so their number is bounded."""

    def __init__(self) -> None:
        self.started = time.time()
        self.statuses: dict[tuple[str, str, int], int] = {}
        self.seconds: dict[tuple[str, str], Histogram] = {}

    def add(self, passage: Passage, seconds: float) -> None:
        """Count a request that is over."""
        method = passage.method if passage.method in web.METHODS else "other"
        of = (method, passage.route or "unmatched")
        status = (*of, passage.status)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        histogram = self.seconds.get(of)
        if histogram is None:
            histogram = self.seconds[of] = Histogram(BOUNDS)
        histogram.add(seconds)


def endpoints() -> list[Endpoint]:
    """The route of the metrics."""
    text = {"type": "string"}
    return [
        Endpoint(
            "GET", "/metrics", OPEN, _metrics, "metrics", "Counts and durations, for Prometheus", "service",
            answer=text, media="text/plain", problems=(403,), probe=True,
        ),
    ]  # fmt: skip


async def _metrics(request: Request, who: Visitor) -> Response:
    access.allow(who, OPEN if limits_of(request).open_metrics else "admin", open_reads=False)
    lines = [
        *_requests(request.app.state.metrics),
        *_store(request),
        *await _log(request),
        *_single("process_start_time_seconds", "When the process began.", "gauge", request.app.state.metrics.started),
        *_single("process_cpu_seconds_total", "Processor time that it has used.", "counter", time.process_time()),
    ]
    return web.answer("\n".join([*lines, ""]), headers={"Cache-Control": "no-store"}, media=MEDIA)


def _requests(metrics: Metrics) -> Iterator[str]:
    yield from _head(f"{PREFIX}info", "The version that runs.", "gauge")
    yield f'{PREFIX}info{{version="{__version__}"}} 1'
    yield from _head(f"{PREFIX}requests_total", "Requests by method, route and status.", "counter")
    for (method, route, status), count in sorted(metrics.statuses.items()):
        yield f'{PREFIX}requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
    yield from _head(f"{PREFIX}request_seconds", "Seconds from arrival to the end of the answer.", "histogram")
    for (method, route), histogram in sorted(metrics.seconds.items()):
        yield from _histogram(f"{PREFIX}request_seconds", histogram, f'method="{method}",route="{route}"')


def _store(request: Request) -> Iterator[str]:
    load = database_of(request).load()
    yield from _single(f"{PREFIX}writes_queued", "Writes that wait for the writer.", "gauge", load.queued)
    yield from _head(f"{PREFIX}batch_writes", "Writes that shared a commit.", "histogram")
    yield from _histogram(f"{PREFIX}batch_writes", load.batches)
    yield from _single(f"{PREFIX}readers_busy", "Reads that run now.", "gauge", load.reader.busy)
    yield from _single(f"{PREFIX}readers", "Reads that can run at once.", "gauge", load.reader.size)
    running = shares_of(request).exports.total()
    yield from _single(f"{PREFIX}exports_running", "Exports that run now.", "gauge", running)
    streams = request.app.state.watch.streams
    yield from _single(f"{PREFIX}streams_open", "Followers of the change feed.", "gauge", streams)
    yield from _single(f"{PREFIX}reads_waiting", "Reads that wait for their turn.", "gauge", load.reader.waiting)


async def _log(request: Request) -> Iterable[str]:
    """The head of the log; without it where the store cannot tell, because a scrape must not fail for that."""
    try:
        rows = await database_of(request).read(records.head())
    except Unavailable:
        rows = []
    up = _single(f"{PREFIX}store_up", "Whether the store answers.", "gauge", int(bool(rows)))
    seq = _single(f"{PREFIX}log_seq", "The newest revision of the log.", "gauge", rows[0][0]) if rows else ()
    return [*up, *seq]


def _head(name: str, meaning: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def _single(name: str, meaning: str, kind: str, value: float) -> Iterator[str]:
    yield from _head(name, meaning, kind)
    yield f"{name} {value}"


def _histogram(name: str, histogram: Histogram, labels: str = "") -> Iterator[str]:
    below, before = 0, f"{labels}," if labels else ""
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        below += count
        yield f'{name}_bucket{{{before}le="{bound}"}} {below}'
    braces = f"{{{labels}}}" if labels else ""
    yield f"{name}_sum{braces} {histogram.total}"
    yield f"{name}_count{braces} {below}"
