"""The feed of changes as statements: every revision in the order of the log, as the one who asks may see it."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.kinds import KINDS
from incidents_api.reading.bound import Bound, opened, seen
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import Query
from incidents_api.reading.records import ENVELOPE, SEPARATOR, document, envelope, head_seq
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import as_bytes, by_index, filled, joined, tail
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW, revision

WINDOW = 5_000
"""How many revisions one statement looks at when changes are picked out of them: what a page costs is bounded."""

ENDS = ("end", "merge")
"""Operations that end a record when they leave no body; a revision of any other without a body was redacted."""

# As text: these stand for the row of the log, or the change told of it, in subqueries at any depth, which take no
# table of their own for it.
_AFTER: sa.ColumnElement[int] = sa.literal_column("revision.seq", sa.BigInteger)
_BEFORE: sa.ColumnElement[int] = sa.literal_column("(revision.seq - 1)", sa.BigInteger)
_RECORD: sa.ColumnElement[str] = sa.literal_column("revision.record_id", sa.Text)
_CHANGED: sa.ColumnElement[str] = sa.literal_column("changed.record_id", sa.Text)

# Made once: to make a table another name takes longer than to bind all the values of a statement.
_MADE, _OWN = KIND_TABLES["incident"].alias("made"), KIND_TABLES["incident"].alias()

VIEW, VIEW_END = "view", "view end"
"""What became of the public's view of a closed incident: told as an upsert and an end that say no more than it does."""


MARK = "\x1e"
"""Stands before a seq in a page; canonical JSON never holds it raw."""


def plain(query: Query, after: int, *, to: Audience) -> Statement:
    """(changes joined by SEPARATOR as bytes, seqs of the others joined by blanks, last seq looked at, head, epoch).

    Of the next `limit` revisions those that are told as they stand, as nearly all are: what has a body, and of
    incidents what made a state that nothing closes, then or by now. Of the beginning of one of which nothing is to be
    seen, nothing is told. In the place of any other stands its seq after MARK; `page` tells what it says. Only for
    queries that pick nothing out and want no diffs (`is_plain`).
    """
    bound = Bound()
    made = _MADE
    own = seen(made, to, bound)
    kinds, include = query.get("kind"), query.one("include", "record")
    values = bound.values | {"after": after, "limit": query.limit, "window": WINDOW}

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        where = [log.c.seq > sa.bindparam("after", type_=sa.BigInteger), log.c.seq <= _last_looked_at()]
        where += [_any(log.c.kind, kinds)] if kinds else []
        same = sa.and_(made.c.id == log.c.record_id, made.c.seq_from == log.c.seq)
        # The marks of a state say whether itself or the newest one is closed (writing/audiences.py).
        begins = sa.exists(sa.select(1).where(_OWN.c.seq_from == _AFTER, _OWN.c.audience == PUBLIC_ROW))
        told = sa.case(
            (log.c.record.is_(None), sa.null()),
            (sa.or_(log.c.kind != "incident", own()), _upsert(include)),
            (sa.and_(log.c.version == 1, made.c.id.is_not(None), sa.not_(begins)), sa.literal("")),
        )
        rows = sa.select(log.c.seq, told.label("told")).select_from(log.outerjoin(made, same)).where(*where)
        rows = by_index(rows, made, "ix_incident_by_seq")
        found = rows.order_by(log.c.seq).limit(sa.bindparam("limit", type_=sa.BigInteger)).subquery()
        seq = sa.cast(found.c.seq, sa.Text)
        other = sa.case((found.c.told.is_(None), seq))
        last = sa.case((sa.func.count() == sa.bindparam("limit"), sa.func.max(found.c.seq)), else_=_last_looked_at())
        told_or_mark = sa.func.nullif(sa.func.coalesce(found.c.told, sa.literal(MARK) + seq), sa.literal(""))
        told_all = as_bytes(joined(told_or_mark, sa.literal(SEPARATOR), found.c.seq))
        epoch = sa.select(tables.head.c.epoch).scalar_subquery()
        return sa.select(told_all, joined(other, sa.literal(" "), found.c.seq), last, head_seq(), epoch)

    return Statement(("plain changes", kinds, include, repr(bound.shape)), build, values)


def is_plain(query: Query) -> bool:
    """Whether `plain` can answer."""
    return not query.filters and query.one("include") != "diff"


_UPSERT = (
    '{"cursor":"%s.%s","seq":%s,"kind":"%s","id":"%s","change":"upsert","recorded_at":"%s","version":%s,'
    '"operation":"%s","recorded_by":"%s","hash":"%s","reason":%s'
)


def _upsert(include: str) -> sa.ColumnElement[str]:
    """A revision with a body, told as it stands; the same text as that of `_told`."""
    log = revision.c
    epoch, reason = sa.select(tables.head.c.epoch).scalar_subquery(), _or_null(log.reason)
    first = (epoch, log.seq, log.seq, log.kind, log.record_id, log.recorded_at, log.version, log.operation)
    told = (*first, log.author, log.hash, reason)
    if include == "none":
        return filled(sa.literal(_UPSERT + "}"), *told)
    # Filled in one step: the record is long, and would be copied once more.
    return filled(sa.literal(f'{_UPSERT},"record":{ENVELOPE}'), *told, *envelope()) + tail(log.record) + sa.literal("}")


