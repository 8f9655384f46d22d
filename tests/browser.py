"""The system's Chromium, for tests that open a page from disk as a reader would."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOCAL = ("data:", "file:", "blob:")  # addresses that need no network
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def launch_chromium() -> Iterator[Any]:
    """Launch a browser and close it at the end. Use as a fixture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def open_page(browser: Any, file: Path, width: int = 1280, **settings: Any) -> tuple[Any, list[str]]:
    """Open a page; return it with its console messages and its network requests, of which there should be none."""
    page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(LOCAL) else messages.append(request.url))
    page.goto(file.as_uri())
    return page, messages


def find_barriers(page: Any) -> list[str]:
    """List the serious and critical findings of axe-core, by its rules for WCAG 2.2 A and AA and for good practice."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
