"""Exports: the filtered list as a file, streamed page by page, or as a whole file that answers Range."""

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request, Response
from starlette.responses import FileResponse, StreamingResponse

from incidents_api import __version__
from incidents_api.access import READ
from incidents_api.errors import NotAcceptable, RangeNotSatisfiable, Unavailable
from incidents_api.exporters import EXPORTERS, About, MissingExtra, TooManyRows, layout_table, table
from incidents_api.exporters.package import NAMES
from incidents_api.model.kinds import BY_PLURAL, KINDS, Kind
from incidents_api.model.visitor import Visitor
from incidents_api.reading import claims, pages, records
from incidents_api.reading.query import Query
from incidents_api.routes import lists, web
from incidents_api.routes.describe import parameters_of
from incidents_api.routes.limits import shares_of
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.database import Database, Statement
from incidents_api.storage.dialects import encoded
from incidents_api.storage.threads import be_patient

PAGE = 400
"""Records in one statement; between statements no connection is held, however slow the client."""
PIECE = 65_536
"""Bytes of a streamed piece, at least; only the last may have fewer."""
MARK = "\n"
"""Parts the records of a page: canonical JSON holds no raw line feed, so the pages of NDJSON are lines as they come."""
TRIES = 30
"""How often the read of a page is tried again, a second apart, once a file has begun."""
KEEP_FILES = 8
KEEP_SECONDS = 120
"""A file that was made is kept this long, so that HEAD and the Ranges that follow find the same bytes."""

Reader = Callable[[Statement], Awaitable[Sequence[Any]]]

LOCATED = ("incidents", "locations")


def endpoints() -> list[Endpoint]:
    """Every file of every table."""
    return [
        Endpoint(
            "GET",
            f"/v1/{name}.{suffix}",
            READ,
            _file(name, suffix),
            f"export_{name}_{suffix}",
            f"The filtered {name} as {suffix.upper()}",
            name,
            "Exactly the records that the list with the same parameters gives, all of them.",
            parameters_of(kind_of(name), purpose_of(name, suffix)),
            answer={"type": "object" if suffix == "geojson" else "string"},
            media=exporter.media_type.partition(";")[0],
            headers={"Content-Disposition": "The file's name.", "As-Of-Seq": "The seq it was read at."},
            problems=(304, 400, 406, 416),
        )
        for name in (*BY_PLURAL, "claims")
        for suffix, exporter in formats_of(name).items()
    ]


def purpose_of(name: str, suffix: str) -> str:
    """What a query for that file may hold (reading/parameters.py)."""
    return f"{'claims export' if name == 'claims' else 'export'} {suffix}"


def kind_of(name: str) -> Kind:
    """The kind whose records a table is made from."""
    return KINDS["incident"] if name == "claims" else BY_PLURAL[name]


def formats_of(name: str) -> Mapping[str, Any]:
    """The formats that a table is given in."""
    return {
        suffix: exporter
        for suffix, exporter in EXPORTERS.items()
        if (suffix != "geojson" or name in LOCATED) and (suffix != "zip" or name == "incidents")
    }


def negotiated(name: str, otherwise: web.Handler) -> web.Handler:
    """The list, or the file that the Accept header prefers to it."""
    by_type = {exporter.media_type.partition(";")[0]: suffix for suffix, exporter in formats_of(name).items()}

    async def handle(request: Request, who: Visitor) -> Response:
        for media in preferred(web.header_of(request, b"accept")):
            if media in by_type:
                return await _file(name, by_type[media])(request, who)
            if media in (web.JSON, "application/*", "*/*"):
                break
        return await otherwise(request, who)

    return handle


@lru_cache(64)
def preferred(accept: str | None) -> Sequence[str]:
    """The media types of an Accept header, the most wanted first (RFC 9110 section 12.5.1); without one, anything."""
    found = []
    for entry in ("*/*" if accept is None else accept).split(",")[:50]:
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        found.append((float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0, media))
    return [media for quality, media in sorted(found, key=lambda pair: -pair[0]) if quality > 0]


