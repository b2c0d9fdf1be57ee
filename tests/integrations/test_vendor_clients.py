"""What vendors' own client libraries ask of a system, beyond what our connectors do: the pretend
ones answer it as the vendor documents. Which libraries were run is in `docs/connectors.md`."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlencode

import pytest

from integrations.sandbox.docusign.envelopes import ACCOUNT
from integrations.sandbox.sharepoint.library import DRIVE
from tests.integrations.doors import CLIENT_ID, CLIENT_SECRET, Org, Town

Answer = tuple[int, Any]


def _ask(url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def _token(address: str, **form: str) -> str:
    status, told = _ask(address, body=urlencode(form).encode())
    assert status == 200, told
    return f"Bearer {told['access_token']}"


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("name", ["business_central", "power_bi", "sharepoint", "teams"])
def test_msal_learns_where_to_sign_in(town: Town, name: str) -> None:
    url, known = town.urls[name], town.secrets[name]
    status, metadata = _ask(f"{url}/tenant/v2.0/.well-known/openid-configuration")
    assert status == 200 and metadata["token_endpoint"].startswith(url)
    form = {"grant_type": "client_credentials", "client_id": known["client_id"]}
    wrong = urlencode({**form, "client_secret": "wrong", "scope": "x"}).encode()
    status, refusal = _ask(metadata["token_endpoint"], body=wrong)
    assert (status, refusal["error"], refusal["error_codes"]) == (401, "invalid_client", [7000215])
    assert refusal["error_description"].startswith("AADSTS7000215: ")
    aimless = urlencode({**form, "client_secret": known["client_secret"]}).encode()
    status, refusal = _ask(metadata["token_endpoint"], body=aimless)
    assert (status, refusal["error_codes"]) == (400, [90014])


def test_graph_is_asked_by_path_and_for_what_is_within(town: Town) -> None:
    url, known = town.urls["sharepoint"], town.secrets["sharepoint"]
    form = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    token = _token(f"{url}/tenant/oauth2/v2.0/token", scope="x", **form)
    drive, signed = f"{url}/v1.0/drives/{DRIVE}", {"Authorization": token}
    top = _ask(f"{drive}/root/children", signed)[1]["value"]
    assert {"Projects", "Templates"} <= {one["name"] for one in top}
    assert _ask(f"{drive}/root:/Templates:", signed)[1]["name"] == "Templates"
    within = _ask(f"{drive}/root:/Templates:/children", signed)[1]["value"]
    assert [one["name"] for one in within] == ["Project"]
    status, refusal = _ask(f"{drive}/nothing", signed)
    assert (status, refusal["error"]["code"]) == (400, "BadRequest")


def test_slack_takes_its_arguments_in_every_way(town: Town) -> None:
    url = f"{town.urls['slack']}/api"
    signed = {"Authorization": f"Bearer {town.secrets['slack']['bot_token']}"}
    json_kind = {**signed, "Content-Type": "application/json"}
    assert _ask(f"{url}/auth.test", signed, b"")[1]["user_id"]
    page = _ask(f"{url}/conversations.list", json_kind, b'{"limit": 1}')[1]
    assert page["ok"] and len(page["channels"]) == 1
    channel = page["channels"][0]["id"]
    for asked in (f"{url}/conversations.info?channel={channel}", f"{url}/conversations.info"):
        body = None if "?" in asked else f"channel={channel}".encode()
        assert _ask(asked, signed, body)[1]["channel"]["id"] == channel
    said = json.dumps({"channel": channel, "text": "by JSON"}).encode()
    assert _ask(f"{url}/chat.postMessage", json_kind, said)[1]["ok"]
    assert _ask(f"{url}/nothing.such", signed)[1] == {"ok": False, "error": "unknown_method"}


def test_bamboohr_has_two_addresses(town: Town) -> None:
    signed = _basic(town.secrets["bamboohr"]["api_key"], "x")
    told = [
        _ask(f"{town.urls['bamboohr']}{root}/employees/{what}", signed)[0]
        for root in ("/api/v1", "/api/gateway.php/larkfield/v1")
        for what in ("directory", "changed/?since=2026-01-01T00:00:00Z", "1")
    ]
    assert set(told) == {200}


def test_bamboohr_reads_the_older_xml(town: Town) -> None:
    api = f"{town.urls['bamboohr']}/api/gateway.php/larkfield/v1/employees"
    signed = _basic(town.secrets["bamboohr"]["api_key"], "")
    person = (
        '<employee>\n\t<field id="firstName">Ann</field>\n\t<field id="lastName">O\'Hara</field>'
    )
    made = urllib.request.Request(f"{api}/", f"{person}</employee>".encode(), signed)
    with urllib.request.urlopen(made, timeout=120) as answer:
        place = answer.headers["Location"]
    assert answer.status == 201 and place.startswith(f"{api}/")
    changed = (
        '<employee><field id="jobTitle">Größe &amp; Maß</field><field id="department" /></employee>'
    )
    for body, status in ((changed, 200), ("<employee>", 400), ("<!DOCTYPE a>" + changed, 400)):
        with pytest.raises(urllib.error.HTTPError) if status != 200 else nullcontext() as refused:
            asked = urllib.request.Request(place, body.encode(), signed)
            urllib.request.urlopen(asked, timeout=120).close()
        assert (
            refused is None or refused.value.headers["X-BambooHR-Error-Message"] == "Malformed XML"
        )
    shown = _ask(f"{place}?fields=lastName,jobTitle,department", signed)[1]
    assert (shown["lastName"], shown["jobTitle"], shown["department"]) == (
        "O'Hara", "Größe & Maß", "",
    )  # fmt: skip


def _signed_by_docusign(town: Town) -> dict[str, str]:
    known = town.secrets["docusign"]
    form = {"grant_type": "refresh_token", "refresh_token": known["refresh_token"]}
    client = {"client_id": known["integration_key"], "client_secret": known["secret_key"]}
    return {"Authorization": _token(f"{town.urls['docusign']}/oauth/token", **form, **client)}


def test_docusign_says_who_is_signed_in_and_where_the_account_is(town: Town) -> None:
    url = town.urls["docusign"]
    status, who = _ask(f"{url}/oauth/userinfo", _signed_by_docusign(town))
    assert status == 200 and who["sub"] and who["email"]
    (account,) = who["accounts"]
    assert (account["account_id"], account["base_uri"]) == (ACCOUNT, url)
    assert _ask(f"{url}/oauth/userinfo", {"Authorization": "Bearer wrong"})[0] == 401


def test_docusign_says_where_the_next_page_is(town: Town) -> None:
    url, signed = town.urls["docusign"], _signed_by_docusign(town)
    for number in range(2):
        town.controls["docusign"].do("sign", opportunity_id=f"006-paged-{number}")
    account = f"{url}/restapi/v2.1/accounts/{ACCOUNT}"
    since = urlencode({"from_date": "2020-01-01T00:00:00Z", "count": 1})
    first = _ask(f"{account}/envelopes?{since}", signed)[1]
    second = _ask(account + first["nextUri"], signed)[1]
    assert first["envelopes"][0]["envelopeId"] != second["envelopes"][0]["envelopeId"]
    one = second["envelopes"][0]
    fields = _ask(account + one["customFieldsUri"], signed)[1]
    assert fields == one["customFields"]


def test_an_org_takes_client_and_secret_in_the_header(org: Org) -> None:
    asked = b"grant_type=client_credentials"
    address = f"{org.url}/services/oauth2/token"
    status, told = _ask(address, _basic(CLIENT_ID, CLIENT_SECRET), asked)
    assert (status, told["token_type"]) == (200, "Bearer")
    status, told = _ask(address, _basic(CLIENT_ID, "wrong"), asked)
    assert (status, told["error"]) == (400, "invalid_client")
