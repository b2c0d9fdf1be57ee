"""The benchmark itself: its stub counts, its crowd is understood by the door, its books agree."""

from __future__ import annotations

import asyncio
import json

import pytest

from controltower.supervisor.home import free_port
from tests.bench.ground import ground
from tests.bench.intake import crowd
from tests.bench.load import Crowd
from tests.bench.load import crowd as let_loose
from tests.bench.stub import serve
from tests.bench.tower.process import READ
from tests.bench.tower.running import DISPATCHER, DONE, ENGINE, STORED, Tower


async def test_the_stub_answers_late_and_counts() -> None:
    port = free_port(8710)
    async with await serve(port):
        told = await let_loose(port, Crowd("t", seconds=0.3, clients=4))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /control/count HTTP/1.1\r\nConnection: close\r\n\r\n")
        counted = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
        writer.close()
    assert counted["calls"]["POST"] == sum(told["answers"].values()) > 8
    assert told["p50"] >= 20


@pytest.mark.slow
def test_a_small_run_of_the_real_tower_agrees_with_the_stub() -> None:
    with ground() as prepared:
        tower = Tower(prepared, "smoke")
        tower.prepare()
        since, told = tower.fill(100, READ)
        assert told["interpreted"] > 0
        with tower.running([*ENGINE, DISPATCHER]):
            tower.wait(30)
        assert tower.ask(DONE, since=since) == 100 == prepared.calls()
        with tower.open():
            heard = crowd(prepared, tower.port, 1, 4)
        assert heard["answers"].keys() <= {"200", "202"} and heard["stored"] > 0
        assert tower.ask(STORED, since=since) == 100 + heard["stored"]
