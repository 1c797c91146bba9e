"""Embargoes that are over: a revision of each incident says so, for those who follow the log."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.wire import stamp
from incidents_api.storage.tables import FULL_ROW, KIND_TABLES
from incidents_api.writing import lookup
from incidents_api.writing.append import Change, append

AUTHOR = "embargo"
"""Whose revisions these are: nobody sent them."""

MAX_LIFTED = 500
"""How many incidents one write opens: it is one transaction, and other writes wait for it."""


def lift(conn: Connection, now: datetime) -> int:
    """Append a revision without `hold_until` for incidents whose embargo is over and which nothing else closes.

    Reads need none of this: they open at the moment itself. The number of revisions; as many as MAX_LIFTED: ask again.
    Where several processes ask at once, the lock on the log lets one of them find each.
    """
    own = KIND_TABLES["incident"].c
    query = sa.select(own.id).where(own.audience == FULL_ROW, own.turns <= stamp(now), own.seq_to.is_(None))
    due = list(conn.execute(query.order_by(own.turns, own.id).limit(MAX_LIFTED)).scalars())
    changes = [
        Change(kind, record_id, version + 1, "lift", record | {"hold_until": None})
        for record_id, kind, version, record in lookup.current_records(conn, due)
    ]
    return len(append(conn, changes, AUTHOR, now))
