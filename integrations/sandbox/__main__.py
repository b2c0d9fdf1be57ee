"""The sandbox from the command line: ``python -m integrations.sandbox ctl …``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

from integrations.sandbox import town
from integrations.sandbox.faults import Kind

_DOORS = {"salesforce": "SANDBOX_CONTROL_URL"} | {
    name: f"SANDBOX_{name.upper()}_CONTROL_URL" for name in ("tryton", *town.names())
}


def main() -> None:
    """Carry out one order and print what the system says."""
    arguments = _parser().parse_args()
    try:
        print(json.dumps(_carry_out(arguments), indent=2, ensure_ascii=False))
    except urllib.error.HTTPError as refusal:
        sys.exit(f"Refused: {refusal.read().decode()}")
    except urllib.error.URLError as problem:
        sys.exit(f"The sandbox does not answer ({problem.reason}). Is it running?")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox")
    ctl = parser.add_subparsers(dest="area", required=True).add_parser("ctl", help="give orders")
    ctl.add_argument("--system", choices=sorted(_DOORS), default="salesforce")
    orders = ctl.add_subparsers(dest="order", required=True)
    orders.add_parser("state", help="what is ordered and what happened")
    fault = orders.add_parser("fault", help="order a fault")
    fault.add_argument("kind", choices=[kind.value for kind in Kind])
    for name in ("count", "seconds", "milliseconds", "retry-after", "status"):
        fault.add_argument(f"--{name}", type=int)
    for name in ("operation", "code", "text"):
        fault.add_argument(f"--{name}")
    fault.add_argument("--committed", action="store_true", help="do the work before failing")
    clear = orders.add_parser("clear", help="withdraw one fault or all")
    clear.add_argument("id", nargs="?", type=int)
    pace = orders.add_parser("pace", help="set the firm's pace")
    pace.add_argument("pace", help="pause, normal, busy or month_end")
    act = orders.add_parser("do", help="make something happen, such as close_deal amount=12000")
    act.add_argument("action")
    act.add_argument("parameters", nargs="*", metavar="name=value")
    return parser


def _carry_out(arguments: argparse.Namespace) -> Any:
    match arguments.order:
        case "fault":
            names = ["kind", "count", "seconds", "milliseconds", "retry_after", "status"]
            names += ["operation", "code", "text", "committed"]
            body = {name: getattr(arguments, name) for name in names}
            return _call(arguments, "POST", "/api/faults", body)
        case "clear":
            path = "/api/faults" if arguments.id is None else f"/api/faults/{arguments.id}"
            return _call(arguments, "DELETE", path)
        case "pace":
            return _call(arguments, "POST", "/api/life", {"pace": arguments.pace})
        case "do":
            body = dict(pair.partition("=")[::2] for pair in arguments.parameters)
            return _call(arguments, "POST", f"/api/actions/{arguments.action}", body)
    return _call(arguments, "GET", "/api/state")


def _call(arguments: argparse.Namespace, method: str, path: str, body: Any = None) -> Any:
    variable = _DOORS[arguments.system]
    base = os.environ.get(variable, "")
    if not base.startswith("http://127.0.0.1") and not base.startswith("http://localhost"):
        sys.exit(f"{variable} must hold the control address of a sandbox on this machine.")
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - loopback, checked above
        base.rstrip("/") + path, data=content, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return json.loads(answer.read())


if __name__ == "__main__":
    main()