def _file(name: str, suffix: str) -> web.Handler:
    kind = kind_of(name)

    async def handle(request: Request, who: Visitor) -> Response:
        ask = await lists.asked(request, who, kind, purpose_of(name, suffix))
        pin = ask.pin or lists.Pin((await database_of(request).read(records.head()))[0][0])
        mark = await lists.audience_mark(request, who)
        query = replace(ask.query, at=pin.at, limit=PAGE)
        job = Download(database_of(request), query, who, name, suffix, mark)
        headers = pin.headers(who) | {
            "Content-Disposition": f'attachment; filename="{job.file_name}_seq{pin.at}.{suffix}"',
            "ETag": job.tag(pin),
        }
        if web.not_modified(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        shares_of(request).begin_export(request)
        try:
            exporter = job.exporter(await job.about(limits_of(request).licence))
            if exporter.streamed and not request.scope.get("head") and "range" not in request.headers:
                pieces = job.stream(exporter)
                first = await anext(pieces)  # before the status is sent: what cannot begin is told as a problem
                return StreamingResponse(_after(first, pieces), headers=headers, media_type=exporter.media_type)
            path = await files_of(request).get(job.key(pin), suffix, lambda target: job.write(exporter, target))
        except MissingExtra as error:
            raise NotAcceptable(str(error)) from None
        except TooManyRows as error:
            raise NotAcceptable(str(error)) from None
        _check_range(request, path.stat().st_size)
        return FileResponse(path, headers=headers, media_type=exporter.media_type)

    return handle


def _check_range(request: Request, size: int) -> None:
    """Refuse a Range beyond the file; one that is no range of bytes is no range, and the whole file is given."""
    given = request.headers.get("range", "")
    match = re.fullmatch(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})(\s*,.*)?", given)
    if match is None or not (match[1] or match[2]) or (match[1] and match[2] and int(match[1]) > int(match[2])):
        request.scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    elif match[1] and int(match[1]) >= size:
        raise RangeNotSatisfiable(f"the file has {size:,} bytes", headers={"Content-Range": f"bytes */{size}"})


@dataclass(frozen=True, slots=True)
class Download:
    """One file: what is asked, by whom, of which table, in which format.

    `mark` stands for what the audience sees; `counted` hears of the records of every page.
    """

    database: Database
    query: Query
    who: Visitor
    name: str
    suffix: str
    mark: str = ""
    counted: Callable[[int], None] = lambda _: None

    @property
    def file_name(self) -> str:
        """What the file is called, but for the seq and the ending."""
        return "_".join(filter(None, (self.name, self.query.one("layout"))))

    async def about(self, licence: str) -> About:
        """What the file says of itself."""
        rows = await self.database.read(records.edition(self.query.at, to=self.who.audience))
        told = {what: (text, number) for what, text, number in rows}
        edition: dict[str, Any] = {}
        if "hash" in told:
            edition = {"seq": told["hash"][1], "hash": told["hash"][0], "recorded_at": told["time"][0]}
        title = f"The incident event store {__version__}"
        return About(title=title, edition=edition, licence={"name": licence} if licence else {})

    def key(self, pin: lists.Pin) -> str:
        """Stands for the bytes of the file."""
        told = f"{self.name}.{self.suffix}|{self.query.pairs}|{pin.at}|{self.mark}"
        return hashlib.sha256(told.encode()).hexdigest()[:20]

    def tag(self, pin: lists.Pin) -> str:
        """The ETag: the same bytes for the same query at the same seq."""
        return f'"{pin.at}-{self.key(pin)}"'

    def exporter(self, about: About) -> Any:
        """The exporter of this file."""
        make = EXPORTERS[self.suffix]
        if self.suffix == "zip":
            return make(None, about)
        more = {"bom": True} if self.suffix == "csv" and self.query.one("bom") == "1" else {}
        layout = self.query.one("layout")
        return make(table(self.name) if layout is None else layout_table(layout), about, **more)

    async def pages(self, query: Query, *, text: bool) -> AsyncIterator[bytes | memoryview]:
        """The stored texts page by page, MARK after each; a page is read while the one before it is written."""
        rows: Callable[..., Statement] = pages.page
        if text and self.name == "claims":
            rows, query = claims.page, replace(query, sort=claims.SORT)
        current = True

        async def page(query: Query, read: Reader) -> Sequence[Any]:
            """As it stood at the query's seq: what stands now, which costs less to find, until something is written."""
            nonlocal current
            asked = replace(query, at=None) if current else query
            found: Sequence[Any] = (await read(rows(asked, to=self.who.audience, mark=MARK)))[0]
            if current and found[3] != query.at:
                current = False
                found = (await read(rows(query, to=self.who.audience, mark=MARK)))[0]
            return found

        reading = asyncio.ensure_future(page(query, self.database.read))
        try:
            while True:
                joined, keys, count, _ = await reading
                if more := count > query.limit:
                    query = query.following(keys.rsplit("\n", 2)[-2])
                    reading = asyncio.ensure_future(page(query, partial(_patiently, self.database)))
                if count:
                    told = encoded(joined)
                    # A page is large: a view of it is no copy.
                    yield memoryview(told)[: told.rindex(b"\n") + 1] if more else told + b"\n"
                    self.counted(min(count, query.limit))
                if not more:
                    return
        finally:
            if not reading.cancel() and not reading.cancelled():
                reading.exception()  # of a page that nobody waits for any more, nobody needs to hear

    def _parsed(self, page: bytes | memoryview) -> Iterator[Any]:
        """The records, one at a time: what is read next finds the last one's room."""
        for one in map(orjson.loads, bytes(page)[:-1].split(b"\n")):
            if self.name == "claims":
                one["claims"] = [claim for claim in one["claims"] if claims.keeps(self.query, claim)]
            yield one

    async def stream(self, exporter: Any) -> AsyncIterator[bytes | memoryview]:
        """The bytes of a streamed format, in pieces of PIECE or more."""
        held = exporter.begin()
        async for page in self.pages(self.query, text=exporter.takes_text):
            lines = page if exporter.takes_text else self._parsed(page)
            piece = exporter.write(lines) if exporter.takes_text else await asyncio.to_thread(exporter.write, lines)
            piece = b"".join((held, piece)) if held else piece
            held = b""
            if len(piece) >= PIECE:
                yield piece
            else:
                held = bytes(piece)
        yield held + exporter.end()

    async def write(self, exporter: Any, target: Path) -> None:
        """Fill a file; a thread writes while the loop reads the pages."""
        if exporter.streamed:
            with target.open("wb") as file:
                async for piece in self.stream(exporter):
                    await asyncio.to_thread(file.write, piece)
            return
        loop = asyncio.get_running_loop()

        def pulled(query: Query) -> Iterator[Iterator[Any]]:
            pages = self.pages(query, text=False)
            while True:
                try:
                    yield self._parsed(asyncio.run_coroutine_threadsafe(_next(pages), loop).result())
                except StopIteration:
                    return
                except _Done:
                    return

        if self.suffix == "zip":
            await asyncio.to_thread(exporter.write_file, target, self._package(pulled))
        else:
            await asyncio.to_thread(exporter.write_file, target, pulled(self.query))

    def _package(self, pulled: Any) -> Mapping[str, Any]:
        """The filtered incidents and their claims; actors, locations and sources whole."""
        whole = {
            name: Query(BY_PLURAL[name], (), (), ((BY_PLURAL[name].sort.lstrip("-"), False),), PAGE, at=self.query.at)
            for name in NAMES
            if name in BY_PLURAL
        }
        return {name: pulled(self.query if name in ("incidents", "claims") else whole[name]) for name in NAMES}


