"""incidents up and serve: the service as a process."""

import socket
import sys
from contextlib import suppress

import typer

from incidents_api import access
from incidents_api.cli import logs
from incidents_api.cli.console import open_store, out, read_settings, seq_of
from incidents_api.cli.seeds import load, seed_files
from incidents_api.cli.server import server
from incidents_api.cli.store import bring_up_to_date
from incidents_api.errors import OperatorError
from incidents_api.settings import Settings

app = typer.Typer()


@app.command()
def up() -> None:
    """Migrate, load the five articles into an empty store, and serve."""
    settings = read_settings()
    _free_port(settings)
    with open_store(settings, current=False) as database:
        bring_up_to_date(database, settings.restricted)
        if seq_of(database) == 0:
            load(database, seed_files(settings))
        if not database.write_now(access.list_keys):
            out.print(
                "Reading needs no key. To write, make one (it is shown once):\n"
                f"  [bold]{sys.argv[0]} key create --scope write --scope review[/]"
            )
    _serve(settings)


@app.command()
def serve() -> None:
    """Serve the store as it is."""
    settings = read_settings()
    _free_port(settings)
    with open_store(settings):
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
    logs.set_up(settings.log_format, settings.log_level)
    out.print(f"Serving on [bold]http://{settings.host}:{settings.port}[/] (docs at /docs; stop with Ctrl-C)")
    running = server(settings)
    with suppress(KeyboardInterrupt):  # Ctrl-C, after everything has ended
        running.run()
    if not running.started:
        raise OperatorError("the service did not start; the log says why")
