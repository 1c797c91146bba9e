"""House rules as tests: what every file says first, who may name an engine, and what one catalogue line gives."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "incidents_api"
BENCH = sorted((ROOT / "bench").rglob("*.py"))
FILES = sorted(SRC.rglob("*.py"))
TESTS = [*sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "tools").glob("*.py")), ROOT / "hatch_build.py"]
PROSE = [
    path for path in ROOT.rglob("*") if path.suffix in (".py", ".md", ".toml", ".mjs", ".json", ".txt", ".lock", ".ini")
]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*FILES, *BENCH, *TESTS], ids=named)
def test_every_file_opens_with_the_sentence_that_says_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = said.partition("\n\n")[0].replace("\n", " ")
    assert re.fullmatch(r"[A-Z0-9a-z`'].{10,}[.!]|.{10,}[.;:].*", first), f"{path.name} opens with {first!r}"


@pytest.mark.parametrize("path", [*FILES, *BENCH], ids=named)
def test_no_file_over_400_lines_and_no_function_over_50(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50 or node.name in DECLARATIONS, f"{node.name} has {length} lines"


DECLARATIONS = {
    "statement": "the branches of one union, one after the other",
    "_of_kind": "the table of a kind's routes, one entry after the other",
    "_incident": "the members of an incident, one after the other",
    "create_app": "the one place where the rooms are joined, step by step",
    "_dates": "the fields that every dated kind has, one after the other",
}
"""Functions over 50 lines, each with its reason."""


@pytest.mark.parametrize("path", FILES, ids=named)
def test_only_dialects_names_an_engine(path: Path) -> None:
    if path.parent.name == "dialects":
        return
    words = re.compile(r"sqlite|postgres|psycopg", re.IGNORECASE)
    found = []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        # What a person reads (the default address, the help of a setting) may name both.
        told = path.name == "settings.py" and token.type == tokenize.STRING
        if token.type in (tokenize.NAME, tokenize.STRING) and words.search(token.string) and not told:
            found.append(token.string)
    assert not found


def test_nothing_public_is_without_a_docstring() -> None:
    bare = []
    for path in [*FILES, *BENCH]:
        for node in ast.parse(path.read_text()).body:
            public = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_"
            if public and not ast.get_docstring(node):
                bare.append(f"{named(path)}: {node.name}")
    assert not bare


def test_no_file_holds_an_address_of_a_registry_or_a_path_of_a_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    wrong = []
    for name in filter(None, tracked):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if re.search(rb"(?<![A-Za-z0-9_.])/(?:wo[r]k|ro[o]t|ho[m]e)/[A-Za-z.]", content):
            wrong.append(f"{name} holds a path of a machine")
        if re.search(rb"https?://[^\s\"]*(?:/simple|\.whl|\.tgz|\.tar\.gz)", content):
            wrong.append(f"{name} holds the address of a download")
    for lock in ("requirements.lock", "explorer/package-lock.json"):
        assert "://" not in (ROOT / lock).read_text()
    assert not wrong


def test_one_catalogue_line_gives_column_parameter_and_codebook(tmp_path: Path) -> None:
    """DESIGN.md section 6: a field that can be filtered, sorted and grouped is one line."""
    shutil.copytree(SRC, tmp_path / "incidents_api", ignore=shutil.ignore_patterns("__pycache__"))
    catalogue = tmp_path / "incidents_api" / "model" / "fields.py"
    line = '    _text("outcome", "How the captivity ended.", "captivity.outcome", filter="equals", sort=True),\n'
    start = "INCIDENT: tuple[Field, ...] = (\n"
    assert start in catalogue.read_text()
    catalogue.write_text(catalogue.read_text().replace(start, start + line))
    asked = """
import json
from sqlalchemy.dialects import sqlite
from incidents_api.app import create_app
from incidents_api.model.audience import EVERYTHING
from incidents_api.model.kinds import KINDS
from incidents_api.reading import pages, query
from incidents_api.routes.codebook import fields
from incidents_api.settings import Settings
from incidents_api.storage.tables import KIND_TABLES
table = KIND_TABLES["incident"]
asked = query.parse(KINDS["incident"], b"outcome=rescued&sort=-outcome", 100)
document = create_app(Settings(_env_file=None)).openapi()
print(json.dumps({
    "column": "outcome" in table.c,
    "indexed": any("outcome" in index.columns for index in table.indexes),
    "condition": "outcome IN" in str(pages.page(asked, to=EVERYTHING).build().compile(dialect=sqlite.dialect())),
    "parameter": "outcome" in [one["name"] for one in document["paths"]["/v1/incidents"]["get"]["parameters"]],
    "codebook": [one["meaning"] for one in fields() if one["field"] == "outcome"],
    "value": KINDS["incident"].field("outcome").value({"captivity": {"outcome": "rescued"}}),
}))
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == {
        "column": True,
        "indexed": True,
        "condition": True,
        "parameter": True,
        "codebook": ["How the captivity ended."],
        "value": "rescued",
    }


def test_the_wheel_holds_what_a_user_needs() -> None:
    """Migrations and seeds live at the top level and travel in the package."""
    told = (ROOT / "pyproject.toml").read_text()
    assert '"migrations" = "incidents_api/migrations"' in told
    assert '"seeds" = "incidents_api/seeds"' in told
