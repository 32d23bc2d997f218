"""Waiting for what a browser and a server bring about together."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

SECONDS = 10


def until(page: Page, met: Callable[[], Any]) -> None:
    """Return once ``met`` is true. The pages' own policy forbids Playwright's wait for it."""
    for _ in range(SECONDS * 20):
        if met():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"It did not happen within {SECONDS} seconds.")
