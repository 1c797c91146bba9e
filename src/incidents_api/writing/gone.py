"""What a newer release of a dataset does not hold any more: found, and ended with a reason."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict
from incidents_api.model.revision import Revision
from incidents_api.model.visitor import Visitor
from incidents_api.storage import tables
from incidents_api.writing import lookup
from incidents_api.writing.append import Change, append


def lost(conn: Connection, scheme: str, seen: set[str]) -> list[str]:
    """Ids of the current incidents that rest on this dataset alone and whose external id was not seen.

    Conflict when they are more than half of them: then the file is rather a part of the dataset than a newer release.
    """
    own, record = tables.external_id.c, tables.record.c
    current = sa.select(own.record_id, own.scheme, own.value).join(tables.record, record.id == own.record_id)
    current = current.where(own.kind == "incident", record.ended.is_(None))
    of_scheme = sa.select(own.record_id).where(own.kind == "incident", own.scheme == scheme)
    named: dict[str, bool] = {}
    for record_id, other, value in conn.execute(current.where(own.record_id.in_(of_scheme))):
        stays = other != scheme or f"{other}:{value}" in seen
        named[record_id] = named.get(record_id, False) or stays
    found = sorted(record_id for record_id, stays in named.items() if not stays)
    if 2 * len(found) > len(named):
        detail = f"{len(found):,} of {len(named):,} records of {scheme} are not in the file; is it the whole release?"
        raise Conflict(f"{detail} Nothing was ended; the rows of the file were taken")
    return found


def end(conn: Connection, scheme: str, record_ids: Sequence[str], who: Visitor) -> list[Revision]:
    """End these incidents, where they still stand."""
    reason = {"code": "source_retracted", "note": f"not in the newer release of {scheme}", "successor": None}
    known = [(record_id, lookup.known(conn, record_id)) for record_id in record_ids]
    changes = [
        Change("incident", record_id, found.version + 1, "end", None, reason)
        for record_id, found in known
        if found is not None and found.ended is None
    ]
    return append(conn, changes, who.author)
