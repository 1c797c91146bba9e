"""The UCDP rows, loaded once for each database and run; nobody writes to these stores."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from incidents_api.storage.database import Database
from incidents_api.writing import archive
from tests import postgres
from tests.conftest import ENGINES, serve
from tests.real import ucdp


@pytest.fixture(scope="session")
def lasting_store(
    postgres_server: str, template: Callable[[str, bool], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Makes a store that stands until the run ends, and gives its address."""
    made: list[str] = []

    def get(engine: str, *, seeded: bool = False) -> str:
        origin = template(engine, seeded)
        if engine == "sqlite":
            path = tmp_path_factory.mktemp("real") / "store.db"
            shutil.copyfile(origin.removeprefix("sqlite:///"), path)
            return f"sqlite:///{path}"
        made.append(postgres.create_database(postgres_server, origin))
        return made[-1]

    yield get
    for url in made:
        postgres.drop_database(url)


@pytest.fixture(scope="session")
def ucdp_store(lasting_store: Callable[..., str], ucdp_imported: ucdp.Imported) -> Callable[[str], str]:
    """The address of a store that imported every row of the file; on PostgreSQL it is restored from the one on SQLite.

    Each is made once, however often tests change from one engine to the other.
    """

    @cache
    def get(engine: str) -> str:
        file = f"sqlite:///{ucdp_imported.path}"
        if engine == "sqlite":
            return file
        url = lasting_store(engine)
        copied, database = Database(file), Database(url)
        with copied.connect() as conn:
            database.write_now(archive.restore, archive.lines(conn))
        with database.connect() as connection:
            # What autovacuum would do in its own time.
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("VACUUM ANALYZE"))
        copied.close_writer()
        database.close_writer()
        return url

    return get


@pytest.fixture(scope="session", params=ENGINES)
def ucdp_url(request: pytest.FixtureRequest, ucdp_store: Callable[[str], str]) -> str:
    """A store that imported every row of the file, on either engine."""
    return ucdp_store(request.param)


@pytest.fixture(scope="session")
def ucdp_client(ucdp_url: str) -> Iterator[TestClient]:
    """The service over the rows."""
    with serve(ucdp_url) as client:
        yield client
