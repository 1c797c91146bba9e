"""GET /v1/claims (every figure with its words as a long table) and GET /v1/edition (what to cite)."""

from typing import Any

from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import claims, query, records
from incidents_api.routes import exports, lists, web
from incidents_api.routes.describe import claims_answer, parameter, parameters_of
from incidents_api.routes.web import Endpoint, database_of


def endpoints() -> list[Endpoint]:
    """The claims and the edition."""
    moment = parameter("as_of", "query", "The edition as it stood then: a time, a date or a seq.", {"type": "string"})
    return [
        Endpoint(
            "GET",
            "/v1/claims",
            READ,
            exports.negotiated("claims", _claims),
            "list_claims",
            "List claims",
            "claims",
            "One row for each claim of the incidents that the filters select; `measure`, `population`, `qualifier` and "
            "the dims select claims.",
            parameters_of(KINDS["incident"], "claims"),
            answer=claims_answer(),
            headers={"Link": "The next page."},
            problems=(304, 400),
        ),
        Endpoint(
            "GET",
            "/v1/edition",
            READ,
            _edition,
            "edition",
            "The whole dataset as of one seq, to cite",
            "service",
            parameters=(moment,),
            answer={"type": "object"},
            problems=(400,),
        ),
    ]


async def _claims(request: Request, who: Visitor) -> Response:
    ask = await lists.asked(request, who, KINDS["incident"], "claims")
    read, database = ask.query, database_of(request)
    if (same := ask.unchanged(request, who)) is not None:
        return same
    page = (await database.read(claims.page(read, to=who.audience)))[0]
    told: dict[str, Any] = {}
    if read.one("count") == "exact":
        told["total"] = (await database.read(claims.total(read, to=who.audience)))[0][0]
    told |= await lists.left_out(request, who, read)
    return lists.page_answer(request, who, ask, page, told)


async def _edition(request: Request, who: Visitor) -> Response:
    given = query.read_once(request.scope["query_string"], ("as_of",))
    found = await lists.pin(database_of(request), query.moment(given["as_of"])) if given else None
    rows = await database_of(request).read(records.edition(None if found is None else found.at, to=who.audience))
    told = {what: (text, number) for what, text, number in rows}
    link, seq = told.pop("hash", ("0" * 64, 0))
    time, _ = told.pop("time", ("", 0))
    counts = {KINDS[kind].plural: number for kind, (_, number) in told.items()}
    epoch = (await database_of(request).read(records.head()))[0][3]
    body = {"seq": seq, "hash": link, "recorded_at": time or None, "counts": counts, "cursor": f"{epoch}.{seq}"}
    return web.json_answer(body, headers=(found or lists.Pin(seq)).headers(who))
