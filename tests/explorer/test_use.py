"""What a reader does: filter, brush, open, compare, copy, download and repeat with the API; over the five articles."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

import hatch_build
from incidents_api.model import vocabulary
from tests.explorer.looks import ask, count, record, settled, violations
from tests.machine import program
from tests.test_query_docs import R

Visit = Callable[..., Page]
ROOT = Path(__file__).parents[2]


def facet(page: Page, name: str, value: str) -> None:
    """Click a value of a facet in the column beside the view."""
    page.get_by_role("list", name=name, exact=True).get_by_role("button", name=re.compile(f"^{value} ")).click()


def test_a_filter_is_in_the_address_and_back_undoes_it(visit: Visit, seeded_site: str) -> None:
    page = visit(seeded_site)
    assert count(page) == 12
    facet(page, "State or province", "Sinaloa")
    expect(page.get_by_test_id("count")).to_have_text("5")
    assert "admin1=MX-SIN" in page.url
    expect(page.get_by_text("State or province Sinaloa")).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("count")).to_have_text("12")
    page.go_forward()
    expect(page.get_by_test_id("count")).to_have_text("5")
    page.get_by_role("button", name="Remove State or province: Sinaloa").click()
    expect(page.get_by_test_id("count")).to_have_text("12")


def test_the_sums_count_nobody_twice(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    expect(page.locator("[data-measure=kidnapped] b")).to_have_text("88")
    expect(page.locator("[data-measure=freed] b")).to_have_text("≥ 82")
    expect(page.locator(".notes")).to_contain_text("2 parts of a larger incident count once")
    page.get_by_role("link", name="Add them").click()
    expect(page.locator("[data-measure=freed] small")).to_contain_text("7,408 to 7,411")
    assert count(page) == 12
    # What a filter can say nothing of is told, too.
    told = page.locator(".notes")
    page.goto(f"{seeded_site}/?from=2024")
    expect(told).to_contain_text("1 without any date left out")
    page.goto(f"{seeded_site}/?bbox=-110,20,-100,30")
    expect(told).to_contain_text("10 without a known place left out")
    expect(told).to_contain_text("1 part of a larger incident counts once")


def test_a_time_is_chosen_by_dragging_and_moved_by_keys(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=timeline"))
    chart = page.get_by_role("img", name="Incidents by month").first
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 40, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=202[34]-\d\d-\d\d"))
    chosen = re.search(r"from=([\d-]+)&to=([\d-]+)", page.url)
    assert chosen is not None
    assert count(page) == ask(seeded_site, f"/v1/incidents?count=exact&from={chosen[1]}&to={chosen[2]}")["total"]
    end = page.get_by_role("slider", name="End of the chosen time").bounding_box()
    assert end is not None
    page.mouse.move(end["x"] + 5, end["y"] + 50)
    page.mouse.down()
    page.mouse.move(end["x"] - box["width"] * 0.1, end["y"] + 50, steps=3)
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"from={chosen[1]}&to=(?!{chosen[2]})"))
    start = page.get_by_role("slider", name="Begin of the chosen time")
    start.focus()
    page.keyboard.press("PageDown")
    expect(page).not_to_have_url(re.compile(chosen[1]))


def test_a_contested_figure_is_plain_at_one_look(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=table"))
    page.get_by_role("link", name=re.compile("annual total")).click()
    settled(page)
    figure = page.locator(".tally.contested")
    assert figure.bounding_box()["y"] < 500  # type: ignore[index]
    expect(figure.locator(".big")).to_have_text("7,326 or 7,329")
    expect(figure).to_contain_text("7,329 counts as best: a statement in the text goes before a headline.")
    expect(figure.locator(".claim.best")).to_contain_text(
        "rescued 7,329 victims of crimes related to human trafficking"
    )
    expect(figure.locator(".claim").last).to_contain_text("7,326 Human Trafficking Victims Were Rescued in Mexico")
    expect(figure.locator(".claim").last).to_contain_text("headline")
    expect(figure.locator(".claim.best")).to_contain_text("says Mexico's Interior Secretary")


@pytest.mark.parametrize("key", ["S001-R0", "S001-R1", "S001-R2"])
def test_a_whole_and_its_parts_are_the_same_people(visit: Visit, seeded_site: str, key: str) -> None:
    page = settled(visit(seeded_site, record(seeded_site, "incidents", key)))
    told = page.locator(".netting")
    expect(told.locator(".equation")).to_contain_text("58 freed =")
    expect(told.locator(".equation")).to_contain_text("16 rescued")
    expect(told.locator(".equation")).to_contain_text("42 released")
    expect(told).to_contain_text("would give 116; the store counts each person once: 58")


def test_a_record_tells_how_sure_and_how_it_hangs_together(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, record(seeded_site, "incidents", "S001-K1")))
    expect(page.locator(".gist")).to_contain_text("on or before 26 March 2024")
    expect(page.get_by_text("claimed responsibility for the mass kidnapping of 66 people")).to_be_visible()
    expect(page.locator(".relations")).to_contain_text("58 of the hostages freed")
    expect(page.locator(".envelope")).to_contain_text("Version 1")


def test_a_record_tells_how_people_were_held(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, record(seeded_site, "incidents", "S002-R1")))
    held = page.locator("section").filter(has=page.get_by_role("heading", name="Held", exact=True))
    expect(held).to_contain_text("Safehouse")
    expect(held).to_contain_text("a cartel-operated safehouse in Tamaulipas")
    expect(page.get_by_text("utilized tactical units to secure residences")).to_be_visible()


def test_a_source_without_incidents_says_so(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/sources"))
    expect(page.locator(".badge.no_incident")).to_have_text("Read, holds no incident")


def test_a_copied_link_opens_the_same_state(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=timeline&from=2024-03&to=2024-03&type=rescue_operation,release"))
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    again = settled(visit(seeded_site, link.removeprefix(seeded_site)))
    assert again.url == page.url
    assert count(again) == count(page) > 0
    expect(again.get_by_role("link", name="Timeline")).to_have_attribute("aria-current", "page")


def test_a_link_is_copied_where_the_browser_gives_no_clipboard(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=table&admin1=MX-SIN"))
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    search = page.get_by_role("combobox", name="Search words, places, actors")
    search.focus()
    page.keyboard.press("Control+V")
    expect(search).to_have_value(page.url)


def test_the_map_moves_and_its_place_is_in_the_address(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    page.get_by_role("application").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"at=[\d.,-]+"))
    again = settled(visit(seeded_site, page.url.removeprefix(seeded_site)))
    assert again.url == page.url


def test_a_pin_is_a_known_place_and_the_rest_is_not_a_pin(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    dots = page.locator(".dot")
    expect(dots).to_have_count(1)
    expect(page.locator(".rough")).to_contain_text("somewhere in Mexico6")
    dots.first.click()
    here = page.locator(".here")
    expect(here.get_by_role("link")).to_have_count(2)
    here.get_by_role("button", name="Filter to this spot").click()
    expect(page.get_by_test_id("count")).to_have_text("2")


def test_search_suggests_places_and_actors(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    box = page.get_by_role("combobox", name="Search words, places, actors")
    box.fill("culia")
    expect(page.get_by_role("option", name=re.compile("^Culiacán")).first).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(page).to_have_url(re.compile("location="))
    expect(page.get_by_test_id("count")).to_have_text("2")
    box.fill("National Guard")
    page.get_by_role("option", name=re.compile("^Mexican National Guard")).click()
    expect(page).to_have_url(re.compile("actor="))
    box.fill("safehouse")
    box.press("Enter")
    expect(page).to_have_url(re.compile("q=safehouse"))


def test_a_download_holds_what_is_shown(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?admin1=MX-SIN"))
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_test_id("download-count")).to_contain_text("5")
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("^CSV")).click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text("utf-8"))))
    assert len(rows) == count(page) == 5
    for link in page.get_by_role("dialog").get_by_role("link").all():
        file = httpx.get(f"{seeded_site}{link.get_attribute('href')}", trust_env=False)
        assert file.status_code == 200
        assert "attachment" in file.headers["content-disposition"]
        assert len(file.content) > 1000, link.inner_text()


def test_facets_follow_the_filter_and_are_searched_within(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=facets"))
    actors = page.get_by_role("list", name="Actor", exact=True)
    page.get_by_role("searchbox", name="Find in Actor").fill("sinaloa c")
    expect(actors.get_by_role("button")).to_have_text(["faction of the Sinaloa Cartel (unnamed) 2"])
    actors.get_by_role("button").click()
    expect(page.get_by_test_id("count")).to_have_text("2")
    expect(actors.get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    types = page.get_by_role("list", name="Type", exact=True).get_by_role("button")
    expect(types).to_have_text(["Home invasion 1", "Kidnapping / abduction 1"])
    actors.get_by_role("button").first.click()
    expect(page.get_by_test_id("count")).to_have_text("12")


def test_a_day_is_a_mark_and_what_is_less_exact_a_bar(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=timeline&from=2024-03-01&to=2024-03-31"))
    marks = {str(one.get_attribute("aria-label")): one for one in page.locator(".mark").all()}
    assert len(marks) == 6
    widths = {
        words: mark.locator("rect, circle").first.bounding_box()["width"]  # type: ignore[index]
        for name, mark in marks.items()
        for words in [name.rpartition(": ")[2]]
    }
    assert widths["on or before 26 March 2024"] > 500
    assert 60 < widths["some day between 24 and 26 March 2024"] < widths["from 23 to 26 March 2024"] < 150
    lasted = page.locator(".mark.lasted")
    expect(lasted).to_have_count(1)


def test_citing_names_the_edition_and_a_link_that_stays(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?admin1=MX-SIN"))
    page.get_by_role("button", name="Cite").click()
    seq = ask(seeded_site, "/v1/edition")["seq"]
    expect(page.get_by_role("dialog")).to_contain_text(f"as_of={seq}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cite")).to_be_focused()
    then = settled(visit(seeded_site, f"/?admin1=MX-SIN&as_of={seq}"))
    assert count(then) == 5


RUN: dict[str, Callable[[str], list[str]]] = {
    "curl": lambda code: ["bash", "-c", code.replace("curl", program("curl", "curl"), 1)],
    "Python": lambda code: [sys.executable, "-c", code],
    "R": lambda code: [program("Rscript", *R, "r-cran-jsonlite"), "-e", code],
    "JavaScript": lambda code: [str(hatch_build.node_of_wheel()[0]), "--input-type=module", "-e", code],
}
"""How a call is followed: with nothing but what it says of itself."""
IDS = {
    "curl": "",
    "Python": "\nprint(*[one['id'] for one in records])",
    "R": "\ncat(records$id)",
    "JavaScript": "\nconsole.log(records.map((one) => one.id).join(' '));",
}


def follow(page: Page, language: str, more: str = "") -> str:
    """What a call of the open dialog writes when it is pasted, and a line more, into its language."""
    page.get_by_role("button", name=language, exact=True).click()
    code = page.get_by_role("dialog").locator("pre").inner_text()
    return subprocess.run(RUN[language](code + more), capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_call_of_the_records_gives_the_rows_that_are_shown(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=table&admin1=MX-SIN&from=2024&sort=title"))
    links = page.locator("tbody th a").all()
    shown = [str(link.get_attribute("href")).rpartition("/")[2] for link in links]
    assert len(shown) == count(page) == 5
    page.get_by_role("button", name="Show API call").click()
    assert [row["id"] for row in csv.DictReader(io.StringIO(follow(page, "curl")))] == shown
    for language in ("Python", "R", "JavaScript"):
        told, *ids = follow(page, language, IDS[language]).split()
        assert (told, ids) == ("5", shown), language


def test_the_call_of_the_totals_gives_the_sums_that_are_shown(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?admin1=MX-SIN&from=2024&include_period_totals=true"))
    freed = page.locator("[data-measure=freed] b").inner_text()
    page.get_by_role("button", name="Show API call").click()
    page.get_by_role("button", name="Totals").click()
    (row,) = json.loads(follow(page, "curl"))["rows"]
    assert (row["incidents"], str(row["measures"]["freed"]["best"])) == (count(page), freed)
    assert json.loads(follow(page, "Python")) == json.loads(follow(page, "JavaScript")) == [row]
    one = "\ncat('\\n', totals$rows$incidents, totals$rows$measures.freed.best)"
    assert follow(page, "R", one).split("\n")[-1].split() == [str(row["incidents"]), freed]


def test_every_version_tells_what_it_changed(visit: Visit, changed_site: str) -> None:
    page = settled(visit(changed_site, record(changed_site, "incidents", "S001-R1")))
    history = page.locator(".envelope")
    expect(history.locator("li")).to_have_count(3)
    expect(history.locator("li").first).to_contain_text("Version 3")
    history.get_by_text("Version 2").click()
    change = history.locator(".diff > div")
    expect(change).to_have_count(3)
    title = change.filter(has_text="/title")
    expect(title.locator("del")).to_have_text("16 people rescued in Culiacán, one National Guard member killed")
    expect(title.locator("ins")).to_have_text("Sixteen people rescued")
    expect(change.filter(has_text="/tags").locator("ins")).to_have_text("looked_at_twice")
    assert violations(settled(page)) == []
    history.get_by_text("Version 3").click()
    expect(change.filter(has_text="/review/status")).to_have_text(re.compile("published.*verified"))
    assert violations(settled(page)) == []


def test_what_nobody_has_is_said_and_can_be_undone(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=table&type=hijacking"))
    expect(page.get_by_text("Nothing matches this selection.")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="Clear all").click()
    expect(page.get_by_test_id("count")).to_have_text("12")


def test_spanish_is_chosen_and_kept(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    page.get_by_role("combobox", name="Language").select_option("es")
    expect(page.get_by_role("link", name="Cronología")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Operación de rescate"))).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "es"
    page.goto(f"{seeded_site}{record(seeded_site, 'incidents', 'S000-R1')}")
    expect(page.locator(".gist")).to_contain_text("algún día entre el 15 y el 30 de noviembre de 2024")
    page.goto(f"{seeded_site}{record(seeded_site, 'incidents', 'S004-A1')}")
    expect(page.locator(".gist")).to_have_text("durante 2021 · en algún lugar de Mexico")


def test_every_code_has_a_label_in_spanish() -> None:
    told: dict[str, set[str]] = {}
    codes: set[str] = set()
    for line in (ROOT / "explorer" / "src" / "i18n" / "codes-es.ts").read_text("utf-8").splitlines():
        if opened := re.match(r"  (\w+): \{", line):
            codes = told.setdefault(opened[1], set())
        codes |= {one.strip('"') for one in re.findall(r'("[\w:]+"|\w+): "', line)}
    wanted = {name: set(vocabulary.codes(name)) for name in vocabulary.LISTS} | {"list": set(vocabulary.LISTS)}
    assert {
        name: codes - told.get(name, set()) for name, codes in wanted.items() if codes - told.get(name, set())
    } == {}


def test_the_window_is_named_after_the_page(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    assert page.title() == "Incidents"
    page.goto(f"{seeded_site}{record(seeded_site, 'sources', '004')}")
    settled(page)
    expect(page).to_have_title("7,326 Human Trafficking Victims Were Rescued in Mexico in 2021 · Incidents")
