"""What the tests of the page look at: its numbers, every address worth a look, and what axe has to say."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "explorer" / "node_modules" / "axe-core" / "axe.min.js"

VIEWS = ("/", "/?view=timeline", "/?view=table", "/?view=facets")
LISTS = ("/actors", "/sources", "/statistics", "/locations", "/codebook")
DIALOGS = ("Cite", "Download", "Show API call")


def ask(site: str, path: str) -> Any:
    """An answer of the API."""
    answer = httpx.get(f"{site}{path}", trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def record(site: str, kind: str, key: str) -> str:
    """The address of the page of a record, by the key of its seed."""
    (one,) = ask(site, f"/v1/{kind}?external_id=seed:{key}")["items"]
    return f"/{kind}/{one['id']}"


def pages(site: str) -> list[str]:
    """Every page there is: views, lists, and a record of each kind."""
    first = {kind: ask(site, f"/v1/{kind}?limit=1")["items"][0]["id"] for kind in ("actors", "statistics", "locations")}
    return [
        *VIEWS,
        *LISTS,
        *(record(site, "incidents", key) for key in ("S001-R0", "S001-R1", "S004-A1", "S002-R1")),
        *(record(site, "sources", key) for key in ("003", "004")),
        *(f"/{kind}/{one}" for kind, one in first.items()),
    ]


def settled(page: Page) -> Page:
    """The page once everything that it asked for is there: no question open, for some frames in a row."""
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    page.evaluate(
        """() => new Promise((done, fail) => {
            let calm = 0;
            const look = () => {
                calm = document.documentElement.dataset.asking === "0" ? calm + 1 : 0;
                if (calm > 5) done(true); else requestAnimationFrame(look);
            };
            look();
            setTimeout(() => fail(new Error("the page asks and asks")), 120_000);
        })"""
    )
    return page


def unfolded(page: Page) -> Page:
    """The page once every facet of its view was in sight, and so is counted."""
    while settled(page).locator(".view .later").count():
        page.locator(".view .later").first.scroll_into_view_if_needed()
    return page


def count(page: Page) -> int:
    """The number of incidents that the page tells."""
    settled(page)
    return int(re.sub(r"\D", "", page.get_by_test_id("count").inner_text()))


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it stands."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])[:300]}" for one in found]
