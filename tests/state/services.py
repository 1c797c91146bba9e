"""The service over two databases, asked the same at the same time, in this process and without a network."""

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.model.revision import GENESIS
from incidents_api.settings import Settings
from incidents_api.storage import dialects, tables
from incidents_api.storage.database import Database
from tests.state.model import EDITOR, WRITER

SCOPES = {EDITOR: ("admin",), WRITER: ("write",)}
APART = ("recorded_at", "cursor", "hash", "previous_hash", "etag", "versions")
"""What one store says otherwise than another that was told the same."""


def alike(told: Any) -> Any:
    """An answer without what stores say each in its own way."""
    if isinstance(told, dict):
        return {name: alike(value) for name, value in told.items() if name not in APART}
    return [alike(one) for one in told] if isinstance(told, list) else told


@dataclass
class Service:
    """One application over one store."""

    name: str
    database: Database
    client: httpx.AsyncClient
    app: Any
    keys: dict[str | None, dict[str, str]]
    answers: int = 0
    mismatches: int = 0

    def check(self, what: str, told: Any, expected: Any) -> None:
        """Count and raise what the store says otherwise than the model."""
        self.answers += 1
        if told != expected:
            self.mismatches += 1
            raise AssertionError(f"{self.name}: {what}\n  says {told}\n  not  {expected}")


@dataclass
class Services:
    """All of them; `ask` sends one request to each."""

    runner: asyncio.Runner
    each: list[Service] = field(default_factory=list)

    def ask(
        self, method: str, path: str | Callable[[Service], str], who: str | None, **request: Any
    ) -> list[httpx.Response]:
        """The answers of all services to one request; `path` may depend on the service."""
        headers = request.pop("headers", {})

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(
                *(
                    one.client.request(
                        method, path if isinstance(path, str) else path(one), headers=headers | one.keys[who], **request
                    )
                    for one in self.each
                )
            )

        return self.runner.run(together())

    def empty(self) -> None:
        """Forget every record; keys stay."""
        for one in self.each:
            one.database.write_now(_empty, secrets.token_hex(8))
            one.app.state.files.close()


def _empty(conn: Connection, epoch: str) -> None:
    for table in tables.metadata.sorted_tables:
        if table not in (tables.api_key, tables.head):
            conn.execute(sa.delete(table))
    dialects.clear_words(conn)
    conn.execute(sa.update(tables.head).values(seq=0, hash=GENESIS, recorded_at="", epoch=epoch))


@contextmanager
def running(urls: dict[str, str]) -> Iterator[Services]:
    """The services over these stores, by name."""
    with asyncio.Runner() as runner:
        services, stack = Services(runner), AsyncExitStack()
        for name, url in urls.items():
            settings = Settings(_env_file=None, database_url=url, rate_per_address=0, rate_per_key=0)
            database = Database(url)
            app = create_app(settings, database)
            runner.run(stack.enter_async_context(app.router.lifespan_context(app)))
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
            keys: dict[str | None, dict[str, str]] = {None: {}}
            for who, scopes in SCOPES.items():
                token = database.write_now(access.create_key, who, scopes)
                keys[who] = {"Authorization": f"Bearer {token}"}
            services.each.append(Service(name, database, client, app, keys))
        try:
            yield services
        finally:
            runner.run(stack.aclose())
            for one in services.each:
                runner.run(one.client.aclose())
                runner.run(one.database.close())


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what a power cut leaves is not what these tests are about."""
    memory = Path("/dev/shm")  # noqa: S108 - only to be quick
    with tempfile.TemporaryDirectory(prefix="incidents-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
