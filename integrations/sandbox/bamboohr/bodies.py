"""What callers send: fields by name, as JSON or as the vendor's older XML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from integrations import exact_json

_JSON = "application/json"


class Malformed(Exception):
    """A body that is neither; its words are the vendor's."""


async def fields_of(request: web.Request) -> dict[str, Any]:
    """The fields of a request. What does not say that it is JSON is read as XML, as the vendor
    does. Raises Malformed."""
    raw = await request.read()
    if request.content_type == _JSON:
        return _of_json(raw)
    return _of_xml(raw)


def _of_json(raw: bytes) -> dict[str, Any]:
    try:
        content = exact_json.decode(raw)
    except ValueError:
        raise Malformed("Malformed JSON") from None
    if not isinstance(content, dict):
        raise Malformed("Malformed JSON")
    return content


def _of_xml(raw: bytes) -> dict[str, Any]:
    """`<employee><field id="jobTitle">Principal</field></employee>`; an empty field is empty text.
    Nothing that declares entities is read."""
    try:
        if b"<!" in raw:
            raise Malformed("Malformed XML")
        root = ElementTree.fromstring(raw)  # noqa: S314 # no entities get this far
        return {field.attrib["id"]: field.text or "" for field in root.iter("field")}
    except (ElementTree.ParseError, KeyError):
        raise Malformed("Malformed XML") from None
