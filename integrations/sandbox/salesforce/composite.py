"""Composite resources: chained requests, batches and collections, all counted as one call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from integrations.sandbox.salesforce.errors import Refused, not_found
from integrations.sandbox.salesforce.org import Org, Several
from integrations.sandbox.salesforce.query import select
from integrations.sandbox.salesforce.schema import BY_PREFIX, SObject
from integrations.sandbox.salesforce.wire import Reply, Request

Handle = Callable[[Request], Reply]
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_MOST_REQUESTS = 25
_MOST_RECORDS = 200
_MOST_COLLECTIONS = 5


class _RollBack(Exception):
    """Everything in the call is to be undone."""


def chained(org: Org, handle: Handle, body: Mapping[str, Any]) -> dict[str, Any]:
    """``/composite``: later requests may use ``@{ref.id}`` of earlier answers."""
    requests = _listed(body, "compositeRequest", _MOST_REQUESTS)
    collections = [sub for sub in requests if "/composite/sobjects" in str(sub.get("url"))]
    if len(collections) > _MOST_COLLECTIONS:
        raise Refused(400, "LIMIT_EXCEEDED", f"at most {_MOST_COLLECTIONS} collections allowed")
    answers: list[dict[str, Any]] = []
    try:
        with org.store.transaction():
            for number, sub in enumerate(requests):
                answers.append(_sub_answer(handle, sub, answers))
                if body.get("allOrNone") and _failed_whole(answers[-1], sub):
                    raise _RollBack(number)
    except _RollBack as undone:
        answers = [_halted(sub) for sub in requests[: undone.args[0]]] + answers[-1:]
        answers += [_halted(sub) for sub in requests[len(answers) :]]
    return {"compositeResponse": answers}


def _sub_answer(
    handle: Handle, sub: Mapping[str, Any], answers: list[dict[str, Any]]
) -> dict[str, Any]:
    known = {answer["referenceId"]: answer["body"] for answer in answers}
    try:
        target = str(_filled(sub.get("url", ""), known))
        content = _filled(sub.get("body"), known)
        headers = sub.get("httpHeaders") or {}
        reply = handle(Request(str(sub.get("method", "GET")).upper(), target, content, headers))
    except Refused as refusal:
        reply = Reply(refusal.status, [refusal.as_rest()])
    return {
        "body": reply.body,
        "httpHeaders": dict(reply.headers),
        "httpStatusCode": reply.status,
        "referenceId": sub.get("referenceId", ""),
    }


def _failed_whole(answer: Mapping[str, Any], sub: Mapping[str, Any]) -> bool:
    """Whether a sub-request failed; a collection counts when it is itself all or none."""
    if answer["httpStatusCode"] >= 300:
        return True
    content, saved = sub.get("body"), answer["body"]
    if not isinstance(content, dict) or not content.get("allOrNone"):
        return False
    return isinstance(saved, list) and not all(result.get("success", True) for result in saved)


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """Put earlier answers where references stand. Raises Refused on an unknown reference."""
    if isinstance(value, dict):
        return {key: _filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, known) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: str(_looked_up(match, known)), value)
    return value


def _looked_up(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    found: Any = known.get(match[1])
    try:
        for step in re.findall(r"\w+", match[2]):
            found = found[int(step)] if step.isdigit() else found[step]
    except (KeyError, IndexError, TypeError):
        found = None
    if found is None:
        raise Refused(
            400,
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {match[1]}{match[2]} found in {match[1]}",
        )
    return found


def _halted(sub: Mapping[str, Any]) -> dict[str, Any]:
    refusal = Refused(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
    return {
        "body": [refusal.as_rest()],
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": sub.get("referenceId", ""),
    }


def batch(handle: Handle, body: Mapping[str, Any]) -> dict[str, Any]:
    """``/composite/batch``: independent requests in one call."""
    results = []
    for sub in _listed(body, "batchRequests", _MOST_REQUESTS):
        target = (
            f"/services/data/{str(sub.get('url', '')).lstrip('/').removeprefix('services/data/')}"
        )
        reply = handle(Request(str(sub.get("method", "GET")), target, sub.get("richInput")))
        results.append({"statusCode": reply.status, "result": reply.body})
    return {"hasErrors": any(r["statusCode"] >= 300 for r in results), "results": results}


def create_many(org: Org, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """POST on the collection: up to 200 records of any objects."""
    return _each(org, body, lambda record: {"id": org.create(_type(record), record)})


def change_many(org: Org, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """PATCH on the collection: records name their own id."""

    def change(record: dict[str, Any]) -> dict[str, Any]:
        ref = str(record.pop("id", record.pop("Id", "")))
        org.change(_type(record), ref, record)
        return {"id": ref}

    return _each(org, body, change)


def upsert_many(org: Org, name: str, by: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """PATCH by external id: every record carries the external id's value itself."""

    def upsert(record: dict[str, Any]) -> dict[str, Any]:
        value = record.pop(by, None)
        if not value:
            raise Refused(400, "MISSING_ARGUMENT", f"{by} not specified")
        try:
            ref, created = org.upsert(name, by, str(value), record)
        except Several as several:
            raise Refused(
                400,
                "DUPLICATE_EXTERNAL_ID",
                f"{by}: more than one record found for external id field: {several.refs}",
            ) from None
        return {"id": ref, "created": created}

    return _each(org, body, upsert)


