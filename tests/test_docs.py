"""The documents say what is true: commands of the README run, examples are posted, names, tables and links exist.

`python -m tests.test_docs` writes the tables that are made from the code anew.
"""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import typer.main

from incidents_api import app, cli
from incidents_api.errors import PROBLEMS
from incidents_api.settings import Settings
from tests.conftest import key_for, serve
from tests.machine import program

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "incidents_api"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(path for folder in ("docs", "seeds") for path in (ROOT / folder).rglob("*.md"))]
)
DECISIONS = ROOT / "docs" / "decisions"
ADDRESS = "127.0.0.1:8000"

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


class Block(NamedTuple):
    """A fenced block: its language, what stands after that, and its lines."""

    language: str
    info: str
    text: str


def blocks(path: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(language, info.strip(), text) for language, info, text in found]


def code(path: Path) -> str:
    """Everything in a document that is set as code, one piece per line."""
    text = path.read_text("utf-8")
    fenced = "\n".join(block.text for block in blocks(path) if block.language != "json")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([fenced, *(span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", prose))])


# --- The README, run as it stands ----------------------------------------------------------------------------------

OUR_CURL = """#!{python}
import argparse, sys, httpx

known = argparse.ArgumentParser(allow_abbrev=False)
for flag in ("-s", "-I"):
    known.add_argument(flag, action="store_true")
for option in ("-X", "-o", "-D", "-w"):
    known.add_argument(option)
known.add_argument("-H", action="append", default=[])
known.add_argument("-d", "--data-binary")
known.add_argument("url")
given = known.parse_args()
body = given.data_binary
if body is not None:
    body = open(body[1:], "rb").read() if body[0] == "@" else body.encode("utf-8", "surrogateescape")
method = given.X or ("HEAD" if given.I else "GET" if body is None else "POST")
headers = [tuple(header.split(": ", 1)) for header in given.H]
answer = httpx.request(method, given.url, headers=headers, content=body, trust_env=False)
lines = [f"HTTP/1.1 {{answer.status_code}}", *(f"{{name}}: {{value}}" for name, value in answer.headers.items())]
head = "\\r\\n".join([*lines, "", ""]).encode()
if given.D:
    open(given.D, "wb").write(head)
(open(given.o, "wb") if given.o else sys.stdout.buffer).write(head if given.I else answer.content)
sys.stdout.flush()
print((given.w or "").replace("%{{http_code}}", str(answer.status_code)).replace("\\\\n", "\\n"), end="")
"""
"""The few options of curl that the documents use, for machines without curl."""

CURLS = ("ours", "curl") if shutil.which("curl") else ("ours",)


@contextmanager
def running(folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """A server as `incidents up` starts it, over a new SQLite file: its port, and the environment for commands."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INCIDENTS_")} | {
        "INCIDENTS_DATABASE_URL": f"sqlite:///{folder / 'store.db'}",
        "INCIDENTS_PORT": str(port),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONUTF8": "1",
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [folder / ".venv/bin/incidents", "up"], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            ready(port, server, folder / "server.log")
            yield port, environment
        finally:
            server.terminate()
            server.wait(30)


def ready(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the server does not answer:\n{log.read_text()}")


WALKS = ("README.md", "docs/bulk.md", "docs/merging.md", "docs/scripts.md")
"""Documents whose blocks of commands and programs run as they stand, from the first to the last, over one new store."""

PACKAGES_OF_R = ("r-base-core", "r-cran-httr2", "r-cran-jsonlite")

RUN_BY = {"sh": "{text}", "python": "python3 - <<'END'\n{text}END\n", "r": "Rscript - <<'END'\n{text}END\n"}


def steps(document: str) -> list[tuple[str, str]]:
    """Each block of a document that runs, as bash, and the output that is stated for it."""
    told = blocks(ROOT / document)
    found = []
    for block, following in zip(told, [*told[1:], Block("", "", "")], strict=True):
        if block.language in RUN_BY and "make " not in block.text:
            run = RUN_BY[block.language].replace("{text}", block.text)
            found.append((run, following.text if following.language == "text" else ""))
    return found


def stated(expected: str) -> re.Pattern[str]:
    """Output as stated: `...` stands for anything within a line."""
    return re.compile(".*".join(re.escape(part) for part in expected.strip().split("...")))


@pytest.mark.parametrize("curl", CURLS)
@pytest.mark.parametrize("document", WALKS)
def test_what_a_document_shows_runs(tmp_path: Path, document: str, curl: str) -> None:
    told = steps(document)
    if any("Rscript" in commands for commands, _ in told):
        program("Rscript", *PACKAGES_OF_R)
    with running(tmp_path) as (port, environment):
        bins = [str(tmp_path / ".venv/bin")]
        if curl == "ours":
            (tmp_path / "bin").mkdir()
            (tmp_path / "bin/curl").write_text(OUR_CURL.format(python=sys.executable))
            (tmp_path / "bin/curl").chmod(0o755)
            bins.insert(0, str(tmp_path / "bin"))
        environment["PATH"] = ":".join([*bins, environment["PATH"]])
        marker = "-- next block --"
        script = "set -euo pipefail\n" + f"\necho\necho '{marker}'\n".join(commands for commands, _ in told)
        script = script.replace(ADDRESS, f"127.0.0.1:{port}")
        place: dict[str, Any] = {"cwd": tmp_path, "env": environment, "stdin": subprocess.DEVNULL, "timeout": 120}
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, **place)
    printed = [part.strip() for part in done.stdout.replace(f"127.0.0.1:{port}", ADDRESS).split(marker)]
    for (commands, expected), output in zip(told, printed, strict=False):
        lines = "\n".join(line.rstrip() for line in output.splitlines())
        assert stated(expected).fullmatch(lines), f"{commands}\nprinted:\n{output}\nnot as stated:\n{expected}"
    assert (done.returncode, done.stderr, len(printed)) == (0, "", len(told))


def test_every_verb_is_shown() -> None:
    commands = "\n".join(text for text, _ in steps("README.md"))
    for shown in ("curl -s ", "curl -sI ", "-d '{", "-X PATCH", "-X PUT", "-X POST", "-X DELETE"):
        assert shown in commands
    walked = {ROOT / name for name in WALKS} | {ROOT / "docs/query.md"}  # which has a test of its own
    for path in set(DOCUMENTS) - walked:
        outside = [block for block in blocks(path) if block.language == "sh" and "curl " in block.text]
        assert not outside, f"{path}: list it in WALKS, so that its commands are run"


# --- The examples of reports ---------------------------------------------------------------------------------------


def contains(whole: Any, part: Any) -> bool:
    """Whether an answer says what an example says of it; members that the example leaves out may be anything."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_the_examples_of_reports(new_store: Callable[..., str]) -> None:
    told = [block for block in blocks(ROOT / "docs/reports.md") if block.language == "json"]
    posted = 0
    with serve(new_store("sqlite", seeded=True)) as client:
        key = key_for(client)
        for block, following in zip(told, [*told[1:], Block("", "", "")], strict=True):
            if block.info == "answer":
                continue
            method, path, status = block.info.split()
            answer = client.request(method, path, headers=key, json=json.loads(block.text))
            assert answer.status_code == int(status), answer.text
            if following.info == "answer":
                assert contains(answer.json(), json.loads(following.text)), answer.text
            posted += 1
    assert posted >= 5


# --- Tables made from the code -------------------------------------------------------------------------------------


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table_of_settings() -> str:
    rows = [row("setting", "default", "what it does"), "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{json.dumps(field.default).strip(chr(34))}`"
        rows.append(row(f"`INCIDENTS_{name.upper()}`", default, field.description or ""))
    return "\n".join(rows)


def opening(path: Path) -> str:
    """The first paragraph of a file's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def table_of_files() -> str:
    rows = [row("file", "what it is for"), "|---|---|"]
    for path in sorted(SOURCES.rglob("*.py"), key=lambda path: (len(path.relative_to(SOURCES).parts) > 1, path)):
        name = str(path.relative_to(SOURCES))
        if path.name == "__init__.py":
            name = f"{path.parent.relative_to(SOURCES)}/" if path.parent != SOURCES else "__init__.py"
        rows.append(row(f"`{name}`", opening(path)))
    return "\n".join(rows)


def table_of_problems() -> str:
    rows = [row("status", "code", "when"), "|---|---|---|"]
    rows += [row(str(problem.status), f"`{problem.code}`", problem.__doc__ or "") for problem in PROBLEMS]
    return "\n".join(rows)


MADE: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/settings.md", table_of_settings),
    "files": ("docs/tour.md", table_of_files),
    "problems": ("docs/reports.md", table_of_problems),
}


def remade(name: str) -> str:
    """A document with its table made anew."""
    path, make = MADE[name]
    text = (ROOT / path).read_text("utf-8")
    pattern = rf"(<!-- made from the code: {name} -->\n).*?(<!-- end -->)"
    found, count = re.subn(pattern, lambda match: f"{match[1]}\n{make()}\n\n{match[2]}", text, flags=re.DOTALL)
    assert count == 1, f"{path} has no place for the table of {name}"
    return found


@pytest.mark.parametrize("name", MADE)
def test_tables_are_as_the_code_says(name: str) -> None:
    assert (ROOT / MADE[name][0]).read_text("utf-8") == remade(name), "run: .venv/bin/python -m tests.test_docs"


# --- Names and links -----------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if re.match(r"https?://", target):
            continue
        place, _, anchor = target.partition("#")
        there = (path.parent / place).resolve() if place else path
        assert there.exists(), f"{path.name} links {target}"
        assert ROOT in (there, *there.parents), f"{path.name} links {target}, outside the project"
        assert not anchor or anchor in anchors(there), f"{path.name} links {target}"


@every_document
def test_settings_that_are_named_exist(path: Path) -> None:
    known = {f"INCIDENTS_{name.upper()}" for name in Settings.model_fields} | {"INCIDENTS_TEST_DATABASE_URL"}
    named = set(re.findall(r"INCIDENTS_[A-Z_]*[A-Z]", path.read_text("utf-8")))
    assert named <= known, named - known


@every_document
def test_commands_that_are_named_exist(path: Path) -> None:
    program = typer.main.get_command(cli.app)
    for text in re.findall(r"(?<![\w./-])(?:\.venv/bin/)?incidents ((?:[a-z]+|--)[^`\n|;)]*)", code(path)):
        command: Any = program
        words = text.split()
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, f"there is no command: incidents {text}"
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<!\S)--[a-z]+", text)) <= options, f"there is no such option: incidents {text}"
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])make ([a-z]+)", code(path))) <= set(targets)


@every_document
def test_routes_that_are_named_exist(path: Path) -> None:
    known = [
        (endpoint.method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", endpoint.path))) for endpoint in app.endpoints()
    ]
    text = code(path) + "\n" + "\n".join(block.info for block in blocks(path))
    named = re.findall(
        r"(?:\b(GET|HEAD|POST|PUT|PATCH|DELETE) )?(?<![\w.}])(/(?:v1|docs|openapi|livez|readyz)\b[^\s?`\"',|;)]*)", text
    )
    for method, address in named:
        route = address.replace("{kind}", "incidents").rstrip(".")
        wanted = {"HEAD": "GET"}.get(method, method)
        assert any(wanted in ("", of) and pattern.fullmatch(route) for of, pattern in known), f"{method} {route}"


@every_document
def test_files_that_are_named_exist(path: Path) -> None:
    places = (path.parent, ROOT, SOURCES)
    named = re.findall(r"(?<![\w/.:<$*-])((?:[\w.-]+/)*[\w-]+\.(?:py|toml|json|mjs|bin|md|lock))(?![\w(])", code(path))
    made = {
        "once.json",
        "before.json",
        "first.json",
        "log.ndjson",
        "moved.json",
        "report.json",
        "second.json",
        "record.json",
        "answer.json",
        "openapi.json",
        "0003_add_stage.py",
    }
    missing = {name for name in named if name not in made and not any((place / name).exists() for place in places)}
    assert not missing, f"{path.name} names {missing}"


def test_functions_that_the_tour_names_exist() -> None:
    defined = set()
    for source in SOURCES.rglob("*.py"):
        tree = ast.parse(source.read_text("utf-8"))
        defined |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for path in (ROOT / "docs/tour.md", ROOT / "CONTRIBUTING.md"):
        named = set(re.findall(r"`(\w+)\(\)`", path.read_text("utf-8")))
        assert named, path
        assert named <= defined, named - defined


# --- Words ---------------------------------------------------------------------------------------------------------

ALLOWED = (
    "incident event store",
    "Georeferenced Event Dataset",
    "Armed Conflict Location & Event Data",
    "event loop",  # of asyncio
    "Server-Sent Events",
    "text/event-stream",
    "Last-Event-ID",
)


@every_document
def test_one_word_per_idea(path: Path) -> None:
    text = " ".join(path.read_text("utf-8").split())
    if path.name == "0001-words.md":
        text = text.replace('The word "event" alone', "")
    for allowed in ALLOWED:
        text = re.sub(re.escape(allowed), "", text, flags=re.IGNORECASE)
    assert not re.findall(r".{0,30}\bevents?\b.{0,30}", text, re.IGNORECASE)


@every_document
def test_a_document_can_be_read_anywhere(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# "), "a document opens with its title"
    assert len(re.findall(r"^# ", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)) == 1
    assert not re.findall(r"/(?:home|root|work|tmp|Users)/\S+", text), "no paths of one machine"
    assert "\u2014" not in text, "write a sentence instead of a dash"


# --- Decisions -----------------------------------------------------------------------------------------------------


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    pages = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", (DECISIONS / "README.md").read_text("utf-8"), re.M)
    titles = [re.match(r"# (\d{4})\. (.+)\n", (DECISIONS / name).read_text("utf-8")) for name in pages]
    assert listed == [(title[1], name, title[2]) for title, name in zip(titles, pages, strict=True) if title]


SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "References"]


@pytest.mark.parametrize("path", sorted(DECISIONS.glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_a_decision_says_everything(path: Path) -> None:
    text = path.read_text("utf-8")
    sections = re.findall(r"^## (\w+)", text, re.MULTILINE)
    assert [name for n, name in enumerate(sections) if name not in sections[:n]] == SECTIONS
    assert re.search(r"^- Status: (accepted|superseded by \d{4})", text, re.MULTILINE)
    assert re.search(r"^- Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
    assert len(text.splitlines()) <= 90, "one page"
    assert "`" in text.partition("## References")[2], "name the files"


def test_decisions_that_the_code_names_exist() -> None:
    for path in [*SOURCES.rglob("*.py"), *(ROOT / "migrations").rglob("*.py")]:
        for number in re.findall(r"ADR (\d{4})", path.read_text("utf-8")):
            assert list(DECISIONS.glob(f"{number}-*.md")), f"{path.name} names ADR {number}"


if __name__ == "__main__":
    for made in MADE:
        (ROOT / MADE[made][0]).write_text(remade(made), "utf-8")
