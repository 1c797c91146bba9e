"""The file of UCDP GED that tests take in: its 18,957 rows as Python reads them, and a store that imported them."""

import csv
import fcntl
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from incidents_api import cli
from incidents_api.model import gazetteer
from incidents_api.model.revision import derived_id
from tests.machine import needs

FILE = Path(__file__).parents[3] / "shared" / "data" / "ucdp_ged_mexico_1989-2023_49col.csv"
TYPES = {"1": "armed_clash", "2": "armed_clash", "3": "attack"}

Row = dict[str, str]
Taken = dict[str, Any]


def need() -> Path:
    """The file; without it the test is skipped, but never in CI."""
    needs(FILE, f"the rows of UCDP were not read: there is no ../shared/data/{FILE.name} by the repository")
    return FILE


@cache
def rows() -> tuple[Row, ...]:
    """The rows of the file, by column name; cells hold quoted line feeds."""
    with need().open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def admin1_of(name: str) -> str | None:
    """The ISO 3166-2 code of a first-order unit as UCDP writes it; None when the gazetteer knows none."""
    bare = name.removesuffix(" state").strip()
    found = [place for place in gazetteer.find(bare, "MX") if place.kind == "admin1"] if bare else []
    return found[0].admin1 if found else None


def incident_id(row: Row) -> str:
    """The id that follows from the external id."""
    return derived_id("incident", "ucdp", row["id"])


def take(url: str, name: str, path: Path, *options: str, status: int = 0) -> Taken:
    """What `incidents import` says of a file that it takes into a store."""
    need()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("INCIDENTS_DATABASE_URL", url)
        words = ["import", name, str(path), "--json", "--rejects", f"{folder}/rejects.csv", *options]
        done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == status, (done.output, done.exception)
    told: Taken = json.loads(done.stdout)[0]
    return told


class Imported(NamedTuple):
    """A store in one file that holds every row, to which nobody may write, and what was said of its import."""

    path: Path
    told: Taken


def imported(folder: Path, empty: Callable[[Path], object]) -> Imported:
    """The store, made once for all processes of a run; `empty` makes an empty one at a path."""
    path, told = folder / "ucdp.db", folder / "ucdp.json"
    with (folder / "ucdp.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            empty(part)
            told.write_text(json.dumps(take(f"sqlite:///{part}", "ucdp", FILE)))
            part.rename(path)
    return Imported(path, json.loads(told.read_text()))
