"""What every command needs: the settings, the store, a place to speak and a progress bar."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from incidents_api.errors import OperatorError
from incidents_api.settings import Settings
from incidents_api.storage import schema
from incidents_api.storage.database import Database
from incidents_api.writing import projection

out = Console(stderr=True, highlight=False, soft_wrap=True)
"""Where a command speaks to people: standard error. What scripts take goes to standard output."""


def read_settings() -> Settings:
    """The settings of this process; one that cannot be used is told by the name of its variable."""
    try:
        return Settings()
    except ValidationError as error:
        told = "; ".join(f"INCIDENTS_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise OperatorError(f"a setting cannot be used: {told}") from None


@contextmanager
def open_store(settings: Settings, *, current: bool = True) -> Iterator[Database]:
    """The store, closed in the end; `current`: an OperatorError where there is none or its schema is behind."""
    database = Database(settings.database_url, settings.read_threads, settings.statement_seconds)
    try:
        if current and not database.exists():
            raise OperatorError(f"there is no store at {database.url.render_as_string()}; incidents up makes one")
        if current and schema.behind(database):
            raise OperatorError("the schema of the store is behind this version; run: incidents migrate")
        yield database
    finally:
        database.close_writer()


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Progress]:
    """A bar for long work; its one task is `task_ids[0]`."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        progress.add_task(what, total=total)
        yield progress


def seq_of(database: Database) -> int:
    """How many revisions the log holds."""
    return database.write_now(projection.head_seq)
