"""Many reports in one request: bulk posting, imports of foreign files, and the lines that were refused."""

import asyncio
import io
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import orjson
from fastapi import Request, Response
from starlette.responses import StreamingResponse

from incidents_api.errors import BadQuery, Fault, Invalid, NotFound, Unavailable
from incidents_api.importers import IMPORTERS, Row
from incidents_api.importers.reports import MEDIA_TYPES, NDJSON, Reports
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.revision import new_id
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query, refusals
from incidents_api.reading.parameters import nearest
from incidents_api.routes import web
from incidents_api.routes.body import Body, CutOff
from incidents_api.routes.confirm import CONFIRM, confirming
from incidents_api.routes.describe import bulk_answer, parameter
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.threads import be_patient
from incidents_api.writing.bulk import REVISED, Bulk, Options, Outcome
from incidents_api.writing.once import Answer, Key

AT_ONCE = 4
"""How many such requests are worked on at a time; one more is told to come back."""

_CHOICES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "dry_run": (("false", "true"), "Say what would become of each line, and write nothing."),
    "on_error": (("skip", "abort"), "Leave out lines that cannot be taken, or take none at all."),
    "ended": (("keep", "retract"), "What becomes of incidents of this dataset that its newer release does not hold."),
    "on_existing": (
        ("skip", "update", "reject"),
        "What becomes of a line whose id or external id names a record: leave the record, bring it up to date, refuse.",
    ),
}


def endpoints() -> list[Endpoint]:
    """Every route that takes or tells of many lines."""
    return [*map(_bulk, KINDS.values()), _imports(), _refusals()]


def _chosen(name: str, default: str) -> Mapping[str, Any]:
    allowed, meaning = _CHOICES[name]
    return parameter(name, "query", meaning, {"type": "string", "enum": list(allowed), "default": default})


def _bulk(kind: Kind) -> Endpoint:
    defaults = {"dry_run": "false", "on_error": "skip", "on_existing": "skip"}

    async def handle(request: Request, who: Visitor) -> Response:
        given = _given(request, defaults)
        who = confirming(who, given.get("confirm"))
        media = web.media_of(request, MEDIA_TYPES)
        options = Options(given["dry_run"] == "true", given["on_error"], given["on_existing"])
        if media == "text/csv" and options.on_existing == "update":
            detail = "a row of CSV says too little to replace a record; send NDJSON or JSON to bring records up to date"
            raise BadQuery(detail, [Fault(detail, "not_here", parameter="on_existing")])
        return await _take(request, who, options, Reports(kind.name, media).read)

    item = {"$ref": f"#/components/schemas/{kind.report.__name__}"}
    return Endpoint(
        "POST", f"/v1/{kind.plural}/bulk", "write", handle, f"bulk_{kind.plural}", f"Post many {kind.plural}",
        kind.plural,
        "One report to a line (NDJSON), a JSON array, or CSV in the columns of the export; read as it arrives, written "
        "in batches, each a transaction. A line that is refused leaves its neighbours alone. With an Idempotency-Key a "
        "request that was cut off goes on where it stood when it is sent again.",
        (*(_chosen(name, default) for name, default in defaults.items()), CONFIRM),
        {"media": NDJSON, "schema": item}, answer=bulk_answer(), streams=True,
        problems=(400, 401, 403, 409, 413, 415, 422),
    )  # fmt: skip


def _imports() -> Endpoint:
    defaults = {"dry_run": "false", "on_error": "skip", "on_existing": "update", "ended": "keep"}

    async def handle(request: Request, who: Visitor) -> Response:
        given = _given(request, defaults)
        name = request.path_params["format"]
        if name not in IMPORTERS:
            raise NotFound(f"there is no such format{nearest(name, tuple(IMPORTERS))}")
        importer = IMPORTERS[name]
        web.media_of(request, importer.media_types)
        options = Options(
            given["dry_run"] == "true", given["on_error"], given["on_existing"], "import", REVISED, given["ended"]
        )
        if options.whole and options.ended == "retract":
            detail = "ended=retract goes with on_error=skip and without dry_run"
            raise BadQuery(detail, [Fault(detail, "not_here", parameter="ended")])
        return await _take(request, confirming(who, given.get("confirm")), options, importer.read)

    schema = {"type": "string", "enum": list(IMPORTERS)}
    told = " ".join(f"{name}: {importer.about}" for name, importer in IMPORTERS.items())
    return Endpoint(
        "POST", "/v1/imports/{format}", "write", handle, "import_file", "Import a file of another dataset", "service",
        f"As bulk posting, with the file as body; ids follow from the dataset's own. {told}",
        (
            parameter("format", "path", "Whose columns.", schema, required=True),
            *(_chosen(name, default) for name, default in defaults.items()),
            CONFIRM,
        ),
        {"media": "text/csv", "schema": {"type": "string"}}, answer=bulk_answer(), streams=True,
        problems=(400, 401, 403, 404, 409, 413, 415, 422),
    )  # fmt: skip


