"""The command line: the same functions as the routes, for the person who runs the service."""

import hashlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from incidents_api import __version__, access
from incidents_api.app import create_app
from incidents_api.errors import OperatorError, Problem
from incidents_api.model import vocabulary
from incidents_api.model.validation import parse
from incidents_api.model.visitor import Visitor
from incidents_api.settings import Settings
from incidents_api.storage import database as storage
from incidents_api.storage import dialects
from incidents_api.storage.database import Database
from incidents_api.writing import ingest, projection, verify

out = Console(stderr=True, highlight=False, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, add_completion=False, help="The incident event store.")
key_app = typer.Typer(no_args_is_help=True, help="Keys for scripts and people who write.")
app.add_typer(key_app, name="key")

SEEDER = Visitor("seed", frozenset(vocabulary.codes("scope")))
"""The loader of the coded articles: it goes through the same door as any client, as a reviewer."""


def main() -> None:
    """Run a command; what an operator must mend is told in one sentence, without a traceback."""
    try:
        app()
    except OperatorError as error:
        out.print(f"[red]incidents:[/] {error}")
        sys.exit(1)
    except Problem as problem:
        out.print(f"[red]incidents:[/] {problem.detail}")
        for fault in problem.faults:
            out.print(f"  {fault.pointer or fault.parameter or ''}: {fault.detail}", markup=False)
        sys.exit(1)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        told = "; ".join(f"INCIDENTS_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise OperatorError(f"a setting cannot be used: {told}") from None


@contextmanager
def _store(settings: Settings, *, current: bool = True) -> Iterator[Database]:
    database = Database(settings.database_url, settings.read_threads, settings.statement_seconds)
    try:
        if current and not database.exists():
            raise OperatorError(f"there is no store at {database.url.render_as_string()}; incidents up makes one")
        if current and storage.behind(database):
            raise OperatorError("the schema of the store is behind this version; run: incidents migrate")
        yield database
    finally:
        database.close_writer()


@contextmanager
def _progress(what: str, total: int) -> Iterator[Progress]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        progress.add_task(what, total=total)
        yield progress


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """The incident event store: kidnappings, rescues and the figures claimed about them."""


# --- Serving -------------------------------------------------------------------------------------------------------


@app.command()
def up() -> None:
    """Migrate, load the five articles into an empty store, and serve."""
    settings = _settings()
    _free_port(settings)
    with _store(settings, current=False) as database:
        _migrate(database)
        if _seq(database) == 0:
            _seed(database, _seed_files(settings))
        if not database.write_now(access.list_keys):
            out.print(
                "Reading needs no key. To write, make one (it is shown once):\n"
                f"  [bold]{sys.argv[0]} key create --scope write --scope review[/]"
            )
    _serve(settings)


@app.command()
def serve() -> None:
    """Serve the store as it is."""
    settings = _settings()
    _free_port(settings)
    with _store(settings):
        pass
    _serve(settings)


def _free_port(settings: Settings) -> None:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise OperatorError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
            "set INCIDENTS_PORT or INCIDENTS_HOST to another"
        ) from None


def _serve(settings: Settings) -> None:
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    out.print(f"Serving on [bold]http://{settings.host}:{settings.port}[/] (docs at /docs; stop with Ctrl-C)")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


# --- The store -----------------------------------------------------------------------------------------------------


@app.command()
def migrate(to: Annotated[str, typer.Option(help="A revision of the schema; head is the newest.")] = "head") -> None:
    """Bring the schema up to date, and the query tables with it."""
    with _store(_settings(), current=False) as database:
        if to == "head":
            _migrate(database)
        else:
            storage.migrate(database, to)
        out.print("The schema is up to date." if to == "head" else f"The schema is at {to}.")


def _migrate(database: Database) -> None:
    storage.migrate(database)
    if database.write_now(projection.is_stale):
        if _seq(database):
            _rebuild(database)
        else:
            database.write_now(projection.rebuild)


def _seq(database: Database) -> int:
    return database.write_now(projection.head_seq)


@app.command()
def rebuild() -> None:
    """Replay the log into the query tables; they come out as they were."""
    with _store(_settings()) as database:
        _rebuild(database)


def _rebuild(database: Database) -> None:
    with _progress("Replaying the log", _seq(database)) as progress:
        done = database.write_now(projection.rebuild, lambda seq: progress.update(progress.task_ids[0], completed=seq))
    out.print(f"Replayed {done:,} revisions.")


@app.command("verify")
def verify_log() -> None:
    """Recompute the hash chain and check the links between records."""
    with (
        _store(_settings()) as database,
        _progress("Verifying the log", _seq(database)) as progress,
        database.connect() as conn,
    ):
        verdict = verify.verify(conn, lambda seen: progress.update(progress.task_ids[0], completed=seen))
        verdict.faults += dialects.check_integrity(conn)
    for fault in verdict.faults:
        out.print(fault, markup=False, style="red")
    if verdict.faults:
        raise OperatorError(f"{len(verdict.faults)} fault(s) found after {verdict.revisions:,} good revisions")
    typer.echo(f"{verdict.seq}:{verdict.hash}")
    out.print(f"{verdict.revisions:,} revisions verified; the edition is {verdict.seq}:{verdict.hash}")


