"""GET /v1/duplicates: pairs of incidents that may be the same one, with why; a walk in bounded steps."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.model.audience import Audience
from incidents_api.model.duplicates import Traits, brief, likeness, traits, window
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import duplicates, query, records
from incidents_api.reading.query import Query
from incidents_api.routes import web
from incidents_api.routes.describe import duplicates_answer, parameters_of
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.database import Database
from incidents_api.storage.dialects import encoded

MAX_WALKED, MAX_COMPARED = 200, 20_000
"""How many incidents one request looks at, and how many pairs it compares, before it hands over to the next page."""
_INCIDENT = KINDS["incident"]
_NONE, _ALL = "0", "z"
"""Before every id, and after every id."""


def endpoints() -> list[Endpoint]:
    """The duplicates."""
    told = (
        "Pairs of incidents that both meet the filters and are alike by date, place, figures, actors, type and words. "
        "The later one of a pair comes newest first. A page looks at a bounded number of incidents: it can be short, "
        "or empty, and still have a `next`. What is related already is not told; `distinct_from` is such a relation."
    )
    return [
        Endpoint(
            "GET", "/v1/duplicates", READ, _duplicates, "list_duplicates", "Incidents that may be the same",
            "incidents", told, parameters_of(_INCIDENT, "duplicates"), answer=duplicates_answer(),
            headers={"Link": "The next page."}, problems=(400,),
        )
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """An incident that was read: what is compared, and what is told of it."""

    traits: Traits | None
    brief: Mapping[str, Any]


@dataclass(slots=True)
class _Walk:
    """Where a request stands. `place`: (date, id) of the incident that was looked at last; `done`: id of the candidate
    that was told of it last, or _ALL."""

    read: Query
    to: Audience
    place: tuple[str, str] | None = None
    done: str = _NONE
    more: bool = True
    walked: int = 0
    compared: int = 0
    found: list[dict[str, Any]] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether this request has more to look at, and is not at one of its bounds."""
        within = self.walked < MAX_WALKED and self.compared < MAX_COMPARED
        return self.more and within and len(self.found) < self.read.limit

    def compare(
        self, places: Sequence[tuple[str, str]], held: Mapping[str, _Read], near: Mapping[str, set[str]]
    ) -> None:
        """Compare each incident with its candidates, up to the end of the page."""
        asked = duplicates.asked(self.read)
        for place in places:
            self.done, skipped = (self.done, self.done) if place == self.place else (_NONE, _NONE)
            self.place = place
            for other in sorted(near.get(place[1], ())):
                if other <= skipped or other not in held:
                    continue
                one, two = held[place[1]].traits, held[other].traits
                self.compared += 1
                like = None if one is None or two is None else likeness(one, two, asked)
                if like is not None:
                    self.found.append(like.wire() | {"incidents": [held[place[1]].brief, held[other].brief]})
                    self.done = other
                    if len(self.found) == self.read.limit:
                        return
            self.done, self.walked = _ALL, self.walked + 1


def _reads(joined: str | bytes | None) -> dict[str, _Read]:
    return {
        one["id"]: _Read(traits(one["id"], one), brief(one["id"], one))
        for one in orjson.loads(b"[%b]" % encoded(joined))
    }


async def _duplicates(request: Request, who: Visitor) -> Response:
    read = query.parse(_INCIDENT, request.scope["query_string"], limits_of(request).max_limit, "duplicates")
    walk = _Walk(read, who.audience)
    if read.after is not None:
        walk.place, walk.done = (str(read.after[0]), str(read.after[1])), str(read.after[2])
    while walk.goes_on:
        await _step(database_of(request), walk)
    following = None
    if walk.more and walk.place is not None:
        key = f"+{walk.place[0]}\x1f+{walk.place[1]}\x1f{walk.done}"
        following = query.next_url(read, web.address_of(request), key)
    headers = {"Cache-Control": "no-cache", "Vary": "Accept, Authorization"}
    headers |= {"Link": f'<{following}>; rel="next"'} if following else {}
    body = {"items": walk.found, "next": following, "walked": walk.walked, "compared": walk.compared}
    return web.json_answer(body, headers=headers)


async def _step(database: Database, walk: _Walk) -> None:
    """Look at the next incidents: read them, look up what may be like them, compare."""
    joined, keys, count, _ = (await database.read(duplicates.walk(walk.read, walk.place, to=walk.to)))[0]
    held = _reads(joined)
    places = [
        (date.removeprefix("+"), one) for date, one in (key.split("\x1f") for key in (keys or "").split("\n") if key)
    ]
    if walk.done == _ALL and places[:1] == [walk.place]:
        places = places[1:]
    if not places:
        walk.more = False
        return
    asked = duplicates.asked(walk.read)
    near: dict[str, set[str]] = {}
    for size in (len(places), 5, 1):  # where half the store happened on one day, fewer at a time
        places = places[:size]
        told = [held[one].traits for _, one in places if one in held]
        windows = [window(one, asked) for one in told if one is not None]
        rows = await database.read(duplicates.candidates(walk.read, windows, to=walk.to)) if windows else ()
        near = {one: {other for some in found for other in (some or "").split()} for one, *found in rows}
        if sum(map(len, near.values())) <= duplicates.MOST:
            break
    wanted = sorted(set().union(*near.values()) - held.keys())
    for start in range(0, len(wanted), 500):
        held |= _reads((await database.read(records.by_ids(_INCIDENT, wanted[start : start + 500], None)))[0][0])
    last = count < duplicates.BATCH and keys.endswith(f"\x1f{places[-1][1]}")
    await asyncio.to_thread(walk.compare, places, held, near)
    walk.more = not last or walk.done != _ALL
