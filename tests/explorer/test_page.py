"""The page as the service hands it out: one page for every address of a page, files for ever, nothing from outside."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from incidents_api.routes import explorer

PAGES = ("/", "/incidents", "/actors/0193", "/sources", "/statistics/0193", "/locations/0193", "/codebook")


@pytest.mark.parametrize("path", PAGES)
def test_every_address_of_a_page_gives_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == client.get("/").content
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_are_sent_small_and_kept_for_ever(client: TestClient) -> None:
    (script,) = re.findall(r'src="(/assets/[^"]+\.js)"', client.get("/").text)
    plain = client.get(script, headers={"Accept-Encoding": "identity"})
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "Accept-Encoding" in plain.headers["vary"]
    assert "content-encoding" not in plain.headers
    with client.stream("GET", script, headers={"Accept-Encoding": "gzip, br;q=0"}) as small:
        assert small.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(small.iter_raw())) == plain.content
    with client.stream("GET", script, headers={"Accept-Encoding": "gzip, br"}) as smallest:
        assert smallest.headers["content-encoding"] == "br"
    again = client.get(script, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_codebook_is_sent_small_too(client: TestClient) -> None:
    plain = client.get("/v1/codebook", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/v1/codebook") as small:
        assert small.headers["content-encoding"] == "gzip"
        sent = b"".join(small.iter_raw())
    assert gzip.decompress(sent) == plain.content
    assert len(sent) < len(plain.content) / 3
    assert "Accept-Encoding" in plain.headers["vary"]


def test_a_file_that_is_not_there_is_a_problem(client: TestClient) -> None:
    for name in ("nothing.js", "..%2Findex.html", "..%2F..%2Fapp.py"):
        answer = client.get(f"/assets/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_without_the_page_the_service_says_how_to_build_it(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "FOLDER", tmp_path)
    answer = client.get("/")
    assert answer.status_code == 200
    assert "make page" in answer.text
    assert "/v1/incidents" in answer.text


def test_the_first_load_is_small_and_asks_nobody_else(visit: Callable[..., Page], seeded_site: str) -> None:
    page = visit(seeded_site)
    expect(page.get_by_test_id("count")).to_have_text("12")
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntries().filter(e => e.transferSize).map(e => [e.name, e.transferSize])")
    files = {name: size for name, size in loaded if "/v1/" not in name}
    assert any(name.endswith(".js") for name in files)
    assert any(name.endswith(".json") for name in files)
    assert sum(files.values()) < 250_000, files
