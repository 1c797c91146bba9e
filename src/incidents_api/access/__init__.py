"""Keys and scopes: who may do what. A key is 256 random bits, kept as its sha256."""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.access.tokens import Issuer
from incidents_api.errors import MissingScope, NotAuthenticated, OperatorError, Problem
from incidents_api.model import vocabulary
from incidents_api.model.visitor import NOBODY, Visitor
from incidents_api.storage.database import Database, Statement
from incidents_api.storage.tables import api_key

OPEN = "open"
"""Scope of a route that anybody may use, whatever the settings."""
READ = "read"
"""Scope of a route that reads records: open, unless the settings close reads to all but key holders."""
SCOPES = vocabulary.codes("scope")

log = logging.getLogger("incidents_api")

_ID = 12
"""Letters of the hash that name a key: enough to find it, far too few to find another secret for it."""
MAX_TOKEN = 10_000
"""Letters of a token of an identity provider."""
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="incidents"'}


def allow(who: Visitor, scope: str, *, open_reads: bool) -> None:
    """Raise NotAuthenticated or MissingScope unless a route of that scope may be used."""
    if scope == OPEN or (scope == READ and (open_reads or who.name is not None)):
        return
    if who.name is None:
        raise NotAuthenticated("send Authorization: Bearer inc_... (incidents key create)", headers=_CHALLENGE)
    if not who.may(scope):
        raise MissingScope(f"the key {who.name} lacks the scope {scope}", scope=scope)


async def visitor(database: Database, authorization: str | None, issuer: Issuer | None = None) -> Visitor:
    """Who sent this Authorization header; NotAuthenticated for a key or token that is unknown, expired or revoked."""
    if authorization is None:
        return NOBODY
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and issuer is not None and token.count(".") == 2 and len(token) <= MAX_TOKEN:
        return await issuer.visitor(token)
    if scheme.lower() != "bearer" or not token.startswith("inc_") or len(token) > 100 or not token.isascii():
        empty = " (there is no key after Bearer)" if not token else ""
        raise NotAuthenticated(f"give Authorization: Bearer inc_...{empty}", headers=_CHALLENGE)
    # Found by a part of the hash, compared whole in constant time: how long it takes tells nothing about any key.
    # A database that cannot answer raises Unavailable (503): a good key is never called a bad one.
    digest = _sha256(token)
    rows = await database.read(Statement("key", _by_id, {"id": digest[:_ID]}, short=True))
    stored, name, scopes, expires_at, revoked_at = rows[0] if rows else ("", "", "", None, None)
    if not hmac.compare_digest(digest, stored):
        raise NotAuthenticated("no such key", headers=_CHALLENGE)
    if revoked_at is not None:
        raise NotAuthenticated("the key was revoked", headers=_CHALLENGE)
    if expires_at is not None and expires_at <= _now():
        raise NotAuthenticated("the key has expired", headers=_CHALLENGE)
    return Visitor(name, frozenset(scopes.split()), digest[:_ID])


def _by_id() -> sa.Select[Any]:
    columns = api_key.c
    return sa.select(columns.hash, columns.name, columns.scopes, columns.expires_at, columns.revoked_at).where(
        columns.id == sa.bindparam("id", type_=sa.Text)
    )


class Uses:
    """When keys were last used: noted in memory by every request, written for all of them once in a while."""

    def __init__(self) -> None:
        self._noted: dict[str, float] = {}

    def note(self, key: str) -> None:
        """The key was used now."""
        self._noted[key] = time.time()

    async def write(self, database: Database) -> None:
        """Keep what was noted, in one commit; where the store cannot, it is tried again at the next time."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await database.write(mark_used, noted)
        except Problem:
            log.warning("when keys were last used could not be written; it will be tried again")
            self._noted = noted | self._noted


def mark_used(conn: Connection, noted: Mapping[str, float]) -> None:
    """Set when keys were last used (id: seconds since 1970); another process may have seen a later use."""
    columns = api_key.c
    at = sa.bindparam("at", type_=columns.last_used_at.type)
    statement = sa.update(api_key).where(
        columns.id == sa.bindparam("key"), sa.or_(columns.last_used_at.is_(None), columns.last_used_at < at)
    )
    rows = [{"key": key, "at": _stamp(datetime.fromtimestamp(used, UTC))} for key, used in sorted(noted.items())]
    conn.execute(statement.values(last_used_at=at), rows)


def create_key(conn: Connection, name: str, scopes: Iterable[str], days: int | None = None) -> str:
    """A new key, shown this once; OperatorError for an unknown scope or a name that cannot be told in the log."""
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in SCOPES:
            raise OperatorError(f"there is no scope {scope!r}; scopes are {', '.join(SCOPES)}")
    if not 0 < len(name) <= 100 or not all(character.isalnum() or character in " ._@-" for character in name):
        raise OperatorError("a key's name has 1 to 100 letters, digits, spaces and . _ @ -")
    token = f"inc_{secrets.token_urlsafe(32)}"
    entry = {
        "id": _sha256(token)[:_ID],
        "hash": _sha256(token),
        "name": name,
        "scopes": " ".join(wanted),
        "created_at": _now(),
        "expires_at": None if days is None else _stamp(datetime.now(UTC) + timedelta(days=days)),
    }
    conn.execute(sa.insert(api_key).values(entry))
    return token


def list_keys(conn: Connection) -> list[Mapping[str, Any]]:
    """Every key without its secret, oldest first."""
    columns = [column for column in api_key.c if column.name != "hash"]
    return [
        dict(row) for row in conn.execute(sa.select(*columns).order_by(api_key.c.created_at, api_key.c.id)).mappings()
    ]


def revoke_key(conn: Connection, key_id: str) -> None:
    """End a key at once; OperatorError when there is none of that id."""
    revoked = sa.update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
    if conn.execute(revoked.values(revoked_at=_now())).rowcount != 1:
        raise OperatorError(f"there is no key {key_id} to revoke; see incidents key list")


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> str:
    return _stamp(datetime.now(UTC))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
