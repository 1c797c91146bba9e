"""Keys and scopes: made once, shown once, never stored, ended at once."""

import asyncio
import hashlib
import re
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api import access
from incidents_api.errors import MissingScope, NotAuthenticated, OperatorError, Unavailable
from incidents_api.model.visitor import NOBODY, Visitor
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from tests.conftest import serve


def key(database: Database, *scopes: str, name: str = "tester", days: int | None = None) -> str:
    return database.write_now(access.create_key, name, scopes, days)


def visitor(database: Database, *headers: str | None) -> list[Visitor]:
    async def ask() -> list[Visitor]:
        try:
            return [await access.visitor(database, header) for header in headers]
        finally:
            await database.close()

    return asyncio.run(ask())


def refused(database: Database, header: str) -> NotAuthenticated:
    with pytest.raises(NotAuthenticated) as error:
        visitor(database, header)
    assert error.value.headers["WWW-Authenticate"].startswith("Bearer")
    return error.value


def secret(token: str) -> str:
    found = re.fullmatch(r"inc_([A-Za-z0-9_-]{43})", token)
    assert found is not None
    return found[1]


def test_a_key_says_who_asks(database: Database) -> None:
    token = key(database, "write", "review", "write", name="Importer 7")
    secret(token)
    assert visitor(database, f"Bearer {token}", f"bearer  {token} ", None) == [
        Visitor("Importer 7", frozenset({"write", "review"})),
        Visitor("Importer 7", frozenset({"write", "review"})),
        NOBODY,
    ]


def test_keys_differ(database: Database) -> None:
    assert len({key(database, "write") for _ in range(20)}) == 20


def test_no_secret_is_stored(database: Database, tmp_path: Any) -> None:
    token = key(database, "write")
    with database.connect() as conn:
        [row] = conn.execute(sa.select(tables.api_key)).all()
    assert hashlib.sha256(token.encode()).hexdigest() in row
    assert not any(secret(token) in str(value) or token in str(value) for value in row)
    database.close_writer()
    if database.url.get_backend_name() == "sqlite":
        content = b"".join(path.read_bytes() for path in tmp_path.glob("store*"))
        assert content
        assert secret(token).encode() not in content


def test_the_list_tells_everything_but_the_secret(database: Database) -> None:
    tokens = [key(database, "write", name="One"), key(database, "read:restricted", "admin", name="Two", days=3)]
    listed = database.write_now(access.list_keys)
    told = {one["name"]: one for one in listed}
    assert set(told) == {"One", "Two"}
    assert (told["One"]["scopes"], told["One"]["expires_at"], told["One"]["revoked_at"]) == ("write", None, None)
    assert told["Two"]["scopes"] == "admin read:restricted"
    assert told["Two"]["expires_at"] > told["Two"]["created_at"]
    for token in tokens:
        assert secret(token) not in str(listed)
        assert hashlib.sha256(token.encode()).hexdigest() not in str(listed)


def test_a_revoked_key_is_over_at_once(database: Database) -> None:
    token, other = key(database, "write", name="One"), key(database, "write", name="Two")
    ids = {one["name"]: one["id"] for one in database.write_now(access.list_keys)}
    database.write_now(access.revoke_key, ids["One"])
    assert "revoked" in refused(database, f"Bearer {token}").detail
    assert visitor(database, f"Bearer {other}")[0].name == "Two"
    for wrong in (ids["One"], "nothing", ""):
        with pytest.raises(OperatorError, match="incidents key list"):
            database.write_now(access.revoke_key, wrong)
    assert next(one for one in database.write_now(access.list_keys) if one["name"] == "One")["revoked_at"]


