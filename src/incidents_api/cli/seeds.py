"""incidents seed: the five coded articles, and their quotes checked against the texts."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from incidents_api.cli.console import open_store, out, progress_bar, read_settings
from incidents_api.cli.store import bring_up_to_date
from incidents_api.errors import OperatorError, Problem
from incidents_api.model import vocabulary
from incidents_api.model.validation import parse
from incidents_api.model.visitor import Visitor
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.writing import ingest

app = typer.Typer()

SEEDER = Visitor("seed", frozenset(vocabulary.codes("scope")))
"""The loader of the coded articles: it goes through the same door as any client, as a reviewer."""


@app.command()
def seed(
    articles: Annotated[
        Path | None, typer.Option(help="Folder of the texts, to keep them and check every quote.")
    ] = None,
) -> None:
    """Load the coded articles; what is there already stays as it is."""
    settings = read_settings()
    with open_store(settings, current=False) as database:
        bring_up_to_date(database, settings.restricted)
        load(database, seed_files(settings))
        if articles is not None:
            _check_articles(database, articles)


def seed_files(settings: Settings) -> list[Path]:
    """The coded articles: those of the setting, of the package, or of the source tree."""
    packaged = Path(str(files("incidents_api"))) / "seeds"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "seeds"
    folder = Path(settings.seeds) if settings.seeds else folder
    found = sorted(folder.glob("*.json"))
    if not found:
        raise OperatorError(f"there are no coded articles (*.json) in {folder}")
    return found


def load(database: Database, paths: list[Path]) -> None:
    """Ingest files of coded articles and say what became of each."""
    with progress_bar("Loading articles", len(paths)) as progress:
        for path in paths:
            try:
                done = database.write_now(ingest.ingest, parse(path.read_bytes()), SEEDER)
            except Problem as problem:
                problem.detail = f"{path.name}: {problem.detail}"
                raise
            progress.advance(progress.task_ids[0])
            told = [
                f"{count} {plural[: -1 if count == 1 else None]}" for plural, count in done.created.items() if count
            ]
            told += [f"{done.also} record{'s' * (done.also > 1)} that they name"] if done.also else []
            kept = sum(done.kept.values())
            there = f"; {kept} there already" if kept else ""
            out.print(f"{path.name}: created {', '.join(told) or 'nothing'}{there}")


def _check_articles(database: Database, folder: Path) -> None:
    if not folder.is_dir():
        raise OperatorError(f"{folder} is no folder")
    checked = wrong = 0
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        content = path.read_bytes()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            out.print(f"{path.name}: no UTF-8 text", markup=False)
            continue
        found = database.write_now(ingest.keep_and_check, hashlib.sha256(content).hexdigest(), text)
        if found is None:
            out.print(f"{path.name}: no source has this fingerprint", markup=False)
            continue
        checked, wrong = checked + found.checked, wrong + len(found.wrong)
        out.print(f"{path.name}: text kept, {found.checked} quotes checked, {len(found.wrong)} wrong", markup=False)
        for fault in found.wrong:
            out.print(f"  {fault}", markup=False, style="red")
    if wrong:
        raise OperatorError(f"{wrong} of {checked} quotes are not in the texts as coded")
    out.print(f"{checked} quotes checked, every one stands in its text.")
