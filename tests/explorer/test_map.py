"""The map as it is drawn: what is rough is never a pin and never missing, and nothing covers what it says."""

import re
from collections.abc import Callable, Mapping

from playwright.sync_api import Page, expect

from tests.explorer.looks import settled

Visit = Callable[..., Page]
Box = Mapping[str, float]


def test_what_nobody_has_drawn_is_shown_as_its_country(visit: Visit, changed_site: str) -> None:
    page = settled(visit(changed_site, "/?country=SS,KE"))
    expect(page.locator(".dot")).to_have_count(0)
    rough = page.locator(".rough li")
    told = {name: int(number) for name, number in (one.rsplit("\n", 1) for one in rough.all_inner_texts())}
    assert told == {"Upper Nile": 2, "Jonglei": 1, "somewhere in South Sudan": 1, "somewhere in Kenya": 1}
    # All four of South Sudan in its one shape: hatched, named, and counted.
    assert sorted(page.locator(".area-name").all_inner_texts()) == ["Kenya 1", "South Sudan 4"]
    assert amber(page, "South Sudan") > 20
    assert amber(page, "Kenya") > 20
    rough.filter(has_text="Upper Nile").get_by_role("button").click()
    expect(page.get_by_test_id("count")).to_have_text("2")
    expect(page.locator(".area-name")).to_have_text(["South Sudan 2"])


def amber(page: Page, name: str) -> int:
    """How much more red than blue the map is below a name on it: plain land and water are grey."""
    found: int = page.evaluate(
        """(name) => {
            const map = document.querySelector(".map canvas"), box = map.getBoundingClientRect();
            const names = [...document.querySelectorAll(".area-name")];
            const at = names.find((one) => one.textContent.startsWith(name)).getBoundingClientRect();
            const small = document.createElement("canvas").getContext("2d");
            const [x, y, size] = [at.x - box.x, at.bottom - box.y, 20].map((pixels) => pixels * devicePixelRatio);
            small.drawImage(map, x, y, size, size, 0, 0, 1, 1);
            const [red, , blue] = small.getImageData(0, 0, 1, 1).data;
            return red - blue;
        }""",
        name,
    )
    return found


def test_what_has_no_place_is_a_number_that_leads_to_a_list(visit: Visit, changed_site: str) -> None:
    page = settled(visit(changed_site))
    expect(page.locator(".rough .unlocated")).to_have_text("Without any place 1")
    page.get_by_role("link", name="Without any place").click()
    expect(page.locator("tbody th")).to_have_text(["Nobody says where"])
    expect(page.locator(".chip")).to_contain_text("Condition Without any place")
    page.get_by_role("link", name="Map", exact=True).click()
    expect(page.locator(".rough li")).to_have_text(["Without any place 1"])
    expect(page.locator(".dot")).to_have_count(0)


def test_the_map_jumps_in_one_piece(visit: Visit, changed_site: str) -> None:
    """Names and dots never stand, for a frame, where the map was before, or as large as its scale was."""
    page = settled(visit(changed_site))
    page.evaluate(
        """() => {
            window.tallest = 0;
            const look = () => {
                for (const one of document.querySelectorAll(".area-name"))
                    window.tallest = Math.max(window.tallest, one.getBoundingClientRect().height);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    for name in ("Kenya", "Mexico"):
        facet = page.get_by_role("list", name="Country", exact=True)
        if not facet.count():
            page.locator(".beside summary", has_text="Country").click()
        facet.get_by_role("button", name=re.compile(f"^{name} ")).click()
        settled(page)
        facet.get_by_role("button", name=re.compile(f"^{name} ")).click()
        settled(page)
    assert 0 < page.evaluate("window.tallest") < 40


def test_dots_stay_small_and_names_cover_nothing(visit: Visit, ucdp_site: str) -> None:
    page = settled(visit(ucdp_site, "/?at=20,-100,7"))
    dots, names = (
        [box for one in page.locator(kind).all() if (box := one.bounding_box())] for kind in (".dot", ".area-name")
    )
    assert len(dots) > 20
    assert len(names) > 3
    assert max(dot["width"] for dot in dots) <= 44
    assert [(name, other) for name in names for other in (*dots, *names) if other != name and meet(name, other)] == []
    middles = [{"x": dot["x"] + 8, "y": dot["y"] + 8, "width": dot["width"] - 16, "height": 0} for dot in dots]
    numbered = [one for one in middles if one["width"] > 4]
    hidden = [one for one in numbered if sum(meet(one, {**other, "height": 16}) for other in numbered) > 2]
    assert hidden == []


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes share more than a margin of 4 pixels."""
    return all(
        min(one[at] + one[size], other[at] + other[size]) - max(one[at], other[at]) > 4
        for at, size in (("x", "width"), ("y", "height"))
    )


def test_what_goes_over_the_antimeridian_draws_no_line_around_the_world(visit: Visit, seeded_site: str) -> None:
    # In the middle of the Atlantic there is nothing but water, at the latitude of Fiji too.
    page = settled(visit(seeded_site, "/?at=-17,-22,6"))
    colours: int = page.evaluate(
        """() => {
            const map = document.querySelector(".map canvas");
            const { data } = map.getContext("2d").getImageData(map.width / 2, map.height * 0.1, 1, map.height * 0.8);
            return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )
    assert colours == 1


def test_show_all_leaves_the_place_of_the_address(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?at=24,-107,6"))
    before = page.locator(".dot").first.bounding_box()
    page.get_by_role("button", name="Show all").click()
    expect(page).not_to_have_url(re.compile("at="))
    assert settled(page).locator(".dot").first.bounding_box() != before
