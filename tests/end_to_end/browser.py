"""Headless Chromium, as installed on this machine, that opens pages and records the servers they contact."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Path of the browser; without one the test is skipped, but fails in CI, which installs it."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        reason = f"no browser: none of {', '.join(_NAMES)} is on the PATH; `make browser` installs Debian's chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A tab, and the addresses that it and what it opened asked."""

    page: Page
    shots: Path
    asked: list[str] = field(default_factory=list)

    def shot(self, name: str) -> None:
        """A screenshot of the page, for finding the cause of a failure."""
        self.page.screenshot(path=self.shots / f"{name}.png")

    def foreign(self) -> list[str]:
        """Requests to other machines; blob: and data: stay in the browser."""
        here = ("127.0.0.1", "localhost")
        return [
            url
            for url in self.asked
            if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).hostname not in here
        ]


@contextmanager
def visit(executable: str, shots: Path) -> Iterator[Visit]:
    """A browser without a past, closed at the end; `shots` is the folder for pictures of the screen."""
    shots.mkdir()
    # root has no sandbox; the rest keeps the browser from talking by itself (Playwright's own flags do most of it)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        context = browser.new_context(viewport={"width": 1400, "height": 900}, service_workers="block")
        context.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)  # its own five seconds are short for MLflow's first page on a busy machine
        page = context.new_page()
        tab = Visit(page=page, shots=shots)
        context.on("request", lambda request: tab.asked.append(request.url))
        page.on("websocket", lambda socket: tab.asked.append(socket.url))
        try:
            yield tab
        except BaseException:
            tab.shot("failure")
            raise
        finally:
            browser.close()
