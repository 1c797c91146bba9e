"""What the fault tests share: a served store that can be killed, clients that never give up, and the final account.

Every process that is ended here was started here, and is ended by its id.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from incidents_api import access
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing.verify import verify

PROGRAM = "from incidents_api.cli import main; main()"


class Server:
    """`incidents serve` as a process of its own, to be killed and started again on the same port."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        database = Database(url)
        self.key = database.write_now(access.create_key, "faults", ("write",))
        database.close_writer()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("INCIDENTS_")}
        own |= {"INCIDENTS_DATABASE_URL": self.url, "INCIDENTS_PORT": str(self.port)}
        own |= {"INCIDENTS_RATE_PER_KEY": "0", "INCIDENTS_RATE_PER_ADDRESS": "0", "INCIDENTS_LOG_LEVEL": "warning"}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "serve"], cwd=self.folder, env=own, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/livez", trust_env=False, timeout=5).status_code == 200:
                    return
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.05)
        raise TimeoutError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@contextmanager
def served(url: str, folder: Path) -> Iterator[Server]:
    """A served store; ended whatever happens."""
    server = Server(url, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Account:
    """What was sent, what was acknowledged at once, and what is stored. `struck`: when the last fault was over."""

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    unknown: int = 0
    kills: int = 0
    struck: float = 0.0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self, url: str, what: str) -> str:
        """Compare with the store; the line of the account. Asserts that nothing is lost, doubled or half there."""
        database = Database(url)
        with database.connect() as conn:
            log = tables.revision.c
            texts = conn.execute(sa.select(log.record).where(log.kind == "incident", log.version == 1)).scalars()
            stored = [json.loads(text)["title"] for text in texts]
            rows = conn.execute(sa.select(sa.func.count()).select_from(tables.KIND_TABLES["incident"])).scalar_one()
        faults = database.write_now(verify).faults
        database.close_writer()
        lost, doubled = self.sent - set(stored), len(stored) - len(set(stored))
        half = len(faults) + (rows != len(stored))
        line = (
            f"{what}: kills {self.kills}, sent {len(self.sent):,}, "
            f"requests answered at once {len(self.acknowledged):,}, sent again {self.unknown:,}, "
            f"stored {len(stored):,}; lost {len(lost)}, doubled {doubled}, half-written {half}"
        )
        print(line)  # noqa: T201 - the account is the result
        assert not self.wrong, self.wrong[:5]
        assert (sorted(lost), doubled, half, set(stored) - self.sent) == ([], 0, 0, set()), line
        return line


def report(title: str) -> dict[str, Any]:
    """A report without an external id: only its key keeps it from being doubled."""
    claim = {"measure": "rescued", "population": "victims", "value": 16}
    source = {"title": "A paper", "url": "https://news.example/1"}
    return {"type": "rescue_operation", "title": title, "date": "2024-03-26", "claims": [claim], "source": source}


def send(  # noqa: PLR0917 - one request
    account: Account, server: Server, port: int, path: str, word: str, body: bytes, media: str
) -> Any:
    """Post until there is an answer, always with the same key; the answer.

    The patience counts from the last fault on: on a busy machine a server may need longer to start than it lives.
    """
    headers = {"Authorization": f"Bearer {server.key}", "Idempotency-Key": word, "Content-Type": media}
    begun, first = time.monotonic(), True
    while time.monotonic() < max(begun, account.struck) + 120:
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{port}{path}", content=body, headers=headers, trust_env=False, timeout=30
            )
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code in (200, 201):
            if first:
                with account.lock:
                    account.acknowledged.add(word)
            return answer
        if answer is not None and answer.status_code not in (409, 503):
            with account.lock:
                account.wrong.append(f"{answer.status_code} {answer.text[:300]}")
            return answer
        with account.lock:
            account.unknown += first
        first = False
        time.sleep(random.uniform(0.02, 0.2))
    raise TimeoutError(f"no answer to {word}")
