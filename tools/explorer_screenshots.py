"""Writes every view of the explorer as PNG, at 1280, 375 and 320 pixels, over the five articles: `make screenshots`.

They go to .cache/screenshots. `--docs` writes those that the documents show into docs/images anew.
"""

import argparse
import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser
from rich.progress import track

import hatch_build
from tests.browser import chromium
from tests.conftest import prepare
from tests.explorer.conftest import serving
from tests.explorer.looks import DIALOGS, LISTS, VIEWS, ask, record, settled, unfolded

ROOT = Path(__file__).parents[1]
FOLDER, DOCS = ROOT / ".cache" / "screenshots", ROOT / "docs" / "images"
WIDTHS = (1280, 375, 320)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def addresses(site: str) -> dict[str, str]:
    """What is shown, by the name of its file."""
    found = {(path.partition("view=")[2] or "map"): path for path in VIEWS}
    found |= {path[1:]: path for path in LISTS}
    found |= {f"record-{name}": record(site, "incidents", key) for name, key in RECORDS.items()}
    found |= {kind[:-1]: f"/{kind}/{ask(site, f'/v1/{kind}?limit=1')['items'][0]['id']}" for kind in KINDS}
    return found | {"source-without-incident": record(site, "sources", "003")} | SPANISH


KINDS = ("actors", "statistics", "locations")

SPANISH = {f"{name}-es": f"/?lang=es&view={name}" for name in ("map", "timeline", "table", "facets")}
RECORDS = {"whole": "S001-R0", "part": "S001-R1", "contested": "S004-A1", "undated": "S002-R1"}


def write(browser: Browser, site: str, folder: Path) -> None:
    """Every view, and every dialog of the first one, at every width, light and dark."""
    shutil.rmtree(folder, ignore_errors=True)
    for width, scheme in track(list(product(WIDTHS, SCHEMES)), description="Looking at every page"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")
        for name, path in addresses(site).items():
            page.goto(f"{site}{path}")
            unfolded(page).screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        page.goto(site)
        for name in DIALOGS:
            settled(page).get_by_role("button", name=name).click()
            settled(page).screenshot(path=folder / f"{name.lower().replace(' ', '-')}-{width}-{scheme}.png")
            page.keyboard.press("Escape")
        page.close()


def illustrate(browser: Browser, site: str) -> None:
    """The images of the documents."""
    page = browser.new_page(viewport={"width": 1120, "height": 920}, locale="en-GB", color_scheme="light")
    page.goto(site)
    settled(page).screenshot(path=DOCS / "map.png")
    for name, high in (("contested", 660), ("whole", 740)):
        page.set_viewport_size({"width": 1060, "height": high})
        page.goto(f"{site}{record(site, 'incidents', RECORDS[name])}")
        settled(page).screenshot(path=DOCS / f"{name}.png")
    page.close()


def main() -> None:
    """Serve the five articles and look at them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--docs", action="store_true", help="the images of the documents")
    docs = asked.parse_args().docs
    hatch_build.build(ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/store.db"
        prepare(url, seeded=True)
        with serving(url) as site, chromium() as browser:
            if docs:
                illustrate(browser, site)
            else:
                write(browser, site, FOLDER)
                print(f"{len(list(FOLDER.glob('*.png')))} images in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
