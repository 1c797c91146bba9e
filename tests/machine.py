"""Programs that tests need and pip cannot bring: found on the machine, or installed from Debian's packages."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest


def needs(path: Path, told: str) -> None:
    """A file or folder that lies beside the repository, not in it: without it a test fails in CI, where it must be, and
    is told as not run elsewhere."""
    if path.exists():
        return
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def fetching(command: Sequence[Any], **options: Any) -> None:
    """Run a command that asks a registry: one that hangs or fails is tried again."""
    for left in (2, 1, 0):
        try:
            subprocess.run(command, check=True, timeout=120, **options)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            if not left:
                raise
        else:
            return


@cache
def program(name: str, *packages: str) -> str:
    """The path of a program; installed from these packages where it is missing and the user may, else the test fails.

    Packages that bring no program of that name (libraries of R) are installed beside it where one is missing.
    """
    missing = [package for package in packages if not _installed(package)]
    if missing and (shutil.which(name) is None or len(packages) > 1):
        with (Path(tempfile.gettempdir()) / "incidents-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once must not both ask apt
            _install([package for package in packages if not _installed(package)])
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is needed: install {' '.join(packages)} (Debian's names)")
    return found


def _installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    asked = ["dpkg-query", "--show", "--showformat=${Status}", package]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return told.endswith(" installed")


def _install(packages: list[str]) -> None:
    """Ask apt; a failure is told by whoever looks for the program afterwards."""
    root = os.geteuid() == 0
    if not packages or shutil.which("apt-get") is None or not (root or shutil.which("sudo")):
        return
    told = sys.__stderr__  # pytest catches the other one, and this takes a while
    if told is not None:
        told.write(f"\ninstalling {' '.join(packages)} from Debian's packages ...\n")
    may = [] if root else ["sudo", "--non-interactive"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*may, "apt-get", "--quiet", *command], env=environment, capture_output=True, timeout=280, check=False
            )
