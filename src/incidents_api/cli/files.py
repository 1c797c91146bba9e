"""incidents export FORMAT: the records of a filter as a file of any format, or in the columns of another dataset."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from incidents_api.cli.console import open_store, out, progress_bar, read_settings
from incidents_api.errors import OperatorError
from incidents_api.exporters import EXPORTERS, MissingExtra, TooManyRows
from incidents_api.model.kinds import BY_PLURAL
from incidents_api.model.layouts import LAYOUTS
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import stamp
from incidents_api.reading import pages, query, records
from incidents_api.routes import lists
from incidents_api.routes.exports import PAGE, Download, formats_of, kind_of, purpose_of
from incidents_api.settings import Settings
from incidents_api.storage.database import Database

app = typer.Typer()

_TABLES = (*BY_PLURAL, "claims")

Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", help="As in the address of a list: country=MX&from=2020. May be given several times."),
]
Output = Annotated[Path | None, typer.Option("--output", "--to", help="A file to write; none: standard output.")]
Table = Annotated[str, typer.Option(help=f"Which records: {', '.join(_TABLES)}.")]
Restricted = Annotated[
    bool, typer.Option("--restricted", help="All that the store holds, not only what everybody may see.")
]
Layout = Annotated[
    str | None, typer.Option(help=f"CSV in the columns of another dataset instead of our own: {', '.join(LAYOUTS)}.")
]
Bom = Annotated[bool, typer.Option("--bom", help="CSV that begins with the mark by which Excel knows UTF-8.")]


def query_string(filters: list[str] | None, **more: str | None) -> bytes:
    """The filters of a command line, which nobody wants to percent-encode there, as the query string of a request."""
    pairs: list[tuple[str, str]] = [
        (part.partition("=")[0], part.partition("=")[2]) for text in filters or () for part in text.split("&") if part
    ]
    pairs += [(name, value) for name, value in more.items() if value is not None]
    return urlencode(pairs).encode()


def export(suffix: str, asked: bytes, output: Path | None, table: str, *, restricted: bool = False) -> None:
    """Write the records of a table that a query string selects as a file, whole or not at all."""
    if table not in _TABLES:
        raise OperatorError(f"there is no table {table!r}; there are {', '.join(_TABLES)}")
    if suffix not in formats_of(table):
        raise OperatorError(f"{table} cannot be written as {suffix}; it takes {', '.join(formats_of(table))}")
    if output is None and sys.stdout.isatty() and not EXPORTERS[suffix].streamed:
        raise OperatorError(f"{suffix} is nothing to read on a screen; name a file: --output FILE.{suffix}")
    selected = query.parse(kind_of(table), asked, PAGE, purpose_of(table, suffix))
    settings = read_settings()
    with (
        open_store(settings) as database,
        progress_bar(f"Writing {suffix}", 0) as progress,
        tempfile.TemporaryDirectory(prefix="incidents-") as folder,
    ):
        bar = progress.task_ids[0]
        part = output.with_name(output.name + ".part") if output is not None else Path(folder) / "file"
        who = _visitor(settings, restricted=restricted)
        job = Download(database, selected, who, table, suffix, counted=lambda count: progress.advance(bar, count))
        try:
            at = asyncio.run(_write(job, settings, part, lambda total: progress.update(bar, total=total)))
            if output is not None:
                part.replace(output)
            else:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
        except (MissingExtra, TooManyRows) as error:
            raise OperatorError(str(error)) from None
        finally:
            part.unlink(missing_ok=True)
        count = int(progress.tasks[0].completed)
    out.print(f"{count:,} records written, as of seq {at}." if count else f"No record fits, as of seq {at}.")


def _visitor(settings: Settings, *, restricted: bool) -> Visitor:
    """The public, or who may see everything."""
    scopes = frozenset({"admin"} if restricted else ())
    return Visitor(None, scopes, statuses=settings.public_statuses, now=stamp(datetime.now(UTC)))


async def _write(job: Download, settings: Settings, target: Path, counted: Callable[[int | None], None]) -> int:
    """Fill the file; the seq that it was read at."""
    database = job.database
    try:
        at = await _seq(database, job.query.as_of)
        job = replace(job, query=replace(job.query, at=at, limit=PAGE))
        if job.suffix != "zip":
            counted((await database.read(pages.total(job.query, to=job.who.audience)))[0][0])
        await job.write(job.exporter(await job.about(settings.licence)), target)
        return at
    finally:
        await database.close()


async def _seq(database: Database, when: int | str | None) -> int:
    if when is not None:
        return (await lists.pin(database, when)).at
    at: int = (await database.read(records.head()))[0][0]
    return at


def _command(suffix: str) -> None:
    """The command of a format; what a format has no use for is refused like a wrong parameter of its address."""

    @app.command(suffix, help=f"The records of a filter as {suffix.upper()}.")
    def _export(
        filters: Filters = None,
        output: Output = None,
        table: Table = "incidents",
        layout: Layout = None,
        bom: Bom = False,
        restricted: Restricted = False,
    ) -> None:
        more = {"layout": layout, "bom": "1" if bom else None}
        export(suffix, query_string(filters, **more), output, table, restricted=restricted)


for _suffix in EXPORTERS:
    _command(_suffix)
