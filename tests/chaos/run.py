"""One chaos run from the first process to the verdict: what ``bin/chaos`` does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.chaos.house import CannotStart, House, as_json, commit
from tests.chaos.schedule import WEATHER, Blow, Event, blows, events

if TYPE_CHECKING:
    from tests.chaos.ledger import Findings
    from tests.chaos.load import Load
    from tests.chaos.pulse import Sample
    from tests.chaos.verdict import Verdict

Strike = Callable[[Blow], Awaitable[None]]
Answer = TypeVar("Answer")
Timed = TypeVar("Timed", Blow, Event)
SECONDS, MOST_SECONDS, MOST_EVENTS = 120.0, 7200.0, 50_000
EVENTS_A_SECOND = 0.5
WARM_UP = (("LF-DE", "SIL"), ("LF-UK", "OTT"), ("LF-US", "BLU"), ("LF-DE", "BRA"))
"""Deals that are won before the first fault, so that there is work to approve from the start."""
PATIENCE = 420.0
"""Seconds without headway after which what is live counts as stuck: more than the longest
Retry-After that is believed (5 min) and a lease (1 min) together."""
LONGEST_SETTLING = 4
"""Times the patience or the run, whichever is longer: the real ERP takes some three calls a second,
and four events a second would keep it busy for long after the last fault."""
TOLD_EVERY = 60.0
"""Seconds between two words on how much is still live."""
FIRST_PORT = 8200
UNFINISHED = 2


def main(words: list[str]) -> int:
    """Play a run; 0 when everything held."""
    options = _parser().parse_args(words)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    count = round(options.seconds * EVENTS_A_SECOND) if options.events is None else options.events
    print(f"bin/chaos --seed {seed} --seconds {options.seconds:g} --events {count}", flush=True)
    run = Run(seed, options.seconds, count, options.settle, options.port, quiet=options.quiet)
    try:
        verdict = asyncio.run(run.play())
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped before the end; there is no verdict.")
        return UNFINISHED
    except CannotStart as problem:
        print(f"The tower to be broken could not be started: {problem}")
        return UNFINISHED
    print(verdict.table())
    if options.json is not None:
        options.json.write_text(as_json(verdict.as_dict()))
    if options.record:
        from tests.chaos import assurance

        assurance.append(verdict.as_dict())
    return 0 if verdict.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/chaos", description="Break a tower of its own at random; compare all books."
    )
    add = parser.add_argument
    add("--events", type=_within(MOST_EVENTS), help="what happens in the firm (one in two seconds)")
    add("--seconds", type=_within(MOST_SECONDS), default=SECONDS, help="of faults (120)")
    add("--seed", type=int, help="repeat a run's schedule")
    add("--json", type=Path, metavar="FILE", help="write the verdict there")
    add(
        "--settle",
        type=_within(MOST_SECONDS),
        default=PATIENCE,
        help="seconds without headway (420)",
    )
    add("--port", type=int, default=FIRST_PORT, help="the first of seven ports to try")
    add("--record", action="store_true", help="append the result to docs/assurance.json")
    add("--quiet", action="store_true", help="only the verdict")
    return parser


def _within(most: float) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not 0 < int(text) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from 1 to {most:.0f}")
        return int(text)

    return number


class Run:
    """One tower, broken for a while, then left alone until it has settled."""

    def __init__(
        self, seed: int, seconds: float, count: int, settle: float, port: int, *, quiet: bool
    ) -> None:
        self.seed, self.seconds, self.settle, self.quiet = seed, seconds, settle, quiet
        self.blows, self.events = blows(seed, seconds, settle), events(seed, seconds, count)
        directory = Path(tempfile.mkdtemp(prefix="ct-chaos-", dir="/tmp"))
        directory.chmod(0o711)
        self.house = House(directory, seed, port)
        self.began = datetime.now(UTC).isoformat(timespec="seconds")
        self.samples: list[Sample] = []
        self._clerk = ThreadPoolExecutor(1, "books")

    async def play(self) -> Verdict:
        """From the first process to the verdict; nothing is left behind."""
        if (me := asyncio.current_task()) is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
        try:
            self._say("starting a tower of its own")
            await self.house.start()
            _use_the_books_of(self.house)
            return await self._play()
        finally:
            await self.house.stop()

    async def _play(self) -> Verdict:
        from tests.chaos.faults import Faults
        from tests.chaos.firm import Firm
        from tests.chaos.load import Load

        load, faults = Load(self.house, Firm(self.house)), Faults(self.house)
        async with _meanwhile(self.house.watch(), self._sample()):
            await self._warm_up(load)
            self._say(f"{len(self.blows)} faults and {len(self.events)} events begin")
            self.house.set_weather(WEATHER)
            playing = asyncio.create_task(_on_time(self.events, load.play))
            await _on_time(self.blows, self._telling(faults.strike))
            await playing
            self.house.set_weather(0)
            self._say("the faults are over; settling")
            settled = await self._settle()
            await asyncio.sleep(1)
            return await self._from_books(self._judge, load, faults.ends(), settled)

    async def _warm_up(self, load: Load) -> None:
        """Deals whose projects exist before anything is broken."""
        for entity, client in WARM_UP:
            await asyncio.to_thread(load.firm.win, entity, client)
        for _ in range(120):
            if await asyncio.to_thread(_projects, load) >= len(WARM_UP):
                return
            await asyncio.sleep(0.5)
        raise CannotStart("the tower set up no project in a minute, and nothing was broken yet")

    def _telling(self, strike: Strike) -> Strike:
        async def told(blow: Blow) -> None:
            lasts = f" for {blow.lasts:.1f} s" if blow.lasts else ""
            self._say(f"{blow.at:6.1f} s  {blow.name}{lasts}")
            await strike(blow)

        return told

    async def _sample(self) -> None:
        from controltower.supervisor.plan import web_answers
        from tests.chaos import pulse

        answered = 0
        while True:
            answered += await asyncio.to_thread(web_answers, self.house.port)
            sample = await self._from_books(pulse.look, answered)
            if sample is not None:
                self.samples.append(sample)
            await asyncio.sleep(0.5)

    async def _from_books(self, read: Callable[..., Answer], *asked: Any) -> Answer:
        """Read the tower's books on the one thread that has a connection to them."""
        return await asyncio.get_running_loop().run_in_executor(self._clerk, read, *asked)

    async def _settle(self) -> float | None:
        """Wait until every process is up, every source has been read to its end once more, and
        nothing is live that no person has to decide; None when that takes too long, or there is
        no headway for as long as the patience lasts."""
        from tests.chaos import rest

        began = heard = told = time.monotonic()
        calm = datetime.now(UTC)
        done, longest = 0, max(self.settle, self.seconds) * LONGEST_SETTLING
        while time.monotonic() - heard < self.settle:
            if time.monotonic() - began > longest:
                return None
            if self.house.is_ready() and await self._from_books(rest.is_there, calm):
                return time.monotonic() - began
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                left = await self._from_books(rest.under_way)
                self._say(f"  {'the books are away' if left is None else f'{left} under way'}")
            if self.samples and (now := self.samples[-1].headway) > done:
                done, heard = now, time.monotonic()
            await asyncio.sleep(1)
        return None

    def _judge(
        self, load: Load, ends: list[tuple[str, tuple[str, ...], float]], settled: float | None
    ) -> Verdict:
        from django.utils import timezone

        from controltower.measures import invariants
        from tests.chaos import books, pulse
        from tests.chaos.ledger import compare
        from tests.chaos.verdict import Verdict

        facts = _patiently(lambda: books.accepted(load.firm, load.told))
        effects = _patiently(lambda: books.effects(load.firm))
        findings: Findings = compare(facts, books.positions(), effects, books.references())
        return Verdict(
            seed=self.seed, commit=commit(), began=self.began, seconds=self.seconds,
            settled=settled, played=load.played, acknowledged=len(load.told), facts=len(facts),
            blows=self.blows, findings=findings, breaches=invariants.breaches(timezone.now()),
            recovery=pulse.recoveries(ends, self.samples), restarts=self.house.restarts(),
            exchanges={name: proxy.met for name, proxy in self.house.proxies.items()},
            complaints=load.complaints,
        )  # fmt: skip

    def _say(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)


def _use_the_books_of(house: House) -> None:
    """Django in this process reads the tower's own database from now on."""
    import django

    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
        os.environ[name] = house.environment[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "controltower.settings"
    django.setup()


def _projects(load: Load) -> int:
    soql = "SELECT Id FROM pse__Proj__c WHERE Tower_External_Id__c != null"
    return len(load.firm.query(soql))


def _patiently(read: Callable[[], Answer]) -> Answer:
    """What the sandbox's books say, asked again while they do not answer: a crowded machine's ERP
    takes its time for a thousand invoices. Raises OSError in the end."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(5)


async def _on_time(plan: Iterable[Timed], play: Callable[[Timed], Awaitable[None]]) -> None:
    """Play each at its moment, side by side; waits for all. The first failure ends the run."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as playing:
        for one in plan:
            await asyncio.sleep(max(began + one.at - time.monotonic(), 0))
            playing.create_task(_of(play, one))


async def _of(play: Callable[[Timed], Awaitable[None]], one: Timed) -> None:
    await play(one)


@contextlib.asynccontextmanager
async def _meanwhile(*chores: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Chores that go on beside something, and end with it."""
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
