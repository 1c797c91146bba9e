"""Runs the one migration history on either database: for `incidents migrate`, the tests, and the alembic command."""

from alembic import context

from incidents_api.settings import Settings
from incidents_api.storage import tables
from incidents_api.storage.database import Database


def ours(one, name, type_, *_) -> bool:
    """What both databases have by the metadata: not the index of words, nor what one of them alone makes (dialects)."""
    alone = getattr(one, "info", {}).get("only")
    return alone in (None, context.get_context().dialect.name) and not (type_ == "table" and name.startswith("search"))


def configure(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        render_as_batch=True,
        compare_type=True,
        include_object=ours,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    configure(given)
else:
    database = Database(Settings().database_url)
    with database.connect_alone() as opened:
        configure(opened)
    database.close_writer()