def _refusals() -> Endpoint:
    run = parameter("run", "path", "`run` of the answer.", {"type": "string"}, required=True)
    return Endpoint(
        "GET", "/v1/refusals/{run}", "write", _refused, "list_refusals", "Lines that a request of many did not take",
        "service",
        "As NDJSON: line, external_id and problem. Kept as long as the answer, for the key that sent the request.",
        (run,), answer={"type": "string"}, media=NDJSON, problems=(404,),
    )  # fmt: skip


# --- Taking --------------------------------------------------------------------------------------------------------


def _given(request: Request, defaults: Mapping[str, str]) -> dict[str, str]:
    """The parameters, each a word of its list."""
    given = dict(defaults) | query.read_once(request.scope["query_string"], (*defaults, "confirm"))
    for name, value in given.items():
        if name == "confirm":
            continue
        allowed = _CHOICES[name][0]
        if value not in allowed:
            fault = Fault(f"not one of its values{nearest(value, allowed)}", "unknown_code", None, name, allowed)
            raise BadQuery(f"{name} cannot be read", [fault])
    return given


async def _take(
    request: Request, who: Visitor, options: Options, read: Callable[[BinaryIO], Iterator[Row]]
) -> Response:
    """Take the rows of the body in a thread, and answer."""
    limit = limits_of(request).max_bulk_bytes
    web.check_length(request, limit)
    key = web.idempotency_key(request, who, "") or Key(
        who.key or who.author, new_id(), "", limits_of(request).idempotency_days
    )
    bulk = Bulk(database_of(request), who, options, key)
    body = Body(request, limit)

    def work() -> Answer:
        if not options.whole:
            return bulk.run(_rows(read, io.BufferedReader(body, 65_536)), body.digest, _answer)
        # Its transaction must not wait for the client.
        with tempfile.TemporaryFile() as file:
            while piece := body.read(65_536):
                file.write(piece)
            file.seek(0)
            return bulk.run(_rows(read, file), body.digest, _answer)

    workers: Workers = request.app.state.workers
    try:
        return web.answered(await workers.run(work))
    except CutOff:
        return Response(status_code=400)  # nobody is there to read it
    finally:
        body.stop()


def _rows(read: Callable[[BinaryIO], Iterator[Row]], file: BinaryIO) -> Iterator[Row]:
    """The rows, once somebody asks for the first."""
    yield from read(file)


class Workers:
    """The threads that such requests are worked on in."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bulk")
        self._busy = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """What the work gives; Unavailable when every thread is at work."""
        if self._busy == AT_ONCE:
            raise Unavailable("too many requests of many lines at once", headers={"Retry-After": "5"})
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _answer(outcome: Outcome) -> Answer:
    """200 with what became of the lines; 422 with the same where the first wrong line stops them all."""
    told = outcome.wire()
    if outcome.kept or outcome.dry_run:
        return Answer(200, json.dumps(told, ensure_ascii=False))
    count = outcome.progress.counts["refused"]
    problem = Invalid(f"{count:,} of {told['received']:,} lines cannot be taken, so none was", **told)
    return Answer(422, json.dumps(problem.wire(), ensure_ascii=False), {"Content-Type": web.PROBLEM})


# --- Refusals ------------------------------------------------------------------------------------------------------


async def _refused(request: Request, who: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    run = request.path_params["run"]
    database = database_of(request)
    rows = await database.read(refusals.holder(run))
    if not rows or rows[0][0] != (who.key or who.author):
        raise NotFound("there is no such run of this key, or it is no longer kept")

    async def lines() -> AsyncIterator[bytes]:
        after = -1
        while page := await database.read(refusals.page(run, after)):
            for line, external_id, problem in page:
                told = {"line": line, "external_id": external_id, "problem": orjson.loads(problem)}
                yield orjson.dumps(told) + b"\n"
                after = line
            be_patient()

    name = f'attachment; filename="refusals-{run}.ndjson"'
    return StreamingResponse(lines(), media_type=NDJSON, headers={"Content-Disposition": name})
