"""The explorer in a real browser, over stores that are loaded once; whatever it should not do fails the test."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page

import hatch_build
from incidents_api import access
from incidents_api.app import create_app
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from tests import browser, make
from tests.real import ucdp

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The page, built from the sources that are there."""
    hatch_build.build(ROOT)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file; while it is open, its loop runs in this thread and no other can."""
    with browser.chromium() as opened:
        yield opened


@contextmanager
def serving(url: str) -> Iterator[str]:
    """The service over a store, on a port of its own: its address."""
    # The rows of UCDP are as submitted; and a suite asks faster than any reader.
    shown = ("published", "verified", "submitted")
    app = create_app(Settings(_env_file=None, database_url=url, public_statuses=shown, rate_per_address=0))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="session")
def seeded_site(template: Callable[[str, bool], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the service over the five articles; nobody writes to it."""
    path = tmp_path_factory.mktemp("explorer") / "store.db"
    shutil.copyfile(template("sqlite", True).removeprefix("sqlite:///"), path)
    with serving(f"sqlite:///{path}") as address:
        yield address


@pytest.fixture(scope="session")
def changed_site(template: Callable[[str, bool], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the service over the five articles after some work: an incident in three versions, new ones."""
    path = tmp_path_factory.mktemp("explorer") / "changed.db"
    shutil.copyfile(template("sqlite", True).removeprefix("sqlite:///"), path)
    database = Database(f"sqlite:///{path}")
    token = database.write_now(access.create_key, "tester", ("write", "review"))
    database.close_writer()
    with serving(f"sqlite:///{path}") as address:
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
            (one,) = client.get("/v1/incidents?external_id=seed:S001-R1").json()["items"]
            here = f"/v1/incidents/{one['id']}"
            verified = {"status": "verified", "reason": "Read again."}
            changes = {"title": "Sixteen people rescued", "summary": None, "tags": ["looked_at_twice"]}
            for answer in (
                client.patch(here, json=changes, headers={"Content-Type": MERGE, "If-Match": as_it_is(client, here)}),
                client.post(f"{here}/review", json=verified, headers={"If-Match": as_it_is(client, here)}),
                *(client.post("/v1/incidents", json=make.incident(location=place)) for place in ROUGH),
                client.post("/v1/incidents", json=make.incident(title="Nobody says where", locations=[])),
            ):
                assert answer.is_success, answer.text
            merged, into, ended = (
                f"/v1/incidents/{client.post('/v1/incidents', json=make.incident(title=title)).json()['id']}"
                for title in ("Told twice", "Told once", "Only a try")
            )
            same = {"into": into.rpartition("/")[2], "reason": "duplicate"}
            for answer in (
                client.post(f"{merged}/merge", json=same, headers={"If-Match": as_it_is(client, merged)}),
                client.delete(f"{ended}?reason=test&note=It was a try.", headers={"If-Match": as_it_is(client, ended)}),
            ):
                assert answer.is_success, answer.text
            GONE["merged"], GONE["ended"] = merged.removeprefix("/v1"), ended.removeprefix("/v1")
        yield address


ROUGH = ("Upper Nile, SS", "Upper Nile, SS", "Jonglei, SS", "SS", "KE")
"""Where the new ones are, as far as is known. Nobody has drawn the states of South Sudan."""
GONE: dict[str, str] = {}
"""Addresses of an incident that was merged and of one that was ended, once they were."""
MERGE = "application/merge-patch+json"


def as_it_is(client: httpx.Client, path: str) -> str:
    """The ETag of a record."""
    return client.get(path).headers["ETag"]


@pytest.fixture(scope="session")
def ucdp_site(ucdp_imported: ucdp.Imported) -> Iterator[str]:
    """The address of the service over 18,957 rows of UCDP; nobody writes to it."""
    with serving(f"sqlite:///{ucdp_imported.path}") as address:
        yield address


Open = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Open]:
    """Opens an address in a fresh profile; fails for any console error, refused script or request to elsewhere."""
    wrong: list[str] = []
    contexts = []

    def get(site: str, path: str = "/", *, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB")
        context.set_default_timeout(8_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        contexts.append(context)
        page = context.new_page()
        # A 503 of a busy machine is asked again by the page; the browser notes it all the same.
        page.on(
            "console",
            lambda said: (
                wrong.append(said.text) if said.type in ("error", "warning") and " 503 " not in said.text else None
            ),
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                wrong.append(f"outside request: {asked.url}")
                if not asked.url.startswith((site, "data:", "blob:"))
                else None
            ),
        )
        page.goto(f"{site}{path}")
        return page

    yield get
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture
def chromium_page(chromium: Browser) -> Iterator[Page]:
    """A page that may complain on its console: what it asks for is made to fail."""
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(8_000)
    yield context.new_page()
    context.close()
