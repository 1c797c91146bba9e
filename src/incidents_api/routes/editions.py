"""GET /v1/editions/diff: which records changed between two moments, and what that did to the totals."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.errors import BadQuery, Fault
from incidents_api.model.figures import LEVELS, as_told
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.reading import editions, parameters, query, records
from incidents_api.reading.query import Query
from incidents_api.routes import lists, totals, web
from incidents_api.routes.describe import parameter
from incidents_api.routes.web import Endpoint, database_of, limits_of

_MOMENT = {"type": "string"}
_TOLD = (
    "Each record that stands otherwise at the end than at the beginning: `created`, `changed` or `ended`, with its "
    "versions and the address of what changed in it. `totals` are those of /v1/totals without a filter. A record that "
    "came and went in between is not told; the feed of changes tells every step."
)


def endpoints() -> list[Endpoint]:
    """The comparison of editions."""
    return [
        Endpoint(
            "GET", "/v1/editions/diff", READ, _diff, "diff_editions", "What changed between two moments", "service",
            _TOLD,
            (
                parameter("from", "query", "A time, a date or a seq; the beginning when left out.", _MOMENT),
                parameter("to", "query", "The later one; now when left out.", _MOMENT),
                parameter("limit", "query", "Records in a page.", {"type": "integer", "minimum": 1, "default": 100}),
                parameter("after", "query", "The page after this id, from `next`.", {"type": "string"}),
            ),
            answer={"type": "object"}, headers={"Link": "The next page."}, problems=(400,),
        ),
    ]  # fmt: skip


async def _diff(request: Request, who: Visitor) -> Response:
    given = query.read_once(request.scope["query_string"], ("from", "to", "limit", "after"))
    first = await _moment(request, given, "from")
    last = await _moment(request, given, "to")
    if first.at > last.at:
        raise BadQuery("from must not be after to", [Fault("it lies after to", "range", parameter="from")])
    limit, after = _page(request, given)
    rows = await database_of(request).read(editions.touched(first.at, last.at, after, limit + 1))
    items = await _items(request, who, rows[:limit], first.at, last.at)
    following = None
    if len(rows) > limit:
        told = {"from": first.at, "to": last.at, "limit": limit, "after": rows[limit - 1][0]}
        following = f"{web.address_of(request)}?{urlencode(told)}"
    ends = [await _edition(request, who, pin.at) for pin in (first, last)]
    body = {
        "from": ends[0],
        "to": ends[1],
        "totals": _compared(*[await _totals(request, who, pin.at) for pin in (first, last)]),
        "items": items,
        "next": following,
    }
    stands = first.stands and last.stands
    headers = lists.Pin(last.at, stands).headers(who) | ({"Link": f'<{following}>; rel="next"'} if following else {})
    return web.json_answer(body, headers=headers)


async def _moment(request: Request, given: Mapping[str, str], name: str) -> lists.Pin:
    """The seq that from or to means."""
    if name not in given:
        if name == "from":
            return lists.Pin(0, stands=True)
        return lists.Pin((await database_of(request).read(records.head()))[0][0])
    try:
        return await lists.pin(database_of(request), parameters.as_of(given[name]))
    except ValueError as error:
        raise BadQuery("The query cannot be taken", [Fault(str(error), "value", parameter=name)]) from None
    except BadQuery as problem:  # a seq that the log has not reached
        raise BadQuery(problem.detail, [Fault(problem.faults[0].detail, "range", parameter=name)]) from None


def _page(request: Request, given: Mapping[str, str]) -> tuple[int, str]:
    """How many records, and after which id."""
    limit = given.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 9 and int(limit) >= 1):
        raise BadQuery("The query cannot be taken", [Fault("give a whole number from 1", "value", parameter="limit")])
    after = given.get("after", "")
    if after and not re.fullmatch(UUID_PATTERN, after):
        raise BadQuery("The query cannot be taken", [Fault("take it from next", "value", parameter="after")])
    return min(int(limit), limits_of(request).max_limit), after


async def _items(request: Request, who: Visitor, rows: Any, first: int, last: int) -> list[dict[str, Any]]:
    """The records that stand otherwise; those that this visitor saw at neither moment are not there."""
    versions: list[dict[str, int]] = [{}, {}]
    for kind in KINDS.values():
        ids = [record_id for record_id, name in rows if name == kind.name]
        for found, at in zip(versions, (first, last), strict=True):
            if ids:
                statement = editions.standing(kind, ids, at, to=who.audience)
                found.update({row[0]: row[1] for row in await database_of(request).read(statement)})
    items = []
    for record_id, name in rows:
        before, after = (found.get(record_id) for found in versions)
        if before == after:
            continue
        change = "created" if before is None else "ended" if after is None else "changed"
        one = f"/v1/{KINDS[name].plural}/{record_id}"
        told = {
            "kind": name,
            "id": record_id,
            "change": change,
            "from_version": before,
            "to_version": after,
            "url": one,
        }
        items.append(told | ({"diff": f"{one}/diff?from={before}&to={after}"} if change == "changed" else {}))
    return items


async def _edition(request: Request, who: Visitor, at: int) -> dict[str, Any]:
    """What to cite of a moment."""
    told = {what: (text, n) for what, text, n in await database_of(request).read(records.edition(at, to=who.audience))}
    link, time = told.pop("hash", ("0" * 64, 0))[0], told.pop("time", ("", 0))[0]
    counts = {KINDS[kind].plural: number for kind, (_, number) in told.items()}
    return {"seq": at, "hash": link, "recorded_at": time or None, "counts": counts}


async def _totals(request: Request, who: Visitor, at: int) -> dict[str, Any]:
    """Totals without a filter."""
    incident = KINDS["incident"]
    asked = Query(incident, (), (), at=at)
    told, _ = await totals.settled(database_of(request), asked, who.audience)
    return {"incidents": told.incidents[()], "measures": as_told(told.of(()))}


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Each figure at both ends, and by how much it differs."""
    names = [*after["measures"], *(name for name in before["measures"] if name not in after["measures"])]
    measures = {}
    for name in names:
        ends = [row["measures"].get(name, {}) for row in (before, after)]
        measures[name] = {level: _both(*(end.get(level, 0) for end in ends)) for level in (*LEVELS, "incidents")}
    return {"incidents": _both(before["incidents"], after["incidents"]), "measures": measures}


def _both(before: int, after: int) -> dict[str, int]:
    return {"before": before, "after": after, "delta": after - before}
