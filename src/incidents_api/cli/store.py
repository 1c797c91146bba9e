"""incidents migrate, rebuild, verify and doctor: the store itself."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.table import Table

from incidents_api import access
from incidents_api.cli.console import open_store, out, progress_bar, read_settings, seq_of
from incidents_api.errors import OperatorError
from incidents_api.settings import Settings
from incidents_api.storage import dialects, schema, upkeep
from incidents_api.storage.database import Database
from incidents_api.writing import projection, verify
from incidents_api.writing.replay import replay, table_faults

app = typer.Typer()


@app.command()
def migrate(to: Annotated[str, typer.Option(help="A revision of the schema; head is the newest.")] = "head") -> None:
    """Bring the schema up to date, and the query tables with it."""
    settings = read_settings()
    with open_store(settings, current=False) as database:
        if to == "head":
            bring_up_to_date(database, settings.restricted)
        else:
            schema.migrate(database, to)
        out.print("The schema is up to date." if to == "head" else f"The schema is at {to}.")


def bring_up_to_date(database: Database, treatment: str) -> None:
    """Migrate the schema, and rebuild the query tables where the catalogue has changed."""
    schema.migrate(database)
    if database.write_now(projection.is_stale, treatment):
        if seq_of(database):
            _rebuild(database, treatment)
        else:
            database.write_now(projection.rebuild, lambda _: None, 500, treatment)


@app.command()
def rebuild() -> None:
    """Replay the log into the query tables; they come out as they were."""
    settings = read_settings()
    with open_store(settings) as database:
        _rebuild(database, settings.restricted)


def _rebuild(database: Database, treatment: str) -> None:
    with progress_bar("Replaying the log", seq_of(database)) as progress:
        done = database.write_now(
            projection.rebuild, lambda seq: progress.update(progress.task_ids[0], completed=seq), 500, treatment
        )
    out.print(f"Replayed {done:,} revisions.")


@app.command()
def scrub() -> None:
    """Overwrite what redactions removed wherever the database's files still hold it; the service does so by itself."""
    with open_store(read_settings()) as database:
        if not database.scrub_now():
            raise OperatorError("somebody is reading the store; stop the service, and run it again")
        out.print("Nothing of what was removed is left in the database's files.")


@app.command("verify")
def verify_log(
    edition: Annotated[str | None, typer.Option(help="seq:hash, as it was cited: the log must hold it.")] = None,
    *,
    tables: Annotated[bool, typer.Option("--tables", help="Replay the log, and compare every row made of it.")] = False,
) -> None:
    """Recompute the hash chain and check the links between records."""
    pinned = None if edition is None else verify.read_edition(edition)
    with open_store(read_settings()) as database:
        with progress_bar("Verifying the log", seq_of(database)) as progress, database.connect() as conn:
            verdict = verify.verify(conn, lambda seen: progress.update(progress.task_ids[0], completed=seen), pinned)
            verdict.faults += upkeep.check_integrity(conn)
        if tables and not verdict.faults:
            verdict.faults += _replayed(database)
    for redacted in verdict.redacted:
        out.print(redacted, markup=False)
    for fault in verdict.faults:
        out.print(fault, markup=False, style="red")
    if verdict.faults:
        raise OperatorError(f"{len(verdict.faults)} fault(s) found after {verdict.revisions:,} good revisions")
    typer.echo(f"{verdict.seq}:{verdict.hash}")
    out.print(f"{verdict.revisions:,} revisions verified; the edition is {verdict.seq}:{verdict.hash}")


def _replayed(database: Database) -> list[str]:
    """What the query tables say otherwise than a replay of the log into a store of its own, which is thrown away."""
    with TemporaryDirectory(prefix="incidents-") as folder:
        address = dialects.url_of_file(Path(folder) / "replay.db")
        settings = read_settings().model_copy(update={"database_url": address})
        with open_store(settings, current=False) as beside:
            schema.migrate(beside)
            with (
                progress_bar("Replaying the log", seq_of(database)) as progress,
                database.connect() as conn,
                beside.connect_alone() as made,
            ):
                replay(conn, made, lambda done: progress.update(progress.task_ids[0], completed=done))
                return list(table_faults(conn, made))


@app.command()
def doctor() -> None:
    """Say how the store and its database are doing, and what endangers them."""
    settings = read_settings()
    with open_store(settings, current=False) as database:
        if not database.exists():
            raise OperatorError(f"there is no store at {database.url.render_as_string()}; incidents up makes one")
        behind = schema.behind(database)
        with database.connect() as conn:
            facts = {"database": database.url.render_as_string(), **dialects.describe(conn)}
            problems = [*_unknown_settings(), *upkeep.problems_of(facts), *upkeep.check_integrity(conn)]
            if behind:
                problems.append("the schema is behind this version; run: incidents migrate")
            else:
                facts["revisions"] = f"{projection.head_seq(conn):,}"
                facts["keys"] = str(len(access.list_keys(conn)))
                if projection.is_stale(conn, settings.restricted):
                    problems.append("the query tables are of another version or setting; run: incidents migrate")
    table = Table("what", "is", show_header=False)
    for what, value in facts.items():
        table.add_row(what, value)
    out.print(table)
    for problem in problems:
        out.print(problem, style="red", markup=False)
    if problems:
        raise OperatorError(f"{len(problems)} problem(s)")
    out.print("All is well.")


def _unknown_settings() -> list[str]:
    """Variables that look like settings and are none: a misspelled one would be silently without effect."""
    known = {f"INCIDENTS_{name.upper()}" for name in Settings.model_fields}
    known |= {"INCIDENTS_TEST_DATABASE_URL", "INCIDENTS_SCALE_DSN"}
    return [
        f"{name} is no setting" for name in sorted(os.environ) if name.startswith("INCIDENTS_") and name not in known
    ]
