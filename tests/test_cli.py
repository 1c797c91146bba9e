"""The command line: what it does, what it prints where, its exit codes, and what it says when it cannot go on."""

import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api import __version__, access, cli
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.storage.schema import migrate
from tests.writing.test_projection import dump


class Command:
    """Runs a command as the shell would, over one store."""

    def __init__(self, url: str, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.url, self.patch, self.output = url, patch, output

    def __call__(self, *arguments: str) -> SimpleNamespace:
        self.patch.setattr(sys, "argv", ["incidents", *arguments])
        self.patch.setattr(sys, "excepthook", sys.excepthook)  # typer puts its own in place
        self.output.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        told = self.output.readouterr()
        # Whatever the width of the terminal, a sentence is a sentence.
        return SimpleNamespace(code=code, out=told.out, err=" ".join(told.err.split()))


@pytest.fixture
def incidents(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command over an empty store, in a folder without a .env file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", store_url)
    monkeypatch.setenv("COLUMNS", "200")
    return Command(store_url, monkeypatch, capsys)


@pytest.fixture
def seeded_incidents(
    seeded_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command over the five articles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", seeded_url)
    return Command(seeded_url, monkeypatch, capsys)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would have been served."""
    calls: list[dict[str, Any]] = []

    def serve(settings: Any) -> Any:
        told = {"host": settings.host, "port": settings.port}
        return SimpleNamespace(started=True, run=lambda: calls.append(told))

    monkeypatch.setattr(cli.serving, "server", serve)
    return calls


@pytest.fixture
def free_port(monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    monkeypatch.setenv("INCIDENTS_PORT", str(port))
    return port


def ask(url: str, function: Callable[..., Any], *arguments: Any) -> Any:
    database = Database(url)
    try:
        return database.write_now(function, *arguments)
    finally:
        database.close_writer()


def count(url: str) -> int:
    return ask(url, lambda conn: conn.execute(sa.select(sa.func.count()).select_from(tables.revision)).scalar_one())


def fails(result: SimpleNamespace, *words: str) -> None:
    """One sentence on standard error, exit code 1, no traceback."""
    assert result.code == 1, result.err
    assert "Traceback" not in result.err
    assert "incidents:" in result.err
    for word in words:
        assert word in result.err


# --- Serving -------------------------------------------------------------------------------------------------------


def test_up_seeds_an_empty_store_and_serves_it(incidents: Command, served: list[Any], free_port: int) -> None:
    first = incidents("up")
    assert first.code == 0, first.err
    assert "created" in first.err
    assert "incidents key create" in first.err
    assert f"http://127.0.0.1:{free_port}" in first.err
    assert (served[0]["host"], served[0]["port"]) == ("127.0.0.1", free_port)
    seq = count(incidents.url)
    assert seq > 30
    # Again: nothing is loaded twice, and who has a key is not told how to make one.
    ask(incidents.url, access.create_key, "tester", ["write"])
    second = incidents("up")
    assert (second.code, len(served), count(incidents.url)) == (0, 2, seq)
    assert "incidents key create" not in second.err


def test_up_makes_a_new_store(
    incidents: Command, served: list[Any], free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert incidents("up").code == 0
    assert (tmp_path / "new.db").exists()
    assert len(served) == 1


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_port_in_use_is_told(
    incidents: Command, served: list[Any], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("INCIDENTS_PORT", str(port))
        fails(incidents(command), f"cannot listen on 127.0.0.1:{port}", "INCIDENTS_PORT")
    assert served == []
    assert count(incidents.url) == 0


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_a_host_that_is_not_ours_is_told(
    incidents: Command, host: str, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCIDENTS_HOST", host)
    fails(incidents("serve"), "cannot listen on", "INCIDENTS_HOST")


def test_a_host_of_the_newer_internet_is_taken(
    incidents: Command, served: list[Any], free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCIDENTS_HOST", "::1")
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:  # a machine without IPv6 has no such address to listen on
        fails(incidents("serve"), "cannot listen on")
        return
    result = incidents("serve")
    assert result.code == 0, result.err
    assert served[0]["host"] == "::1"


@pytest.mark.parametrize("command", ["up", "serve", "seed", "verify", "rebuild", "doctor", "migrate"])
@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("store.db", "is not a database address"),
        ("mysql://user:secret@host/name", "mysql is not a database we run on"),
        ("sqlite://", "an SQLite store is a file"),
        ("sqlite:////nowhere/at/all/store.db", "sqlite:////nowhere/at/all/store.db"),
        ("postgresql://user:secret@127.0.0.1:1/name", "cannot be reached"),
    ],
    ids=["none", "engine", "memory", "folder", "server"],
)
def test_an_address_that_leads_nowhere_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    url: str,
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("INCIDENTS_PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", url)
    result = Command(url, monkeypatch, capsys)(command)
    fails(result, word)
    assert "secret" not in result.err


def test_a_file_that_is_no_store_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.txt").write_text("Dear reader, this is no database at all. " * 100)
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", "sqlite:///letter.txt")
    for command in ("serve", "verify", "doctor", "migrate"):
        fails(Command("", monkeypatch, capsys)(command), "letter.txt")


@pytest.mark.parametrize("command", ["serve", "verify", "rebuild", "key list", "key create --scope write"])
def test_a_schema_that_is_behind_is_told(incidents: Command, served: list[Any], free_port: int, command: str) -> None:
    assert incidents("migrate", "--to", "0001").code == 0
    fails(incidents(*command.split()), "behind", "incidents migrate")
    assert served == []
    assert incidents("migrate").code == 0
    assert incidents(*command.split()).code == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "0"), ("PORT", "70000"), ("READ_THREADS", "0"), ("STATEMENT_SECONDS", "-1")],
)
def test_a_setting_that_cannot_be_used_is_told(
    incidents: Command, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"INCIDENTS_{name}", value)
    fails(incidents("serve"), f"INCIDENTS_{name}")


def test_settings_come_from_a_file_too(incidents: Command, served: list[Any], tmp_path: Path, free_port: int) -> None:
    (tmp_path / ".env").write_text("INCIDENTS_HOST=127.0.0.2\nINCIDENTS_SOMETHING_ELSE=1\n")
    assert incidents("serve").code == 0
    assert served[0]["host"] == "127.0.0.2"


# --- The store -----------------------------------------------------------------------------------------------------


def test_seeding_twice_changes_nothing(incidents: Command) -> None:
    first = incidents("seed")
    assert first.code == 0, first.err
    assert "created" in first.err
    seq = count(incidents.url)
    second = incidents("seed")
    assert second.code == 0
    assert second.err.count("created nothing") == 5
    assert "there already" in second.err
    assert count(incidents.url) == seq


def test_a_folder_without_articles_is_told(incidents: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCIDENTS_SEEDS", str(tmp_path))
    fails(incidents("seed"), "there are no coded articles")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'{"incident": []}', "no kind of record is called 'incident'"),
        (b'{"incidents": [{"type": "rade"}]}', "did you mean raid?"),
        (b"[]", "bad.json"),
        (b'{"incidents": 7}', "bad.json"),
    ],
)
def test_an_article_that_cannot_be_loaded_is_named(
    incidents: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, word: str
) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    monkeypatch.setenv("INCIDENTS_SEEDS", str(tmp_path))
    fails(incidents("seed"), "bad.json", word)
    assert count(incidents.url) == 0


def test_texts_prove_the_quotes_or_refute_them(
    incidents: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    text = "Sixteen people were freed on Tuesday."
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    seeds, articles = tmp_path / "seeds", tmp_path / "articles"
    seeds.mkdir()
    articles.mkdir()
    (articles / "one.txt").write_text(text)
    (articles / "two.txt").write_text("Nobody cites this.")
    (articles / "three.bin").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("INCIDENTS_SEEDS", str(seeds))

    def article(name: str, quote: dict[str, Any]) -> None:
        claim = {"measure": "freed", "population": "victims", "value": 16, "quote": quote}
        incident = {"type": "release", "external_ids": {"seed": name}, "source": "seed:one", "claims": [claim]}
        source = {"external_ids": {"seed": "one"}, "fingerprint": fingerprint}
        (seeds / f"{name}.json").write_text(json.dumps({"sources": [source], "incidents": [incident]}))

    article("right", {"text": "Sixteen people", "start": 0, "end": 14})
    good = incidents("seed", "--articles", str(articles))
    assert good.code == 0, good.err
    assert "1 quotes checked" in good.err
    assert "no source has this fingerprint" in good.err
    assert "no UTF-8 text" in good.err
    fails(incidents("seed", "--articles", str(tmp_path / "missing")), "is no folder")


def test_a_wrong_quote_is_told(incidents: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    text = "Sixteen people were freed on Tuesday."
    seeds, articles = tmp_path / "seeds", tmp_path / "articles"
    seeds.mkdir()
    articles.mkdir()
    (articles / "one.txt").write_text(text)
    monkeypatch.setenv("INCIDENTS_SEEDS", str(seeds))
    source = {
        "external_ids": {"seed": "one"},
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
        "boilerplate": [{"quote": {"text": "Seventeen people", "start": 0, "end": 16}}],
    }
    (seeds / "wrong.json").write_text(json.dumps({"sources": [source]}))
    fails(incidents("seed", "--articles", str(articles)), "1 of 1 quotes", "Seventeen people")


def test_verify_prints_the_edition(seeded_incidents: Command) -> None:
    result = seeded_incidents("verify")
    assert result.code == 0, result.err
    seq = count(seeded_incidents.url)
    assert re.fullmatch(rf"{seq}:[0-9a-f]{{64}}\n", result.out)
    assert f"{seq} revisions verified" in result.err


def test_verify_of_an_empty_store(incidents: Command) -> None:
    result = incidents("verify")
    assert (result.code, result.out) == (0, f"0:{'0' * 64}\n")


def test_verify_fails_where_the_log_was_changed(seeded_incidents: Command) -> None:
    log = tables.revision
    ask(
        seeded_incidents.url,
        lambda conn: conn.execute(sa.update(log).where(log.c.seq == 7).values(author="x")) and None,
    )
    result = seeded_incidents("verify")
    fails(result, "revision 7 (", "its hash does not fit", "1 fault(s) found after 6 good revisions")
    assert result.out == ""


def test_verify_compares_the_tables_when_asked_to(seeded_incidents: Command) -> None:
    assert seeded_incidents("verify", "--tables").code == 0
    ask(seeded_incidents.url, lambda conn: conn.execute(sa.update(tables.claim).values(value=1)) and None)
    assert seeded_incidents("verify").code == 0
    fails(seeded_incidents("verify", "--tables"), "the query table claim does not agree with the log at ", "rebuild")
    assert seeded_incidents("rebuild").code == 0
    assert seeded_incidents("verify", "--tables").code == 0


def test_rebuild_gives_the_same_tables(seeded_incidents: Command) -> None:
    database = Database(seeded_incidents.url)
    before = dump(database)
    result = seeded_incidents("rebuild")
    assert result.code == 0
    assert f"Replayed {count(seeded_incidents.url)} revisions" in result.err
    assert dump(database) == before
    database.close_writer()


def test_migrate_rebuilds_what_is_stale(seeded_incidents: Command) -> None:
    database = Database(seeded_incidents.url)
    before = dump(database)
    migrate(database, "0001")
    result = seeded_incidents("migrate")
    assert (result.code, "up to date" in result.err) == (0, True)
    assert dump(database) == before
    database.close_writer()


@pytest.mark.parametrize(("to", "word"), [("9999", "9999"), ("base", "the log holds revisions")])
def test_migrate_says_where_it_cannot_go(seeded_incidents: Command, to: str, word: str) -> None:
    fails(seeded_incidents("migrate", "--to", to), word)
    assert seeded_incidents("verify").code == 0


def test_doctor_says_how_the_store_is_doing(seeded_incidents: Command, engine: str) -> None:
    result = seeded_incidents("doctor")
    assert {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine] in result.err
    assert "revisions" in result.err
    if "fsync is off" in result.err:  # as on the tests' own server
        fails(result, "1 problem(s)")
    else:
        assert (result.code, "All is well." in result.err) == (0, True)


def test_doctor_tells_what_is_wrong(incidents: Command) -> None:
    head = tables.head
    ask(incidents.url, lambda conn: conn.execute(sa.update(head).values(projection="old")) and None)
    fails(incidents("doctor"), "the query tables are of another version")
    incidents("migrate", "--to", "0001")
    fails(incidents("doctor"), "the schema is behind")
    incidents("migrate")
    assert "behind" not in incidents("doctor").err


# --- Keys ----------------------------------------------------------------------------------------------------------


def test_a_key_is_printed_alone(incidents: Command) -> None:
    result = incidents("key", "create", "--scope", "write", "--scope", "review", "--name", "Importer 7", "--days", "30")
    assert result.code == 0
    assert re.fullmatch(r"inc_[A-Za-z0-9_-]{43}\n", result.out)
    [listed] = ask(incidents.url, access.list_keys)
    assert (listed["name"], listed["scopes"]) == ("Importer 7", "review write")
    assert listed["expires_at"]
    incidents.patch.setenv("COLUMNS", "60")
    shown = incidents("key", "list")
    assert shown.code == 0
    assert listed["id"] in shown.out
    assert "never" in shown.out
    assert result.out.strip().removeprefix("inc_") not in shown.out


def test_a_key_is_revoked(incidents: Command) -> None:
    incidents("key", "create", "--scope", "write")
    [listed] = ask(incidents.url, access.list_keys)
    assert incidents("key", "revoke", listed["id"]).code == 0
    assert ask(incidents.url, access.list_keys)[0]["revoked_at"]
    fails(incidents("key", "revoke", listed["id"]), "there is no key", "incidents key list")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--scope", "wirte"], "there is no scope 'wirte'"),
        (["--scope", "write", "--name", 'a"b'], "a key's name has"),
        (["--scope", "write", "--name", "[red]"], "a key's name has"),
    ],
)
def test_a_key_that_cannot_be_made_is_told(incidents: Command, arguments: list[str], word: str) -> None:
    result = incidents("key", "create", *arguments)
    fails(result, word)
    assert result.out == ""
    assert ask(incidents.url, access.list_keys) == []


# --- The command itself --------------------------------------------------------------------------------------------


def test_the_version_is_told(incidents: Command) -> None:
    assert incidents("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["key", "create"], ["migrate", "--too", "x"], ["key", "create", "--days", "0"]]
)
def test_a_command_that_is_none_is_told(incidents: Command, arguments: list[str]) -> None:
    result = incidents(*arguments)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_every_command_explains_itself(incidents: Command) -> None:
    told = incidents("--help").out
    for command in ("up", "serve", "migrate", "seed", "verify", "rebuild", "doctor", "key"):
        assert command in told
        assert incidents(command, "--help").code == 0


def test_verify_against_an_edition_that_was_cited(seeded_incidents: Command) -> None:
    edition = seeded_incidents("verify").out.strip()
    assert seeded_incidents("verify", "--edition", edition).out.strip() == edition
    seq, _, link = edition.partition(":")
    other = seeded_incidents("verify", "--edition", f"{seq}:{link[::-1]}")
    assert other.code == 1
    assert "written anew" in other.err
    ahead = seeded_incidents("verify", "--edition", f"{int(seq) + 1}:{link}")
    assert ahead.code == 1
    assert "its tail was cut" in ahead.err
    assert "cited as seq:hash" in seeded_incidents("verify", "--edition", "17").err


def test_the_log_is_exported_whole(seeded_incidents: Command, tmp_path: Path) -> None:
    shown = seeded_incidents("export", "log")
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, count(seeded_incidents.url) + 1))
    assert seeded_incidents("export", "log", "--to", str(tmp_path / "log.ndjson")).code == 0
    assert (tmp_path / "log.ndjson").read_text("utf-8") == shown.out
