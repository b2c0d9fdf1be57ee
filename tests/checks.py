"""Everything that must hold, in one run: what ``bin/test`` and ``.ci/run`` execute.

``python -m tests.checks [fast] [-- pytest arguments]`` in the test environment.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import prepared_cluster

REPOSITORY = Path(__file__).resolve().parent.parent
CODE = ["controltower", "integrations", "tests", "bin", "manage.py"]
NOT_FAST = "not slow and not browser and not tryton"
PARTS = (
    ("tests/platform/test_kills.py",),
    ("tests/integrations",),
    ("tests/journeys/test_[!a-e]*.py",),
    ("tests/browser",),
    ("tests/web/test_[!a-i]*.py",),
    ("tests/platform/test_restore.py",),
    ("tests/chaos",),
    ("tests/journeys/test_[a-e]*.py", "tests/crash"),
    ("tests/web/test_[a-i]*.py",),
    ("tests/platform/test_[!kr]*.py",),
    ("tests/model", "tests/hostile"),
)
"""The tests in parts of a few minutes: those that wait most begin early and leave room for others,
short ones come last. What none names is a part of its own, the first. A part starts servers,
sandboxes and an ERP of its own when it needs them: many parts cost more."""
AT_ONCE = (os.cpu_count() or 1) + 3
"""Checks that run beside each other: more than there are cores, for all of them wait at times."""
PYTEST = [sys.executable, "-m", "pytest"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Check:
    """One check: its name, its command, what it reads from the environment."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    in_fast: bool = False
    is_told: bool = False
    """Whether it is worth reading what it said when it passed, too."""

    def run(self) -> Outcome:
        """Run it, say what came of it, and what it said in one piece."""
        begun = time.monotonic()
        with subprocess.Popen(
            self.command,
            cwd=REPOSITORY,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said = process.stdout.read() if process.stdout else ""
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begun
        outcome = Outcome(self.name, status == 0, seconds, used.ru_utime + used.ru_stime)
        _say(outcome)
        if self.is_told or not outcome.passed:
            print(said, flush=True)
        return outcome


@dataclass
class Outcome:
    """What came of a check. `processor` are the seconds that it and the processes it waited for
    have computed; the processes of a whole tower, which nobody waits for, are not among them."""

    name: str
    passed: bool
    seconds: float
    processor: float | None = None


def main(words: list[str]) -> int:
    """Run everything; 0 only when everything passed."""
    own, extra = words, []
    if "--" in words:
        own, extra = words[: words.index("--")], words[words.index("--") + 1 :]
    if set(own) - {"fast"}:
        print("usage: bin/test [fast] [-- pytest arguments]")
        return 2
    fast = "fast" in own
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests begin a hundred processes
    selection = ["-m", NOT_FAST] if fast else []
    with_browser = fast or has_browser()
    if not with_browser:
        selection = ["-m", "not browser"]
    passed = run_all(checks(fast=fast), [*selection, *extra])
    return 0 if passed and with_browser else 1


def checks(*, fast: bool) -> list[Check]:
    """What is checked besides the tests, cheapest first."""
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
    found = [
        Check("ruff check", ["ruff", "check", *CODE], in_fast=True),
        Check("ruff format", ["ruff", "format", "--check", *CODE], in_fast=True),
        Check("import contracts", ["lint-imports"], in_fast=True),
        Check("templates", ["djlint", "templates", "--lint", "--quiet"]),
        Check("types", ["mypy"], settings),
        Check("migrations", [*manage, "makemigrations", "--check", "--dry-run"], settings),
        Check("deployment", deployment, settings),
    ]
    return [check for check in found if check.in_fast or not fast]


def has_browser() -> bool:
    """Whether the browser tests can run; fetches Chromium when the machine lets us."""
    if any(map(shutil.which, BROWSERS)):
        return True
    begun = time.monotonic()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], stdout=subprocess.DEVNULL, check=False)
    found = any(map(shutil.which, BROWSERS))
    _say(Outcome("browser", found, time.monotonic() - begun))
    if not found:
        print(
            "The browser tests need Chromium and were left out; install it "
            "(Debian: apt-get install chromium) and run bin/test again."
        )
    return found


def run_all(others: list[Check], arguments: list[str]) -> bool:
    """These checks and the tests. With arguments, the tests are one run with pytest's own output.
    Without, they run in parts, each with servers of its own: as many beside each other, and beside
    the other checks, as the machine can use."""
    with ThreadPoolExecutor(AT_ONCE) as runners:
        before = runners.map(Check.run, others)
        if arguments:
            passed = [outcome.passed for outcome in before]
            return subprocess.call([*PYTEST, *arguments], cwd=REPOSITORY) == 0 and all(passed)
        with prepared_cluster() as given:
            outcomes = [*runners.map(Check.run, parts(given)), *before]
    print("\nAll checks")
    for outcome in outcomes:
        _say(outcome)
    return all(outcome.passed for outcome in outcomes)


def parts(given: dict[str, str]) -> list[Check]:
    """The tests in parts, which begin from the cluster that is given, the first to begin first."""
    named = {" ".join(globs): _found(globs) for globs in PARTS}
    others = {"all others": [f"--ignore={path}" for paths in named.values() for path in paths]}
    return [
        Check(name, [*PYTEST, "--durations=15", *words], given, is_told=True)
        for name, words in (others | named).items()
    ]


def _found(globs: tuple[str, ...]) -> list[str]:
    """The paths of a part. Raises FileNotFoundError for a pattern that finds nothing."""
    paths = [sorted(map(str, REPOSITORY.glob(glob))) for glob in globs]
    if not all(paths):
        raise FileNotFoundError(f"no tests are called like one of {globs}")
    return [path for found in paths for path in found]


def _say(outcome: Outcome) -> None:
    passed = "passed" if outcome.passed else "FAILED"
    processor = f" ({outcome.processor:.1f} s computing)" if outcome.processor is not None else ""
    print(f"  {outcome.name:<22} {passed:<8} {outcome.seconds:5.1f} s{processor}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