def page(query: Query, after: int, *, to: Audience, only: Sequence[int] = ()) -> Statement:
    """(changes joined by SEPARATOR as bytes, number, last seq looked at, head, epoch): up to `limit` after a seq.

    `only`: of these revisions alone.

    With `include=diff` a change carries `record` and `before`, for the caller to compare; without `before` it is told
    whole, whatever was told of its record before.
    """
    picked = bool(query.filters)
    asked = Query(KINDS["incident"], query.filters, ())
    bounds = [Bound(moment=moment, views=views) for views in (False, True) for moment in (_AFTER, _BEFORE)]
    # Bounds of one query bind the same values under the same names.
    states = [conditions(asked, bound, to=to) for bound in (bounds[:2] if to.full else bounds)]
    own = _OWN
    openly = opened(own, to, bounds[0])
    kinds = ("incident",) if picked else query.get("kind")
    include = query.one("include", "record")
    whole = to.full and to.statuses is None and not picked
    few = bounds[0].all(only)
    shape = ("changes", picked, kinds, include, len(few), repr(bounds[0].shape))
    values = bounds[0].values | {"after": after, "limit": query.limit, "window": WINDOW}

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        where = [log.c.seq > sa.bindparam("after", type_=sa.BigInteger), log.c.seq <= _last_looked_at()]
        where += [_any(log.c.kind, kinds)] if kinds else []
        where += [log.c.seq.in_(few)] if few else []
        facts = [] if whole else _facts(states, _open_now(own, openly()))
        # Facts are columns of their own first: SQLite's parser takes no statement that nests deeper.
        entry = sa.select(log, *facts).where(*where).subquery("entry").c
        change = _plain(entry) if whole else _change(entry)
        before = entry.operation != "redact" if whole else _before(entry)
        rows = sa.select(*entry, change.label("change"), before.label("before")).subquery("changed")
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
        page = as_bytes(joined(told.c.told, sa.literal(SEPARATOR), told.c.seq))
        return sa.select(page, count, last, head_seq(), epoch)

    return Statement(shape, build, values)


def _last_looked_at() -> sa.ColumnElement[int]:
    """The end of the window, or the head of the log."""
    end = sa.bindparam("after", type_=sa.BigInteger) + sa.bindparam("window", type_=sa.BigInteger)
    return sa.case((end < head_seq(), end), else_=head_seq())


def _plain(entry: Any) -> sa.Case[Any]:
    """What became of a record that anybody may see."""
    gone = sa.case((_any(entry.operation, ENDS), sa.literal("end")), else_=sa.literal("redacted"))
    return sa.case((entry.record.is_not(None), sa.literal("upsert")), else_=gone)


