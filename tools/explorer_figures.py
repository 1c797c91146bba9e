"""Measures the explorer on a large store: bytes of the first load, time until it can be used, frames while panning.

`make figures` runs it. The store (300,000 incidents unless told otherwise) is made once, in .cache, from the UCDP rows
of the tests, each several times with another id; that takes some minutes. The figures are printed, never asserted: they
are those of the machine.
"""

import argparse
import csv
import os
import time
from pathlib import Path

from playwright.sync_api import Page
from rich.progress import track

import hatch_build
from incidents_api.storage.database import Database
from incidents_api.storage.schema import migrate
from incidents_api.writing import projection
from tests.browser import chromium
from tests.explorer.conftest import serving
from tests.explorer.looks import ask
from tests.real import ucdp

ROOT = Path(__file__).parents[1]
PATIENCE = 600_000
"""Milliseconds to wait for anything: this measures, it does not judge."""
FRAMES = """async () => {
    const frame = document.querySelector(".map-frame"), box = frame.getBoundingClientRect(), times = [];
    const fire = (name, x) => frame.dispatchEvent(new PointerEvent(name, {
        pointerId: 1, pointerType: "mouse", button: 0, clientX: x, clientY: box.top + 200, bubbles: true}));
    frame.setPointerCapture = () => {};
    fire("pointerdown", box.left + 500);
    let last = performance.now();
    for (let n = 0; n < 120; n++) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
        fire("pointermove", box.left + 500 - 200 * Math.sin(n / 12));
    }
    fire("pointerup", box.left + 500);
    return times.slice(5);
}"""


def store(size: int) -> str:
    """The address of a store of so many incidents, made when it is not there."""
    path = ROOT / ".cache" / f"explorer-{size}.db"
    if path.exists():
        return f"sqlite:///{path}"
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    database = Database(f"sqlite:///{part}")
    migrate(database)
    database.write_now(projection.rebuild)
    database.close_writer()
    found, copy = ucdp.rows(), path.with_suffix(".csv")
    for start in track(range(0, size, len(found)), description=f"Making {size:,} incidents"):
        with copy.open("w", encoding="utf-8", newline="") as file:
            lines = csv.DictWriter(file, list(found[0]))
            lines.writeheader()
            lines.writerows(row | {"id": f"{row['id']}x{start}"} for row in found[: size - start])
        ucdp.take(f"sqlite:///{part}", "ucdp", copy)
    copy.unlink()
    part.rename(path)
    return f"sqlite:///{path}"


LONG_TASKS = """
    window.longest = 0; window.busyUntil = 0;
    new PerformanceObserver((seen) => {
        for (const { startTime, duration } of seen.getEntries()) {
            window.longest = Math.max(window.longest, duration);
            window.busyUntil = startTime + duration;
        }
    }).observe({ type: "longtask", buffered: true });
"""
SLOWEST = """performance.getEntriesByType("resource").filter((one) => one.name.includes("/v1/"))
    .sort((one, other) => other.duration - one.duration).slice(0, 4).map((one) => [one.name, one.duration])"""


def first_load(page: Page, site: str) -> None:
    """Bytes and moments of the first load."""
    page.add_init_script(LONG_TASKS)
    begun = time.perf_counter()
    page.goto(site)
    page.get_by_test_id("count").wait_for()
    shown = time.perf_counter() - begun
    page.locator(".dot").first.wait_for()
    dots = time.perf_counter() - begun
    page.wait_for_load_state("networkidle", timeout=PATIENCE)
    done = time.perf_counter() - begun
    sizes = page.evaluate("performance.getEntries().filter(e => e.transferSize).map(e => [e.name, e.transferSize])")
    files = sum(size for name, size in sizes if "/v1/" not in name)
    data = sum(size for name, size in sizes if "/v1/" in name)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"first load         {files:>9,} bytes of page, {data:,} bytes of answers")
    print(f"first paint        {paint:>9,.0f} ms; the search and the dates stand")
    busy, longest = page.evaluate("[window.busyUntil, window.longest]")
    print(f"interactive        {max(paint, busy):>9,.0f} ms; then the last task over 50 ms has ended")
    print(f"longest task       {longest:>9,.0f} ms")
    print(f"sums shown         {shown * 1000:>9,.0f} ms")
    print(f"dots shown         {dots * 1000:>9,.0f} ms")
    print(f"everything there   {done * 1000:>9,.0f} ms; the slowest questions:")
    for name, took in page.evaluate(SLOWEST):
        print(f"                   {took:>9,.0f} ms {name.removeprefix(site)}")


def frames(page: Page) -> None:
    """How long frames take while the map is dragged."""
    times = sorted(page.evaluate(FRAMES))
    middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    print(f"frames in a drag   {1000 / middle:>9,.0f} a second in the middle; 95 of 100 within {late:.0f} ms")


def views(page: Page, site: str) -> None:
    """How long each view takes until everything is there."""
    for view in ("timeline", "table", "facets"):
        begun = time.perf_counter()
        page.goto(f"{site}/?view={view}")
        page.get_by_test_id("count").wait_for()
        page.wait_for_load_state("networkidle", timeout=PATIENCE)
        print(f"{view:<19}{(time.perf_counter() - begun) * 1000:>9,.0f} ms until everything is there")


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=300_000)
    asked.add_argument("--store", help="the address of a store that is there, to measure over that one")
    given = asked.parse_args()
    hatch_build.build(ROOT)
    url = given.store or store(given.size)
    with serving(url) as site, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        (row,) = ask(site, "/v1/totals?include_period_totals=true&figures=none")["rows"]
        print(f"{row['incidents']:,} incidents, {os.cpu_count()} cores")
        first_load(page, site)
        frames(page)
        views(page, site)


if __name__ == "__main__":
    main()
