"""A pretend ADP: a queue of events that is read from its head, payrolls, and pay data taken in.

Written from the vendor's public documentation and client libraries. The queue shows its oldest
message again and again until that is deleted. Which events tell of an accepted payroll differs
between the vendor's products; here it is ``payrollOutput.accept``.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.certificates import present
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.payroll import payrolls
from integrations.sandbox.sign_in import Tokens, client_credentials
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

_TOKEN = "/auth/oauth/v2/token"
_QUEUE = "/core/v1/event-notification-messages"
_OUTPUTS = "/payroll/v2/payroll-outputs"
_PAY_DATA = "/events/payroll/v1/pay-data-input.modify"
_PAY_INPUTS = "/payroll/v1/pay-data-inputs"
_MESSAGE, _OUTPUT, _INPUT = "message", "output", "input"
_LARGEST_PAGE = 100
ACCEPTED, ANSWERED = "payrollOutput.accept", "payDataInput.process"
SILENT = "silent"


class Server(Vendor):
    """Payrolls, the queue that tells of them, and pay data."""

    name = "payroll"
    title = "ADP payroll"
    deeds = {"run_payroll": "Accept a company's payroll of last month"}

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        super().__init__(data, credentials)
        self._tokens = Tokens(
            self.store, client_credentials(credentials["client_id"], credentials["client_secret"])
        )
        self.tls = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cadata=credentials["authority"]
        )
        self.tls.verify_mode = ssl.CERT_OPTIONAL  # who has none is told so in the vendor's words
        present(self.tls, credentials["server_certificate"], credentials["server_key"])

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        router.add_post(_TOKEN, self._sign_in)
        router.add_get(_QUEUE, self._head)
        router.add_delete(f"{_QUEUE}/{{id}}", self._delete)
        router.add_get(_OUTPUTS, self._list)
        router.add_get(f"{_OUTPUTS}/{{id}}", self._show)
        router.add_post(_PAY_DATA, self._take_in)
        router.add_get(f"{_PAY_INPUTS}/{{id}}", self._show_input)

    def furnish(self) -> None:
        """Nobody has been paid yet."""

    def admits(self, request: web.Request) -> bool:
        """A certificate of the authority's, and a token except where one is fetched."""
        certified = bool(request.get_extra_info("peercert"))
        return certified and (request.path == _TOKEN or self._tokens.holds(request))

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        error = {
            "error": "invalid_client",
            "error_description": "proper client ssl certificate or token was not presented",
        }
        return answer(error, 401)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        return "sign in" if request.path == _TOKEN else super().operation(request, body)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A value that the provider does not take."""
        return answer(payrolls.refusal(fault.text or "Invalid value."), 400)

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many calls at once, as the vendor's gateway says it."""
        return answer(payrolls.refusal("The service is at its capacity.", "CAPACITY"), 503)

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``run_payroll`` (see `payrolls.accepted`), ``notify`` (event: a message of that name),
        ``correct`` (id, fields: the payroll is accepted anew), ``inputs`` (the pay data taken in),
        ``answer`` (with: why pay data is refused from now on, "silent" to say nothing of it),
        ``waiting`` (how many messages the queue holds), ``forget`` (all of them)."""
        if name == "answer":
            self.store.set("answer", str(wanted.get("with", "")))
            return {}
        return await self._act_on_payrolls(name, wanted)

    async def _act_on_payrolls(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        match name:
            case "run_payroll":
                return self._run(wanted)
            case "notify":
                told = payrolls.message(str(wanted["event"]), {})
                return {"id": self.store.add(_MESSAGE, told).id, **told}
            case "correct":
                return self._correct(wanted)
            case "inputs":
                return {"inputs": [dict(one.content) for one in self.store.all(_INPUT)]}
            case "forget":
                for message in self.store.all(_MESSAGE):
                    self.store.remove(_MESSAGE, message.id)
                return {}
            case "waiting":
                return {"messages": len(self.store.all(_MESSAGE))}
        return await super().act(name, wanted)

    def _run(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The payroll is accepted, and the queue tells of it."""
        with self.store.transaction():
            try:
                output = payrolls.accepted(self.store.next_number("payroll"), wanted)
            except StopIteration:
                raise Impossible(f"nobody is paid by {wanted.get('entity')}") from None
            return self._told(self.store.add(_OUTPUT, output, output["itemID"]))

    def _correct(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A payroll is corrected and accepted anew, which is a message of its own."""
        number, fields = str(wanted["id"]), dict(wanted["fields"])
        with self.store.transaction():
            try:
                return self._told(self.store.change(_OUTPUT, number, fields))
            except KeyError:
                raise Impossible(f"there is no payroll {number}") from None

    def _told(self, output: Document) -> dict[str, Any]:
        told = {"payrollOutput": payrolls.shown(output)}
        self.store.add(_MESSAGE, payrolls.message(ACCEPTED, told))
        return {"id": output.id}

    async def _sign_in(self, request: web.Request) -> web.Response:
        return await self._tokens.give(request)

    async def _head(self, request: web.Request) -> web.Response:
        """The oldest message, or 204: reading does not move the queue."""
        waiting = self.store.all(_MESSAGE)
        if not waiting:
            return web.Response(status=204)
        head = waiting[0].content
        found = answer(head["body"])
        found.headers["adp-msg-msgid"] = head["msgid"]
        return found

    async def _delete(self, request: web.Request) -> web.Response:
        """A message is gone for good, and the next one is shown."""
        for document in self.store.all(_MESSAGE, msgid=request.match_info["id"]):
            self.store.remove(_MESSAGE, document.id)
            return answer({})
        raise Refused(answer(payrolls.refusal("There is no such message.", "NOT_FOUND"), 404))

    async def _list(self, request: web.Request) -> web.Response:
        skip, top = _whole(request, "$skip", 0), _whole(request, "$top", _LARGEST_PAGE)
        found = self.store.all(_OUTPUT)[skip : skip + min(top, _LARGEST_PAGE)]
        if not found:
            return web.Response(status=204)
        return answer({"payrollOutputs": [payrolls.shown(one) for one in found]})

    async def _show(self, request: web.Request) -> web.Response:
        return answer({"payrollOutputs": [payrolls.shown(self._output(request))]})

    async def _show_input(self, request: web.Request) -> web.Response:
        try:
            found = self.store.get(_INPUT, request.match_info["id"])
        except KeyError:
            refused = payrolls.refusal("There is no such pay data input.", "NOT_FOUND")
            raise Refused(answer(refused, 404)) from None
        return answer({"payDataInputs": [{"itemID": found.id, **found.content}]})

    def _output(self, request: web.Request) -> Document:
        try:
            return self.store.get(_OUTPUT, request.match_info["id"])
        except KeyError:
            refused = payrolls.refusal("There is no such payroll.", "NOT_FOUND")
            raise Refused(answer(refused, 404)) from None

    async def _take_in(self, request: web.Request) -> web.Response:
        """Pay data of one worker; nothing tells two requests of the same apart from one."""
        try:
            (event,) = exact_json.decode(await request.read())["events"]
            given = event["data"]["transform"]["payDataInput"]
            group = given["payrollGroupCode"]["codeValue"]
        except (ValueError, KeyError, TypeError):
            raise Refused(answer(payrolls.refusal("The event cannot be read."), 400)) from None
        if group not in payrolls.GROUPS:
            refused = payrolls.refusal(f"Invalid payroll group code {group}.", "INVALID_GROUP")
            raise Refused(answer(refused, 400))
        number = self.store.add(_INPUT, given).id
        if (why_not := self.store.setting("answer", "")) != SILENT:
            word = payrolls.answer_to(number, given, why_not)
            self.store.add(_MESSAGE, payrolls.message(ANSWERED, word))
        done = {
            "eventID": number,
            "eventStatusCode": {"codeValue": "complete"},
            "data": {"output": {"payDataInput": {"itemID": number, **given}}},
        }
        return answer({"events": [done]})


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    return web.Response(
        status=status, text=exact_json.encode(content), content_type="application/json"
    )


def _whole(request: web.Request, name: str, otherwise: int) -> int:
    given = request.query.get(name, str(otherwise))
    if not (given.isascii() and given.isdecimal()):
        raise Refused(answer(payrolls.refusal(f"{name} must be a number."), 400))
    return int(given)