@app.command()
def doctor() -> None:
    """Say how the store and its database are doing, and what endangers them."""
    settings = _settings()
    with _store(settings, current=False) as database:
        if not database.exists():
            raise OperatorError(f"there is no store at {database.url.render_as_string()}; incidents up makes one")
        behind = storage.behind(database)
        with database.connect() as conn:
            facts = {"database": database.url.render_as_string(), **dialects.describe(conn)}
            problems = [*_unknown_settings(), *dialects.problems_of(facts), *dialects.check_integrity(conn)]
            if behind:
                problems.append("the schema is behind this version; run: incidents migrate")
            else:
                facts["revisions"] = f"{projection.head_seq(conn):,}"
                facts["keys"] = str(len(access.list_keys(conn)))
                if projection.is_stale(conn):
                    problems.append("the query tables are of another version; run: incidents migrate")
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


# --- Seeds ---------------------------------------------------------------------------------------------------------


@app.command()
def seed(
    articles: Annotated[
        Path | None, typer.Option(help="Folder of the texts, to keep them and check every quote.")
    ] = None,
) -> None:
    """Load the coded articles; what is there already stays as it is."""
    settings = _settings()
    with _store(settings, current=False) as database:
        _migrate(database)
        _seed(database, _seed_files(settings))
        if articles is not None:
            _check_articles(database, articles)


def _seed_files(settings: Settings) -> list[Path]:
    packaged = Path(str(files("incidents_api"))) / "seeds"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "seeds"
    folder = Path(settings.seeds) if settings.seeds else folder
    found = sorted(folder.glob("*.json"))
    if not found:
        raise OperatorError(f"there are no coded articles (*.json) in {folder}")
    return found


def _seed(database: Database, paths: list[Path]) -> None:
    with _progress("Loading articles", len(paths)) as progress:
        for path in paths:
            try:
                done = database.write_now(ingest.ingest, parse(path.read_bytes()), SEEDER)
            except Problem as problem:
                problem.detail = f"{path.name}: {problem.detail}"
                raise
            progress.advance(progress.task_ids[0])
            told = [
                f"{count} {plural[: -1 if count == 1 else None]}" for plural, count in done.created.items() if count
            ]
            told += [f"{done.also} record{'s' * (done.also > 1)} that they name"] if done.also else []
            kept = sum(done.kept.values())
            there = f"; {kept} there already" if kept else ""
            out.print(f"{path.name}: created {', '.join(told) or 'nothing'}{there}")


def _check_articles(database: Database, folder: Path) -> None:
    if not folder.is_dir():
        raise OperatorError(f"{folder} is no folder")
    checked = wrong = 0
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        content = path.read_bytes()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            out.print(f"{path.name}: no UTF-8 text", markup=False)
            continue
        found = database.write_now(ingest.keep_and_check, hashlib.sha256(content).hexdigest(), text)
        if found is None:
            out.print(f"{path.name}: no source has this fingerprint", markup=False)
            continue
        checked, wrong = checked + found.checked, wrong + len(found.wrong)
        out.print(f"{path.name}: text kept, {found.checked} quotes checked, {len(found.wrong)} wrong", markup=False)
        for fault in found.wrong:
            out.print(f"  {fault}", markup=False, style="red")
    if wrong:
        raise OperatorError(f"{wrong} of {checked} quotes are not in the texts as coded")
    out.print(f"{checked} quotes checked, every one stands in its text.")


# --- Keys ----------------------------------------------------------------------------------------------------------


@key_app.command("create")
def key_create(
    scope: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(access.SCOPES)}.")],
    name: Annotated[str, typer.Option(help="Who or what will use it; revisions carry this name.")] = "script",
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days until it expires; none: never.")] = None,
) -> None:
    """Make a key and print it, alone, on standard output; it is shown this once."""
    with _store(_settings()) as database:
        typer.echo(database.write_now(access.create_key, name, scope, days))


@key_app.command("list")
def key_list() -> None:
    """List every key, without its secret."""
    with _store(_settings()) as database:
        keys = database.write_now(access.list_keys)
    table = Table("id", "name", "scopes", "created", "expires", "revoked")
    for one in keys:
        days = ((one[name] or "")[:10] for name in ("created_at", "expires_at", "revoked_at"))
        table.add_row(one["id"], one["name"], one["scopes"], *days)
    Console(soft_wrap=True).print(table)


@key_app.command("revoke")
def key_revoke(key_id: Annotated[str, typer.Argument(help="Its id, from key list.")]) -> None:
    """End a key at once."""
    with _store(_settings()) as database:
        database.write_now(access.revoke_key, key_id)
        out.print(f"The key {key_id} is revoked.")
