"""The same over 18,957 rows: sums come from the service, files hold what is shown, nothing waits for all rows."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.explorer.looks import ask, count, settled, unfolded, violations

Visit = Callable[..., Page]
STATE, NAME = "MX-SIN", "Sinaloa"


def test_a_state_and_a_time_and_a_file_of_them(visit: Visit, ucdp_site: str) -> None:
    page = visit(ucdp_site)
    assert count(page) == ask(ucdp_site, "/v1/incidents?count=exact&limit=1")["total"] == 18_957
    page.get_by_role("list", name="State or province").get_by_role("button", name=re.compile(f"^{NAME} ")).click()
    within = ask(ucdp_site, f"/v1/incidents?count=exact&limit=1&admin1={STATE}")["total"]
    expect(page.get_by_test_id("count")).to_have_text(f"{within:,}")
    page.get_by_role("link", name="Timeline").click()
    settled(page)
    box = page.get_by_role("img", name="Incidents by month").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.80, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.815, box["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d"))
    chosen = re.search(r"from=([\d-]+)&to=([\d-]+)", page.url)
    assert chosen is not None
    shown = count(page)
    asked = f"admin1={STATE}&from={chosen[1]}&to={chosen[2]}"
    assert 0 < shown == ask(ucdp_site, f"/v1/incidents?count=exact&limit=1&{asked}")["total"] < within

    page.get_by_role("button", name="Download").click()
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("^CSV")).click()
    assert len(list(csv.DictReader(io.StringIO(started.value.path().read_text("utf-8"))))) == shown
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show API call").click()
    page.get_by_role("button", name="Python").click()
    code = page.get_by_role("dialog").locator("pre").inner_text()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{shown}\n"


def test_many_points_are_few_dots_and_none_is_lost(visit: Visit, ucdp_site: str) -> None:
    page = settled(visit(ucdp_site))
    dots = page.locator(".dot")
    expect(dots.first).to_be_visible()
    assert dots.count() < 400
    told = [re.sub(r"\D", "", dot.get_attribute("aria-label") or "") for dot in dots.all()]
    precise = int(re.sub(r"\D", "", page.locator(".map-precise").inner_text()))
    assert sum(map(int, told)) == precise
    listed = [int(re.sub(r"\D", "", one)) for one in page.locator(".rough b").all_inner_texts()]
    assert listed == sorted(listed, reverse=True)


def test_the_timeline_tells_days_and_spans_where_each_would_be_too_many(visit: Visit, ucdp_site: str) -> None:
    page = settled(visit(ucdp_site, "/?view=timeline&from=2010-03-01&to=2010-06-30"))
    chart = page.get_by_role("img", name=re.compile("^Incidents by day"))
    known, within = re.findall(r"\d+", chart.get_attribute("aria-label") or "")
    assert int(known) + int(within) == count(page) > 300
    assert not page.evaluate("performance.getEntriesByType('resource').some((one) => one.name.includes('limit=300'))")
    assert violations(page) == []
    # A click on a day chooses it, and then each incident is there: a dot where the day is known, else a bar.
    day = chart.locator("rect.month").nth(20)
    asked = re.fullmatch(r"(\d+ \w+ 2010): (\d+)", day.locator("title").text_content() or "")
    assert asked is not None
    day.click()
    expect(page).to_have_url(re.compile(r"from=(2010-\d\d-\d\d)&to=\1$"))
    marks = settled(page).locator(".mark")
    expect(marks.locator("circle")).to_have_count(int(asked[2]))
    assert marks.count() == count(page)
    for dot in marks.filter(has=page.locator("circle")).all():
        assert (dot.get_attribute("aria-label") or "").endswith(f": {asked[1]}")
    page.get_by_role("button", name="All times").click()
    assert count(page) == 18_957
    # By keyboard alone: the two ends of the time are there from the beginning.
    page.get_by_role("slider", name="Begin of the chosen time").focus()
    page.keyboard.press("PageUp")
    expect(page).to_have_url(re.compile("from="))


def test_every_view_stands_and_the_table_pages(visit: Visit, ucdp_site: str) -> None:
    for view in ("timeline", "facets", "table"):
        page = unfolded(visit(ucdp_site, f"/?view={view}"))
        assert violations(page) == []
        expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("tbody tr")).to_have_count(50)
    first = page.locator("tbody th").first.inner_text()
    page.get_by_role("link", name=re.compile("^Next page")).click()
    expect(page.locator("tbody th").first).not_to_have_text(first)
    page.go_back()
    expect(page.locator("tbody th").first).to_have_text(first)
    page.locator("tbody th a").first.click()
    expect(settled(page).get_by_role("heading", level=1)).to_have_text(first)
