"""Where the rooms are joined: settings, store, routes, problems and middleware become one application."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp, Scope

from incidents_api import __version__, access
from incidents_api.access.rates import Rate
from incidents_api.access.tokens import Issuer, Trust
from incidents_api.errors import PROBLEMS, BadQuery, MethodNotAllowed, NotFound, OperatorError, Problem
from incidents_api.model import vocabulary
from incidents_api.reading import records as stored
from incidents_api.routes import (
    bulk,
    changes,
    claims,
    codebook,
    describe,
    duplicates,
    editions,
    explorer,
    exports,
    history,
    metrics,
    records,
    redaction,
    service,
    streams,
    totals,
    web,
)
from incidents_api.routes.direct import Direct
from incidents_api.routes.exports import Files
from incidents_api.routes.front import Front
from incidents_api.routes.limits import Shares
from incidents_api.routes.metrics import Metrics
from incidents_api.routes.watch import Watch
from incidents_api.routes.web import Endpoint, Limits
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.writing import embargo

log = logging.getLogger("incidents_api")

DESCRIPTION = """Incidents - kidnappings, rescues, releases, clashes, trafficking cases - as people who document them
need them: every figure is a claim tied to the words of its source, contradictions are kept, nothing disappears
without a trace. Reads are open; writes need `Authorization: Bearer inc_...` (`incidents key create`)."""


_EXPOSED = (
    *("As-Of-Seq", "Content-Disposition", "ETag", "Link", "Location"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"),
)
"""Headers of any answer that pages of other origins may read."""
_TO_ALL_ORIGINS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
)
"""What CORS says of every answer. It is the same for all of them, so no answer varies by its origin."""


class BytesRoute(APIRoute):
    """A route whose handler takes the request and gives the response: FastAPI describes it and stays out of its way."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A path that is declared as it stands is never taken for an id: PUT /v1/incidents/bulk is a 405."""
        if self.param_convertors and scope["path"] in scope["app"].state.fixed_paths:
            return Match.NONE, {}
        return super().matches(scope)


@cache
def endpoints() -> Sequence[Endpoint]:
    """Every route of the service."""
    rooms = (records, bulk, redaction, history, changes, claims, totals, duplicates)
    files = (editions, exports, codebook, service, explorer, metrics)
    return tuple(endpoint for room in (*rooms, *files) for endpoint in room.endpoints())


