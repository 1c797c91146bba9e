"""likely: what in the store may be the same incident as one that has just been written; one look-up by index."""

from collections.abc import Container, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict
from incidents_api.model.duplicates import Asked, brief, likeness, traits, window
from incidents_api.model.kinds import Kind
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Record, Report
from incidents_api.storage import nearby, tables
from incidents_api.storage.dialects import Prepared
from incidents_api.storage.tables import KIND_TABLES
from incidents_api.writing.records import Written, create_in_turn

MOST_COMPARED, MOST_TOLD = 100, 10
ASKED = Asked()


@cache
def _look_up(*, full: bool) -> Prepared:
    """The candidates of one incident with their records; made once, bound as `nearby.values` says."""
    # Rows of incidents that are told of: of closed ones only to who sees them whole.
    seen = sa.true() if full else nearby.NEAR.c.audience.is_(None)
    near = nearby.candidates(seen).subquery()
    log, known = tables.revision, tables.record
    own = KIND_TABLES["incident"]
    query = sa.select(log.c.record_id, log.c.record, own.c.owner).join_from(near, known, known.c.id == near.c.id)
    query = query.join(log, sa.and_(log.c.record_id == known.c.id, log.c.version == known.c.version))
    query = query.join(own, sa.and_(own.c.id == known.c.id, own.c.seq_to.is_(None))).limit(MOST_COMPARED)
    return Prepared(query)


def possible_duplicates(
    conn: Connection, record_id: str, record: Record, who: Visitor, but: Container[str] = ()
) -> list[dict[str, Any]]:
    """What may be the same incident, the likeliest first: only what this visitor may see, MOST_TOLD at the most, and
    none of `but`."""
    one = traits(record_id, record)
    if one is None:
        return []
    found = []
    for other_id, text, owner in _look_up(full=who.full).rows(conn, nearby.values([window(one, ASKED)])):
        if other_id in but:
            continue
        other = orjson.loads(text)
        two = traits(other_id, other) if who.audience.sees(other["review"]["status"], owner) else None
        like = None if two is None else likeness(one, two, ASKED)
        if like is not None:
            found.append(brief(other_id, other) | like.wire())
    return sorted(found, key=lambda told: (-told["score"], told["id"]))[:MOST_TOLD]


Compared = tuple[Written, list[dict[str, Any]]]
"""What was written, and what it may be a duplicate of."""


def create_compared(conn: Connection, kind: Kind, report: Report, who: Visitor, reject: bool) -> Compared:
    """Create an incident and tell what it may be a duplicate of; with `reject` that is a Conflict, nothing is kept."""
    return create_all_compared(conn, [(kind, report, who, reject)])[0]


def create_all_compared(conn: Connection, asked: Sequence[tuple[Kind, Report, Visitor, bool]]) -> list[Compared]:
    """The same for several that come at one time, with the answers that they would have one by one.

    All or nothing: what one of them raises is not told of the others.
    """
    made = create_in_turn(conn, [one[:3] for one in asked])
    later = {one.record_id for one in made}
    found = []
    for written, (*_, who, reject) in zip(made, asked, strict=True):
        later.discard(written.record_id)
        document: Mapping[str, Any] = orjson.loads(written.document)
        like = possible_duplicates(conn, written.record_id, document, who, later)
        if reject and like:
            raise Conflict("the store may hold this incident already; see candidates", candidates=like)
        found.append((written, like))
    return found
