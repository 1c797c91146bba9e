"""The feed of changes as statements: every revision in the order of the log, as the one who asks may see it."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.kinds import KINDS
from incidents_api.reading.conditions import Bound, conditions, opened
from incidents_api.reading.query import Query
from incidents_api.reading.records import SEPARATOR, document, head_seq
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import joined
from incidents_api.storage.tables import KIND_TABLES, revision

WINDOW = 5_000
"""How many revisions one statement looks at when changes are picked out of them: what a page costs is bounded."""

ENDS = ("end", "merge")
"""Operations that end a record when they leave no body; a revision of any other without a body was redacted."""

# As text: these stand for the row of the log in subqueries at any depth, which take no table of their own for it.
_AFTER: sa.ColumnElement[int] = sa.literal_column("revision.seq", sa.BigInteger)
_BEFORE: sa.ColumnElement[int] = sa.literal_column("(revision.seq - 1)", sa.BigInteger)


def page(query: Query, after: int, *, to: Audience) -> Statement:
    """(changes joined by SEPARATOR, number, last seq looked at, head, epoch) of up to `limit` changes after a seq.

    With `include=diff` a change carries `record` and `before`, for the caller to compare.
    """
    picked = bool(query.filters)
    seen = Bound(moment=_AFTER)
    was = Bound(moment=_BEFORE)
    incident = KINDS["incident"]
    states = [conditions(Query(incident, query.filters, ()), bound, to=to) for bound in (seen, was)]
    open_now = _open_now(to, seen)
    kinds = ("incident",) if picked else query.get("kind")
    include = query.one("include", "record")
    shape = ("changes", picked, kinds, include, repr(seen.shape))
    values = seen.values | {"after": after, "limit": query.limit, "window": WINDOW}

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        change = _plain()
        before: sa.ColumnElement[bool] = sa.true()
        if picked or to.statuses is not None or not to.full:
            stood, stands = (_is_one(where) for where in reversed(states))
            own = log.c.kind == "incident"
            change = sa.case((own, _seen(stands, stood, open_now)), else_=change)
            before = sa.or_(sa.not_(own), stood)
        where = [log.c.seq > sa.bindparam("after", type_=sa.BigInteger), log.c.seq <= _last_looked_at()]
        where += [_any(log.c.kind, kinds)] if kinds else []
        rows = sa.select(log, change.label("change"), before.label("before")).where(*where).subquery("changed")
        told = (
            sa.select(rows.c.seq, _told(rows, include).label("told"))
            .where(rows.c.change.is_not(None))
            .order_by(rows.c.seq)
            .limit(sa.bindparam("limit", type_=sa.Integer))
            .subquery()
        )
        count = sa.func.count()
        last = sa.case((count == sa.bindparam("limit"), sa.func.max(told.c.seq)), else_=_last_looked_at())
        epoch = sa.select(tables.head.c.epoch).scalar_subquery()
        return sa.select(joined(told.c.told, sa.literal(SEPARATOR)), count, last, head_seq(), epoch)

    return Statement(shape, build, values)


def _last_looked_at() -> sa.ColumnElement[int]:
    """The end of the window, or the head of the log."""
    end = sa.bindparam("after", type_=sa.BigInteger) + sa.bindparam("window", type_=sa.BigInteger)
    return sa.case((end < head_seq(), end), else_=head_seq())


def _plain() -> sa.Case[Any]:
    """What became of a record that anybody may see."""
    log = revision.c
    gone = sa.case((_any(log.operation, ENDS), sa.literal("end")), else_=sa.literal("redacted"))
    return sa.case((log.record.is_not(None), sa.literal("upsert")), else_=gone)


def _any(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """The column is one of these words of ours, which are part of the statement's shape."""
    return sa.or_(*(column == word for word in words))


def _is_one(where: list[Any]) -> sa.Exists:
    """Whether an incident meets the query in one of its states."""
    own = KIND_TABLES["incident"]
    return sa.exists(sa.select(1).select_from(own).where(own.c.id == revision.c.record_id, *where))


def _open_now(to: Audience, bound: Bound) -> sa.ColumnElement[bool]:
    """Whether nothing closes an incident to the audience by now, whatever its state was at the revision."""
    own = KIND_TABLES["incident"].alias()
    newest = sa.select(opened(own, to, bound)).where(own.c.id == revision.c.record_id).order_by(own.c.seq_from.desc())
    return sa.func.coalesce(newest.limit(1).scalar_subquery(), sa.true())


def _seen(stands: sa.Exists, stood: sa.Exists, open_now: sa.ColumnElement[bool]) -> sa.Case[Any]:
    """What became of an incident for one who sees it in some states only; null: nothing that concerns them.

    What is closed by now is not told, whatever it was then; only that it was taken out of sight is. Of what was
    redacted whole nobody can say any more who saw it: whoever holds it is told to drop it.
    """
    body = revision.c.record.is_not(None)
    blank = sa.and_(_any(revision.c.operation, ENDS), sa.not_(_is_one([])))
    return sa.case(
        (sa.and_(body, stands, open_now), sa.literal("upsert")),
        (sa.and_(body, stood, sa.not_(stands)), sa.literal("leave")),
        (sa.and_(sa.not_(body), stood), _plain()),
        (sa.and_(sa.not_(body), blank), sa.literal("leave")),
        else_=sa.null(),
    )


def _told(rows: sa.Subquery, include: str) -> sa.ColumnElement[str]:
    """One change as served: stored bytes with what the log says of them around."""
    one = rows.c
    epoch = sa.select(tables.head.c.epoch).scalar_subquery()
    number = sa.cast(one.seq, sa.Text)
    first: list[Any] = ['{"cursor":"', epoch, ".", number, '","seq":', number, ',"kind":"', one.kind]
    first += ['","id":"', one.record_id, '","change":"', one.change, '","recorded_at":"', one.recorded_at]
    rest: list[Any] = ['","version":', sa.cast(one.version, sa.Text), ',"operation":"', one.operation]
    rest += ['","recorded_by":"', one.author, '","hash":"', one.hash, '","reason":', _or_null(one.reason)]
    if include != "none":
        rest += [',"record":', _or_null(document(rows))]
    if include == "diff":
        earlier = revision.alias()
        same = sa.and_(earlier.c.record_id == one.record_id, earlier.c.version == one.version - 1, one.before)
        rest += [',"before":', _or_null(sa.select(document(earlier)).where(same).scalar_subquery())]
    return _text(first) + sa.case((one.change == "leave", sa.literal('"}')), else_=_text([*rest, "}"]))


def _text(parts: list[Any]) -> sa.ColumnElement[str]:
    found: Any = None
    for part in parts:
        piece = sa.literal(part) if isinstance(part, str) else part
        found = piece if found is None else found + piece
    return found  # type: ignore[no-any-return]


def _or_null(text: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(text, sa.literal("null"))
