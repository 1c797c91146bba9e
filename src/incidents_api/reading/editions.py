"""What changed between two editions: the records that a stretch of the log touched, and how they stood at its ends."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.kinds import Kind
from incidents_api.reading.bound import Bound
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import Query
from incidents_api.storage.database import Statement
from incidents_api.storage.tables import KIND_TABLES, revision


def touched(first: int, last: int, after: str, limit: int) -> Statement:
    """(record id, kind) of records with a revision above one seq up to another, in the order of their ids."""
    log = revision.c

    def build() -> sa.Select[*tuple[Any, ...]]:
        between = [log.seq > sa.bindparam("first", type_=sa.BigInteger), log.seq <= sa.bindparam("last")]
        query = sa.select(log.record_id, log.kind).where(*between, log.record_id > sa.bindparam("after", type_=sa.Text))
        return query.distinct().order_by(log.record_id).limit(sa.bindparam("limit", type_=sa.Integer))

    return Statement("touched", build, {"first": first, "last": last, "after": after, "limit": limit})


def standing(kind: Kind, ids: Sequence[str], at: int, *, to: Audience) -> Statement:
    """(id, version) of those of these records that stood at a seq, as the audience sees it."""
    bound = Bound(at)
    table = KIND_TABLES[kind.name]
    where = [*conditions(Query(kind, (), ()), bound, to=to), bound.any_of(table.c.id, ids)]

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(table.c.id, table.c.version).where(*where)

    return Statement(("standing", len(ids), repr(bound.shape)), build, bound.values)
