"""The long table of claims: one row for each claim of the incidents that a query selects."""

from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.vocabulary import below
from incidents_api.reading.bound import Bound
from incidents_api.reading.conditions import CLAIM_FILTERS, conditions
from incidents_api.reading.query import Query
from incidents_api.reading.records import SEPARATOR, head_seq
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import as_bytes, joined
from incidents_api.storage.tables import KIND_TABLES

SORT = (("date", True), ("incident_id", True))
"""Rows come by the date of their incident, newest first, then by incident and claim."""


def page(query: Query, *, to: Audience, mark: str = SEPARATOR) -> Statement:
    """(rows joined by `mark` as bytes, keys joined by line feeds, number, head) of up to limit + 1 claims."""
    bound = Bound(query.at)
    where, incident, claim = _where(query, bound, to=to)
    if query.after is not None:
        day, incident_id, claim_id = (bound.value(value) for value in query.after)
        same_day = sa.or_(
            incident.c.id < incident_id, sa.and_(incident.c.id == incident_id, claim.c.claim_id > claim_id)
        )
        where += [incident.c.date <= day, sa.or_(incident.c.date < day, same_day)]
    bound.shape.append(query.after is not None)

    def build() -> sa.Select[*tuple[Any, ...]]:
        apart = sa.literal("\x1f")
        key = sa.literal("+") + incident.c.date + apart + sa.literal("+") + incident.c.id + apart + claim.c.claim_id
        rows = (
            sa.select(
                claim.c.document.label("document"),
                key.label("key"),
                incident.c.date,
                claim.c.incident_id,
                claim.c.claim_id,
            )
            .select_from(incident.join(claim, claim.c.incident_id == incident.c.id))
            .where(*where)
            .order_by(incident.c.date.desc(), incident.c.id.desc(), claim.c.claim_id)
            .limit(sa.bindparam("limit", type_=sa.Integer))
            .subquery()
        )
        order = rows.c.date.desc(), rows.c.incident_id.desc(), rows.c.claim_id
        told = as_bytes(joined(rows.c.document, sa.literal(mark), *order))
        return sa.select(told, joined(rows.c.key, sa.literal("\n"), *order), sa.func.count(), head_seq())

    return Statement(("claims", mark, repr(bound.shape)), build, bound.values | {"limit": query.limit + 1})


def total(query: Query, *, to: Audience) -> Statement:
    """(number) of all claims that a query selects."""
    bound = Bound(query.at)
    where, incident, claim = _where(query, bound, to=to)

    def build() -> sa.Select[*tuple[Any, ...]]:
        source = incident.join(claim, claim.c.incident_id == incident.c.id)
        return sa.select(sa.func.count()).select_from(source).where(*where)

    return Statement(("claims total", repr(bound.shape)), build, bound.values)


def _where(query: Query, bound: Bound, *, to: Audience) -> tuple[list[Any], sa.Table, sa.Table]:
    """What incident and claim must meet; `measure` asks for claims of the measure or a kind of it."""
    incident, claim = KIND_TABLES["incident"], tables.claim
    where = [*conditions(query, bound, to=to), bound.true(claim)]
    wanted = {name: query.get(name) for name in CLAIM_FILTERS if query.get(name)}
    if query.get("measure"):
        wanted["measure"] = measures(query)
    for name, values in wanted.items():
        bound.shape.append((name, len(values)))
        where.append(bound.any_of(claim.c[name], values))
    return where, incident, claim


def measures(query: Query) -> tuple[str, ...]:
    """The measures that were asked for, with the kinds of them."""
    return tuple(dict.fromkeys(kind for measure in query.get("measure") for kind in below("measure", measure)))


def keeps(query: Query, claim: dict[str, Any]) -> bool:
    """Whether a claim of a record is one of those asked for, as `page` selects them."""
    for name in CLAIM_FILTERS:
        value = claim[name] if name in claim else claim["dims"].get(name)
        if query.get(name) and value not in query.get(name):
            return False
    return not query.get("measure") or claim["measure"] in measures(query)
