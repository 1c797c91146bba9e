"""Idempotency: a write that is sent again with the same key is done once and answered as it was the first time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Fault, Invalid
from incidents_api.model.revision import new_id
from incidents_api.storage import tables


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write is answered with."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key. `holder`: the API key that sent it, so that two clients may choose the same word.

    `fingerprint` stands for the request; `days` is how long answers are kept.
    """

    holder: str
    word: str
    fingerprint: str
    days: int


def once(
    conn: Connection, key: Key, answer: Callable[[Any], Answer], function: Callable[..., Any], *arguments: Any
) -> Answer:
    """The answer of `function(conn, *arguments)`, kept in the transaction of the write itself; the kept one when the
    key was used before.

    A write that is refused keeps nothing: it changed nothing, so it may be mended and sent again with the same key.
    Two requests at once take turns on the head of the log, so the second finds the answer of the first.
    """
    forget_old(conn, key.days)
    row = held(conn, key)
    if row is not None:
        return replayed(row)
    given = answer(function(conn, *arguments))
    kept = {"status": given.status, "headers": json.dumps(dict(given.headers)), "body": given.body}
    conn.execute(sa.insert(tables.request).values(opened(key) | kept))
    return given


def opened(key: Key) -> dict[str, Any]:
    """The columns of a request that is new."""
    own = {"holder": key.holder, "key": key.word, "fingerprint": key.fingerprint}
    return own | {"run": new_id(), "created_at": stamp(datetime.now(UTC))}


def held(conn: Connection, key: Key) -> sa.Row[Any] | None:
    """The request of that key, if there was one; Invalid when it was another request."""
    table = tables.request
    query = sa.select(table).where(table.c.holder == key.holder, table.c.key == key.word)
    row = conn.execute(query).one_or_none()
    if row is not None and row.fingerprint != key.fingerprint:
        raise reused()
    return row


def reused() -> Invalid:
    """The problem of a key that stands for another request."""
    detail = "this key was sent with another request; a new request takes a new key"
    return Invalid(detail, [Fault(detail, "key_reused", parameter="Idempotency-Key")])


def replayed(row: sa.Row[Any]) -> Answer:
    """The answer that was kept; Conflict while there is none."""
    if row.status is None:
        raise Conflict("a request with this key is running", headers={"Retry-After": "1"})
    if row.body is None:
        raise Conflict("the write of this key was done; its answer is no longer kept", headers=json.loads(row.headers))
    return replace(Answer(row.status, row.body, json.loads(row.headers)), replayed=True)


def forget_old(conn: Connection, days: int) -> None:
    """Drop the requests that are older than so many days, with the lines they refused; whoever writes next does it."""
    table, refusal = tables.request, tables.refusal
    old = table.c.created_at < stamp(datetime.now(UTC) - timedelta(days=days))
    gone = conn.execute(sa.select(table.c.run).where(old).order_by(table.c.created_at).limit(100)).scalars().all()
    if gone:
        conn.execute(sa.delete(refusal).where(refusal.c.run.in_(gone)))
        conn.execute(sa.delete(table).where(table.c.run.in_(gone)))


def forget_bodies(conn: Connection) -> None:
    """Blank every kept answer and drop every kept refusal, because one may hold words that are being redacted; the
    writes stay done."""
    conn.execute(sa.delete(tables.refusal))
    conn.execute(sa.update(tables.request).where(tables.request.c.status.is_not(None)).values(body=None))


def stamp(moment: datetime) -> str:
    """A time as these tables keep it: UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
