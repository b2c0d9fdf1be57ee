"""The pretend org answers as the vendor would: what the connectors' proofs rest on."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.sandbox.salesforce import ids
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.query import select
from tests.integrations.doors import CLIENT_ID, CLIENT_SECRET, Org

API = "/services/data/v61.0"
CLIENT = "001Tw000000000CIAQ"


class Caller:
    """Plain HTTP with a token, apart from the connector."""

    def __init__(self, org: Org) -> None:
        self._org = org
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID}
        content = urllib.parse.urlencode({**form, "client_secret": CLIENT_SECRET}).encode()
        with urllib.request.urlopen(f"{org.url}/services/oauth2/token", content) as answer:
            self._token = json.load(answer)["access_token"]

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        content = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(
            self._org.url + API + path, data=content, method=method, headers=named
        )
        try:
            with urllib.request.urlopen(request) as answer:
                raw, status, said = answer.read(), answer.status, dict(answer.headers)
        except urllib.error.HTTPError as refusal:
            raw, status, said = refusal.read(), refusal.code, dict(refusal.headers)
        return status, json.loads(raw) if raw else None, said

    def query(self, soql: str) -> tuple[int, Any]:
        status, body, _ = self.call("GET", "/query?" + urllib.parse.urlencode({"q": soql}))
        return status, body

    def names(self, condition: str) -> list[str]:
        status, body = self.query(f"SELECT Name FROM Account WHERE {condition} ORDER BY Name")
        assert status == 200, body
        return [row["Name"] for row in body["records"]]


@pytest.fixture
def caller(org: Org) -> Caller:
    return Caller(org)


def test_ids_carry_the_vendors_checksum() -> None:
    assert ids.full("001D000000IRFma") == "001D000000IRFmaIAH"
    assert ids.normal("001D000000IRFma") == "001D000000IRFmaIAH"
    assert ids.normal("001D000000IRFmaIAI") is None
    assert ids.normal("1' OR '1'='1") is None


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("Name = 'quillfeather mutual'", 1),
        ("Name LIKE 'Quill%' AND Legal_Entity__c = 'LF-UK'", 1),
        ("Name IN ('Quillfeather Mutual', 'Enzian Privatbank AG')", 2),
        ("(Name = 'Quillfeather Mutual' OR Name = 'Nobody') AND Strategic__c = true", 1),
        ("NOT (Strategic__c = true) AND Name = 'Quillfeather Mutual'", 0),
        ("CreatedDate >= YESTERDAY AND CreatedDate <= TODAY AND Name = 'Quillfeather Mutual'", 1),
        ("CreatedDate < LAST_N_DAYS:3", 0),
        ("Name = 'Quillfeather Mutual' AND ERP_Customer_Code__c = null", 1),
        (f"Id = '{CLIENT[:15]}'", 1),
        (r"Name = 'Harrowgate & Finch LLP' OR Name = 'It\'s not there'", 1),
        ("Name NOT IN ('x') AND SystemModstamp > 2020-01-01T00:00:00Z AND Name LIKE '%water%'", 1),
    ],
)
def test_soql_finds(caller: Caller, condition: str, count: int) -> None:
    assert len(caller.names(condition)) == count


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FORM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Opportunity)",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id, Name FROM Account)", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM Account WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
    ],
)
def test_soql_refuses(caller: Caller, soql: str, code: str) -> None:
    status, body = caller.query(soql)
    assert status == 400
    assert body[0]["errorCode"] == code


def test_a_semi_join_finds_by_another_object(caller: Caller, org: Org) -> None:
    ref = org.control.do("close_deal", client="QFM", amount="1000")["opportunity"]
    deals = f"SELECT AccountId FROM Opportunity WHERE Id = '{ref}'"
    assert caller.names(f"Strategic__c = true AND Id IN ({deals})") == ["Quillfeather Mutual"]
    assert "Quillfeather Mutual" not in caller.names(f"Id NOT IN ({deals})")


def test_relationships_nest_and_count_counts(caller: Caller, org: Org) -> None:
    ref = org.control.do("close_deal", client="QFM", amount="1000")["opportunity"]
    soql = f"SELECT Account.Name FROM Opportunity WHERE Id = '{ref}'"
    _, body = caller.query(soql)
    (row,) = body["records"]
    assert row["Account"]["Name"] == "Quillfeather Mutual"
    _, body = caller.query("SELECT Account.Name FROM Contact WHERE pse__Is_Resource__c = true")
    assert {row["Account"] for row in body["records"]} == {None}
    _, body = caller.query("SELECT COUNT() FROM Account WHERE Name LIKE '%'")
    assert body["totalSize"] >= 25
    assert body["records"] == []


def test_collections_share_a_stamp_and_queries_page(caller: Caller) -> None:
    made = [
        {"attributes": {"type": "Account"}, "Name": f"Page {n:03d}", "VAT_Number__c": "PAGE"}
        for n in range(200)
    ]
    status, results, _ = caller.call("POST", "/composite/sobjects", {"records": made})
    assert status == 200
    assert all(result["success"] for result in results)
    caller.call("POST", "/composite/sobjects", {"records": made[:20]})
    soql = "SELECT Name, SystemModstamp FROM Account WHERE VAT_Number__c = 'PAGE'"
    path = "/query?" + urllib.parse.urlencode({"q": soql})
    _, first, _ = caller.call("GET", path, Sforce_Query_Options="batchSize=200")
    assert (first["totalSize"], first["done"], len(first["records"])) == (220, False, 200)
    _, rest, _ = caller.call("GET", first["nextRecordsUrl"].removeprefix(API))
    assert (rest["done"], len(rest["records"])) == (True, 20)
    stamps = {row["SystemModstamp"] for row in first["records"] + rest["records"]}
    assert len(stamps) == 2


def test_upsert_answers_201_200_and_300(caller: Caller, org: Org) -> None:
    path = "/sobjects/Account/Tower_External_Id__c/a%2Fb%20c"
    status, body, _ = caller.call("PATCH", path, {"Name": "First"})
    assert (status, body["created"]) == (201, True)
    status, again, _ = caller.call("PATCH", path, {"Name": "Second"})
    assert (status, again["created"], again["id"]) == (200, False, body["id"])
    org.control.do("duplicate_external_id", object="Account", id=body["id"])
    status, links, _ = caller.call("PATCH", path, {"Name": "Third"})
    assert status == 300
    assert len(links) == 2


def test_the_external_id_may_not_stand_in_the_body(caller: Caller) -> None:
    body = {"Name": "x", "Tower_External_Id__c": "y"}
    status, errors, _ = caller.call("PATCH", "/sobjects/Account/Tower_External_Id__c/y", body)
    assert (status, errors[0]["errorCode"]) == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("Account", {}, "REQUIRED_FIELD_MISSING"),
        ("Account", {"Name": "x" * 200}, "STRING_TOO_LONG"),
        ("Account", {"Name": "x", "Nope__c": 1}, "INVALID_FIELD"),
        ("Account", {"Name": "x", "Id": CLIENT}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Account", {"Name": "x", "Strategic__c": "yes"}, "JSON_PARSER_ERROR"),
        ("pse__Proj__c", {"Name": "x", "pse__Account__c": "001Tw00000ZZZZZ"}, None),
        ("pse__Proj__c", {"Name": "x", "pse__Account__c": "junk"}, "MALFORMED_ID"),
        ("Opportunity", {"Name": "x", "StageName": "Won!", "CloseDate": "2026-11-21"}, None),
    ],
)
def test_bad_records_are_refused(
    caller: Caller, name: str, body: dict[str, Any], code: str | None
) -> None:
    status, errors, _ = caller.call("POST", f"/sobjects/{name}", body)
    expected = {"pse__Proj__c": "INVALID_CROSS_REFERENCE_KEY"}
    other = expected.get(name, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert (status, errors[0]["errorCode"]) == (400, code or other)


def test_composite_refers_to_earlier_answers_and_rolls_back(caller: Caller) -> None:
    requests = [
        {
            "method": "POST",
            "url": f"{API}/sobjects/Account",
            "referenceId": "client",
            "body": {"Name": "Composite client"},
        },
        {
            "method": "POST",
            "url": f"{API}/sobjects/pse__Proj__c",
            "referenceId": "project",
            "body": {"Name": "Composite project", "pse__Account__c": "@{client.id}"},
        },
    ]
    body = {"allOrNone": True, "compositeRequest": requests}
    _, answer, _ = caller.call("POST", "/composite", body)
    assert [part["httpStatusCode"] for part in answer["compositeResponse"]] == [201, 201]
    requests[1]["body"] = {"Name": "Composite project"}
    requests[0]["body"] = {"Name": "Rolled back client"}
    _, answer, _ = caller.call("POST", "/composite", body)
    codes = [part["body"][0]["errorCode"] for part in answer["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert caller.names("Name = 'Rolled back client'") == []


def test_a_stale_write_is_refused(caller: Caller) -> None:
    _, body, _ = caller.call("POST", "/sobjects/Account", {"Name": "Stale"})
    path = f"/sobjects/Account/{body['id']}"
    long_ago = "Sat, 01 Jan 2000 00:00:00 GMT"
    status, _, _ = caller.call("PATCH", path, {"Name": "No"}, If_Unmodified_Since=long_ago)
    assert status == 412
    assert caller.call("PATCH", path, {"Name": "Yes"})[0] == 204


def test_deleted_records_are_gone_from_queries(caller: Caller) -> None:
    _, body, _ = caller.call("POST", "/sobjects/Account", {"Name": "Gone tomorrow"})
    assert caller.call("DELETE", f"/sobjects/Account/{body['id']}")[0] == 204
    assert caller.names("Name = 'Gone tomorrow'") == []
    status, errors, _ = caller.call("GET", f"/sobjects/Account/{body['id']}")
    assert (status, errors[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_every_reply_tells_the_quota(caller: Caller, org: Org) -> None:
    _, limits, first = caller.call("GET", "/limits")
    _, _, second = caller.call("GET", "/sobjects/Account/describe")
    used = [int(h["Sforce-Limit-Info"].split("=")[1].split("/")[0]) for h in (first, second)]
    assert used[1] == used[0] + 1
    assert limits["DailyApiRequests"]["Max"] > 0
    org.control.do("daily_limit", calls=used[1])
    try:
        status, errors, _ = caller.call("GET", "/limits")
    finally:
        org.control.do("daily_limit", calls=250_000)
    assert (status, errors[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")


def test_without_a_session_nothing_is_told(org: Org) -> None:
    request = urllib.request.Request(f"{org.url}{API}/limits")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    assert refusal.value.code == 401
    assert json.load(refusal.value)[0]["errorCode"] == "INVALID_SESSION_ID"


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b'{"a":NaN}', b"\xff\xfe"])
def test_what_is_no_record_is_a_parser_error(caller: Caller, org: Org, body: bytes) -> None:
    request = urllib.request.Request(
        f"{org.url}{API}/sobjects/Account",
        data=body,
        headers={"Authorization": f"Bearer {caller._token}"},
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    assert refusal.value.code == 400
    assert json.load(refusal.value)[0]["errorCode"] == "JSON_PARSER_ERROR"


WORDS = (
    "SELECT FROM WHERE AND OR NOT ( ) , = != <= LIKE IN ORDER BY LIMIT NULLS LAST null true TODAY"
    " LAST_N_DAYS:99999999999 'x' 'it\\'s' 5 -3.2 2026-13-45 2026-11-21T25:00:00Z Id Name Amount"
    " CloseDate SystemModstamp Account.Name Opportunity COUNT() Strategic__c"
).split()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=9), st.booleans())
def test_no_query_breaks_the_org(words: list[str], begun: bool) -> None:
    text = ("SELECT Id FROM Opportunity WHERE " if begun else "") + " ".join(words)
    with contextlib.suppress(Refused):
        select(text)


def test_a_bottomless_condition_is_refused() -> None:
    deep = "(" * 4000 + "Name = 'x'" + ")" * 4000
    with pytest.raises(Refused):
        select(f"SELECT Id FROM Account WHERE {deep}")
