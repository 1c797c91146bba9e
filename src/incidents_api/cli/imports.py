"""incidents import: files of other datasets, or of our own reports, into the store."""

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TextIO

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from incidents_api.cli.console import open_store, out, read_settings
from incidents_api.errors import OperatorError
from incidents_api.importers import IMPORTERS
from incidents_api.importers.reports import Reports
from incidents_api.model import screening, vocabulary
from incidents_api.model.kinds import KINDS
from incidents_api.model.revision import new_id
from incidents_api.model.visitor import Visitor
from incidents_api.storage.database import Database
from incidents_api.writing.bulk import REVISED, Bulk, Options
from incidents_api.writing.once import Answer, Key
from incidents_api.writing.runs import Progress as Reached
from incidents_api.writing.runs import Refused

app = typer.Typer()

REFUSED = 3
"""Exit status when lines were refused; 0: all were taken, 1: it could not be done, 130: stopped by Ctrl-C."""
STOPPED = 130

Format = StrEnum("Format", list(IMPORTERS))  # type: ignore[misc]
KindOf = StrEnum("KindOf", list(KINDS))  # type: ignore[misc]
Screened = StrEnum("Screened", list(screening.KINDS))  # type: ignore[misc]
INCIDENT = KindOf("incident")
OnExisting = StrEnum("OnExisting", ["skip", "update", "reject"])
OnError = StrEnum("OnError", ["skip", "abort"])
Ended = StrEnum("Ended", ["keep", "retract"])


@app.command("import")
def import_files(  # noqa: PLR0913, PLR0917 - the options of one command
    format: Annotated[Format, typer.Argument(help="Whose columns.")],
    files: Annotated[list[str], typer.Argument(help="Files, .gz and .zip too; - for standard input.")],
    on_existing: Annotated[OnExisting, typer.Option(help="What becomes of a record that stands.")] = OnExisting.update,
    on_error: Annotated[OnError, typer.Option(help="Leave out wrong lines, or take none.")] = OnError.skip,
    ended: Annotated[Ended, typer.Option(help="What becomes of incidents that a newer release dropped.")] = Ended.keep,
    kind: Annotated[KindOf, typer.Option(help="Kind of our own reports.")] = INCIDENT,
    rejects: Annotated[Path | None, typer.Option(help="File of refused lines, .csv or .ndjson.")] = None,
    confirm: Annotated[list[Screened] | None, typer.Option(help="Found in texts, and to stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of each line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of it as JSON.")] = False,
) -> None:
    """Import files. Run again after a stop, it goes on where it stood; the same file again changes nothing.

    Ends with 0 when every line was taken, 3 when some were refused, 1 when it could not be done, 130 when stopped.
    """
    ours = format == "reports"
    revised = tuple(KINDS) if ours else REVISED
    options = Options(dry_run, on_error, on_existing, "import", revised, ended, remembered=False, max_rows=sys.maxsize)
    if options.whole and ended == "retract":
        raise OperatorError("--ended=retract goes with --on-error=skip and without --dry-run")
    importer = Reports(str(kind)) if ours else IMPORTERS[format]
    kept = frozenset(map(str, confirm or ()))
    who = Visitor(f"import-{format}", frozenset(vocabulary.codes("scope")), confirms=kept)
    told: list[dict[str, Any]] = []
    with open_store(read_settings()) as database:
        for name in files:
            told.append({"file": name, **_one(database, name, importer.read, options, who, rejects)})
            if not as_json:
                _tell(told[-1])
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    if any(one["refused"] for one in told):
        raise typer.Exit(REFUSED)


def _one(
    database: Database, name: str, read: Any, options: Options, who: Visitor, rejects: Path | None
) -> dict[str, Any]:
    """Import one file; what became of it."""
    path = rejects or Path(f"{'stdin' if name == '-' else name}.rejects.ndjson")
    with ExitStack() as stack:
        raw, size = _opened(name, stack)
        bar = stack.enter_context(_bar(Path(name).name, size))
        book = stack.enter_context(_Rejects(path))

        def told(reached: Reached, refused: Sequence[Refused]) -> None:
            rows = reached.counts["received"]
            bar.update(bar.task_ids[0], completed=raw.tell() if size else rows, rows=rows)
            book.write(refused)

        bulk = Bulk(database, who, options, _key(name, options, who), told)
        file = _unpacked(name, raw, stack)
        try:
            answer = bulk.run(read(file), lambda: "", lambda outcome: Answer(200, json.dumps(outcome.wire())))
        except KeyboardInterrupt:
            out.print(f"{name}: stopped; the same command again goes on where it stood", markup=False)
            raise typer.Exit(STOPPED) from None
    found: dict[str, Any] = json.loads(answer.body)
    return found | {"rejects": str(path) if book.written else None}


