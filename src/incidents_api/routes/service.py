"""The service itself: what it is, its API docs (without any outside request), and whether it lives and is ready."""

from importlib.resources import files
from typing import Any

from fastapi import Request, Response

from incidents_api import __version__
from incidents_api.access import OPEN
from incidents_api.errors import NotFound, Unavailable
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query, records
from incidents_api.routes import web
from incidents_api.routes.describe import parameter
from incidents_api.routes.web import Endpoint, database_of

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "docs.js": "text/javascript"}
"""What the docs page loads: Swagger UI from the fastapi-offline wheel, and the line that starts it."""

_START_DOCS = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});\n'

_DOCS = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Incidents API</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs">The API docs need JavaScript; <a href="/openapi.json">openapi.json</a> says the same.</div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/docs.js"></script></body>
</html>
"""


def endpoints() -> list[Endpoint]:
    """Every route about the service."""
    asset = parameter("asset", "path", "File.", {"type": "string", "enum": list(_ASSETS)}, required=True)
    html: dict[str, Any] = {"answer": {"type": "string"}, "media": "text/html"}

    def get(path: str, handler: web.Handler, name: str, summary: str, **more: Any) -> Endpoint:
        return Endpoint("GET", path, OPEN, handler, name, summary, "service", **({"answer": {"type": "object"}} | more))

    return [
        get("/v1", _describe, "describe", "What this service is"),
        get("/docs", _docs, "docs", "The API docs as a page", **html),
        get(
            "/docs/{asset}", _asset, "docs_asset", "What the docs page loads",
            parameters=(asset,), answer={"type": "string"}, media="text/*", problems=(404,),
        ),
        get("/openapi.json", _openapi, "openapi", "This document"),
        get("/livez", _livez, "livez", "Whether the process answers", probe=True),
        get("/readyz", _readyz, "readyz", "Whether the store answers", probe=True),
    ]  # fmt: skip


async def _describe(request: Request, _: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    seq, link, recorded_at, _epoch = (await database_of(request).read(records.head()))[0]
    base = str(request.base_url)
    told = {
        "name": "The incident event store",
        "version": __version__,
        "edition": {"seq": seq, "hash": link, "recorded_at": recorded_at or None},
        "totals": f"{base}v1/totals",
        "claims": f"{base}v1/claims",
        "changes": f"{base}v1/changes",
        "kinds": {kind.plural: {"meaning": kind.meaning, "url": f"{base}v1/{kind.plural}"} for kind in KINDS.values()},
        "docs": f"{base}docs",
        "openapi": f"{base}openapi.json",
        "codebook": f"{base}v1/codebook",
        "problems": f"{base}v1/problems",
    }
    return web.json_answer(told, headers={"Cache-Control": "no-cache"})


async def _docs(_request: Request, _: Visitor) -> Response:
    return web.answer(_DOCS, headers=_PAGE_HEADERS, media="text/html")


async def _asset(request: Request, _: Visitor) -> Response:
    name = request.path_params["asset"]
    if name not in _ASSETS:
        raise NotFound("there is no such file")
    content = _START_DOCS if name == "docs.js" else (files("fastapi_offline") / "static" / name).read_bytes()
    return web.answer(content, headers={"Cache-Control": "public, max-age=86400"}, media=_ASSETS[name])


async def _openapi(request: Request, _: Visitor) -> Response:
    return web.json_answer(request.app.openapi(), headers={"Cache-Control": "no-cache"})


async def _livez(_request: Request, _: Visitor) -> Response:
    return web.json_answer({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _readyz(request: Request, _: Visitor) -> Response:
    if web.stopping_of(request).is_set():
        raise Unavailable("the service is about to end")
    rows = await database_of(request).read(records.head())
    if not rows:
        raise Unavailable("the store has no log; run: incidents migrate")
    return web.json_answer({"status": "ok", "seq": rows[0][0]}, headers={"Cache-Control": "no-store"})
