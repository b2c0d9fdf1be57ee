"""What every request passes: sign-in, policy, reference; and guessing passwords has a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from controltower.firm.models import AuditEntry, Role, Theme
from controltower.web import signin
from controltower.web.models import SignInTry
from controltower.web.security import POLICY
from tests.web.cast import PASSWORD, browser, entity, person

pytestmark = pytest.mark.django_db

OPEN = {"/healthz", "/readyz", "/metrics", "/sign-in/", "/language/"}


ID = "0193b1f0-0000-7000-8000-000000000000"
SAMPLES = {"int": "1", "str": "1", "slug": "1", "path": "1", "uuid": ID, "uuidstr": ID}


def addresses(patterns: Any = None, before: str = "/") -> Iterator[str]:
    """An address for every route of the product."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda part: SAMPLES[part[1] or "str"], route)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def sign_in(name: str, password: str, **more: Any) -> Any:
    return Client().post("/sign-in/", {"username": name, "password": password}, **more)


class TestSignInIsNeeded:
    @pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
    def test_on_every_route_that_is_not_for_programs(self, method: str) -> None:
        for path in addresses():
            if path in OPEN or path.startswith("/api/v1/"):
                continue
            answer = getattr(Client(), method)(path)
            assert answer.status_code == 302, path
            assert answer["Location"].startswith("/sign-in/"), path

    def test_also_where_nothing_is(self) -> None:
        assert Client().get("/no/such/page/").status_code == 302

    def test_prefixes_open_no_back_doors(self) -> None:
        for path in ("/healthz/x", "/metricsx", "/sign-in/x/", "/inbound/a/b/", "/api/v2/"):
            assert Client().get(path).status_code == 302, path

    def test_one_comes_back_to_where_one_wanted(self) -> None:
        assert Client().get("/systems/?x=1")["Location"] == "/sign-in/?next=/systems/%3Fx%3D1"

    def test_nobody_stays_in_once_deactivated(self) -> None:
        alice = person("alice")
        client = browser(alice)
        assert client.get("/no-such-page/").status_code == 404
        alice.is_active = False
        alice.save()
        assert client.get("/no-such-page/").status_code == 302


class TestEveryAnswer:
    @pytest.mark.parametrize("path", ["/sign-in/", "/nowhere/", "/healthz"])
    def test_carries_policy_and_reference(self, path: str) -> None:
        answer = Client().get(path)
        assert answer["Content-Security-Policy"] == POLICY
        assert answer["X-Reference"].startswith("R-")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer["Cache-Control"]

    def test_also_signed_in_pages(self) -> None:
        client = browser(person("alice"))
        for path in ("/nowhere/", "/systems/"):
            answer = client.get(path)
            assert answer["Content-Security-Policy"] == POLICY

    def test_the_policy_is_the_strict_one(self) -> None:
        assert "unsafe" not in POLICY
        assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self';")

    def test_an_error_page_shows_the_reference(self) -> None:
        answer = browser(person("alice")).get("/nowhere/")
        assert answer.status_code == 404
        assert answer["X-Reference"] in answer.content.decode()

    def test_a_foreign_form_is_refused(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(person("alice"))
        answer = client.post("/preferences/", {"theme": "dark"})
        assert answer.status_code == 403
        assert answer["X-Reference"] in answer.content.decode()


class TestSignIn:
    def test_in_and_out(self) -> None:
        person("alice")
        client = Client()
        answer = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
        assert answer["Location"] == "/"
        assert client.get("/nowhere/").status_code == 404
        assert client.get("/sign-out/").status_code == 405
        assert client.post("/sign-out/")["Location"] == "/sign-in/"
        assert client.get("/nowhere/").status_code == 302
        assert AuditEntry.objects.filter(verb="sign in", allowed=True, actor="alice").exists()

    def test_never_to_another_host(self) -> None:
        person("alice")
        answer = sign_in("alice", PASSWORD, query_params={"next": "https://evil.example/"})
        assert answer["Location"] == "/", "where everybody begins as long as nothing is connected"

    def test_a_stranger_and_a_wrong_password_look_the_same(self) -> None:
        person("alice")
        wrong, stranger = sign_in("alice", "no"), sign_in("mallory", "no")
        assert wrong.status_code == stranger.status_code == 200
        text = "do not go together"
        assert text in wrong.content.decode() and text in stranger.content.decode()
        assert AuditEntry.objects.filter(verb="sign in", allowed=False).count() == 2

    def test_guessing_has_a_limit_that_the_right_password_does_not_lift(self) -> None:
        person("alice")
        for _ in range(signin.MOST_TOGETHER):
            sign_in("alice", "no")
        answer = sign_in("alice", PASSWORD)
        assert answer.status_code == 200
        assert "Too many tries" in answer.content.decode()
        assert sign_in("alice", PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 302

    def test_spelling_the_name_otherwise_does_not_help(self) -> None:
        person("alice")
        for name in ("Alice", "ALICE", "aLice", "alicE", "alice"):
            sign_in(name, "no")
        assert "Too many tries" in sign_in("alice", PASSWORD).content.decode()

    def test_one_address_may_not_try_everybody(self) -> None:
        person("alice")
        for number in range(signin.MOST_PER_ADDRESS):
            sign_in(f"nobody{number}", "no")
        assert "Too many tries" in sign_in("alice", PASSWORD).content.decode()

    def test_success_forgets_the_tries(self) -> None:
        person("alice")
        sign_in("alice", "no")
        sign_in("alice", PASSWORD)
        assert not SignInTry.objects.filter(account="alice").exists()

    def test_old_tries_do_not_count(self) -> None:
        person("alice")
        for _ in range(signin.MOST_TOGETHER):
            sign_in("alice", "no")
        for one in SignInTry.objects.all():
            one.at -= signin.WINDOW
            one.save()
        assert sign_in("alice", PASSWORD).status_code == 302

    def test_a_name_with_a_nul_is_refused_politely(self) -> None:
        assert sign_in("a\x00b", "no").status_code == 200


class TestPreferences:
    def test_are_kept(self) -> None:
        alice = person("alice")
        client = browser(alice)
        wanted = {"theme": "dark", "zone": "Asia/Tokyo", "single_keys": "off", "next": "/systems/"}
        assert client.post("/preferences/", wanted)["Location"] == "/systems/"
        alice.refresh_from_db()
        assert (alice.theme, alice.zone, alice.single_keys) == (Theme.DARK, "Asia/Tokyo", False)

    @pytest.mark.parametrize(
        "wanted", [{"theme": "pink"}, {"zone": "Mars/Base"}, {"entity": "LF-UK"}, {"density": "x"}]
    )
    def test_only_what_exists_for_this_person(self, wanted: dict[str, str]) -> None:
        entity("LF-UK")
        client = browser(person("alice", Role.CONTROLLER, "LF-DE"))
        assert client.post("/preferences/", wanted).status_code == 404

    def test_the_chosen_entity_lasts_for_the_session(self) -> None:
        client = browser(person("alice", Role.CONTROLLER, "LF-DE"))
        client.post("/preferences/", {"entity": "LF-DE"})
        assert client.session["entity"] == "LF-DE"

    def test_never_to_another_host(self) -> None:
        client = browser(person("alice"))
        answer = client.post("/preferences/", {"theme": "dark", "next": "//evil.example/"})
        assert answer["Location"] == "/"
