"""What the page asks the service for: little, once, only what is seen; and what it shows meanwhile and in between."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.explorer.looks import count, settled, violations

Visit = Callable[..., Page]


def asked(page: Page, path: str = "/v1/totals") -> list[str]:
    """What the page has asked for since it was opened: the queries of a path."""
    names: list[str] = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    return [query for name in names for begun, _, query in [name.partition("?")] if begun.endswith(path)]


@pytest.mark.parametrize(
    ("path", "width", "totals"),
    [
        # The sums, where everything is, the dots; and where there is room beside the map two facets: that of the states
        # is told already.
        ("/", 1280, 5),
        ("/", 375, 3),
        ("/?at=24,-107,6", 375, 3),
        # Where no place is known, nobody asks for dots.
        ("/?admin1=MX-TAM", 375, 2),
        ("/?view=timeline", 375, 2),
        ("/?view=table", 375, 1),
    ],
)
def test_a_view_asks_for_few_sums(visit: Visit, seeded_site: str, path: str, width: int, totals: int) -> None:
    page = settled(visit(seeded_site, path, width=width))
    found = asked(page)
    assert len(found) == len(set(found)) == totals, found


def test_a_world_of_incidents_loads_no_world_of_shapes(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/codebook"))
    units = ("MX-SIN", "GT-01", "HN-CM", "SV-SS", "NI-MN", "CR-SJ", "CO-ANT", "VE-A", "EC-P", "PE-LIM", "BO-L", "CL-RM")
    rows = [{"key": {"precision": "adm1", "country": unit[:2], "admin1": unit}, "incidents": 1} for unit in units]
    told = {"rows": rows, "excluded": {"period_totals": 0, "netted_parts": 0, "parts_exceed_whole": 0}, "as_of": 1}
    page.route(re.compile("by=precision"), lambda route: route.fulfill(json=told))
    page.goto(f"{seeded_site}/")
    drawn = "performance.getEntriesByType('resource').filter((one) => /[A-Z]{2}-[^/]*json$/.test(one.name)).length"
    assert 0 < settled(page).evaluate(drawn) <= 8  # For the names of states in lists; none for the map.
    expect(page.locator(".area-name").filter(has_text="Sinaloa")).to_have_count(0)
    page.goto(f"{seeded_site}/?at=24,-107,6")
    expect(settled(page).locator(".area-name").filter(has_text="Sinaloa")).to_have_count(1)
    assert page.evaluate(drawn) <= 8


def test_facets_are_counted_when_they_come_into_sight(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=facets", width=375))
    assert not [query for query in asked(page) if "by=tag" in query]
    page.get_by_role("heading", name="Tag", exact=True).scroll_into_view_if_needed()
    expect(page.get_by_role("button", name=re.compile("^joint_operation"))).to_be_visible()
    assert len([query for query in asked(page) if "by=tag" in query]) == 1


@contextmanager
def held(page: Page, part: str) -> Iterator[None]:
    """While it lasts, questions with these words in their address get no answer."""
    waiting: list[Route] = []
    holding = True

    def hold(route: Route) -> None:
        if holding:
            waiting.append(route)
        else:
            route.continue_()

    page.route(re.compile(re.escape(part)), hold)
    yield
    holding = False
    for route in waiting:
        route.continue_()


@pytest.mark.parametrize("view", ["map", "timeline", "table", "facets"])
def test_the_old_picture_stays_until_the_new_one_is_there(visit: Visit, seeded_site: str, view: str) -> None:
    page = settled(visit(seeded_site, f"/?view={view}"))
    seen = {"map": ".dot", "timeline": ".mark", "table": "tbody tr", "facets": ".counts"}[view]
    before = page.locator(f".view {seen}").count()
    assert before > 0
    to = f"/?view={view}&admin1=MX-SIN"
    with held(page, "admin1=MX-SIN"):
        page.evaluate("(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }", to)
        expect(page.locator(".summary .stale")).to_be_visible()
        assert page.locator(f".view {seen}").count() == before
    assert count(page) == 5


def test_a_question_that_nobody_waits_for_any_more_is_taken_back(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=table"))
    gone: list[str] = []
    page.on("requestfailed", lambda request: gone.append(request.url))
    sinaloa = page.get_by_role("list", name="State or province").get_by_role("button", name=re.compile("^Sinaloa "))
    with held(page, "admin1=MX-SIN"):
        with page.expect_request(re.compile("/v1/incidents.*admin1=MX-SIN")):
            sinaloa.click()
        with page.expect_event("requestfailed"):
            page.go_back()
    assert count(page) == 12
    assert gone
    assert all("admin1=MX-SIN" in url for url in gone), gone


def test_what_is_quick_does_not_stand_behind_slow_sums(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/codebook"))
    with held(page, "/v1/totals"):
        page.goto(f"{seeded_site}/?view=table", wait_until="domcontentloaded")
        expect(page.locator("tbody tr")).to_have_count(12)
        expect(page.locator(".summary .skeleton")).to_be_visible()
        page.get_by_role("link", name="16 people rescued").click()
        expect(page.get_by_role("heading", name="What is claimed")).to_be_visible()


@contextmanager
def busy(page: Page, part: str, seconds: int) -> Iterator[None]:
    """While it lasts, the service has no time for questions with these words in their address."""

    def refuse(route: Route) -> None:
        told = {"status": 503, "title": "The store cannot answer now"}
        route.fulfill(status=503, headers={"Retry-After": str(seconds)}, json=told)

    page.route(re.compile(re.escape(part)), refuse)
    yield
    page.unroute_all()


def test_a_busy_service_is_asked_again(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/codebook"))
    with busy(page, "by=type", 1):
        page.goto(f"{seeded_site}/?view=table", wait_until="domcontentloaded")
        waits = page.locator(".beside .busy")
        expect(waits).to_contain_text("The service has much to do just now. This is asked again by itself.")
        # All else is there meanwhile.
        expect(page.get_by_test_id("count")).to_have_text("12")
        expect(page.locator("tbody tr")).to_have_count(12)
    expect(page.get_by_role("button", name=re.compile("^Rescue operation 8"))).to_be_visible()
    expect(waits).to_have_count(0)


def test_who_does_not_want_to_wait_for_a_busy_service_need_not(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/codebook"))
    with busy(page, "/v1/incidents?", 30):
        page.goto(f"{seeded_site}/?view=table", wait_until="domcontentloaded")
        for _ in range(3):
            page.get_by_role("button", name="Try now").click()
        expect(page.get_by_role("alert")).to_contain_text("The service has too much to do.")
        assert violations(page) == []
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr")).to_have_count(12)
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_every_view_says_that_it_is_loading(visit: Visit, seeded_site: str) -> None:
    page = visit(seeded_site, "/codebook")
    settled(page)
    with held(page, "/v1/"):
        for view in ("map", "timeline", "table", "facets"):
            page.goto(f"{seeded_site}/?view={view}", wait_until="domcontentloaded")
            expect(page.locator(".view").get_by_role("status").first).to_contain_text("Loading")
