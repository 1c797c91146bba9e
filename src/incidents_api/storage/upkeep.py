"""What an operator asks of a store: whether its files are sound and its engine keeps promises, and to empty them."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from incidents_api.errors import OperatorError
from incidents_api.storage.dialects import is_one_file


def scrub(engine: Engine) -> bool:
    """Bring every file of the store to the state of the last commit, with nothing of what was deleted left in it.

    A store in one file overwrites deleted content itself (secure_delete), so only its log of changes is left to be
    emptied. A server keeps dead rows in its files until the tables are written anew. False: a reader stood in the way.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", reads=True) as connection:
        try:
            if is_one_file(connection):
                return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            for (table,) in connection.exec_driver_sql(_OWN_TABLES).all():
                connection.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{table}"')
            if connection.exec_driver_sql(_MAY_CHECKPOINT).scalar():
                connection.exec_driver_sql("CHECKPOINT")  # the old files go with it
        except sa.exc.DBAPIError:
            return False
        return True


_OWN_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_MAY_CHECKPOINT = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


def check_integrity(connection: Connection) -> list[str]:
    """What the engine itself says of its files; empty when all is well."""
    if not is_one_file(connection):
        return []
    return [row[0] for row in connection.exec_driver_sql("PRAGMA quick_check") if row[0] != "ok"]


def problems_of(facts: Mapping[str, str]) -> list[str]:
    """Settings of the engine that would endanger what the store promises."""
    wrong = {
        "synchronous_commit": ("off", "an acknowledged write could be lost"),
        "fsync": ("off", "a crash could corrupt it"),
    }
    found = [f"{name} is off: {why}" for name, (bad, why) in wrong.items() if facts.get(name) == bad]
    if facts.get("server_encoding", "UTF8") != "UTF8":
        found.append("server_encoding is not UTF8: names could not be stored")
    return found


def copy_file(connection: Connection, path: Path) -> None:
    """Copy a store that is one file into another while it is in use; OperatorError for any other store."""
    if not is_one_file(connection):
        raise OperatorError("only a store in one file can be copied as one; give a name that ends with .ndjson.gz")
    driver: Any = connection.connection.driver_connection
    with closing(type(driver)(path)) as target:
        driver.backup(target)


def files_beside(path: Path) -> list[Path]:
    """What opening a copied file leaves beside it."""
    return [path.with_name(path.name + ending) for ending in ("-wal", "-shm", ".writer")]
