"""What all peers share: an environment made from pinned requirements, a store made once, a program of its own."""

import csv
import hashlib
import json
import math
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import CACHE
from bench.processes import Failed, Program, run
from bench.systems import Data, Request, Running

Hit = Mapping[str, Any]
REQUIREMENTS = Path(__file__).parent / "requirements"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine's own ports, whatever proxy the environment names."""


class Peer:
    """One peer. A subclass says what is its own: `fill`, `command`, `request` and `ids`."""

    name: str
    package: str
    """What pip installs."""
    requirements: str
    """The file in requirements/ that pins it and all it needs, and the name of its environment."""
    ready = "/"
    """The address that answers as soon as it serves."""

    def __init__(self) -> None:
        self.folder = Path()
        self._program: Program | None = None

    @property
    def environment(self) -> Path:
        """Where its packages are installed, apart from the project's."""
        return CACHE / self.requirements

    @cached_property
    def version(self) -> str:
        """The version that is pinned."""
        lines = (REQUIREMENTS / f"{self.requirements}.txt").read_text().splitlines()
        return dict(line.split("==") for line in lines)[self.package]

    def missing(self) -> str | None:
        """Installs it into an environment of its own where that is not done yet; None when it is there."""
        wanted = REQUIREMENTS / f"{self.requirements}.txt"
        installed = self.environment / "installed.txt"
        if installed.exists() and installed.read_text() == wanted.read_text():
            return None
        shutil.rmtree(self.environment, ignore_errors=True)
        self.environment.mkdir(parents=True)
        log = self.environment / "log"
        try:
            run([sys.executable, "-m", "venv", self.environment], log)
            quiet = ("--disable-pip-version-check", "--no-input", "-q")
            run([self.environment / "bin" / "python", "-m", "pip", *quiet, "install", "-r", wanted], log)
        except Failed as failed:
            return f"pip could not install {self.package}: {failed}"
        installed.write_text(wanted.read_text())
        return None

    def installed(self, program: str) -> Path:
        """A program of its environment."""
        return self.environment / "bin" / program

    def load(self, data: Data) -> float:
        """Fill its store unless that is done; the seconds it took. What was left half made is made anew."""
        self.folder = self.store(data)
        if not self.loaded():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            begun = time.perf_counter()
            counted = self.fill(data)
            seconds = counted or time.perf_counter() - begun
            self._note.write_text(json.dumps({"seconds": seconds, "made_by": self._made_by}))
        return float(json.loads(self._note.read_text())["seconds"])

    def loaded(self) -> bool:
        """Whether its store was made, whole, by this version and by what stands here."""
        return self._note.exists() and json.loads(self._note.read_text()).get("made_by") == self._made_by

    @property
    def _note(self) -> Path:
        return self.folder / "loaded.json"

    @property
    def _made_by(self) -> str:
        """A mark of what fills the store: its adapter and its version."""
        adapter = Path(sys.modules[type(self).__module__].__file__ or "")
        return hashlib.sha256(adapter.read_bytes() + self.version.encode()).hexdigest()

    def store(self, data: Data) -> Path:
        """The folder of its store."""
        return data.folder / self.name

    @property
    def log(self) -> Path:
        """What its programs say."""
        return self.folder / "log"

    def fill(self, data: Data) -> float | None:
        """Make the store in `self.folder`; the seconds of it that count, None for all."""
        raise NotImplementedError

    def command(self, port: int) -> Sequence[str | Path]:
        """What serves the store on 127.0.0.1:port."""
        raise NotImplementedError

    def settings(self) -> Mapping[str, str]:
        """Environment variables of the server."""
        return {}

    def start(self, port: int) -> Running:
        """Serve the store that was loaded."""
        self._program = Program(self.command(port), self.log, self.settings())
        url = f"http://127.0.0.1:{port}"
        self._program.wait_for(url + self.ready)
        return Running(url, (self._program.pid,))

    def stop(self) -> None:
        """End the server."""
        if self._program is not None:
            self._program.stop()
            self._program = None

    def request(self, workload: str, hit: Hit) -> Request | None:
        """How it is asked; None: it cannot."""
        raise NotImplementedError

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """What an answer holds."""
        raise NotImplementedError


def ask(url: str, request: Request) -> Any:
    """The JSON that a server answers; HTTPError for a status that says failure."""
    asked = urllib.request.Request(
        url + request.path, request.body or None, dict(request.headers), method=request.method
    )
    with DIRECT.open(asked, timeout=600) as answer:
        return json.load(answer)


def csv_ids(body: bytes) -> list[str]:
    """The ids of a CSV that has a column of them."""
    return [told["id"] for told in csv.DictReader(body.decode().splitlines(keepends=True))]


def free_port() -> int:
    """A port of this machine that nobody uses yet."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


KM_OF_A_DEGREE = 110.0
"""A degree of latitude is never shorter."""


def box_around(hit: Hit) -> dict[str, float]:
    """A box that holds the circle of a hit, for systems whose index knows boxes alone."""
    high = hit["radius_km"] / KM_OF_A_DEGREE
    wide = high / math.cos(math.radians(min(abs(hit["lat"]) + high, 89.9)))
    lon, lat = hit["lon"], hit["lat"]
    return {
        "west": round(lon - wide, 6), "south": round(lat - high, 6),
        "east": round(lon + wide, 6), "north": round(lat + high, 6),
    }  # fmt: skip
