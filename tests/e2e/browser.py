"""Somebody at a real browser."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Seat:
    """A browser of one person, with cookies of its own; keeps everything the console complains about.

    A violation of the Content-Security-Policy is such a complaint.
    """

    def __init__(self, browser: Browser, url: str, *, locale: str, scripts: bool = True) -> None:
        size = {"width": 1280, "height": 900}
        self.context = browser.new_context(base_url=url, locale=locale, viewport=size, java_script_enabled=scripts)
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("requestfailed", self._fail)

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _fail(self, request) -> None:
        # a page that is left while it still loads gives up the rest by itself
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def go(self, path: str) -> None:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def press(self, selector: str) -> None:
        """Click and wait for the page that follows."""
        with self.page.expect_navigation() as following:
            self.page.click(selector)
        answer = following.value
        assert answer is not None
        assert answer.status == 200, f"{selector} led to {answer.url}: {answer.status}"

    def text(self, selector: str = "body") -> str:
        return " ".join(self.page.inner_text(selector).split())

    def shot(self, name: str) -> None:
        """A picture for whoever set KELISIM_SCREENSHOTS to a folder."""
        if folder := os.environ.get("KELISIM_SCREENSHOTS"):
            self.page.screenshot(path=str(Path(folder, f"{name}.png")), full_page=True)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
