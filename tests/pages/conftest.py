"""The web application in a real browser: Chromium against the ASGI application."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from management.models import User
from tests.debian import found, needed
from tests.pages.cast import Cast, make_cast
from webapp.asgi import application
from webapp.signin.attempts import ACCOUNTS, CLIENTS

Theme = Literal["light", "dark"]
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    # A microphone that beeps once a second.
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@pytest.fixture(autouse=True)
def quick(settings, tmp_path, media) -> None:
    """Uploads in a folder of the test, and pass phrases that cost nothing."""
    settings.UPLOADS = tmp_path / "uploads"
    settings.UPLOADS.mkdir()
    for failures in (ACCOUNTS, CLIENTS):
        failures.forget_all()


@pytest.fixture
def cast(db) -> Cast:
    return make_cast()


class Site:
    """The web application served on a port of its own; it can be cut off and come back."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            application,
            port=self.port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()


@pytest.fixture(scope="package")
def served(full_lane: None) -> Iterator[Site]:
    site = Site()
    site.start()
    yield site
    site.stop()


@pytest.fixture
def site(served: Site, transactional_db) -> Site:
    return served


def shell() -> Path:
    """Chromium without windows of its own, or the whole where only that is to be had."""
    name = "chromium-headless-shell"
    try:
        return needed("Chromium's headless shell", name, lambda: found(name))
    except pytest.skip.Exception:
        return needed("Chromium", "chromium", lambda: found("chromium", "chromium-browser"))


@pytest.fixture(scope="package")
def chromium(full_lane: None) -> Iterator[Browser]:
    # Playwright's loop runs in this thread; Django would take every query for one inside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shell(), args=list(CHROMIUM_ARGS))
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def no_running_loop() -> Iterator[None]:
    """Let Django's client run a loop where Playwright has left its own as running."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture
def client(no_running_loop: None, client: Client) -> Client:
    return client


@dataclass
class Visits:
    """Opens pages as somebody, and remembers what their consoles said."""

    chromium: Browser
    site: Site
    session_of: Callable[[User], str]
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def as_user(self, user: User, width: int = 1440, theme: Theme = "light", **options) -> Page:
        context = self.chromium.new_context(
            base_url=self.site.url,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            **options,
        )
        self.contexts.append(context)
        context.set_default_timeout(15_000)
        session = self.session_of(user)
        context.add_cookies([{"name": "sessionid", "value": session, "url": self.site.url}])
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, message) -> None:
        # Chromium reports each form that comes back with errors.
        if message.type in ("error", "warning") and "status of 422" not in message.text:
            self.complaints.append(message.text)


@pytest.fixture
def visits(chromium: Browser, site: Site) -> Iterator[Visits]:
    def session_of(user: User) -> str:
        client = Client()
        client.force_login(user)
        return client.cookies["sessionid"].value

    visits = Visits(chromium, site, session_of)
    yield visits
    for context in visits.contexts:
        context.close()


@pytest.fixture
def page(visits: Visits, cast: Cast) -> Iterator[Page]:
    """A browser of Ada's. Whatever it does, its console stays silent."""
    page = visits.as_user(cast.ada)
    yield page
    assert visits.complaints == []
