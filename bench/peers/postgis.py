"""Peers over PostgreSQL: each has a server of its own with PostGIS, Debian's programs over a folder of the peer's."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psycopg
import pytest

from bench.peers.peer import Peer, free_port
from bench.processes import PATIENCE, Failed, Program, run
from bench.systems import Data, Running
from tests.machine import program

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "jit": "off",
}
"""As one would set them on a machine of some gigabytes with a disk that has no arm. fsync and synchronous_commit stay
on."""


@cache
def _missing() -> str | None:
    """Why there is none, after Debian's packages were asked for; None when there is one."""
    if _programs() is None:
        try:
            program("psql", "postgresql", "postgresql-postgis")
        except pytest.fail.Exception as failed:
            return str(failed)
    return None if _programs() is not None else "it needs PostGIS: install postgresql-postgis (Debian's name)"


def _programs() -> Path | None:
    """The programs of the newest version that has PostGIS."""
    for version in sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda one: one.name, reverse=True):
        if (Path("/usr/share/postgresql") / version.name / "extension" / "postgis.control").exists():
            return version / "bin"
    return None


class Cluster:
    """One server over the folder of a store, or over one in /tmp where the server's account cannot get there."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "postgres.log"
        self.folder = folder / "postgres"
        self._as: Sequence[str] = ()
        if os.geteuid() == 0:  # which PostgreSQL refuses
            self._as = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            if not all(step.stat().st_mode & stat.S_IXOTH for step in folder.parents):
                named = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
                self.folder = Path(tempfile.gettempdir()) / f"incidents-bench-{named}"
        self._program: Program | None = None

    @property
    def exists(self) -> bool:
        """Whether it was made, and is still there."""
        return (self.folder / "PG_VERSION").exists()

    def make(self) -> None:
        """An empty one, in place of what was there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        settings = ("-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8")
        run([*self._as, self._bin / "initdb", "-D", self.folder, *settings], self.log)

    def start(self) -> tuple[str, int]:
        """The address of its database, and the root of its processes."""
        port = free_port()
        told = [word for name, value in (SETTINGS | {"port": str(port)}).items() for word in ("-c", f"{name}={value}")]
        self._program = Program([*self._as, self._bin / "postgres", "-D", self.folder, *told], self.log)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(url).close()
                return url, self._program.pid
            time.sleep(0.1)
        self.stop()
        raise Failed(f"PostgreSQL did not answer, see {self.log}")

    def stop(self) -> None:
        """End it, whoever is connected."""
        if self._program is not None:
            with contextlib.suppress(Failed):  # it may have ended by itself
                run([*self._as, self._bin / "pg_ctl", "-D", self.folder, "-m", "fast", "stop"], self.log)
            self._program.stop()
            self._program = None

    @property
    def _bin(self) -> Path:
        found = _programs()
        assert found is not None  # noqa: S101 - `missing` was asked
        return found


class PostgisPeer(Peer):
    """A peer whose store is such a server. A subclass says how its database is filled."""

    url = ""
    """The address of its database while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(self.folder)

    def missing(self) -> str | None:
        """It needs PostGIS besides what pip installs."""
        return _missing() or super().missing()

    def load(self, data: Data) -> float:
        """The server's folder belongs to the store."""
        self.cluster = Cluster(self.store(data))
        return super().load(data)

    def loaded(self) -> bool:
        """Whether the server is still where it was put."""
        return super().loaded() and self.cluster.exists

    def fill(self, data: Data) -> float:
        """The seconds of filling the database, without those of making it."""
        self.cluster.make()
        self.url, _ = self.cluster.start()
        try:
            return self.fill_database(data)
        finally:
            self.cluster.stop()

    def fill_database(self, data: Data) -> float:
        """Fill the database at `self.url`; the seconds that count."""
        raise NotImplementedError

    def start(self, port: int) -> Running:
        """The database first; its processes count too."""
        self.url, database = self.cluster.start()
        try:
            running = super().start(port)
        except Failed:
            self.cluster.stop()
            raise
        return Running(running.url, (*running.pids, database))

    def stop(self) -> None:
        """The database last."""
        super().stop()
        self.cluster.stop()
