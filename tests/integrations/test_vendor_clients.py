"""What vendors' own client libraries ask of a system, beyond what our connectors do: the pretend
ones answer it as the vendor documents. Which libraries were run is in `docs/connectors.md`."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from redis.asyncio import Redis

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


def test_an_org_serves_the_version_that_a_library_knows(org: Org) -> None:
    signed = {"Authorization": _org_token(org), "Content-Type": "application/json"}
    offered = _ask(f"{org.url}/services/data")[1]
    assert {one["version"] for one in offered} >= {"50.0", "58.0", "61.0"}
    old = f"{org.url}/services/data/v50.0"
    found = _ask(f"{old}/query?{urlencode({'q': 'SELECT Id, Name FROM Account LIMIT 2'})}", signed)[
        1
    ]
    assert found["records"][0]["attributes"]["url"].startswith("/services/data/v50.0/sobjects/")
    status, refusal = _ask(f"{org.url}/services/data/v999.0/limits", signed)
    assert (status, refusal[0]["errorCode"]) == (404, "NOT_FOUND")


def test_an_org_is_asked_for_many_records_and_for_what_has_changed(org: Org) -> None:
    signed = {"Authorization": _org_token(org), "Content-Type": "application/json"}
    api = f"{org.url}/services/data/v50.0"
    since = datetime.now(UTC) - timedelta(minutes=10)
    made = _ask(f"{api}/sobjects/Account", signed, b'{"Name": "Old Quay Ltd"}')[1]["id"]
    asked = json.dumps({"ids": [made, "001000000000000"], "fields": ["Id", "Name"]}).encode()
    known, nobody = _ask(f"{api}/composite/sobjects/Account", signed, asked)[1]
    assert (known["Name"], nobody) == ("Old Quay Ltd", None)
    until = datetime.now(UTC) + timedelta(minutes=10)
    window = urlencode({"start": since.isoformat(), "end": until.isoformat()})
    assert made in _ask(f"{api}/sobjects/Account/updated/?{window}", signed)[1]["ids"]
    gone = urllib.request.Request(f"{api}/sobjects/Account/{made}", None, signed, method="DELETE")
    urllib.request.urlopen(gone, timeout=120).close()
    deleted = _ask(f"{api}/sobjects/Account/deleted/?{window}", signed)[1]["deletedRecords"]
    assert made in {one["id"] for one in deleted}
    assert made not in _ask(f"{api}/sobjects/Account/updated/?{window}", signed)[1]["ids"]
    backwards = urlencode({"start": until.isoformat(), "end": since.isoformat()})
    status, refusal = _ask(f"{api}/sobjects/Account/updated/?{backwards}", signed)
    assert (status, refusal[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_an_org_says_whose_a_session_is(org: Org) -> None:
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    asked = urlencode({"grant_type": "client_credentials", **form}).encode()
    told = _ask(f"{org.url}/services/oauth2/token", body=asked)[1]
    signed = {"Authorization": f"Bearer {told['access_token']}"}
    who = _ask(f"{told['id']}?format=json", signed)[1]
    assert who["id"] == told["id"] and who["urls"]["rest"].endswith("/services/data/v{version}/")


def _org_token(org: Org) -> str:
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return _token(f"{org.url}/services/oauth2/token", grant_type="client_credentials", **form)


def test_slack_keeps_what_was_said_and_closes_channels(town: Town) -> None:
    url = f"{town.urls['slack']}/api"
    signed = {"Authorization": f"Bearer {town.secrets['slack']['bot_token']}"}

    def call(method: str, **given: str) -> Any:
        return _ask(f"{url}/{method}", signed, urlencode(given).encode())[1]

    assert call("api.test", foo="bar") == {"ok": True, "args": {"foo": "bar"}}
    channel = call("conversations.create", name="closing-room")["channel"]["id"]
    assert call("conversations.setTopic", channel=channel, topic="Cut-off")["ok"]
    assert call("conversations.info", channel=channel)["channel"]["topic"]["value"] == "Cut-off"
    stamps = [call("chat.postMessage", channel=channel, text=text)["ts"] for text in "ab"]
    told = call("conversations.history", channel=channel, limit="1")
    assert ([one["ts"] for one in told["messages"]], told["has_more"]) == (stamps[1:], True)
    assert call("conversations.members", channel=channel)["members"]
    assert call("conversations.join", channel=channel)["warning"] == "already_in_channel"
    assert call("conversations.archive", channel=channel)["ok"]
    assert call("conversations.archive", channel=channel)["error"] == "already_archived"
    assert call("chat.postMessage", channel=channel, text="c")["error"] == "is_archived"


def _signed_by_entra(town: Town, name: str) -> dict[str, str]:
    known = town.secrets[name]
    form = {"client_id": known["client_id"], "client_secret": known["client_secret"], "scope": "x"}
    return {"Authorization": _token(f"{town.urls[name]}/tenant/oauth2/v2.0/token", **form)}


def test_graph_shows_its_sites_and_groups_and_has_nobody_as_me(town: Town) -> None:
    graph, signed = f"{town.urls['sharepoint']}/v1.0", _signed_by_entra(town, "sharepoint")
    site = _ask(f"{graph}/sites/root", signed)[1]["id"]
    (drive,) = _ask(f"{graph}/sites/{site}/drives", signed)[1]["value"]
    assert _ask(f"{graph}/sites/{site}/drive", signed)[1] == drive
    first = _ask(f"{graph}/drives/{drive['id']}/root/children?$top=1", signed)[1]
    assert len(first["value"]) == 1
    second = _ask(first["@odata.nextLink"], signed)[1]["value"]
    assert second[0]["id"] != first["value"][0]["id"]
    status, refusal = _ask(f"{graph}/me", signed)
    assert status == 400 and "delegated" in refusal["error"]["message"]
    graph, signed = f"{town.urls['teams']}/v1.0", _signed_by_entra(town, "teams")
    wanted = urlencode({"$filter": "resourceProvisioningOptions/Any(x:x eq 'Team')"})
    groups = _ask(f"{graph}/groups?{wanted}", signed)[1]["value"]
    assert {"All of Larkfield"} <= {one["displayName"] for one in groups}


def test_business_central_counts_and_finds_by_how_a_name_begins(town: Town) -> None:
    signed = _signed_by_entra(town, "business_central")
    api = f"{town.urls['business_central']}/v2.0/production/api/v1.0"
    company = _ask(f"{api}/companies", signed)[1]["value"][0]["id"]
    customers = f"{api}/companies({company})/customers"
    json_kind = {**signed, "Content-Type": "application/json"}
    assert _ask(customers, json_kind, b'{"displayName": "Quayside Counting"}')[0] == 201
    wanted = urlencode({"$filter": "startswith(displayName,'Quayside')"})
    found = _ask(f"{customers}?{wanted}", signed)[1]["value"]
    assert [one["displayName"] for one in found] == ["Quayside Counting"]
    assert _ask(f"{customers}/$count?{wanted}", signed)[1] == 1


def test_power_bi_shows_its_workspace_and_names_each_refresh(town: Town) -> None:
    signed, api = _signed_by_entra(town, "power_bi"), f"{town.urls['power_bi']}/v1.0/myorg/groups"
    (group,) = _ask(api, signed)[1]["value"]
    same = urlencode({"$filter": f"id eq '{group['id']}'"})
    assert _ask(f"{api}?{same}", signed)[1]["value"] == [group]
    other = urlencode({"$filter": "name eq 'Nobody'"})
    assert _ask(f"{api}?{other}", signed)[1]["value"] == []
    town.controls["power_bi"].do("publish", id="asked-by-a-library")
    one = f"{api}/{group['id']}/datasets/asked-by-a-library"
    assert _ask(one, signed)[1]["id"] == "asked-by-a-library"
    asked = urllib.request.Request(f"{one}/refreshes", b"{}", signed)
    with urllib.request.urlopen(asked, timeout=120) as answer:
        number = answer.headers["RequestId"]
    assert number == _ask(f"{one}/refreshes", signed)[1]["value"][0]["requestId"]


async def test_a_broker_is_asked_whether_it_is_there(town: Town) -> None:
    known, place = town.secrets["event_broker"], urlsplit(town.urls["event_broker"])
    client = Redis(host=str(place.hostname), port=place.port or 0,
                   username=known["user"], password=known["password"])  # fmt: skip
    async with client:
        assert await client.ping()
