"""A real browser for tests: the Chromium that is there, or one that is installed first; it says which."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests import machine

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What keeps Chromium from asking anything of anybody, and lets it run as root."""


def say(text: str) -> None:
    """Tell whoever runs the tests; pytest keeps what is written to sys.stderr."""
    print(f"\n{text}", file=sys.__stderr__, flush=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    with sync_playwright() as play:
        path = _installed(play)
        browser = play.chromium.launch(executable_path=path, args=list(QUIET))
        say(f"Browser tests run in Chromium {browser.version} ({path}).")
        yield browser
        browser.close()


def _installed(play: Playwright) -> str:
    """Where Chromium is: on this machine, of Playwright, or installed now (Debian's as root, else Playwright's)."""
    own = Path(play.chromium.executable_path)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and not own.exists():
        if os.geteuid() == 0 and shutil.which("apt-get"):
            return machine.program("chromium", "chromium")
        say("Installing the Chromium of Playwright: the browser tests need it ...")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True, timeout=600)
        found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or str(own)