def test_when_a_key_was_last_used_is_written_once_for_all(store_url: str) -> None:
    with serve(store_url) as client:
        store: Database = client.app.state.database
        used, unused, gone = (key(store, "write", name=name) for name in ("One", "Two", "Three"))
        commits: list[int] = []
        sa.event.listen(store._engine, "commit", lambda _: commits.append(1))
        for token in (used, gone) * 5:
            assert client.get("/v1/incidents", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert client.get("/v1/incidents", headers={"Authorization": f"Bearer {unused}x"}).status_code == 401
        assert commits == []
        client.portal.call(client.app.state.uses.write, store)
        client.portal.call(client.app.state.uses.write, store)
        assert len(commits) == 1
        told = {one["name"]: one for one in store.write_now(access.list_keys)}
        assert told["Two"]["last_used_at"] is None
        assert told["One"]["last_used_at"] >= told["One"]["created_at"]
        client.get("/v1/incidents", headers={"Authorization": f"Bearer {unused}"})
    # What was noted since is kept when the service ends.
    database = Database(store_url)
    assert all(one["last_used_at"] for one in database.write_now(access.list_keys))
    database.close_writer()


def test_a_use_noted_by_another_process_is_not_moved_back(database: Database) -> None:
    token = key(database, "write")
    key_id = hashlib.sha256(token.encode()).hexdigest()[:12]
    for used, told in (
        (2e9, "2033-05-18T03:33:20Z"),
        (1e9, "2033-05-18T03:33:20Z"),
        (2e9 + 60, "2033-05-18T03:34:20Z"),
    ):
        database.write_now(access.mark_used, {key_id: used, "no such key": used})
        assert database.write_now(access.list_keys)[0]["last_used_at"] == told


def test_uses_that_cannot_be_written_now_are_kept_for_later(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key(database, "write")
    key_id = database.write_now(access.list_keys)[0]["id"]

    def locked(*_: Any) -> None:
        raise Unavailable("locked")

    async def write(uses: access.Uses) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(access, "mark_used", locked)
            await uses.write(database)
        assert database.write_now(access.list_keys)[0]["last_used_at"] is None
        await uses.write(database)
        assert database.write_now(access.list_keys)[0]["last_used_at"] is not None

    uses = access.Uses()
    uses.note(key_id)
    asyncio.run(write(uses))
    assert "tried again" in caplog.text


def test_a_store_that_cannot_answer_does_not_make_a_good_key_bad(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: Any, **__: Any) -> None:
        raise Unavailable("the store could not answer in time")

    with serve(store_url) as client:
        store: Database = client.app.state.database
        token = key(store, "write")
        assert client.get("/v1/incidents").status_code == 200  # the read face is open now
        monkeypatch.setattr(store._reader, "rows", busy)
        for sent in (token, f"inc_{'A' * 43}"):
            answer = client.get("/v1/incidents", headers={"Authorization": f"Bearer {sent}"})
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(("days", "good"), [(None, True), (1, True), (0, False), (-1, False)])
def test_a_key_expires(database: Database, days: int | None, good: bool) -> None:
    token = key(database, "write", days=days)
    if good:
        assert visitor(database, f"Bearer {token}")[0].name == "tester"
    else:
        assert "expired" in refused(database, f"Bearer {token}").detail


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Basic abc", "Bearer abc", "Bearer inc_", "inc_abc", "Bearer inc_é", "Token inc_abc",
        f"Bearer inc_{'A' * 43}", f"Bearer inc_{'A' * 4000}", "Bearer inc_' OR 1=1 --", "Bearer inc_\x00",
    ],
)  # fmt: skip
def test_what_is_no_key(database: Database, header: str) -> None:
    key(database, "write")
    told = refused(database, header)
    assert header.removeprefix("Bearer ")[:30] not in told.detail or len(header) < 12


def test_a_key_that_differs_in_one_letter_is_no_key(database: Database) -> None:
    token = key(database, "write")
    for place in (4, 20, -1):
        letters = list(token)
        letters[place] = "A" if letters[place] != "A" else "B"
        refused(database, f"Bearer {''.join(letters)}")


@pytest.mark.parametrize(
    ("name", "scopes", "told"),
    [
        ("x", ["wirte"], "there is no scope 'wirte'; scopes are"),
        ("x", ["write", "read"], "there is no scope 'read'"),
        ("", ["write"], "a key's name has"),
        ("x" * 101, ["write"], "a key's name has"),
        ('a"b', ["write"], "a key's name has"),
        ("a\nb", ["write"], "a key's name has"),
        ("a\\b", ["write"], "a key's name has"),
    ],
)
def test_keys_that_are_not_made(database: Database, name: str, scopes: Iterable[str], told: str) -> None:
    with pytest.raises(OperatorError, match=told):
        database.write_now(access.create_key, name, scopes)
    assert database.write_now(access.list_keys) == []


@pytest.mark.parametrize(
    ("who", "scope", "open_reads", "problem"),
    [
        (NOBODY, "open", False, None),
        (NOBODY, "read", True, None),
        (NOBODY, "read", False, NotAuthenticated),
        (NOBODY, "write", True, NotAuthenticated),
        (Visitor("a", frozenset()), "read", False, None),
        (Visitor("a", frozenset()), "write", True, MissingScope),
        (Visitor("a", frozenset({"write"})), "write", False, None),
        (Visitor("a", frozenset({"write"})), "review", True, MissingScope),
        (Visitor("a", frozenset({"write"})), "admin", True, MissingScope),
        (Visitor("a", frozenset({"review"})), "write", True, MissingScope),
        (Visitor("a", frozenset({"admin"})), "write", True, None),
        (Visitor("a", frozenset({"admin"})), "review", True, None),
    ],
)
def test_who_may_do_what(who: Visitor, scope: str, open_reads: bool, problem: type[Exception] | None) -> None:
    if problem is None:
        access.allow(who, scope, open_reads=open_reads)
        return
    with pytest.raises(problem) as error:
        access.allow(who, scope, open_reads=open_reads)
    if problem is MissingScope:
        assert error.value.members == {"scope": scope}
        assert scope in error.value.detail


def test_only_those_who_may_see_restricted_records_see_them() -> None:
    assert [Visitor("a", frozenset({one})).full for one in ("write", "review", "read:restricted", "admin")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert NOBODY.author == "nobody"


def test_closed_reads_take_any_key(store_url: str) -> None:
    with serve(store_url, open_reads=False) as client:
        assert client.get("/v1/incidents").status_code == 401
        assert client.get("/livez").status_code == 200
        token = key(client.app.state.database, "write")
        assert client.get("/v1/incidents", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_wrong_key_is_refused_where_none_is_needed(store_url: str) -> None:
    with serve(store_url) as client:
        answer = client.get("/v1/incidents", headers={"Authorization": "Bearer inc_wrong"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert client.get(f"/v1/incidents?key=inc_{'A' * 43}").status_code == 400
