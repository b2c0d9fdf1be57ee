"""What every pretend vendor has: a store, tokens, a registration, a control door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
import time_machine
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from controltower.supervisor.credentials import draw
from integrations.netsuite import assertion
from integrations.sandbox import garble, town
from integrations.sandbox.sign_in import Tokens, basic, client_credentials, same, signed_assertion
from integrations.sandbox.store import Store
from tests.integrations.doors import Town


def test_what_is_kept_survives_a_restart_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept.db")
    first = store.add("person", {"name": "Ada", "rate": 1})
    second = store.add("person", {"name": "Ben"}, number="B-7")
    changed = store.change("person", first.id, {"rate": 2})
    gone = store.remove("person", second.id)
    store.close()
    again = Store(tmp_path / "kept.db")
    assert again.get("person", first.id) == changed
    assert changed.content == {"name": "Ada", "rate": 2}
    assert (changed.version, gone.version, gone.gone) == (2, 2, True)
    assert [one.id for one in again.all("person", name="Ada")] == [first.id]
    assert [one.id for one in again.since("person", first.created)] == [first.id, "B-7"]
    assert again.since("person", gone.changed) == []
    with pytest.raises(KeyError):
        again.get("person", "B-7")
    assert again.add("person", {}).changed > gone.changed


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept.db")

    def half_done() -> None:
        with store.transaction():
            store.add("person", {})
            store.get("person", "nobody")

    with pytest.raises(KeyError):
        half_done()
    assert store.all("person") == []


def test_a_key_is_compared_whole() -> None:
    assert same("abc", "abc")
    for given, wanted in (("ab", "abc"), ("", ""), ("abc", "")):
        assert not same(given, wanted)


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic !", "Basic /w=="])
def test_a_broken_header_is_nobody(header: str) -> None:
    request = make_mocked_request("GET", "/", headers={"Authorization": header})
    assert basic(request) == ("", "")


async def test_a_token_is_given_held_and_forgotten(tmp_path: Path) -> None:
    tokens = Tokens(Store(tmp_path / "kept.db"), client_credentials("me", "mine"))

    async def whoami(request: web.Request) -> web.Response:
        return web.Response(status=200 if tokens.holds(request) else 401)

    app = web.Application()
    app.router.add_post("/token", tokens.give)
    app.router.add_get("/", whoami)
    async with TestClient(TestServer(app)) as client:

        async def status(token: str) -> int:
            async with client.get("/", headers={"Authorization": f"Bearer {token}"}) as answer:
                return answer.status

        form = {"grant_type": "client_credentials", "client_id": "me"}
        async with client.post("/token", data=urlencode(form | {"client_secret": "not"})) as no:
            assert no.status == 401
        async with client.post("/token", data=urlencode(form | {"client_secret": "mine"})) as yes:
            token = (await yes.json())["access_token"]
        assert await status(token) == 200
        assert await status("") == 401
        tokens.forget()
        assert await status(token) == 401


async def test_a_token_ends(tmp_path: Path) -> None:
    tokens = Tokens(Store(tmp_path / "kept.db"), lambda form: True, life=timedelta(0))
    app = web.Application()
    app.router.add_post("/token", tokens.give)
    async with TestClient(TestServer(app)) as client, client.post("/token") as given:
        token = (await given.json())["access_token"]
    request = make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {token}"})
    assert not tokens.holds(request)


def test_a_signed_assertion_is_good_from_its_client_and_for_a_while() -> None:
    system = town.ROOM / "netsuite" / "system.toml"
    mine, another = (draw(system)["SANDBOX_NETSUITE_PRIVATE_KEY"] for _ in range(2))
    secrets = {"client_id": "the-tower", "certificate_id": "first", "private_key": mine}
    accepts = signed_assertion("the-tower", "first", mine)
    form = assertion.form(secrets, "https://vendor.example/token")
    assert accepts(form)
    assert not accepts(assertion.form({**secrets, "private_key": another}, "x"))
    assert not accepts(assertion.form({**secrets, "client_id": "somebody"}, "x"))
    assert not accepts(assertion.form({**secrets, "certificate_id": "second"}, "x"))
    assert not accepts(assertion.form({**secrets, "private_key": "none"}, "x"))
    assert not accepts({})
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        assert not accepts(form)


def test_a_vendor_without_its_credentials_says_which(tmp_path: Path) -> None:
    for name in town.names():
        with pytest.raises(town.Unset, match=f"SANDBOX_{name.upper()}_"):
            town.vendor(name, tmp_path, {})


def test_each_vendor_has_a_control_door_of_its_own(town: Town) -> None:
    for name, control in town.controls.items():
        state = control.state()
        assert (state["name"], state["faults"]) == (name, [])
        assert state["title"]


def test_each_vendors_own_books_can_be_read(town: Town) -> None:
    done = town.controls["coupa"].do("approve_invoice", project="a0P1", amount="12.34")
    rows = town.controls["coupa"].books("invoice")
    (bought,) = [row for row in rows if f"invoice-{row['id']}" == done["id"]]
    assert bought["gross-total"] == done["gross-total"]


def test_drift_changes_one_member_everywhere() -> None:
    body = b'{"rows": [{"a": 1.50, "b": "x"}, {"b": null}], "a": {"a": 1}}'
    assert garble.drifted("missing", "a", body) == b'{"rows":[{"b":"x"},{"b":null}]}'
    assert b'"a":[1.50]' in garble.drifted("type", "a", body)
    assert garble.drifted("value", "b", body).count(garble.NEVER_SEEN.encode()) == 2
    assert garble.drifted("missing", "a", b"<html>") == b"<html>"


def test_now_is_not_before_what_was_kept(tmp_path: Path) -> None:
    """A clock that was set back gives no stamp twice."""
    store = Store(tmp_path / "kept.db")
    ahead = datetime.now(UTC) + timedelta(days=1)
    store.set("last_stamp", ahead.isoformat(timespec="microseconds"))
    assert store.add("person", {}).changed > ahead
