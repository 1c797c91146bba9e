"""GET /v1/totals: facets and sums by up to three fields; nobody counted twice, and what was left out is told."""

from collections.abc import Mapping

from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.model.audience import Audience
from incidents_api.model.kinds import KINDS
from incidents_api.model.netting import Netted, net
from incidents_api.model.suppression import SENSITIVE, suppress
from incidents_api.model.visitor import Visitor
from incidents_api.reading import totals
from incidents_api.reading.query import Query
from incidents_api.reading.rolled import wants_period_totals
from incidents_api.reading.selected import OF_FIGURES
from incidents_api.routes import lists, web
from incidents_api.routes.describe import parameters_of, totals_answer
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.database import Database

MAX_LEVELS = 8
"""How deep part_of goes (writes refuse more)."""


def endpoints() -> list[Endpoint]:
    """The totals."""
    told = (
        "An incident counts with its figures less those of its parts that the same filter selects, so that a whole and "
        "its parts together count once. Period totals are left out unless asked for. A date or place too coarse "
        "for a group goes into the null bucket, so buckets add up to the whole. Figures of a few persons by sex, age, "
        "nationality or category are kept back from the public, with others that would give them away: `suppressed`."
    )
    return [
        Endpoint(
            "GET",
            "/v1/totals",
            READ,
            _totals,
            "totals",
            "People and incidents, by any fields",
            "incidents",
            told,
            parameters_of(KINDS["incident"], "totals"),
            answer=totals_answer(),
            problems=(304, 400),
        )
    ]


async def _totals(request: Request, who: Visitor) -> Response:
    ask = await lists.asked(request, who, KINDS["incident"], "totals")
    read, database = ask.query, database_of(request)
    if (same := ask.unchanged(request, who)) is not None:
        return same
    by = read.get("by")
    told, netted = await settled(database, read, who.audience)
    at = told.head if ask.pin is None else ask.pin.at
    rows = totals.answer(told, read)
    broken_down = any(name in by or read.get(name) for name in SENSITIVE)
    kept_back = suppress(rows, by, limits_of(request).suppress_below) if broken_down and not who.full else 0
    body = {
        "rows": rows,
        "excluded": {
            "period_totals": 0 if wants_period_totals(read) else told.left,
            "netted_parts": told.parts + netted.parts,
            "parts_exceed_whole": told.exceeded + netted.exceeded,
            **told.unjudged,
        },
        "overlapping": _overlap(by),
        "as_of": at,
    }
    if kept_back:
        body["suppressed"] = kept_back
    return web.json_answer(body, headers=ask.headers(who, at))


async def settled(database: Database, read: Query, to: Audience) -> tuple[totals.Read, Netted]:
    """The sums of a query, with what parts add inside their wholes taken out."""
    told = totals.read((await database.read(totals.statement(read, to=to)))[0], read)
    wholes = await _nearest_wholes(database, told, told.head if read.at is None else read.at, to)
    netted = net(told.trees, wholes)
    totals.settle(told, netted)
    return told, netted


async def _nearest_wholes(database: Database, told: totals.Read, at: int, to: Audience) -> Mapping[str, set[str]]:
    """For every selected part the nearest selected incidents that it is part of, past those not selected."""
    selected = told.members
    above: dict[str, set[str]] = {part: set(wholes) for part, wholes in told.edges.items()}
    nearest: dict[str, set[str]] = {}
    wanted = {whole for wholes in above.values() for whole in wholes} - selected
    for _ in range(MAX_LEVELS):
        if not wanted:
            break
        for part, whole in await database.read(totals.edges_above(wanted, at, to=to)):
            above.setdefault(part, set()).add(whole)
        wanted = {whole for one in wanted for whole in above.get(one, ())} - selected - above.keys()
    for part in told.edges:
        level, found = above[part], set()
        for _ in range(MAX_LEVELS):
            found |= level & selected
            level = {whole for one in level - selected for whole in above.get(one, ())}
        if found:
            nearest[part] = found
    return nearest


def _overlap(by: tuple[str, ...]) -> bool:
    """Whether an incident or a person can stand in several of the groups, so that they do not add up."""
    many = {field.name for field in KINDS["incident"].own_fields if field.many}
    return any(name in many or name in OF_FIGURES for name in by)
