"""Keys and scopes: who may do what. A key is 256 random bits, kept as its sha256."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import MissingScope, NotAuthenticated, OperatorError
from incidents_api.model import vocabulary
from incidents_api.model.visitor import NOBODY, Visitor
from incidents_api.storage.database import Database, Statement
from incidents_api.storage.tables import api_key

OPEN = "open"
"""Scope of a route that anybody may use, whatever the settings."""
READ = "read"
"""Scope of a route that reads records: open, unless the settings close reads to all but key holders."""
SCOPES = vocabulary.codes("scope")

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="incidents"'}


def allow(who: Visitor, scope: str, *, open_reads: bool) -> None:
    """Raise NotAuthenticated or MissingScope unless a route of that scope may be used."""
    if scope == OPEN or (scope == READ and (open_reads or who.name is not None)):
        return
    if who.name is None:
        raise NotAuthenticated("send Authorization: Bearer inc_... (incidents key create)", headers=_CHALLENGE)
    if not who.may(scope):
        raise MissingScope(f"the key {who.name} lacks the scope {scope}", scope=scope)


async def visitor(database: Database, authorization: str | None) -> Visitor:
    """Who sent this Authorization header; NotAuthenticated for a key that is unknown, expired or revoked."""
    if authorization is None:
        return NOBODY
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith("inc_") or len(token) > 100 or not token.isascii():
        empty = " (there is no key after Bearer)" if not token else ""
        raise NotAuthenticated(f"give Authorization: Bearer inc_...{empty}", headers=_CHALLENGE)
    # Looked up by the sha256 of 256 random bits: how long the look-up takes tells nothing about any key.
    rows = await database.read(Statement("key", _by_hash, {"hash": _sha256(token)}, short=True))
    if not rows:
        raise NotAuthenticated("no such key", headers=_CHALLENGE)
    name, scopes, expires_at, revoked_at = rows[0]
    if revoked_at is not None:
        raise NotAuthenticated("the key was revoked", headers=_CHALLENGE)
    if expires_at is not None and expires_at <= _now():
        raise NotAuthenticated("the key has expired", headers=_CHALLENGE)
    return Visitor(name, frozenset(scopes.split()))


def _by_hash() -> sa.Select[Any]:
    columns = api_key.c
    return sa.select(columns.name, columns.scopes, columns.expires_at, columns.revoked_at).where(
        columns.hash == sa.bindparam("hash", type_=sa.Text)
    )


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
        "id": _sha256(token)[:12],
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
