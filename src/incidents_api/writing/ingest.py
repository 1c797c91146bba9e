"""Many reports at once: what is new goes in through the same door, what is there already stays as it is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Invalid
from incidents_api.model.kinds import BY_PLURAL, Kind
from incidents_api.model.quotes import QuoteError, check
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Report
from incidents_api.storage import tables
from incidents_api.writing import lookup
from incidents_api.writing.records import create_many

ORDER = ("sources", "locations", "actors", "incidents", "statistics")
"""Records before what refers to them."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """How many records of each kind were created, and how many were there already; `also`: made on the way."""

    created: Mapping[str, int]
    kept: Mapping[str, int]
    also: int


def ingest(conn: Connection, reports: Mapping[str, Sequence[Any]], who: Visitor) -> Ingested:
    """Create the records of one file ({"sources": [...], "incidents": [...]}), all or nothing.

    A record that one of its external ids names already is kept as it stands, corrections included.
    """
    lists = isinstance(reports, Mapping) and all(isinstance(entries, list) for entries in reports.values())
    if not lists:
        raise Invalid('the file must hold one object of lists: {"sources": [...], "incidents": [...]}')
    unknown = sorted(reports.keys() - set(ORDER))
    if unknown:
        raise Invalid(f"no kind of record is called {unknown[0]!r}; there are {', '.join(ORDER)}")
    new: list[tuple[Kind, Report]] = []
    kept = dict.fromkeys(ORDER, 0)
    for plural in ORDER:
        kind = BY_PLURAL[plural]
        for value in reports.get(plural, ()):
            report = validate(kind.report, value)
            external_ids: dict[str, str] = getattr(report, "external_ids", {})
            if lookup.by_external_id(conn, kind.name, external_ids.items()) is not None:
                kept[plural] += 1
            else:
                new.append((kind, report))
    before = conn.execute(sa.select(tables.head.c.seq)).scalar_one()
    written = create_many(conn, new, who) if new else []
    after = conn.execute(sa.select(tables.head.c.seq)).scalar_one()
    created = {plural: sum(kind.plural == plural for kind, _ in new) for plural in ORDER}
    return Ingested(created, kept, after - before - len(written))


@dataclass(frozen=True, slots=True)
class CheckedText:
    """What a text was found to be: the source with its fingerprint, and how its quotes stand against it."""

    source_id: str
    title: str | None
    checked: int
    wrong: tuple[str, ...]


def keep_and_check(conn: Connection, fingerprint: str, text: str) -> CheckedText | None:
    """Keep the text of the source with that fingerprint and check every quote of it; None when no source has it."""
    source_id = lookup.source_where(conn, "fingerprint", fingerprint)
    if source_id is None:
        return None
    lookup.keep_text(conn, fingerprint, text)
    checked, wrong = 0, []
    for record_id, quote in _quotes_of(conn, source_id):
        checked += 1
        try:
            if check(quote, text) != quote:
                wrong.append(f"{record_id}: {quote['text'][:60]!r} stands elsewhere")
        except QuoteError as error:
            wrong.append(f"{record_id}: {quote['text'][:60]!r}: {error}")
    title: str | None = lookup.record_of(conn, source_id)["title"]
    return CheckedText(source_id, title, checked, tuple(wrong))


def _quotes_of(conn: Connection, source_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every quote of a source in the current records, the source's own included."""
    log, records, term = tables.revision, tables.record, tables.term
    citing = sa.select(term.c.record_id).where(
        term.c.field == "source", term.c.value == source_id, term.c.seq_to.is_(None)
    )
    current = sa.and_(records.c.id == log.c.record_id, records.c.version == log.c.version)
    query = sa.select(log.c.record_id, log.c.record).join(records, current).order_by(log.c.record_id)
    for record_id, text in conn.execute(query.where(sa.or_(records.c.id == source_id, records.c.id.in_(citing)))):
        record = json.loads(text)
        for quote in _walk(record, source_id, own=record_id == source_id):
            yield record_id, quote


def _walk(value: Any, source_id: str, *, own: bool) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        of_source = value.get("source_id", source_id if own else None) == source_id
        for name, item in value.items():
            if name in ("quote", "title_quote") and item is not None and of_source:
                yield item
            elif name != "raw":
                yield from _walk(item, source_id, own=own)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, source_id, own=own)