def get_many(org: Org, sobject: SObject, body: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    """POST of ids and fields: the records in that order, null for those that are not there."""
    wanted, names = body.get("ids"), body.get("fields")
    if not (isinstance(wanted, list) and isinstance(names, list) and wanted and names):
        raise Refused(400, "JSON_PARSER_ERROR", "ids and fields must be lists")
    listed = ", ".join(f"'{str(ref)[:15]}'" for ref in wanted if str(ref).isalnum())
    columns = ", ".join(dict.fromkeys(["Id", *map(str, names)]))
    found = select(f"SELECT {columns} FROM {sobject.name} WHERE Id IN ({listed})").run(org.store)
    known = {row["Id"][:15]: row for row in found}
    return [known.get(str(ref)[:15]) for ref in wanted]


def delete_many(org: Org, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """DELETE ?ids=…"""

    def delete(record: dict[str, Any]) -> dict[str, Any]:
        sobject = BY_PREFIX.get(record["id"][:3])
        if sobject is None:
            raise not_found()
        org.delete(sobject.name, record["id"])
        return {"id": record["id"]}

    records = [{"id": ref} for ref in query.get("ids", "").split(",") if ref]
    return _each(org, {"records": records, "allOrNone": query.get("allOrNone") == "true"}, delete)


def _each(
    org: Org, body: Mapping[str, Any], save: Callable[[dict[str, Any]], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Save results in order. One transaction: the saved records share their stamp."""
    records = _listed(body, "records", _MOST_RECORDS)
    results: list[dict[str, Any]] = []
    try:
        with org.store.transaction():
            results.extend(_saved(save, dict(record)) for record in records)
            if body.get("allOrNone") and not all(result["success"] for result in results):
                raise _RollBack
    except _RollBack:
        rolled_back = Refused(
            400,
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all were valid",
        )
        results = [_failed(rolled_back) if r["success"] else r for r in results]
    return results


def _saved(
    save: Callable[[dict[str, Any]], dict[str, Any]], record: dict[str, Any]
) -> dict[str, Any]:
    try:
        return {**save(record), "success": True, "errors": []}
    except Refused as refusal:
        if refusal.code == "NOT_FOUND":
            refusal = Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return _failed(refusal)


def _failed(refusal: Refused) -> dict[str, Any]:
    return {"success": False, "errors": [refusal.as_result()]}


def _listed(body: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    items = body.get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refused(400, "JSON_PARSER_ERROR", f"{name} must be a list of objects")
    if len(items) > most:
        raise Refused(400, "LIMIT_EXCEEDED", f"{name}: at most {most} allowed, {len(items)} given")
    return items


def _type(record: Mapping[str, Any]) -> str:
    named = record.get("attributes")
    if not isinstance(named, dict) or not named.get("type"):
        raise Refused(400, "INVALID_TYPE", "attributes.type is required")
    return str(named["type"])