def _any(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """The column is one of these words of ours, which are part of the statement's shape."""
    return sa.or_(*(column == word for word in words))


def _is_one(where: list[Any]) -> sa.Exists:
    """Whether an incident meets the query in one of its states."""
    own = KIND_TABLES["incident"]
    return sa.exists(sa.select(1).select_from(own).where(own.c.id == revision.c.record_id, *where))


def _open_now(own: Any, openly: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether nothing closes an incident to the audience by now, whatever its state was at the revision."""
    newest = sa.select(openly).where(own.c.id == revision.c.record_id).order_by(own.c.seq_from.desc())
    return sa.func.coalesce(newest.limit(1).scalar_subquery(), sa.true())


def _is_view(where: list[Any]) -> sa.Exists:
    """Whether the public's view of a closed incident meets the query in one of its states."""
    own = KIND_TABLES["incident"]
    return sa.exists(sa.select(1).select_from(own).where(_views_of(own, _RECORD), *where))


def _views_of(own: Any, record_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows that are the public's own view of an incident; they stand under another id, each at a seq of its history."""
    history = revision.alias()
    return sa.and_(
        own.c.seq_from.in_(sa.select(history.c.seq).where(history.c.record_id == record_id)),
        own.c.audience == PUBLIC_ROW,
    )


def _facts(states: Sequence[list[Any]], open_now: sa.ColumnElement[bool]) -> list[sa.Label[Any]]:
    """What is to be known of each revision of an incident, by name; false without a view for whom there is none."""
    own = KIND_TABLES["incident"].c
    found: dict[str, sa.ColumnElement[bool]] = {"stands": _is_one(states[0]), "stood": _is_one(states[1])}
    found |= {"open_now": open_now, "had_rows": _is_one([])}
    views: list[sa.ColumnElement[bool]] = [_is_view(where) for where in states[2:]]
    views = views or [sa.false(), sa.false()]
    found |= {"held": _is_one([*states[1], own.hold_until.is_not(None)]), "begins": _is_view([own.seq_from == _AFTER])}
    found |= {"shown": views[0], "showed": views[1]}
    return [fact.label(name) for name, fact in found.items()]


def _change(entry: Any) -> sa.Case[Any]:
    """What became of a record for one who sees incidents in some states only; null: nothing that concerns them.

    What is closed by now is not told, whatever it was then: its view is, where there is one, and else only that it was
    taken out of sight. Of what was redacted whole nobody can say any more who saw it: whoever holds it is told to drop
    it.
    """
    body, ends = entry.record.is_not(None), _any(entry.operation, ENDS)
    left = sa.and_(entry.stood, sa.not_(entry.stands))
    return sa.case(
        (entry.kind != "incident", _plain(entry)),
        (sa.and_(body, entry.stands, entry.open_now), sa.literal("upsert")),
        # A view is told where it changes, and where the whole record was taken out of sight.
        (sa.and_(body, entry.shown, sa.or_(entry.begins, left)), sa.literal(VIEW)),
        (sa.and_(body, sa.or_(left, sa.and_(entry.showed, sa.not_(entry.shown)))), sa.literal("leave")),
        (body, sa.null()),
        (sa.and_(entry.stood, entry.open_now), _plain(entry)),
        (sa.and_(ends, entry.showed), sa.literal(VIEW_END)),
        (sa.or_(entry.stood, entry.showed, sa.and_(ends, sa.not_(entry.had_rows))), sa.literal("leave")),
        else_=sa.null(),
    )


def _before(entry: Any) -> sa.ColumnElement[bool]:
    """Whether everybody who follows was told the state before, so that a diff from it can be told.

    Of what was held then, nobody knows who passed it when. What a redaction took out is gone from the state before,
    too: only a record that is told whole takes it out of a copy.
    """
    told = sa.or_(entry.kind != "incident", sa.and_(entry.stood, sa.not_(entry.held)))
    return sa.and_(entry.operation != "redact", told)


def _told(rows: sa.Subquery, include: str) -> sa.ColumnElement[str]:
    """One change as served: stored bytes with what the log says of them around."""
    one = rows.c
    epoch = sa.select(tables.head.c.epoch).scalar_subquery()
    number = sa.cast(one.seq, sa.Text)
    change = sa.case((one.change == VIEW, sa.literal("upsert")), (one.change == VIEW_END, "end"), else_=one.change)
    first: list[Any] = ['{"cursor":"', epoch, ".", number, '","seq":', number, ',"kind":"', one.kind]
    first += ['","id":"', one.record_id, '","change":"', change, '","recorded_at":"', one.recorded_at]
    rest: list[Any] = ['","version":', sa.cast(one.version, sa.Text), ',"operation":"', one.operation]
    rest += ['","recorded_by":"', one.author, '","hash":"', one.hash, '","reason":', _or_null(one.reason)]
    if include != "none":
        rest += [',"record":', _or_null(document(rows))]
    if include == "diff":
        earlier = revision.alias()
        same = sa.and_(earlier.c.record_id == one.record_id, earlier.c.version == one.version - 1, one.before)
        rest += [',"before":', _or_null(sa.select(document(earlier)).where(same).scalar_subquery())]
    view, view_end = (_text(parts) for parts in _told_of_view(one, include))
    return _text(first) + sa.case(
        (one.change == "leave", sa.literal('"}')),
        (one.change == VIEW, view),
        (one.change == VIEW_END, view_end),
        else_=_text([*rest, "}"]),
    )


def _told_of_view(one: Any, include: str) -> tuple[list[Any], list[Any]]:
    """The rest of a change of a view, and of its end: what its history and its 410 tell, and no more."""
    own, gone = KIND_TABLES["incident"].alias(), tables.record.alias()
    now = sa.and_(own.c.seq_from <= one.seq, sa.or_(own.c.seq_to.is_(None), own.c.seq_to > one.seq))

    def of_view(column: Any) -> Any:
        return sa.select(column).where(_views_of(own, _CHANGED), now).scalar_subquery()

    made = sa.case((own.c.version == 1, sa.literal("create")), else_=sa.literal("replace"))
    nobody = '","recorded_by":null,"hash":null,"reason":'
    view = ['","version":', of_view(sa.cast(own.c.version, sa.Text)), ',"operation":"', of_view(made), nobody, "null"]
    why = _text(['{"code":"', gone.c.ended, '","note":null,"successor":null}'])
    code = _or_null(sa.select(why).where(gone.c.id == one.record_id).scalar_subquery())
    view_end = ['","version":null,"operation":"end', nobody, code]
    if include != "none":
        view += [',"record":', of_view(own.c.document)]
        view_end += [',"record":null']
    return [*view, "}"], [*view_end, "}"]


def _text(parts: list[Any]) -> sa.ColumnElement[str]:
    found: Any = None
    for part in parts:
        piece = sa.literal(part) if isinstance(part, str) else part
        found = piece if found is None else found + piece
    return found  # type: ignore[no-any-return]


def _or_null(text: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(text, sa.literal("null"))
