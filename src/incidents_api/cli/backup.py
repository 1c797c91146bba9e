"""incidents backup and restore: the whole store as one file, and back."""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from incidents_api.cli.console import open_store, out, progress_bar, read_settings, seq_of
from incidents_api.errors import OperatorError
from incidents_api.storage import dialects, schema, upkeep
from incidents_api.storage.database import Database
from incidents_api.writing import archive, verify

app = typer.Typer()


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A new file: .ndjson.gz, .ndjson, or .db for a copy.")],
) -> None:
    """Write the store into one file while it is served, and verify what was written."""
    if to.exists():
        raise OperatorError(f"{to} is there already")
    part = to.with_name(f"{to.name}.part")
    with open_store(read_settings()) as database:
        try:
            copied = to.suffix in dialects.COPIES
            edition = _copy(database, part) if copied else _archive(database, part, packed=to.suffix == ".gz")
            os.replace(part, to)
        except OSError as error:
            raise OperatorError(f"{to} cannot be written: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
    typer.echo(edition)
    out.print(f"The edition {edition} was written to {to}. It holds restricted records, too: keep it safe.")


def _archive(database: Database, path: Path, *, packed: bool) -> str:
    """One moment of the store as lines; verified before, line for line as they are read."""
    with database.connect() as conn, progress_bar("Writing", seq_of(database)) as progress:
        verdict = verify.verify(conn)
        _refuse(verdict.faults)
        with (
            _new_file(path) as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if packed else nullcontext(raw) as file,
        ):
            for count, line in enumerate(archive.lines(conn)):
                file.write(line.encode())
                if count % 1_000 == 0:
                    progress.update(progress.task_ids[0], completed=count)
    return f"{verdict.seq}:{verdict.hash}"


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner reads, on the disk before the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _copy(database: Database, path: Path) -> str:
    """The file of the database as it stands, copied by the engine itself."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with database.connect() as conn:
        upkeep.copy_file(conn, path)
    copied = Database(str(dialects.url_of_copy(path)))
    try:
        with copied.connect() as conn:
            verdict = verify.verify(conn)
            _refuse([*verdict.faults, *upkeep.check_integrity(conn)])
    finally:
        copied.close_writer()
        for beside in upkeep.files_beside(path):
            beside.unlink(missing_ok=True)
    return f"{verdict.seq}:{verdict.hash}"


def _refuse(faults: list[str]) -> None:
    if faults:
        raise OperatorError(f"the store does not verify, and was not backed up: {faults[0]} (incidents verify)")


@app.command()
def restore(path: Annotated[Path, typer.Argument(help="A file that incidents backup wrote.")]) -> None:
    """Fill an empty store from a backup of any database: rebuild what is derived, verify, and begin a new epoch."""
    if not path.is_file():
        raise OperatorError(f"there is no file {path}")
    with open_store(read_settings(), current=False) as database, _lines(path) as lines:
        schema.migrate(database)
        out.print("Restoring; nothing is kept unless all of it verifies.")
        with progress_bar("Reading", 0) as progress:
            seq, link = database.write_now(
                archive.restore, lines, lambda done: progress.update(progress.task_ids[0], completed=done)
            )
    typer.echo(f"{seq}:{link}")
    out.print(f"The edition {seq}:{link} was restored and verified. Followers of the feed will start over.")


@contextmanager
def _lines(path: Path) -> Iterator[Iterable[str]]:
    """The lines of an archive, packed or not, or of a copied database; by what the file is, not by its name."""
    url = dialects.url_of_copy(path)
    if url is not None:
        copied = Database(url)
        try:
            if schema.behind(copied):
                raise OperatorError("the copy is of an older version; run incidents migrate on it first")
            with copied.connect() as conn:
                yield archive.lines(conn)
        finally:
            copied.close_writer()
        return
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as opened:
        yield _text(opened)


def _text(opened: Iterable[bytes]) -> Iterator[str]:
    try:
        for line in opened:
            yield line.decode()
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile):
        raise OperatorError("the backup is damaged or was cut short; nothing was restored") from None
