"""The schema of a store: at which migration it stands, and how it is brought to another.

Alembic is loaded by a migration alone: to look whether one is needed, as every start does, takes one small query.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import OperatorError
from incidents_api.storage.database import Database

_VERSION = sa.table("alembic_version", sa.column("version_num", sa.Text))


def migrate(database: Database, to: str = "head") -> None:
    """Bring the schema to a revision (up or down); safe when several processes start at once."""
    from alembic import command  # noqa: PLC0415 - see above

    config = alembic_config()
    with database.connect_alone() as connection:
        config.attributes["connection"] = connection
        current = standing(connection)
        if current is not None and current not in revisions():
            raise OperatorError(f"the store is of a newer version (schema {current}); update this service")
        if to == "head" or not _is_below(to, current):
            command.upgrade(config, to)
        else:
            command.downgrade(config, to)


def alembic_config() -> Any:
    """Alembic's own settings: where the migrations are."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_folder()))
    return config


def behind(database: Database) -> bool:
    """Whether the schema lacks migrations that this version of the service brings; a store not yet made lacks all."""
    if not database.exists():
        return True
    with database.connect() as connection:
        return standing(connection) != revisions()[-1]


def standing(connection: Connection) -> str | None:
    """The revision that the schema stands at; None where there is none as yet."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


@cache
def revisions() -> Sequence[str]:
    """Every revision that this version of the service knows, oldest first; their files begin with them."""
    return sorted(one.name.partition("_")[0] for one in (_folder() / "versions").glob("[0-9]*_*.py"))


def _folder() -> Path:
    packaged = Path(str(files("incidents_api"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "migrations"


def _is_below(to: str, current: str | None) -> bool:
    """Whether a revision lies below the current one."""
    known = revisions()
    if to not in ("base", *known):
        raise OperatorError(f"there is no schema revision {to}; there are head, base, {', '.join(reversed(known))}")
    if current is None:
        return False
    return to == "base" or known.index(to) < known.index(current)
