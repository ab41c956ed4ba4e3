"""A browser on a real controller's page. Both suites and the screenshots are made with it."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEnd"))
from fleet import MUSTER, Fleet  # noqa: E402, F401

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 800}


def missing():
    """What a test of the page lacks on this machine; empty: nothing."""
    if sync_playwright is None:
        return "Playwright is not installed: `make page-tests` makes a place for it"
    return "" if os.access(CHROMIUM, os.X_OK) else f"{CHROMIUM} is not there: apt-get install chromium"


class Browser:
    """Chromium, and what its pages complained of."""

    def __init__(self):
        self.playwright = sync_playwright().start()
        # Root has no sandbox to give; the pages are our own.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.chromium = self.playwright.chromium.launch(executable_path=CHROMIUM, args=options)

    def page(self, fleet, signed_in=True, viewport=LAPTOP, **options):
        """A page of its own context: no cookie of another one."""
        context = self.chromium.new_context(viewport=viewport, base_url=fleet.address, **options)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.complaints, page.asked = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text)
                if message.type == "error" and "Content Security Policy" in message.text else None)
        page.on("request", lambda request: page.asked.append(request.url))
        if signed_in:
            answer = page.request.post("/login", data={"token": token(fleet)})
            assert answer.status == 200, answer.text()
        return page

    def close(self):
        self.chromium.close()
        self.playwright.stop()


def token(fleet):
    with open(os.path.join(fleet.data, "token")) as file:
        return file.read().strip()
