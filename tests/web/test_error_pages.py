"""What a person reads where something cannot be shown or done, and how it goes on from there."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from controltower.web.body_limit import BodyLimit
from tests.web.cast import PASSWORD, browser, person

pytestmark = pytest.mark.django_db

OURS = "http://testserver/exceptions/?tab=mine#cause-4"


class TestSentTooLate:
    """A form that was sent when the session had ended."""

    def test_leads_back_to_its_page_and_says_that_it_was_not_done(self) -> None:
        person("alice")
        answer = Client().post("/exceptions/4/snoozes/", headers={"referer": OURS})
        asked = parse_qs(urlsplit(answer["Location"]).query)
        assert asked == {"next": ["/exceptions/?tab=mine"], "unsent": ["1"]}
        page = Client().get(answer["Location"]).content.decode()
        assert "was not done" in page
        words = {"username": "alice", "password": PASSWORD, "next": asked["next"][0]}
        assert Client().post("/sign-in/", words)["Location"] == "/exceptions/?tab=mine"

    @pytest.mark.parametrize("referer", ["", "https://evil.example/exceptions/", "//evil.example"])
    def test_never_to_another_host(self, referer: str) -> None:
        answer = Client().post("/exceptions/4/snoozes/", headers={"referer": referer})
        assert parse_qs(urlsplit(answer["Location"]).query)["next"] == ["/"]

    @pytest.mark.parametrize("slashes", ["//", "/\\", "/\\/"])
    def test_a_path_of_ours_never_becomes_a_host(self, slashes: str) -> None:
        referer = f"http://testserver{slashes}evil.example/"
        answer = Client().post("/exceptions/4/snoozes/", headers={"referer": referer})
        found = parse_qs(urlsplit(answer["Location"]).query)
        assert found["next"] == ["/evil.example/"]

    def test_opening_a_page_loses_nothing(self) -> None:
        page = Client().get("/exceptions/", follow=True).content.decode()
        assert "was not done" not in page


class TestInWords:
    def test_a_foreign_or_old_form_is_not_called_a_missing_right(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(person("alice"))
        answer = client.post("/preferences/", {"theme": "dark"}, headers={"referer": OURS})
        page = answer.content.decode()
        assert answer.status_code == 403
        assert "form is too old" in page and "Your role" not in page
        assert 'href="/exceptions/?tab=mine"' in page

    @pytest.mark.parametrize("path", ["/exceptions/4/snoozes/", "/preferences/", "/sign-out/"])
    def test_an_address_that_only_takes_is_no_empty_page(self, path: str) -> None:
        answer = browser(person("alice")).get(path)
        assert answer.status_code == 405 and "POST" in answer["Allow"]
        assert "There is no page at this address" in answer.content.decode()

    def test_a_name_that_is_not_ours_cannot_be_read(self) -> None:
        answer = Client().get("/", headers={"host": "evil.example", "referer": OURS})
        assert answer.status_code == 400 and "could not be read" in answer.content.decode()

    def test_an_unknown_address_offers_to_search(self) -> None:
        page = browser(person("alice")).get("/nowhere/").content.decode()
        assert 'action="/tx/"' in page and 'name="q"' in page

    def test_a_form_that_is_too_large_is_told_on_a_page_of_ours(self) -> None:
        head, page = asyncio.run(too_large({"accept-language": "de", "referer": OURS}))
        assert head["content-type"].startswith("text/html")
        assert "default-src 'none'" in head["content-security-policy"]
        assert "Das ist zu viel auf einmal" in page and head["x-reference"] in page
        assert 'href="/exceptions/?tab=mine"' in page


async def too_large(headers: dict[str, str]) -> tuple[dict[str, str], str]:
    """The head and the page that a browser gets whose form holds more than is taken."""
    length = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE * 5)
    said = {"host": "testserver", "content-length": length} | headers
    scope = {
        "type": "http", "method": "POST", "path": "/systems/new/", "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
    }  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await BodyLimit(None)(scope, None, send)  # type: ignore[arg-type]
    start, body = sent
    assert start["status"] == 413
    head = {name.decode(): value.decode() for name, value in start["headers"]}
    return head, body["body"].decode()
