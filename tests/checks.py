"""Everything that must hold, in one run: what ``bin/test`` and ``.ci/run`` execute.

``python -m tests.checks [fast] [-- pytest arguments]`` in the test environment.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

Run = subprocess.Popen[bytes]
REPOSITORY = Path(__file__).resolve().parent.parent
CODE = ["controltower", "integrations", "tests", "bin", "manage.py"]
NOT_FAST = "not slow and not browser and not tryton"
BESIDE = (
    ("tests/platform", "tests/chaos"),
    ("tests/journeys", "tests/crash"),
    ("tests/integrations", "tests/model", "tests/hostile"),
    ("tests/web",),
)
"""Tests that run beside the others: they mostly wait, for processes, sandboxes and each other."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Stage:
    """One check: its name, its command, what it reads from the environment."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    in_fast: bool = False

    def run(self) -> bool:
        """Run it, say how long it took; say what it said only when it failed."""
        begun = time.monotonic()
        done = subprocess.run(
            self.command,
            cwd=REPOSITORY,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        passed = done.returncode == 0
        _say(self.name, passed, time.monotonic() - begun)
        if not passed:
            print(done.stdout, flush=True)
        return passed


def main(words: list[str]) -> int:
    """Run all stages, the tests last; 0 only when everything passed."""
    own, extra = words, []
    if "--" in words:
        own, extra = words[: words.index("--")], words[words.index("--") + 1 :]
    if set(own) - {"fast"}:
        print("usage: bin/test [fast] [-- pytest arguments]")
        return 2
    fast = "fast" in own
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    passed = [stage.run() for stage in stages() if stage.in_fast or not fast]
    selection = ["-m", NOT_FAST] if fast else []
    if not fast and not has_browser():
        passed.append(False)
        selection = ["-m", "not browser"]
    passed.append(run_tests([*selection, *extra]))
    return 0 if all(passed) else 1


def stages() -> list[Stage]:
    """The checks before the tests, cheapest first."""
    python = sys.executable
    settings = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DATABASE_URL": "postgresql://nobody@/nothing?host=/nonexistent",
        "REDIS_URL": "unix:///nonexistent",
        "DJANGO_SETTINGS_MODULE": "controltower.settings",
        "CONTROLTOWER_HTTPS": "1",
        "MYPY_FORCE_COLOR": "0",
    }
    manage = [python, "-W", "ignore::RuntimeWarning", "manage.py"]
    deployment = [*manage, "check", "--deploy", "--fail-level", "WARNING"]
    return [
        Stage("ruff check", ["ruff", "check", *CODE], in_fast=True),
        Stage("ruff format", ["ruff", "format", "--check", *CODE], in_fast=True),
        Stage("import contracts", ["lint-imports"], in_fast=True),
        Stage("templates", ["djlint", "templates", "--lint", "--quiet"]),
        Stage("types", ["mypy"], settings),
        Stage("migrations", [*manage, "makemigrations", "--check", "--dry-run"], settings),
        Stage("deployment", deployment, settings),
    ]


def has_browser() -> bool:
    """Whether the browser tests can run; fetches Chromium when the machine lets us."""
    if any(map(shutil.which, BROWSERS)):
        return True
    begun = time.monotonic()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], stdout=subprocess.DEVNULL, check=False)
    found = any(map(shutil.which, BROWSERS))
    _say("browser", found, time.monotonic() - begun)
    if not found:
        print(
            "The browser tests need Chromium and were left out; install it "
            "(Debian: apt-get install chromium) and run bin/test again."
        )
    return found


def run_tests(arguments: list[str]) -> bool:
    """pytest with its own output; its summary is the last line of the run. Without arguments, the
    tests that mostly wait run beside the others: each run has servers of its own."""
    command = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.call([*command, *arguments], cwd=REPOSITORY) == 0
    command.append("--durations=15")
    with contextlib.ExitStack() as words:
        beside = [_beside([*command, *group], words) for group in BESIDE]
        others = [f"--ignore={directory}" for group in BESIDE for directory in group]
        passed = [subprocess.call([*command, *others], cwd=REPOSITORY) == 0]
        for run, said in beside:
            passed.append(run.wait() == 0)
            said.seek(0)
            print(said.read(), flush=True)
    return all(passed)


def _beside(command: list[str], words: contextlib.ExitStack) -> tuple[Run, IO[str]]:
    """A run that goes on beside others, and the file with its words."""
    said = words.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - closed by the stack
    run = subprocess.Popen(command, cwd=REPOSITORY, stdout=said, stderr=subprocess.STDOUT)
    return run, said


def _say(name: str, passed: bool, seconds: float) -> None:
    print(f"  {name:<22} {'passed' if passed else 'FAILED':<8} {seconds:5.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