async def _after(
    first: bytes | memoryview, pieces: AsyncIterator[bytes | memoryview]
) -> AsyncIterator[bytes | memoryview]:
    yield first
    async for piece in pieces:
        yield piece


async def _patiently(database: Database, statement: Statement) -> Sequence[Any]:
    """A read that waits out a busy store: a file that is half sent cannot be told to come back later."""
    for _ in range(TRIES):
        be_patient()
        try:
            return await database.read(statement)
        except Unavailable:
            await asyncio.sleep(1)
    return await database.read(statement)


class _Done(Exception):
    """No page is left."""


async def _next(pages: AsyncIterator[Any]) -> Any:
    try:
        return await anext(pages)
    except StopAsyncIteration:
        raise _Done from None


# --- Files ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Files:
    """The files made lately, so that a reader that asks for Ranges is served from one of them."""

    folder: tempfile.TemporaryDirectory[str] | None = None
    made: dict[str, tuple[Path, float]] = field(default_factory=dict)
    making: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def get(self, key: str, suffix: str, write: Any) -> Path:
        """The file of that key, made when there is none."""
        lock = self.making.setdefault(key, asyncio.Lock())
        async with lock:
            if key not in self.made:
                if self.folder is None:
                    self.folder = tempfile.TemporaryDirectory(prefix="incidents-")
                path = Path(self.folder.name) / f"{key}.{suffix}"
                part = path.with_suffix(".part")
                try:
                    await write(part)
                    os.replace(part, path)
                finally:
                    part.unlink(missing_ok=True)
                self._forget()
                self.made[key] = (path, time.monotonic())
            return self.made[key][0]

    def _forget(self) -> None:
        """Remove the oldest files; a response that has one open keeps reading it."""
        ordered = sorted(self.made.items(), key=lambda item: item[1][1])
        while ordered and (len(ordered) >= KEEP_FILES or ordered[0][1][1] < time.monotonic() - KEEP_SECONDS):
            key, (path, _) = ordered.pop(0)
            path.unlink(missing_ok=True)
            self.made.pop(key)
            self.making.pop(key, None)

    def close(self) -> None:
        """Remove every file."""
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None
        self.made.clear()


def files_of(request: Request) -> Files:
    """The files of the application."""
    files: Files = request.app.state.files
    return files
