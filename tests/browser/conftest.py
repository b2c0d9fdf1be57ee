"""A real browser before a real server: uvicorn on a free port over a database of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from integrations.sandbox.ports import free_port
from tests.browser.world import PASSWORD
from tests.servers import template

REPOSITORY = Path(__file__).resolve().parents[2]
DATABASE = "controltower_browser"
LANGUAGE_COOKIE = "django_language"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WATCH_POLICY = (
    "addEventListener('securitypolicyviolation', event => console.error("
    "'CSP ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sourceFile));"
)


@dataclass(frozen=True)
class Tower:
    """A running tower: where it is, and the addresses of its pages by name."""

    base: str
    pages: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="session")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tower]:
    """Started once; the world in it is shared by all browser tests."""
    home = tmp_path_factory.mktemp("browser")
    owner = os.environ["DATABASE_URL"]
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE "{template()}"')
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(urlsplit(owner)._replace(path=f"/{DATABASE}")),
        "CONTROLTOWER_HOME": str(home),
        "CONTROLTOWER_STATIC": str(home / "static"),
        "CONTROLTOWER_LOG": "WARNING",
        "DJANGO_SETTINGS_MODULE": "controltower.settings",
    }
    _run(environment, "manage.py", "migrate", "--verbosity", "0")
    _run(environment, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
    pages = json.loads(_run(environment, "-m", "tests.browser.world").splitlines()[-1])
    port = free_port()
    server = subprocess.Popen(
        [
            sys.executable, "-m", "uvicorn", "controltower.asgi:application",
            "--port", str(port), "--log-level", "warning",
        ],
        cwd=REPOSITORY,
        env=environment,
    )  # fmt: skip
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_for(f"{base}/healthz", server)
        yield Tower(base, pages, environment)
    finally:
        server.terminate()
        server.wait(120)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')


def _run(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "no Chromium on this machine"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Someone at a screen; what their browser complained of is kept."""

    page: Page
    context: BrowserContext
    base: str
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings of the console."""
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def at(self, theme: str, width: int) -> Page:
        """The page that is open, on another screen."""
        self.page.emulate_media(media="screen", color_scheme="dark" if theme == "dark" else "light")
        self.page.set_viewport_size({"width": width, "height": 900 if width > 500 else 812})
        return self.page

    def speaking(self, language: str) -> Visitor:
        """The same visitor, who is answered in this language until they are another time."""
        cookie = {"name": LANGUAGE_COOKIE, "value": language, "url": self.base}
        self.context.add_cookies([cookie])  # type: ignore[list-item]
        return self

    def go(self, path: str) -> Page:
        """Open a page and wait until nothing is loading."""
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("networkidle")
        return self.page


class Screens:
    """Signed-in visitors by person, with and without script, each made once."""

    def __init__(self, chromium: Browser, tower: Tower) -> None:
        self.chromium, self.tower = chromium, tower
        self.made: dict[tuple[str, bool], Visitor] = {}

    def visitor(
        self, username: str, theme: str = "light", width: int = 1440, *, script: bool = True
    ) -> Visitor:
        """The visitor at that screen, signed in ("" for nobody)."""
        key = (username, script)
        if key not in self.made:
            self.made[key] = self._make(*key)
        visitor = self.made[key]
        visitor.complaints.clear()
        visitor.at(theme, width)
        visitor.speaking("en-gb")
        return visitor

    def _make(self, username: str, script: bool) -> Visitor:
        context = self.chromium.new_context(java_script_enabled=script, reduced_motion="reduce")
        context.add_init_script(WATCH_POLICY)
        visitor = Visitor(context.new_page(), context, self.tower.base)
        visitor.page.on("console", visitor.hear)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"page: {error}"))
        if username:
            page = visitor.go("/sign-in/")
            page.fill("[name=username]", username)
            page.fill("[name=password]", PASSWORD)
            page.click("main button")
            page.wait_for_url(lambda url: "/sign-in/" not in url)
            page.wait_for_load_state("networkidle")
        return visitor


@pytest.fixture(scope="session")
def screens(chromium: Browser, tower: Tower) -> Screens:
    """Visitors to the running tower."""
    return Screens(chromium, tower)