def create_app(settings: Settings, database: Database | None = None) -> FastAPI:
    """The application over a store; it closes the store at the end only when it opened it itself."""
    store = database or Database(settings.database_url, settings.read_threads, settings.statement_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        chores = [
            asyncio.create_task(chore) for chore in (_write_uses(app.state.uses, store), _lift_embargoes(app, store))
        ]
        yield
        await streams.end(*chores)
        await app.state.uses.write(store)
        app.state.workers.close()
        app.state.files.close()
        if database is None:
            await store.close()

    app = FastAPI(
        title="The incident event store",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Metrics and logs are our own and hold nothing that clients sent; these would hold their queries.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # Every request looks up here what it needs; starlette's own State looks twice for each.
    app.state = SimpleNamespace()  # type: ignore[assignment]
    app.state.database = store
    app.state.stopping = asyncio.Event()
    app.state.metrics = Metrics()
    app.state.shares = Shares(
        Rate(settings.rate_per_address), Rate(settings.rate_per_key), settings.trusted_hops, settings.max_exports
    )
    app.state.uses = access.Uses()
    app.state.issuer = _issuer(settings)
    app.state.files = Files()
    app.state.watch = Watch(store)
    app.state.watch.closing = app.state.stopping.is_set
    app.state.clock = lambda: datetime.now(UTC)
    _check_statuses(settings.public_statuses)
    app.state.workers = bulk.Workers()
    app.state.limits = Limits(**{one.name: getattr(settings, one.name) for one in dataclasses.fields(Limits)})
    app.state.fixed_paths = {endpoint.path for endpoint in endpoints() if "{" not in endpoint.path}
    app.router.route_class = BytesRoute
    for endpoint in endpoints():
        app.add_api_route(
            endpoint.path,
            web.guarded(endpoint),
            methods=[endpoint.method],
            name=endpoint.name,
            operation_id=endpoint.name,
            summary=endpoint.summary,
            description=endpoint.description or endpoint.summary,
            tags=[endpoint.tag],
            status_code=endpoint.status,
            response_class=Response,
            responses=_responses(endpoint),
            openapi_extra=_extra(endpoint),
        )
    check_scopes(app)
    _describe(app)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.middleware_stack = _way(app, behind_proxy=settings.trusted_hops > 0)
    return app


def _way(app: FastAPI, *, behind_proxy: bool) -> ASGIApp:
    """What a request passes, in the place of what FastAPI would put around its router: our front answers for what
    nobody caught, and measures."""
    router = ExceptionMiddleware(app.router, app.exception_handlers)
    cors = CORSMiddleware(
        router,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["Authorization", "If-None-Match"],
        expose_headers=_EXPOSED,
        max_age=86400,
    )
    direct = Direct(cors, endpoints(), _TO_ALL_ORIGINS)
    return Front(direct, app.state.metrics, behind_proxy=behind_proxy)


def _issuer(settings: Settings) -> Issuer | None:
    """The identity provider whose tokens are taken beside keys, if there is one."""
    if settings.oidc_issuer is None:
        return None
    return Issuer(
        Trust(
            settings.oidc_issuer,
            settings.oidc_audience,
            settings.oidc_jwks_url,
            settings.oidc_claim,
            settings.oidc_scopes,
        )
    )


async def _write_uses(uses: access.Uses, store: Database) -> None:
    """Keep when keys were last used, once a minute: one commit for all of them, and none when nobody came."""
    while True:
        await asyncio.sleep(60)
        await uses.write(store)


LIFT_SECONDS = 5.0
"""How long after the end of an embargo followers of the feed may hear of it; readers see it at once."""


async def _lift_embargoes(app: FastAPI, store: Database) -> None:
    """Say in the log which embargoes are over: at the start, for those that ended meanwhile, and then again and again.

    One short look-up each time; a write only where something is to be said.
    """
    while True:
        try:
            now = app.state.clock()
            while (await store.read(stored.embargoes_over(now)))[0][0] and await store.write(embargo.lift, now):
                pass
        except Exception:  # whatever it was, the next look must come
            log.exception("embargoes that are over could not be looked for; it will be tried again")
        await asyncio.sleep(LIFT_SECONDS)


def _check_statuses(named: Iterable[str]) -> None:
    """Refuse to start with a status that there is none of: whoever misspells one would hide what should be seen."""
    allowed = vocabulary.codes("review_status")
    for status in named:
        if status not in allowed:
            raise OperatorError(f"INCIDENTS_PUBLIC_STATUSES: {status!r} is none of {', '.join(allowed)}")


def check_scopes(app: FastAPI) -> None:
    """Refuse to start with a route that says nothing of who may use it."""
    for route in app.routes:
        if getattr(getattr(route, "endpoint", None), "scope", None) is None:
            raise RuntimeError(f"the route {getattr(route, 'path', route)} declares no scope")


# --- OpenAPI -------------------------------------------------------------------------------------------------------


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    told: dict[int | str, dict[str, Any]] = {endpoint.status: {"description": endpoint.summary + "."}}
    if endpoint.answer is not None:
        told[endpoint.status]["content"] = {endpoint.media: {"schema": dict(endpoint.answer)}}
    replayed = {web.REPLAYED: "true, when it is the answer to an earlier request with this key."}
    headers = dict(endpoint.headers) | (replayed if endpoint.writes else {})
    if headers:
        told[endpoint.status]["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in headers.items()
        }
    # Any key that is sent is looked at, closed reads ask for one, and the store may be out of reach.
    common = (401, 403, 503) if endpoint.scope != "open" else (401, 503)
    path, writes = endpoint.path, endpoint.writes
    always = {
        400: path.startswith("/v1"),
        404: "{" in path,
        408: writes,
        409: writes,
        422: writes,
        429: not endpoint.probe,
    }
    titles = {problem.status: problem.title for problem in PROBLEMS}
    for status in sorted({*endpoint.problems, *common, *(status for status, told in always.items() if told)}):
        if status == 304:
            told[status] = {"description": "Not modified."}
            continue
        reference = {"$ref": "#/components/schemas/Problem"}
        told[status] = {"description": titles[status] + ".", "content": {web.PROBLEM: {"schema": reference}}}
    return told


def _extra(endpoint: Endpoint) -> dict[str, Any]:
    keyed = (describe.IDEMPOTENCY_KEY,) if endpoint.writes else ()
    extra: dict[str, Any] = {"parameters": [dict(one) for one in (*endpoint.parameters, *keyed)]}
    if endpoint.body is not None:
        content = {endpoint.body["media"]: {"schema": endpoint.body["schema"]}}
        extra["requestBody"] = {"required": True, "content": content}
    if endpoint.scope not in ("open", "read"):
        extra["security"] = [{"key": [endpoint.scope]}]
    return extra


def _describe(app: FastAPI) -> None:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            components["schemas"] = dict(sorted(describe.schemas().items()))
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "A key: incidents key create --scope write"}
            }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


# --- Problems ------------------------------------------------------------------------------------------------------


async def _problem(request: Request, error: Any) -> Response:
    return web.problem_answer(error, request.scope["path"])


async def _http_problem(request: Request, error: Any) -> Response:
    """What the router itself refuses: no such route, no such method."""
    if error.status_code == 404:
        told: Problem = NotFound("there is no such route; GET /v1 tells what there is")
    elif error.status_code == 405:
        allow = ", ".join(sorted(_methods(request)))
        told = MethodNotAllowed(f"this route takes {allow}", headers={"Allow": allow})
    else:
        told = BadQuery(str(error.detail))
    return web.problem_answer(told, request.scope["path"])


def _methods(request: Request) -> set[str]:
    """Every method that the path takes; the router itself tells those of the first route alone."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches({**request.scope, "method": "*"})[0] is not Match.NONE:
            found |= route.methods or set()
    return found | ({"HEAD"} if "GET" in found else set())
