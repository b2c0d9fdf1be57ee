"""The test entry point of the engine: plays everything once, and dies at a named point.

One warm process forks a child for each order that it reads from its standard input, so that Django
is loaded once. The points are the engine's own function boundaries, named by path.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import wraps
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after the so-manieth passage of one function; of a call, only of one class's
    (`effect`), and only of a send."""

    name: str
    path: str
    when: str = "after"
    nth: int = 1
    effect: str = ""

    def owner(self) -> tuple[Any, str]:
        """The module or class that holds the function, and its name there. Raises ImportError or
        AttributeError."""
        module, _, rest = self.path.partition(":")
        owner: Any = import_module(module)
        *holders, name = rest.split(".")
        for holder in holders:
            owner = getattr(owner, holder)
        return owner, name

    def function(self) -> Callable[..., Any]:
        """The function. Raises as `owner`."""
        owner, name = self.owner()
        found: Callable[..., Any] = getattr(owner, name)
        return found


def arm(point: Point) -> None:
    """Let the point's passage be the end of this process."""
    owner, name = point.owner()
    function, passed = point.function(), 0

    def passes(when: str, arguments: tuple[Any, ...]) -> None:
        nonlocal passed
        if when != point.when or not _is_meant(point, arguments):
            return
        passed += 1
        if passed == point.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        passes("before", arguments)
        result = function(*arguments, **named)
        passes("after", arguments)
        return result

    @wraps(function)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        passes("before", arguments)
        result = await function(*arguments, **named)
        passes("after", arguments)
        return result

    setattr(owner, name, awaited if inspect.iscoroutinefunction(function) else watched)


def _is_meant(point: Point, arguments: tuple[Any, ...]) -> bool:
    if not point.effect:
        return True
    order = arguments[1]
    read = point.effect == "read" and order.verb == "get" and order.entity == "stock"
    return bool(order.purpose == "send" and (read or order.entity == point.effect))


def play() -> None:
    """One round of everything that the dispatcher and the workers do."""
    from django.utils import timezone

    from controltower.transactions import drain, interpretation, polling, replaying, sweeper

    polling.poll(budget=timedelta(0))
    interpretation.interpret_due(limit=100, now=timezone.now())
    sweeper.recover_expired(now=timezone.now())
    for plan in replaying.running():
        replaying.tick(plan, now=timezone.now())
    drain.drain(budget=timedelta(seconds=5), only=["parcels"])


def main() -> None:
    """Fork for each line of the standard input, and say how the child ended."""
    import django
    from django.conf import settings

    django.setup()
    settings.DATABASES["default"]["NAME"] = os.environ["CRASH_DATABASE"]
    for module in ("drain", "interpretation", "polling", "replaying", "sweeper"):
        import_module(f"controltower.transactions.{module}")
    import_module("tests.crash.parcels").offer()
    for line in sys.stdin:
        point = Point(**json.loads(line))
        child = os.fork()
        if not child:
            try:
                arm(point)
                play()
            finally:
                os._exit(0)
        _pid, status = os.waitpid(child, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)


def told(point: Point) -> bytes:
    """A line for the worker's standard input."""
    return json.dumps(asdict(point)).encode() + b"\n"


if __name__ == "__main__":
    main()
