"""The explorer page and its files, built from explorer/ into the package; all addresses of pages give the same page."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request, Response

from incidents_api.access import OPEN
from incidents_api.errors import NotFound
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import records
from incidents_api.routes import web
from incidents_api.routes.describe import ID, parameter
from incidents_api.routes.web import Endpoint, database_of

FOLDER = Path(str(files("incidents_api"))) / "explorer"

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _CSP,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Files of the page carry a hash of their content in their name."""

_MEDIA = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "json": web.JSON}
_ENCODINGS = {"br": ".br", "gzip": ".gz"}

_NOT_BUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>The incident event store</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"></head>
<body>
<h1>The incident event store</h1>
<p>The store stands at revision {seq}. The explorer page is not built: run <code>make page</code> in the folder of the
project and start the service again.</p>
<ul>
{lists}
<li><a href="/docs">/docs</a>: every route, to read and to try.</li>
<li><a href="/v1/codebook">/v1/codebook</a>: every field and code, and what it means.</li>
<li><a href="/v1">/v1</a>: what this service is, for programs.</li>
</ul>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page: its bytes by encoding (None: as they are), its media type, and its ETag."""

    bytes: Mapping[str | None, bytes]
    media: str
    etag: str


@cache
def page_files(folder: Path) -> Mapping[str, Asset]:
    """Every file of the built page by its name; nothing when the page is not built."""
    found = {}
    for path in (one for one in folder.rglob("*") if one.suffix.removeprefix(".") in _MEDIA):
        plain = path.read_bytes()
        small = {name: path.with_name(path.name + ending) for name, ending in _ENCODINGS.items()}
        content = {None: plain} | {name: one.read_bytes() for name, one in small.items() if one.exists()}
        etag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
        found[path.relative_to(folder).as_posix()] = Asset(content, _MEDIA[path.suffix[1:]], etag)
    return found


def endpoints() -> list[Endpoint]:
    """The pages, and the files that they load."""
    told = "The explorer: a page that reads the address itself and asks the API for what it shows."

    def page(path: str, name: str, *parameters: Mapping[str, Any]) -> Endpoint:
        html: dict[str, Any] = {"answer": {"type": "string"}, "media": "text/html", "problems": (304,)}
        return Endpoint(
            "GET", path, OPEN, _page, name, "The explorer page", "explorer", told, parameters=parameters, **html
        )

    name = parameter("file", "path", "File.", {"type": "string"}, required=True)
    file = Endpoint(
        "GET", "/assets/{file}", OPEN, _file, "page_file", "What the explorer page loads", "explorer",
        parameters=(name,), answer={"type": "string"}, media="text/*", problems=(304, 404),
    )  # fmt: skip
    return [
        page("/", "home"),
        *(page(f"/{kind.plural}", f"page_{kind.plural}") for kind in KINDS.values()),
        *(page(f"/{kind.plural}/{{id}}", f"page_{kind.name}", ID) for kind in KINDS.values()),
        page("/codebook", "page_codebook"),
        file,
    ]


async def _page(request: Request, _: Visitor) -> Response:
    built = page_files(FOLDER).get("index.html")
    if built is not None:
        return _sent(request, built, _PAGE_HEADERS)
    seq = (await database_of(request).read(records.head()))[0][0]
    kinds = KINDS.values()
    lists = "\n".join(f'<li><a href="/v1/{one.plural}">/v1/{one.plural}</a>: {one.meaning}</li>' for one in kinds)
    return web.answer(_NOT_BUILT.format(seq=seq, lists=lists), headers=_PAGE_HEADERS, media="text/html")


async def _file(request: Request, _: Visitor) -> Response:
    found = page_files(FOLDER).get(f"assets/{request.path_params['file']}")
    if found is None:
        raise NotFound("there is no such file")
    return _sent(request, found, _FOR_EVER)


def _sent(request: Request, asset: Asset, headers: Mapping[str, str]) -> Response:
    """The file in the smallest form that the client takes; 304 when it holds it already."""
    headers = {**headers, "ETag": f"W/{asset.etag}", "Vary": "Accept-Encoding"}
    if web.not_modified(request, asset.etag):
        return Response(status_code=304, headers=headers)
    return web.smallest_answer(request, asset.bytes, headers, asset.media)
