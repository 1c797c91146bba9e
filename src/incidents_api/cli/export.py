"""incidents export: what the store holds, as files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from incidents_api.cli import files
from incidents_api.cli.console import open_store, out, progress_bar, read_settings, seq_of
from incidents_api.writing import archive

app = typer.Typer(no_args_is_help=True, help="What the store holds, as files.")
app.add_typer(files.app)


@app.command("log")
def export_log(
    to: Annotated[Path | None, typer.Option(help="A file to write; none: standard output.")] = None,
) -> None:
    """Every revision as NDJSON, whole: what tools/verify_log.py takes. It holds restricted records, too."""
    with (
        open_store(read_settings()) as database,
        progress_bar("Writing the log", seq_of(database)) as progress,
        database.connect() as conn,
    ):
        opened = to.open("w", encoding="utf-8", newline="\n") if to is not None else None
        target = opened or sys.stdout
        count = 0
        try:
            for line in archive.log_lines(conn):
                target.write(line)
                count += 1
                if count % 1_000 == 0:
                    progress.update(progress.task_ids[0], completed=count)
        finally:
            if opened is not None:
                opened.close()
    out.print(f"{count:,} revisions written.")
