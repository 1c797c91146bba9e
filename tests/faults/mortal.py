"""A PostgreSQL of its own that can be killed with all its children and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy import URL

from tests import postgres


@contextmanager
def mortal_postgres() -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and what kills it -9 and starts it again."""
    found = next(binaries for find in postgres._PLACES.values() if (binaries := find()) is not None)
    home = Path(tempfile.mkdtemp(prefix="incidents-pg-", dir=postgres._folder_for_homes()))
    account = postgres._account_for(home)
    binaries = postgres._usable_by(account, found, home)
    postgres._initialise(account, binaries, home)
    address = URL.create("postgresql", username="postgres", database="postgres", query={"host": str(home)})
    url = address.render_as_string()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with (home / "log").open("ab") as log:
            command = [binaries / "postgres", "-D", home / "data"]
            running.append(subprocess.Popen(command, cwd=home, stdout=log, stderr=log, **account))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), psycopg.connect(url):
                return
            time.sleep(0.05)
        raise TimeoutError((home / "log").read_text()[-2_000:])

    def kill() -> None:
        """The server and every process that it started: its socket's lock is free only when all are gone."""
        server = running[-1]
        children = _children(server.pid)
        server.kill()
        server.wait(30)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
            time.sleep(0.02)

    def kill_and_start() -> None:
        kill()
        start()

    try:
        start()
        yield url, kill_and_start
    finally:
        running[-1].send_signal(signal.SIGINT)
        running[-1].wait(60)
        shutil.rmtree(home, ignore_errors=True)


def _children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (name) state ppid ...; a name may hold blanks.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
