"""docs/query.md says what is true: every curl line of it runs on the coded articles and gives what stands below it."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import openpyxl
import pyarrow.parquet
import pytest

from incidents_api.model.kinds import KINDS
from incidents_api.reading.parameters import groups_of, parameters
from tests.machine import program
from tests.test_docs import ADDRESS, CURLS, ROOT, Block, running, stated

DOCUMENT = ROOT / "docs" / "query.md"
RECIPES = "## Recipes"


class Example(NamedTuple):
    """A curl line, and the lines below it that say what it gives."""

    command: str
    told: tuple[str, ...]


class Answer(NamedTuple):
    """What came back, whoever asked."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


def parts() -> tuple[str, str]:
    """The document before its recipes, and the recipes."""
    text = DOCUMENT.read_text("utf-8")
    before, found, after = text.partition(f"{RECIPES}\n")
    assert found
    return before, after


def examples() -> list[Example]:
    """Every curl line before the recipes."""
    found: list[Example] = []
    for text in re.findall(r"^```sh\n(.*?)^```$", parts()[0], re.MULTILINE | re.DOTALL):
        for line in text.splitlines():
            if line.startswith("curl -s "):
                found.append(Example(line, ()))
            else:
                assert line.startswith(("# gives ", "# row ")), line
                found[-1] = Example(found[-1].command, (*found[-1].told, line))
    return found


def filters() -> list[tuple[str, int]]:
    """Every row of a table that gives a filter and a number."""
    section = parts()[0].partition("## Conditions in CQL2\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(?:[^|]*\|)? `([^|]+)` \| (\d+) \|$", section, re.MULTILINE)
    return [(text, int(number)) for text, number in rows]


# --- Asking --------------------------------------------------------------------------------------------------------


def by_bash(command: str, folder: Path, environment: dict[str, str]) -> Answer:
    """The line as it stands; curl is told by its own file of defaults to keep the headers."""
    (folder / ".curlrc").write_text("dump-header = headers.txt\n")
    told = {"cwd": folder, "env": environment | {"CURL_HOME": str(folder)}, "timeout": 60}
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, **told)
    first, *lines = (folder / "headers.txt").read_text("latin-1").strip().splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Answer(int(first.split()[1]), headers, kept(command, folder, done.stdout))


def by_httpx(command: str, folder: Path, _: dict[str, str]) -> Answer:
    """The same line for machines without curl."""
    words = iter(shlex.split(command)[1:])
    method, headers, sent, url, target = "GET", {}, [], "", None
    for word in words:
        match word:
            case "-s" | "-G":
                pass
            case "-I":
                method = "HEAD"
            case "-o":
                target = next(words)
            case "-r":
                headers["Range"] = f"bytes={next(words)}"
            case "-H":
                name, value = next(words).split(": ", 1)
                headers[name] = value
            case "-d":
                sent.append(next(words))
            case "--data-urlencode":
                name, value = next(words).split("=", 1)
                sent.append(urlencode({name: value}))
            case _:
                assert word.startswith("http://"), word
                url = word
    url = f"{url}?{'&'.join(sent)}" if sent else url
    answer = httpx.request(method, url, headers={"Accept": "*/*"} | headers, trust_env=False)
    if target:
        (folder / target).write_bytes(answer.content)
    return Answer(answer.status_code, dict(answer.headers), answer.content)


def kept(command: str, folder: Path, printed: bytes) -> bytes:
    """The body: printed, or in the file that -o names."""
    words = shlex.split(command)
    return (folder / words[words.index("-o") + 1]).read_bytes() if "-o" in words else printed


# --- Checking ------------------------------------------------------------------------------------------------------


def at(value: Any, path: str) -> Any:
    """The value at a path such as `rows[0].measures.freed.best`."""
    for name, place in re.findall(r"(\w+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(place)]
    return value


def number_of(what: str, answer: Answer) -> int:
    """How many items, rows, features or lines an answer has."""
    media = answer.headers["content-type"]
    if what == "lines":
        return len([json.loads(line) for line in answer.text.splitlines()])
    if what in ("items", "features") or "json" in media:
        return len(answer.json()[what])
    if "csv" in media:
        return len(list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))))
    if "parquet" in media:
        return int(pyarrow.parquet.read_metadata(io.BytesIO(answer.content)).num_rows)
    if "zip" in media:
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        return len(list(csv.DictReader(io.StringIO(archive.read("data/incidents.csv").decode(), newline=""))))
    book = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True)
    return len(list(book.worksheets[0].iter_rows())) - 1


def check(clause: str, answer: Answer) -> None:
    """One thing that the document says of an answer."""
    if match := re.fullmatch(r"status (\d+)", clause):
        assert answer.status == int(match[1])
    elif match := re.fullmatch(r"header ([\w-]+) (.+)", clause):
        assert answer.headers[match[1]] == match[2]
    elif match := re.fullmatch(r"text (.+)", clause):
        assert match[1] in answer.text
    elif match := re.fullmatch(r"(\d+) (item|row|feature|line)s?", clause):
        assert number_of(f"{match[2]}s", answer) == int(match[1])
    elif match := re.fullmatch(r"(\w+) (\d+) (\d+) (\d+)", clause):
        assert levels(answer.json()["rows"][0], match[1]) == [int(match[n]) for n in (2, 3, 4)]
    else:
        path, _, value = clause.partition(" ")
        assert at(answer.json(), path) == json.loads(value)


def levels(row: Any, measure: str) -> list[int]:
    return [row["measures"][measure][level] for level in ("low", "best", "high")]


