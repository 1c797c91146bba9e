"""One suite, two databases: every test that asks for a store runs on SQLite and on a real PostgreSQL."""

import gc
import logging
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from xdist.scheduler import LoadFileScheduling

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.cli.logs import JsonLines
from incidents_api.cli.seeds import SEEDER
from incidents_api.model import vocabulary
from incidents_api.model.validation import parse
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.storage.schema import migrate
from incidents_api.writing import ingest, projection
from tests import postgres
from tests.real import ucdp

SEEDS = Path(__file__).parents[1] / "seeds"
ENGINES = ("sqlite", "postgresql")

Key = Callable[..., dict[str, str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """make soak: the random tests that say so run as long as the figures in their documents."""
    parser.addoption("--soak", action="store_true", help="run random histories at full length")


class _ByFile(LoadFileScheduling):  # type: ignore[misc]  # it tells no types
    """Each file to one process; those of real data together, since to load it takes a minute for every process."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return "tests/real" if file.startswith("tests/real/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile | None:
    """How tests are spread over processes, where whole files are asked for."""
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end, so no search for garbage walks through it again; as the
    service does when it starts."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


HANGS = 600
"""Seconds after which a step of a test is taken to hang: longer than asking Debian's packages may take, and many times
what any other takes."""


def _bounded(item: pytest.Item) -> Iterator[None]:
    """A step that hangs fails where it stands, and the run goes on; without it, the worker is ended much later."""
    if item.config.getoption("--soak"):
        return (yield)

    def over(*_: object) -> None:
        raise TimeoutError(f"it took longer than {HANGS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    return (yield from _bounded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    return (yield from _bounded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    return (yield from _bounded(item))


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that sets up the log writes it to the standard error of its test, which is closed afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


SECRET = re.compile(r"inc_[\w-]{30,}|zanatequiscal|Xochiquetzalli|Canaryname|Canaryplace|canaryword", re.IGNORECASE)
"""Keys, and the words that tests hide in records and requests: what no log may sing of (R19)."""


class Heard(logging.Handler):
    """Keeps every line, as a running service writes it, that holds a secret."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.count = 0
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("httpx", "httpcore")):  # the log of the tests' own clients
            self.count += 1
            line = self.format(record)
            self.lines += [line] if SECRET.search(line) else []


@pytest.fixture(scope="session", autouse=True)
def nothing_secret_is_logged() -> Iterator[None]:
    """R19 over the whole suite: no line that the service logs, in whatever test, holds a key or a canary."""
    heard, told = Heard(), logging.getLogger("incidents_api")
    told.addHandler(heard)
    logging.getLogger().addHandler(heard)
    told.setLevel(logging.INFO)
    yield
    assert heard.lines == []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL server to make databases in."""
    with postgres.server() as url:
        yield url


def prepare(url: str, *, seeded: bool) -> None:
    """Migrate a database, and load the five articles when asked."""
    database = Database(url)
    migrate(database)
    database.write_now(projection.rebuild)
    if seeded:
        for path in sorted(SEEDS.glob("*.json")):
            database.write_now(ingest.ingest, parse(path.read_bytes()), SEEDER)
    database.close_writer()


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all of its processes share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, bool], str]]:
    """Migrated stores to copy from, empty or seeded; made once."""
    made: dict[tuple[str, bool], str] = {}

    def get(engine: str, seeded: bool) -> str:
        if (engine, seeded) not in made:
            if engine == "sqlite":
                url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'store.db'}"
            else:
                url = postgres.create_database(postgres_server)
            prepare(url, seeded=seeded)
            made[engine, seeded] = url
        return made[engine, seeded]

    yield get
    for (engine, _), url in made.items():
        if engine == "postgresql":
            postgres.drop_database(url)


@pytest.fixture(scope="session")
def ucdp_imported(template: Callable[[str, bool], str], tmp_path_factory: pytest.TempPathFactory) -> ucdp.Imported:
    """The file of a store that imported every row."""
    origin = template("sqlite", False).removeprefix("sqlite:///")
    return ucdp.imported(shared_folder(tmp_path_factory), lambda empty: shutil.copyfile(origin, empty))


@pytest.fixture(scope="session")
def copies(postgres_server: str, template: Callable[[str, bool], str]) -> Iterator[Callable[[bool], postgres.Copies]]:
    """The copies of a template, empty or seeded, on PostgreSQL."""
    made: dict[bool, postgres.Copies] = {}

    def get(seeded: bool) -> postgres.Copies:
        if seeded not in made:
            made[seeded] = postgres.Copies(postgres_server, template("postgresql", seeded))
        return made[seeded]

    yield get
    for one in made.values():
        one.close()


@pytest.fixture
def new_store(
    tmp_path: Path, template: Callable[[str, bool], str], copies: Callable[[bool], postgres.Copies]
) -> Iterator[Callable[..., str]]:
    """Makes a fresh store on an engine and gives its address."""
    numbers = count()
    with ExitStack() as stack:

        def get(engine: str, *, seeded: bool = False) -> str:
            if engine == "sqlite":
                path = tmp_path / f"store{next(numbers)}.db"
                shutil.copyfile(template(engine, seeded).removeprefix("sqlite:///"), path)
                return f"sqlite:///{path}"
            url = copies(seeded).take()
            stack.callback(copies(seeded).give_back, url)
            return url

        yield get


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The two databases, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def store_url(engine: str, new_store: Callable[..., str]) -> str:
    """A fresh empty store."""
    return new_store(engine)


@pytest.fixture
def seeded_url(engine: str, new_store: Callable[..., str]) -> str:
    """A fresh store that holds the five articles."""
    return new_store(engine, seeded=True)


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty store, for tests below the web."""
    opened = Database(store_url)
    yield opened
    opened.close_writer()


@pytest.fixture
def seeded_database(seeded_url: str) -> Iterator[Database]:
    """The five articles, for tests below the web."""
    opened = Database(seeded_url)
    yield opened
    opened.close_writer()


def serve(url: str, **settings: Any) -> TestClient:
    """A client of the application over a store; use it in a with block."""
    # A report waits for its review. Tests that are not about that see it at once.
    shown = {"public_statuses": vocabulary.codes("review_status")}
    app = create_app(Settings(_env_file=None, database_url=url, **(shown | settings)))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(store_url: str) -> Iterator[TestClient]:
    """The service over an empty store."""
    with serve(store_url) as opened:
        yield opened


@pytest.fixture
def seeded(seeded_url: str) -> Iterator[TestClient]:
    """The service over the five articles."""
    with serve(seeded_url) as opened:
        yield opened


def key_for(client: TestClient, *scopes: str, name: str = "tester") -> dict[str, str]:
    """The header of a fresh key with these scopes (write, when none is named) in the store of a client."""
    database: Database = client.app.state.database
    token = database.write_now(access.create_key, name, scopes or ("write",))
    return {"Authorization": f"Bearer {token}"}
