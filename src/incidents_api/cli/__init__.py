"""The command line: the same functions as the routes, for the person who runs the service."""

import gc
import sys
from typing import Annotated

import typer

from incidents_api import __version__
from incidents_api.cli import backup, export, imports, keys, seeds, serving, store
from incidents_api.cli.console import out
from incidents_api.errors import OperatorError, Problem

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The incident event store.")
for group in (serving, store, backup, seeds, imports):
    app.add_typer(group.app)
app.add_typer(keys.app, name="key")
app.add_typer(export.app, name="export")


def collect_rarely() -> None:
    """What is loaded by now stays to the end, and records hold no circles: to look for garbage as often as Python does
    by itself takes an eighth of an import."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def main() -> None:
    """Run a command; what an operator must mend is told in one sentence, without a traceback."""
    collect_rarely()
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


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """The incident event store: kidnappings, rescues and the figures claimed about them."""
