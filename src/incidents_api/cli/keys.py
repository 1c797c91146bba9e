"""incidents key: keys for scripts and people who write."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from incidents_api import access
from incidents_api.cli.console import open_store, out, read_settings

app = typer.Typer(no_args_is_help=True, help="Keys for scripts and people who write.")


@app.command("create")
def key_create(
    scope: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(access.SCOPES)}.")],
    name: Annotated[str, typer.Option(help="Who or what will use it; revisions carry this name.")] = "script",
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days until it expires; none: never.")] = None,
) -> None:
    """Make a key and print it, alone, on standard output; it is shown this once."""
    with open_store(read_settings()) as database:
        typer.echo(database.write_now(access.create_key, name, scope, days))


@app.command("list")
def key_list() -> None:
    """List every key, without its secret, and when it was last used (to the minute or so)."""
    with open_store(read_settings()) as database:
        keys = database.write_now(access.list_keys)
    # Ids are what `key revoke` takes, so they are shown whole on the narrowest terminal.
    table = Table(Column("id", min_width=12), "name", "scopes", "created", "expires", "revoked", "last used")
    for one in keys:
        days = ((one[name] or "")[:10] for name in ("created_at", "expires_at", "revoked_at"))
        used = (one["last_used_at"] or "never")[:16].replace("T", " ")
        table.add_row(one["id"], one["name"], one["scopes"], *days, used)
    Console(soft_wrap=True).print(table)


@app.command("revoke")
def key_revoke(key_id: Annotated[str, typer.Argument(help="Its id, from key list.")]) -> None:
    """End a key at once."""
    with open_store(read_settings()) as database:
        database.write_now(access.revoke_key, key_id)
        out.print(f"The key {key_id} is revoked.")
