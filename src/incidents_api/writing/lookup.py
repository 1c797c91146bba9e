"""What the store holds, seen from inside a write: records by id, external id, name or address, and texts of sources."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.revision import Revision
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.model.words import name_key
from incidents_api.storage import tables
from incidents_api.storage.dialects import Prepared
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW

Own = tuple[str, str, str]
"""Kind, scheme and value of an external id."""

P = ParamSpec("P")
T = TypeVar("T")

_UUID = re.compile(UUID_PATTERN)
_EXTERNAL = re.compile(r"([a-z][a-z0-9_]{0,31}):(?!//)(\S.*)")


def is_id(text: str) -> bool:
    """Whether the text is spelled like an id."""
    return _UUID.fullmatch(text) is not None


def split_external(text: str) -> tuple[str, str] | None:
    """(scheme, value) of `scheme:value`; None for anything else, addresses included."""
    match = _EXTERNAL.fullmatch(text)
    return (match[1], match[2]) if match else None


def some_of(values: Iterable[T], count: int) -> Iterator[Sequence[T]]:
    """The values, so many at a time."""
    every = list(values)
    return (every[at : at + count] for at in range(0, len(every), count))


class Memory:
    """The look-ups of one write, each asked once: a write looks first and changes the store last.

    What it gives is shared, so nobody may change it.
    """

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self._held: dict[tuple[Any, ...], Any] = {}

    def __call__(self, look: Callable[Concatenate[Connection, P], T], *arguments: P.args, **_: P.kwargs) -> T:
        """What `look(conn, *arguments)` gives, or gave."""
        key = (look, *arguments)
        if key not in self._held:
            self._held[key] = look(self.conn, *arguments, **_)
        found: T = self._held[key]
        return found

    def learn(self, found: Any, look: Callable[..., Any], *arguments: Any) -> None:
        """Keep what was found for many at once."""
        self._held[look, *arguments] = found


@dataclass(frozen=True, slots=True)
class Known:
    """A record the store knows: its kind, version and whether it was ended (the reason's code)."""

    kind: str
    version: int
    ended: str | None
    successor: str | None


def known(conn: Connection, record_id: str) -> Known | None:
    """The record of that id, ended or not; None when there never was one."""
    return known_among(conn, {record_id}).get(record_id)


def by_external_id(conn: Connection, kind: str, external_ids: Iterable[tuple[str, str]]) -> str | None:
    """The id of the record that the first known of these external ids names."""
    names = [(kind, *pair) for pair in external_ids]
    found = holders(conn, names)
    return next((found[name] for name in names if name in found), None)


# Statements that every write needs are made and compiled once.
_SOME: sa.BindParameter[str] = sa.bindparam("some", expanding=True)
_NAME, _KNOWN, _LOG = tables.external_id.c, tables.record.c, tables.revision.c
_STATE = (_KNOWN.kind, _KNOWN.version, _KNOWN.ended, _KNOWN.successor)
_NAMED = (
    _NAME.kind.in_(sa.bindparam("kinds", expanding=True)),
    _NAME.scheme.in_(sa.bindparam("schemes", expanding=True)),
    _NAME.value.in_(_SOME),
)
_HOLDERS = Prepared(sa.select(_NAME.kind, _NAME.scheme, _NAME.value, _NAME.record_id).where(*_NAMED))
_STANDING = Prepared(
    sa.select(_NAME.kind, _NAME.scheme, _NAME.value, _NAME.record_id, *_STATE, _LOG.record)
    .join_from(tables.external_id, tables.record, _KNOWN.id == _NAME.record_id)
    .join(tables.revision, sa.and_(_LOG.record_id == _KNOWN.id, _LOG.version == _KNOWN.version))
    .where(*_NAMED)
)
_KNOWN_AMONG = Prepared(sa.select(_KNOWN.id, *_STATE).where(_KNOWN.id.in_(_SOME)))
_CURRENT = Prepared(
    sa.select(_LOG.record_id, _LOG.record)
    .join(tables.record, sa.and_(_KNOWN.id == _LOG.record_id, _KNOWN.version == _LOG.version))
    .where(_LOG.record_id.in_(_SOME), _LOG.record.is_not(None))
)


def holders(conn: Connection, names: Iterable[Own]) -> dict[Own, str]:
    """The records that these external ids name."""
    return {name: record_id for name, (record_id,) in _named(conn, _HOLDERS, names)}


def standing_for(conn: Connection, names: Iterable[Own]) -> Iterator[tuple[Own, str, Known, dict[str, Any] | None]]:
    """The records that these external ids name, what is known of them, and their bodies where they stand."""
    for name, (record_id, *state, text) in _named(conn, _STANDING, names):
        yield name, record_id, Known(*state), None if text is None else orjson.loads(text)


def _named(conn: Connection, statement: Prepared, names: Iterable[Own]) -> Iterator[tuple[Own, tuple[Any, ...]]]:
    """What a statement tells of external ids: a few of any kind at once, many of each kind and scheme by themselves."""
    wanted = {*names}
    groups: dict[tuple[str, ...], set[Own]] = {}
    for name in wanted:
        groups.setdefault(name[:2] if len(wanted) > _FEW else (), set()).add(name)
    for group in groups.values():
        for some in some_of(group, 500):
            kinds, schemes, values = (sorted({name[n] for name in some}) for n in range(3))
            for kind, scheme, value, *told in statement.rows(
                conn, {"kinds": kinds, "schemes": schemes, "some": values}
            ):
                if (kind, scheme, value) in wanted:
                    yield (kind, scheme, value), tuple(told)


_FEW = 16


def known_among(conn: Connection, ids: set[str]) -> dict[str, Known]:
    """What is known of these records."""
    found: dict[str, Known] = {}
    for some in some_of(sorted(ids), 500):
        found |= {row[0]: Known(*row[1:]) for row in _KNOWN_AMONG.rows(conn, {"some": some})}
    return found


def records_among(conn: Connection, ids: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """These records as they stand now; those that were ended are left out."""
    for some in some_of(sorted(ids), 500):
        for record_id, text in _CURRENT.rows(conn, {"some": some}):
            yield record_id, orjson.loads(text)


def by_name(conn: Connection, kind: str, name: str) -> list[str]:
    """Ids of the current records with that name or alias, accents and case aside; unnamed actors are never found."""
    return [row[0] for row in _named_so(kind).rows(conn, {"name": name_key(name)})]


@cache
def _named_so(kind: str) -> Prepared:
    columns = tables.term.c
    named = columns.value == sa.bindparam("name")
    query = sa.select(columns.record_id).where(
        columns.kind == kind, columns.field == "known_as", named, columns.seq_to.is_(None)
    )
    if kind == "actor":
        actors = KIND_TABLES["actor"].c
        found = sa.exists().where(actors.id == columns.record_id, actors.seq_to.is_(None), actors.identified)
        query = query.where(found)
    return Prepared(query.order_by(columns.record_id))


def names_of(conn: Connection, ids: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """(id, name) of what these actors and locations are called by now, in order."""
    for some in some_of(sorted(ids), 500):
        yield from _NAMES.rows(conn, {"some": some})


_TERM = tables.term.c
_NAMES = Prepared(
    sa.select(_TERM.record_id, _TERM.value)
    .where(_TERM.record_id.in_(_SOME), _TERM.field == "known_as", _TERM.seq_to.is_(None))
    .order_by(_TERM.record_id, _TERM.value)
)


def source_where(conn: Connection, column: str, value: str) -> str | None:
    """The id of the current source with that address or fingerprint, its own or one of a source merged into it."""
    for found in _sources_where(column):
        for row in found.rows(conn, {"value": value}):
            return str(row[0])
    return None


@cache
def _sources_where(column: str) -> tuple[Prepared, Prepared]:
    """The statements that find a source by its own, and by one that was merged into it."""
    source, terms = KIND_TABLES["source"], tables.term.c
    value: sa.BindParameter[str] = sa.bindparam("value")
    own = sa.select(source.c.id).where(source.c[column] == value, source.c.seq_to.is_(None)).order_by(source.c.id)
    merged = sa.select(terms.record_id).where(terms.kind == "source", terms.field == "merged", terms.value == value)
    return Prepared(own.limit(1)), Prepared(merged.where(terms.seq_to.is_(None)).limit(1))


def record_of(conn: Connection, record_id: str) -> dict[str, Any]:
    """The record as it stands now, as values; KeyError when there is none."""
    return dict(records_among(conn, [record_id]))[record_id]


def revision_of(conn: Connection, record_id: str, version: int) -> Revision:
    """One revision of a record."""
    log = tables.revision
    query = sa.select(log).where(log.c.record_id == record_id, log.c.version == version)
    return Revision(**conn.execute(query).mappings().one())


def parse(document: str) -> dict[str, Any]:
    """A stored document as values."""
    found: dict[str, Any] = orjson.loads(document)
    return found


def text_of(conn: Connection, fingerprint: str | None) -> str | None:
    """The text with that sha256, where it is kept."""
    found = [] if fingerprint is None else _TEXT.rows(conn, {"fingerprint": fingerprint})
    return found[0][0] if found else None


_TEXT = Prepared(
    sa.select(tables.source_text.c.text).where(tables.source_text.c.fingerprint == sa.bindparam("fingerprint"))
)


def keep_text(conn: Connection, fingerprint: str, text: str) -> None:
    """Keep a text by its sha256, once."""
    if text_of(conn, fingerprint) is None:
        conn.execute(sa.insert(tables.source_text).values(fingerprint=fingerprint, text=text))


def ancestors(conn: Connection, record_id: str) -> set[str]:
    """The ids of a record and of everything it is a part of."""
    columns = tables.ancestry.c
    query = sa.select(columns.ancestor_id).where(columns.record_id == record_id, columns.seq_to.is_(None))
    return set(conn.execute(query).scalars())


def wholes(conn: Connection, incident_ids: Iterable[str]) -> set[str]:
    """The incidents of which any of these is directly `part_of`."""
    columns = tables.relation.c
    query = sa.select(columns.other_id).where(
        columns.incident_id.in_(sorted(incident_ids)), columns.type == "part_of", columns.seq_to.is_(None)
    )
    return set(conn.execute(query).scalars())


def shown(conn: Connection, record_id: str, who: Visitor) -> bool:
    """Whether a visitor sees a record whole, as it stands or as it stood when it was ended."""
    for audience, turns, status, owner in _SHOWN.rows(conn, {"of": record_id}):
        return who.audience.opens(audience, turns) and who.audience.sees(status, owner)
    return True


_ROW = KIND_TABLES["incident"].c
_SHOWN = Prepared(
    sa.select(_ROW.audience, _ROW.turns, _ROW.status, _ROW.owner)
    .where(_ROW.id == sa.bindparam("of"))
    .order_by(_ROW.seq_from.desc())
    .limit(1)
)


def successor_for(conn: Connection, ended: Known, who: Visitor) -> str | None:
    """The record that stands for one that was ended, where the visitor may know of it."""
    named = ended.successor is not None and (ended.kind != "incident" or shown(conn, ended.successor, who))
    return ended.successor if named else None


def lineage(conn: Connection, record_id: str, *, upwards: bool) -> dict[str, int]:
    """What an actor or location is part of (upwards), or what is part of it, itself included: how many levels away."""
    columns = tables.ancestry.c
    near, far = (columns.record_id, columns.ancestor_id) if upwards else (columns.ancestor_id, columns.record_id)
    query = sa.select(far, columns.depth).where(near == record_id, columns.seq_to.is_(None))
    return {row[0]: row[1] for row in conn.execute(query)}


def depth_below(conn: Connection, record_id: str) -> int:
    """How many levels of factions, or of places, stand beneath a record."""
    columns = tables.ancestry.c
    query = sa.select(sa.func.max(columns.depth)).where(columns.ancestor_id == record_id, columns.seq_to.is_(None))
    return conn.execute(query).scalar_one_or_none() or 0


def parts(conn: Connection, incident_ids: Iterable[str]) -> set[str]:
    """The incidents that are directly `part_of` any of these."""
    columns = tables.relation.c
    query = sa.select(columns.incident_id).where(
        columns.other_id.in_(sorted(incident_ids)), columns.type == "part_of", columns.seq_to.is_(None)
    )
    return set(conn.execute(query).scalars())


def _public_rows() -> sa.Select[Any]:
    """The rows of closed incidents that are the public's own: they stand for no record."""
    own = KIND_TABLES["incident"].c
    return sa.select(own.id).where(own.audience == PUBLIC_ROW)


def _referring(kind: str, record_id: str) -> list[sa.Select[Any]]:
    """The statements that together find every current record that refers to one of a kind."""
    terms = tables.term.c

    def named(holder: Any, reference: Any, seq_to: Any) -> sa.Select[Any]:
        return sa.select(holder).where(reference == record_id, seq_to.is_(None))

    def with_term(holder: str, field: str) -> sa.Select[Any]:
        return named(terms.record_id, terms.value, terms.seq_to).where(terms.kind == holder, terms.field == field)

    if kind == "incident":
        related = tables.relation.c
        return [named(related.incident_id, related.other_id, related.seq_to), with_term("incident", "linked")]
    if kind == "actor":
        actor, taking_part = KIND_TABLES["actor"].c, tables.participation.c
        return [
            named(taking_part.incident_id, taking_part.actor_id, taking_part.seq_to),
            named(actor.id, actor.parent, actor.seq_to),
        ]
    if kind == "location":
        place, used, area = KIND_TABLES["location"].c, tables.incident_location.c, KIND_TABLES["statistic"].c
        return [
            named(used.incident_id, used.location_id, used.seq_to).where(used.incident_id.not_in(_public_rows())),
            named(place.id, place.parent, place.seq_to),
            named(area.id, area.location, area.seq_to),
        ]
    return [with_term(holder, "source") for holder in ("incident", "actor", "source", "statistic")]


def referents(conn: Connection, kind: str, record_id: str, limit: int = 5) -> list[str]:
    """Ids of current records that refer to this one, itself apart; the first `limit`."""
    if kind == "statistic":
        return []
    found: set[str] = set()
    for query in _referring(kind, record_id):
        found |= set(conn.execute(query.distinct().order_by(sa.text("1")).limit(limit + 1)).scalars())
    return sorted(found - {record_id})[:limit]


def current_records(conn: Connection, ids: Sequence[str]) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    """(id, kind, version, record) of those of these records that are not ended, in the order of their ids."""
    log, known = tables.revision.c, tables.record.c
    query = sa.select(log.record_id, log.kind, log.version, log.record)
    query = query.join(tables.record, sa.and_(known.id == log.record_id, known.version == log.version))
    ids = sorted(ids)
    for start in range(0, len(ids), 500):
        batch = query.where(log.record_id.in_(ids[start : start + 500]), log.record.is_not(None))
        for record_id, kind, version, record in conn.execute(batch.order_by(log.record_id)):
            yield record_id, kind, version, orjson.loads(record)


# --- Records that were merged --------------------------------------------------------------------------------------


def tombstone(conn: Connection, kind: str, record_id: str) -> Revision | None:
    """The revision that ended a record of that kind by merging it into another; None for any other record."""
    log, known = tables.revision, tables.record.c
    query = sa.select(log).join(tables.record, sa.and_(known.id == log.c.record_id, known.version == log.c.version))
    query = query.where(log.c.record_id == record_id, log.c.kind == kind, known.ended.is_not(None))
    row = conn.execute(query.where(log.c.operation == "merge")).mappings().one_or_none()
    return None if row is None else Revision(**row)


def survivor(conn: Connection, record_id: str) -> str:
    """The record that stands for this one after every merge; the id itself where it was not merged."""
    while True:
        found = known(conn, record_id)
        ended = None if found is None or found.ended is None else tombstone(conn, found.kind, record_id)
        if ended is None or ended.reason is None:
            return record_id
        record_id = orjson.loads(ended.reason)["successor"]