def check_row(line: str, answer: Answer) -> None:
    """`MX-SIN: 5 incidents; freed 58 58 58`, of the row with that key."""
    key, _, told = line.partition(": ")
    rows = {
        ", ".join("null" if value is None else str(value) for value in row["key"].values()): row
        for row in answer.json()["rows"]
    }
    incidents, *figures = told.split("; ")
    assert rows[key]["incidents"] == int(incidents.split()[0])
    for figure in figures:
        measure, *numbers = figure.split()
        assert levels(rows[key], measure) == list(map(int, numbers)), figure


def clauses(line: str) -> list[str]:
    """The things said in one line; `charset` after a semicolon belongs to its header."""
    return re.split(r"; (?!charset)", line)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("query")
    with running(folder) as (port, environment):
        yield port, folder, environment


@pytest.mark.parametrize("curl", CURLS)
def test_every_example_gives_what_is_said(server: tuple[int, Path, dict[str, str]], curl: str) -> None:
    port, folder, environment = server
    ask = by_bash if curl == "curl" else by_httpx
    wrong = []
    for command, told in examples():
        answer = ask(command.replace(ADDRESS, f"127.0.0.1:{port}"), folder, environment)
        if not any("status " in line for line in told):
            assert answer.status == 200, f"{command}\n{answer.text}"
        for line in told:
            try:
                if line.startswith("# row "):
                    check_row(line.removeprefix("# row "), answer)
                else:
                    for clause in clauses(line.removeprefix("# gives ")):
                        check(clause, answer)
            except (AssertionError, KeyError, IndexError, ValueError) as error:
                wrong.append(f"{command}\n{line}\n{error!r}\n{answer.content[:600].decode(errors='replace')}")
    assert not wrong, "\n\n".join(wrong)


def test_every_example_says_what_it_gives() -> None:
    assert len(examples()) > 80
    assert [example.command for example in examples() if not example.told] == []


def test_every_filter_of_the_tables(server: tuple[int, Path, dict[str, str]]) -> None:
    port, *_ = server
    assert len(filters()) >= 20
    for text, number in filters():
        answer = httpx.get(
            f"http://127.0.0.1:{port}/v1/incidents", params={"filter": text, "count": "exact"}, trust_env=False
        )
        assert answer.status_code == 200, f"{text}\n{answer.text}"
        assert answer.json()["total"] == number, text


# --- Nothing is left unsaid ----------------------------------------------------------------------------------------


def shown() -> set[str]:
    """The parameters that the examples use."""
    names: set[str] = set()
    for command, _ in examples():
        words = shlex.split(command)
        names |= {name for word in words for name, _ in parse_qsl(urlsplit(word).query)}
        names |= {words[n + 1].partition("=")[0] for n, word in enumerate(words) if word in ("-d", "--data-urlencode")}
    return names


@pytest.mark.parametrize("purpose", ["list", "export", "claims", "claims export", "totals"])
def test_every_parameter_is_shown(purpose: str) -> None:
    assert set(parameters(KINDS["incident"], purpose)) - shown() == set()


def test_every_group_and_operator_is_named() -> None:
    text = parts()[0]
    groups = text.partition("You can group by ")[2].partition("\n\n")[0]
    assert set(groups_of(KINDS["incident"])) - set(re.findall(r"`(\w+)`", groups)) == set()
    asked = " ".join(filter_ for filter_, _ in filters())
    for word in ("IN", "BETWEEN", "LIKE", "CASEI", "ACCENTI", "IS NULL", "S_INTERSECTS", "S_WITHIN", "T_INTERSECTS"):
        assert re.search(rf"\b{word}\b", asked), word
    for word in ("T_DURING", "T_BEFORE", "T_AFTER", "DATE", "TIMESTAMP", "BBOX", "POLYGON", "AND", "OR", "NOT"):
        assert re.search(rf"\b{word}\b", asked), word


R = ("r-base-core", "r-cran-readr")

# --- Recipes -------------------------------------------------------------------------------------------------------


def chapters() -> dict[str, list[Block]]:
    """The fenced blocks of every part that holds programs, by its title."""
    found: dict[str, list[Block]] = {}
    text = DOCUMENT.read_text("utf-8")
    for title, body in re.findall(r"^###? ([^\n]+)\n(.*?)(?=^###? |\Z)", text, re.MULTILINE | re.DOTALL):
        fenced = re.findall(r"^```(\w+)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        if any(language in ("python", "r") for language, _ in fenced):
            found[title] = [Block(language, "", text) for language, text in fenced]
    return found


@pytest.mark.parametrize("title", chapters())
def test_recipes_run(server: tuple[int, Path, dict[str, str]], title: str) -> None:
    port, folder, environment = server
    told = chapters()[title]
    expected = "".join(block.text for block in told if block.language == "text")
    for block in told:
        if block.language == "sh" and "-o " in block.text:
            ask = by_bash if "curl" in CURLS else by_httpx
            assert ask(block.text.replace(ADDRESS, f"127.0.0.1:{port}"), folder, environment).status == 200
    for language in ("python", "r"):
        text = "".join(block.text for block in told if block.language == language)
        if not text:
            continue
        run = [sys.executable, "-c"] if language == "python" else [program("Rscript", *R), "-e"]
        done = subprocess.run(
            [*run, text.replace(ADDRESS, f"127.0.0.1:{port}")],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        assert stated(expected).fullmatch("\n".join(lines)), done.stdout
