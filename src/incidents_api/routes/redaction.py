"""POST /v1/{kind}/{id}/redact: words that endanger somebody are taken out of the log itself."""

import json
import logging

from fastapi import Request

from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.redaction import RedactReport
from incidents_api.model.revision import etag
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query
from incidents_api.routes import exports, web
from incidents_api.routes.describe import ID, body_of, parameter
from incidents_api.routes.web import Endpoint, Write, database_of
from incidents_api.writing.once import Answer
from incidents_api.writing.redact import Redacted, redact

log = logging.getLogger("incidents_api")

_IF_MATCH = parameter("If-Match", "header", "The ETag of the version that you read.", {"type": "string"})
_TOLD = (
    "Blanks the named members, or whole bodies, in every version (or in the `versions` named): in the log, lists, "
    "search, exports, the feed, kept answers and kept texts of sources. The hashes stay, so the chain still holds; the "
    "revision that this makes says what was removed and why. It cannot be undone. A record whose current version is "
    "redacted whole is ended."
)
_ANSWER = {
    "type": "object",
    "required": ["id", "version", "seq", "ended", "redacted", "texts_removed"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer", "description": "The revision that says what was redacted."},
        "seq": {"type": "integer"},
        "ended": {"type": "boolean"},
        "redacted": {"type": "array", "items": {"type": "integer"}, "description": "Versions that lost something."},
        "texts_removed": {"type": "integer", "description": "Kept texts of sources that held the words."},
    },
}


def endpoints() -> list[Endpoint]:
    """The redaction of every kind."""
    return [
        Endpoint(
            "POST", f"/v1/{kind.plural}/{{id}}/redact", "admin", _redact(kind), f"redact_{kind.name}",
            f"Remove words from one {kind.name}, for good", kind.plural, _TOLD, (ID, _IF_MATCH), body_of(RedactReport),
            answer=_ANSWER, headers={"ETag": "The new version."},
            problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
        )
        for kind in KINDS.values()
    ]  # fmt: skip


def _redact(kind: Kind) -> web.Writer:
    async def handle(request: Request, who: Visitor) -> Write:
        query.read_once(request.scope["query_string"])
        tags = web.if_match(request)
        report = validate(RedactReport, await web.read_body(request))
        return Write(_told, redact, (kind, request.path_params["id"], report, tags, who), _scrub)

    return handle


def _told(done: Redacted) -> Answer:
    one = done.revision
    told = {"id": one.record_id, "version": one.version, "seq": one.seq, "ended": one.record is None}
    told |= {"redacted": list(done.versions), "texts_removed": done.texts}
    return Answer(200, json.dumps(told), {"ETag": etag(one.version, one.hash)})


async def _scrub(request: Request) -> None:
    """The words are out of every answer; now out of every file that the store and this process keep."""
    exports.files_of(request).close()
    if not await database_of(request).scrub():
        log.warning("redacted words may still be in the database's files, which were in use; run incidents scrub")
