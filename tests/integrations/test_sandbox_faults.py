"""Faults on order, and the doors through which they are ordered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from integrations.sandbox.control import Impossible, fault_of
from integrations.sandbox.faults import Board, Fault, Kind
from tests.integrations.doors import ROOT, Org, start_org


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "faults.db")


def kinds(board: Board, operation: str) -> list[Kind]:
    return [fault.kind for fault in board.take(operation)]


def test_a_count_runs_out(board: Board) -> None:
    board.order(Fault(Kind.SLOW, remaining=2))
    assert [kinds(board, "read X") for _ in range(3)] == [[Kind.SLOW], [Kind.SLOW], []]
    assert board.active() == []


def test_a_duration_runs_out(board: Board) -> None:
    board.order(Fault(Kind.DOWN, until=time.time() + 0.05))
    assert board.is_down()
    time.sleep(0.06)
    assert not board.is_down()


def test_a_filter_names_operations(board: Board) -> None:
    board.order(Fault(Kind.REFUSE, operation="write pse__*"))
    assert kinds(board, "write pse__Proj__c") == [Kind.REFUSE]
    assert kinds(board, "read pse__Proj__c") == []
    assert kinds(board, "write Account") == []


def test_faults_survive_a_restart(board: Board, tmp_path: Path) -> None:
    ordered = board.order(Fault(Kind.REFUSE, remaining=3, text="No.", operation="write"))
    board.take("write X")
    (found,) = Board(tmp_path / "faults.db").active()
    assert (found.id, found.remaining, found.text) == (ordered.id, 2, "No.")
    board.clear()
    assert Board(tmp_path / "faults.db").active() == []


def test_one_fault_of_each_kind_at_a_time(board: Board) -> None:
    board.order(Fault(Kind.SLOW, remaining=1))
    board.order(Fault(Kind.SLOW, remaining=1))
    board.order(Fault(Kind.HTML_PAGE))
    assert kinds(board, "x") == [Kind.SLOW, Kind.HTML_PAGE]
    assert kinds(board, "x") == [Kind.SLOW, Kind.HTML_PAGE]
    assert kinds(board, "x") == [Kind.HTML_PAGE]


@pytest.mark.parametrize(
    "wanted",
    [{}, {"kind": "flood"}, {"kind": "slow", "count": "many"}, {"kind": "slow", "count": -1}],
)
def test_nonsense_is_not_ordered(wanted: dict[str, object]) -> None:
    with pytest.raises(Impossible):
        fault_of(wanted)


def refused(request: urllib.request.Request) -> int:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=5)
    return refusal.value.code


def test_the_control_door_obeys_no_foreign_page(org: Org) -> None:
    url = f"{org.control.url}/api/faults"
    order = json.dumps({"kind": "down"}).encode()
    foreign = {"Origin": "https://elsewhere.example"}
    assert refused(urllib.request.Request(url, order, foreign)) == 403
    rebound = {"Host": "elsewhere.example"}
    assert refused(urllib.request.Request(url, order, rebound)) == 421
    assert refused(urllib.request.Request(url, b"[")) == 400
    assert not org.control.state()["down"]


def test_the_page_works_without_scripts(org: Org) -> None:
    with urllib.request.urlopen(f"{org.control.url}/") as answer:
        page = answer.read().decode()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Salesforce and Certinia" in page
    assert "<script" not in page
    assert "style=" not in page
    form = b"kind=throttle&count=2&retry_after=9"
    url = f"{org.control.url}/systems/salesforce/faults"
    with urllib.request.urlopen(url, form) as answer:
        assert "throttle" in answer.read().decode()
    with urllib.request.urlopen(f"{org.control.url}/actions", b"action=dirty&kind=mud") as answer:
        assert "That is not possible" in answer.read().decode()
    with urllib.request.urlopen(f"{org.control.url}/systems/salesforce/cleared", b"") as answer:
        assert "No faults ordered" in answer.read().decode()


@pytest.mark.slow
def test_the_command_line_gives_orders(org: Org) -> None:
    def ctl(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "integrations.sandbox", "ctl", *words],
            cwd=ROOT,
            env={**os.environ, "SANDBOX_CONTROL_URL": org.control.url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert json.loads(ctl("fault", "slow", "--count", "1", "--milliseconds", "5").stdout)["id"]
    assert [f["kind"] for f in json.loads(ctl("state").stdout)["faults"]] == ["slow"]
    assert json.loads(ctl("clear").stdout)["faults"] == []
    assert json.loads(ctl("do", "close_deal", "amount=12.50").stdout)["amount"] == "12.50"
    failed = ctl("pace", "frantic")
    assert failed.returncode != 0
    assert "pace must be one of" in failed.stderr


@pytest.mark.slow
def test_the_org_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    first = start_org(tmp_path / "org.db")
    ref = first.control.do("close_deal", amount="77.70")["opportunity"]
    first.control.order("throttle", count=5)
    first.process.kill()
    first.process.wait(120)
    second = start_org(tmp_path / "org.db")
    try:
        assert second.control.state()["faults"][0]["remaining"] == 5
        again = second.control.do("close_deal", opportunity=ref)
        assert again["amount"] == "77.70"
    finally:
        second.stop()
