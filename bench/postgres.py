"""A PostgreSQL of the bench's own: durable as in production, kept between runs, on a Unix socket alone."""

import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.processes import Failed
from tests import postgres as tested

HOME = Path(tempfile.gettempdir()) / "incidents-bench"
"""Short, because the path of a socket must be; and reachable for the server's account where this is run by root."""
SETTINGS = {
    "listen_addresses": "",
    "max_connections": 200,
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "random_page_cost": 1.1,
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}


class Server:
    """The server; every system has a database of its own in it."""

    def __init__(self) -> None:
        self._binaries: Path | None = None
        self._account: dict[str, Any] = {}
        self._began = False

    def missing(self) -> str | None:
        """Why there can be none."""
        return None if any(find() for find in tested._PLACES.values()) else "no PostgreSQL is installed"

    def url(self, name: str) -> str:
        """The address of a database, made when it is not there."""
        self.start()
        found = b"SELECT FROM pg_database WHERE datname = %s"
        with psycopg.connect(f"host={HOME} user=postgres dbname=postgres", autocommit=True) as connection:
            if connection.execute(found, (name,)).rowcount == 0:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        return f"postgresql://postgres@/{name}?host={HOME}"

    def drop(self, name: str) -> None:
        """Drop a database, if it is there."""
        self.start()
        with psycopg.connect(f"host={HOME} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._answers():
            return
        HOME.mkdir(mode=0o755, exist_ok=True)
        self._account = tested._account_for(HOME)
        found = next(binaries for find in tested._PLACES.values() if (binaries := find()) is not None)
        kept = HOME / found.relative_to(found.parents[2])
        self._binaries = kept if kept.exists() else tested._usable_by(self._account, found, HOME)
        if not (HOME / "data").exists():
            tested._initialise(self._account, self._binaries, HOME)
            told = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            with (HOME / "data" / "postgresql.conf").open("a") as file:
                file.write(told)
        self._began = True
        with (HOME / "log").open("ab") as log:
            subprocess.Popen(
                [self._binaries / "postgres", "-D", HOME / "data"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HOME, start_new_session=True, **self._account,
            )  # fmt: skip
        until = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > until:
                raise Failed(f"PostgreSQL did not start: {(HOME / 'log').read_text()[-1_000:]}")
            time.sleep(0.1)

    def pid(self) -> int:
        """The process whose children do the work."""
        return int((HOME / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def stop(self) -> None:
        """Stop it, unless another run began it; what it keeps stays."""
        if self._began and self._answers():
            self._began = False
            with suppress(psutil.NoSuchProcess):
                server = psutil.Process(self.pid())
                server.send_signal(2)  # fast shutdown
                server.wait(60)

    @staticmethod
    def _answers() -> bool:
        try:
            psycopg.connect(f"host={HOME} user=postgres dbname=postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


SERVER = Server()


def name_of(folder: Path) -> str:
    """The database for a system's folder."""
    return f"{folder.parent.name}-{folder.name}"


def url_of(folder: Path) -> str:
    """Its address."""
    return SERVER.url(name_of(folder))
