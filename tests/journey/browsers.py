"""Browsers of the journeys: the whole Chromium at the running product."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

from tests.debian import found, needed
from tests.product import Member, Product


def launch(
    playwright: Playwright, microphone: Path | None = None, *, loops: bool = False
) -> Browser:
    """Start a browser. Its microphone hears a file, once and then silence unless it ``loops``."""
    args = ["--no-sandbox", "--disable-gpu"]
    if microphone is not None:
        args += [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}{'' if loops else '%noloop'}",
            "--autoplay-policy=no-user-gesture-required",
        ]
    program = needed("Chromium", "chromium", lambda: found("chromium", "chromium-browser"))
    return playwright.chromium.launch(executable_path=program, args=args)


@contextmanager
def opened(browser: Browser, product: Product, member: Member) -> Iterator[Page]:
    """Open a page as ``member``; its scripts raise nothing."""
    context = browser.new_context(base_url=product.url)
    context.set_default_timeout(60_000)
    for name, value in member.http.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": product.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