def _key(name: str, options: Options, who: Visitor) -> Key:
    """Stands for this file as it is, taken in this way; standard input is new each time."""
    told = [who.author, repr(options)]
    if name == "-":
        told.append(new_id())
    else:
        state = Path(name).stat()
        told += [str(Path(name).resolve()), str(state.st_size), str(state.st_mtime_ns)]
    word = hashlib.sha256("\n".join(told).encode()).hexdigest()
    return Key("command line", word, word, 30)


# --- Files ---------------------------------------------------------------------------------------------------------


def _opened(name: str, stack: ExitStack) -> tuple[BinaryIO, int]:
    """The file as it is stored and its size; 0 where nobody knows it."""
    if name == "-":
        return sys.stdin.buffer, 0
    try:
        return stack.enter_context(Path(name).open("rb")), Path(name).stat().st_size
    except OSError as error:
        raise OperatorError(f"{name} cannot be read: {error.strerror}") from None


def _unpacked(name: str, raw: BinaryIO, stack: ExitStack) -> BinaryIO:
    """What the file holds: a .gz unpacked, of a .zip its one file."""
    try:
        if name.endswith(".gz"):
            return io.BufferedReader(stack.enter_context(gzip.open(raw)))
        if name.endswith(".zip"):
            archive = stack.enter_context(zipfile.ZipFile(raw))
            held = [one for one in archive.infolist() if not one.is_dir()]
            if len(held) != 1:
                raise OperatorError(f"{name} holds {len(held)} files; unpack it and name the one to import")
            return io.BufferedReader(stack.enter_context(archive.open(held[0])))  # type: ignore[type-var]
    except (OSError, zipfile.BadZipFile) as error:
        raise OperatorError(f"{name} cannot be unpacked: {error}") from None
    return raw


class _Rejects:
    """The file of refused lines; made with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, None
        self.written = 0

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    _file: TextIO | None

    def write(self, refused: Sequence[Refused]) -> None:
        """Add lines, each with why it was refused and how it stood."""
        if not refused:
            return
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            if self._path.suffix == ".csv":
                csv.writer(self._file).writerow(["line", "external_id", "reason", "row"])
        for one in refused:
            self.written += 1
            if self._path.suffix == ".csv":
                csv.writer(self._file).writerow([one.line, one.external_id, _reason(one), one.source])
            else:
                told = one.wire() | {"reason": _reason(one), "row": one.source}
                self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        self._file.flush()


def _reason(refused: Refused) -> str:
    """Everything that is wrong with a line, in one sentence."""
    faults = refused.problem.get("errors") or [refused.problem]
    return "; ".join(f"{fault.get('pointer', '')} {fault['detail']}".strip() for fault in faults)


# --- What a person sees --------------------------------------------------------------------------------------------


@contextmanager
def _bar(what: str, size: int) -> Iterator[Progress]:
    """Lines so far, lines in a second, and how long it will take yet."""

    class Rate(TextColumn):
        def render(self, task: Any) -> Any:
            seconds = task.elapsed or 0
            rate = f"{task.fields['rows'] / seconds:,.0f}/s" if seconds else ""
            return super().render(task) + f" {task.fields['rows']:,} lines {rate}"

    columns = (TextColumn(what, markup=False), BarColumn(), TaskProgressColumn(), Rate(""), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        progress.add_task(what, total=size or None, rows=0)
        yield progress


def _tell(told: dict[str, Any]) -> None:
    names = ("created", "updated", "unchanged", "refused", "ended")
    counts = ", ".join(f"{told[name]:,} {name}" for name in names if told[name]) or "nothing"
    also = f", and {told['also']:,} records that they name" if told["also"] else ""
    tried = "would be: " if told["dry_run"] else ""
    out.print(f"{told['file']}: {told['received']:,} lines; {tried}{counts}{also}", markup=False)
    if told["merged"]:
        out.print(f"left alone, for their records were merged into others: {told['merged']:,} lines", markup=False)
    if told["rejects"]:
        out.print(f"refused lines, each with its reason: {told['rejects']}", markup=False)
