"""Started programs: with a log of what they say, waited for until they answer, and ended with all they started."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError

PATIENCE = 120.0
"""Seconds to wait for a server to answer, and a tenth of it for one to end."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not know this machine's ports


class Failed(RuntimeError):
    """A program did not do what it was started for; the message ends with what it said last."""


def run(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> float:
    """Run a program to its end; the seconds it took. Failed when it says that it failed."""
    begun = time.perf_counter()
    with log.open("ab") as file:
        ended = subprocess.run(
            list(map(str, command)), stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            env=os.environ | dict(environment or {}), check=False,
        )  # fmt: skip
    if ended.returncode:
        raise Failed(f"{command[0]} ended with {ended.returncode}: {_last(log)}")
    return time.perf_counter() - begun


class Program:
    """A server in a process group of its own."""

    def __init__(self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                list(map(str, command)), stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                env=os.environ | dict(environment or {}), start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    def wait_for(self, url: str) -> float:
        """Wait until the address answers anything at all; the seconds that took. Failed when it does not."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < PATIENCE:
            if self._process.poll() is not None:
                break
            try:
                _DIRECT.open(url, timeout=5).close()
            except HTTPError as refused:
                refused.close()
            except (URLError, OSError):
                time.sleep(0.02)
                continue
            return time.perf_counter() - begun
        self.stop()
        raise Failed(f"{url} did not answer: {_last(self._log)}")

    def stop(self) -> None:
        """End it: politely first, then by force."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            os.killpg(self.pid, sign)
            try:
                self._process.wait(PATIENCE / 10)
            except subprocess.TimeoutExpired:
                continue


def _last(log: Path) -> str:
    return log.read_text(errors="replace")[-1_000:].strip() if log.exists() else "it said nothing"
