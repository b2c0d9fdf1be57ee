"""``python -m controltower.supervisor``: what up, down, status, tour and others in bin/ call."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from controltower.embedded.process import ServerProblem
from controltower.supervisor.backup import back_up
from controltower.supervisor.backup import restore as restored
from controltower.supervisor.home import REPOSITORY, Home, StartProblem, read_json
from controltower.supervisor.plan import Wishes
from controltower.supervisor.report import describe, report
from controltower.supervisor.tower import Tower

DONE, REFUSED, NOT_RUNNING = 0, 1, 3
LONGEST_STOP = 120.0
"""Seconds that bin/down waits for a tower to end itself."""


def main(words: list[str]) -> int:
    """Run one command; hands back its exit code."""
    command, rest = words[0], words[1:]
    passes_on = command in _PASSES_ON
    parser = _parser(command, with_help=not passes_on)
    options, others = parser.parse_known_args(rest)
    home = Home(options.home.resolve())
    if passes_on:
        return in_product(home, [*_PASSES_ON[command], *others])
    if others:
        parser.error(f"unknown option {' '.join(others)}")
    commands: dict[str, Callable[[Home, argparse.Namespace], int]] = {
        "up": up,
        "down": down,
        "status": status,
        "backup": backup,
        "restore": restore,
    }
    return commands[command](home, options)


def up(home: Home, options: argparse.Namespace) -> int:
    """Start the tower; stay with it, or leave it in the background with ``--detach``."""
    if options.detach:
        return _up_detached(home)
    wishes = Wishes(
        port=options.port,
        host=options.host,
        with_sandbox=not options.empty,
        sandbox_environment=options.sandbox_environment,
    )
    tower = Tower(home, wishes, _say)
    try:
        tower.run(lambda: _announce(home, wishes, detached=options.detached))
    except (StartProblem, ServerProblem) as problem:
        _say(str(problem))
        return REFUSED
    return DONE


def down(home: Home, options: argparse.Namespace) -> int:
    """Ask the tower of this home to end, and wait until it has."""
    pid = home.holder()
    if pid is None:
        ended = Tower(home, Wishes(), _say).end_leftovers() if home.state() else 0
        _say("Stopped." if ended else f"No tower runs from {home.path}.")
        return DONE
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        _say(f"Process {pid} belongs to another user; run bin/down as that user.")
        return REFUSED
    deadline = time.monotonic() + LONGEST_STOP
    while home.holder() is not None:
        if time.monotonic() > deadline:
            _say(f"Process {pid} has not ended after {LONGEST_STOP:.0f} s; see {home.logs}.")
            return REFUSED
        time.sleep(0.05)
    _say("Stopped.")
    return DONE


def status(home: Home, options: argparse.Namespace) -> int:
    """Say what runs. 0 all is up, 1 something is not, 3 nothing runs."""
    facts = report(home)
    print(json.dumps(facts, indent=2) if options.json else describe(facts))
    if not facts["running"]:
        return NOT_RUNNING
    return DONE if facts["ready"] else REFUSED


def backup(home: Home, options: argparse.Namespace) -> int:
    """Write a backup of the running tower and say what is in it."""
    name = f"control-tower-{datetime.now(UTC):%Y%m%d-%H%M%S}.backup"
    target = options.to or home.backups / name
    if target.is_dir():
        target = target / name
    try:
        manifest = back_up(home, target)
    except (StartProblem, ServerProblem) as problem:
        _say(str(problem))
        return REFUSED
    size = target.stat().st_size / 1e6
    _say(f"{target}: {size:.1f} MB, database {manifest['database_size']}, verified.")
    _say("It holds secrets: keep it as safe as the tower itself.")
    return DONE


def restore(home: Home, options: argparse.Namespace) -> int:
    """Make a home from a backup and say how to go on."""
    try:
        manifest = restored(options.file, home, force=options.force)
    except (StartProblem, ServerProblem) as problem:
        _say(str(problem))
        return REFUSED
    _say(f"{home.path} is as it was at {manifest['taken_at']}.")
    if manifest["aside"]:
        _say(f"What was there before is in {manifest['aside']}.")
    _say(f"bin/up --home {home.path} begins in recovery mode: nothing is sent before every feed")
    _say("was read again and open calls were asked for in their targets (docs/recovery.md).")
    return DONE


def in_product(home: Home, words: list[str]) -> int:
    """Run a program with the environment of the tower that runs from ``home``."""
    given = read_json(home.environment_file)
    if home.holder() is None or not given:
        _say(f"No tower runs from {home.path}; start one with bin/up --home {home.path}.")
        return NOT_RUNNING
    return subprocess.call([sys.executable, *words], cwd=REPOSITORY, env=os.environ | given)


def _parser(command: str, *, with_help: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"bin/{command}", add_help=with_help, allow_abbrev=False, description=_PURPOSE[command]
    )
    add = parser.add_argument
    where = "where this tower keeps its data (default: .tower)"
    add("--home", type=Path, default=REPOSITORY / ".tower", metavar="DIR", help=where)
    if command == "backup":
        add("--to", type=_absolute, metavar="FILE", help="where to (default: <home>/backups)")
    if command == "restore":
        add("file", type=_absolute, metavar="FILE", help="what bin/backup has written")
        add("--force", action="store_true", help="put aside what the home has already")
    if command == "status":
        add("--json", action="store_true", help="facts for programs")
    if command == "up":
        add("--port", type=_port, default=8000, help="where the pages are served (default: 8000)")
        add("--host", default="127.0.0.1", help="which address listens (default: 127.0.0.1)")
        add("--detach", action="store_true", help="leave it running in the background")
        empty = "without the pretend firm and its systems: bin/manage found FILE founds your own"
        add("--empty", "--no-sandbox", action="store_true", dest="empty", help=empty)
        add("--detached", action="store_true", help=argparse.SUPPRESS)
        default = REPOSITORY / ".venv" / "sandbox"
        add("--sandbox-environment", type=Path, default=default, help=argparse.SUPPRESS)
    return parser


_PASSES_ON = {
    "manage": ["manage.py"],
    "tour": ["manage.py", "tour"],
    "sandbox": ["-m", "integrations.sandbox", "ctl"],
}
"""Commands that become a program of the product; what we do not know is handed on to it."""

_PURPOSE = {
    "up": "Start a living Control Tower: servers, pages, workers and the sandbox firm.",
    "down": "Stop the tower of this home and everything it started.",
    "backup": "Write everything that a restore needs into one file, while the tower runs.",
    "restore": "Make a home from a backup.",
    "status": "Show what runs. Exit code 0: all is up, 1: something is not, 3: nothing runs.",
    "manage": "Run a management command in the running tower.",
    "sandbox": "Tell the pretend firm's systems to fail, and set the pace of its life.",
    "tour": "Play the main job against the running tower.",
}


def _absolute(text: str) -> Path:
    """Relative to where the command was called, which is not where it runs."""
    return Path(os.environ.get("CALLED_FROM", ""), text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65530:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 1 and 65529")
    return int(text)


def _up_detached(home: Home) -> int:
    """Begin a tower in its own session and relay what it says until it is up."""
    command = [sys.executable, "-m", "controltower.supervisor"]
    command += ["--detached" if word == "--detach" else word for word in sys.argv[1:]]
    tower = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert tower.stdout is not None
    try:
        for line in tower.stdout:
            _say(line.rstrip())
    except KeyboardInterrupt:
        tower.terminate()
        for line in tower.stdout:
            _say(line.rstrip())
    try:
        return tower.wait(0.5)
    except subprocess.TimeoutExpired:
        return DONE


def _announce(home: Home, wishes: Wishes, *, detached: bool) -> None:
    """Say where the tower is and who may sign in; then, detached, speak to the log only."""
    _say(f"\nControl Tower is up: {wishes.address}")
    place = f" --home {home.path}" if home.path != REPOSITORY / ".tower" else ""
    if wishes.with_sandbox:
        for login in read_json(home.logins_file):
            who = f"{login['name']}, {login['role']}"
            _say(f"  {login['username']:<18} {login['password']:<22} {who}")
        _say(f"  (also in {home.logins_file})")
        _say(f"Sandbox control page: {home.state()['sandbox']['CONTROL']}")
    else:
        _say(
            f"No pretend firm. Yours is founded by bin/manage{place} found FILE (docs/founding.md)."
        )
    _say(f"Stop with bin/down{place}." if detached else "Stop with Ctrl-C.")
    if detached:
        log = os.open(home.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)


def _say(line: str) -> None:
    """Tell whoever listens; a tower does not end because nobody does any more."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
