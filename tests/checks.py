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
    ("tests/web/test_[!a-i]*.py",),
    ("tests/journeys/test_[!a-e]*.py",),
    ("tests/integrations", "tests/model", "tests/hostile"),
    ("tests/web/test_[a-i]*.py",),
    ("tests/journeys/test_[a-e]*.py", "tests/crash"),
    ("tests/platform/test_kills.py",),
    ("tests/browser",),
    ("tests/platform/test_restore.py",),
    ("tests/platform/test_[!kr]*.py",),
    ("tests/chaos",),
)
"""The tests in parts of a few minutes, the longest first; what none names is a part of its own. A
part starts servers, sandboxes and an ERP of its own when it needs them: many parts cost more."""
AT_ONCE = (os.cpu_count() or 1) + 2
"""Parts that run beside each other: more than there are cores, for all of them wait at times."""
PYTEST = [sys.executable, "-m", "pytest"]
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
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests begin a hundred processes
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
    """pytest with its own output. With arguments, one run; without, as many parts beside each other
    as the machine can use, each with servers of its own, told in one piece when it is through."""
    if arguments:
        return subprocess.call([*PYTEST, *arguments], cwd=REPOSITORY) == 0
    parts = {" ".join(globs): _found(globs) for globs in PARTS}
    others = [f"--ignore={path}" for paths in parts.values() for path in paths]
    with prepared_cluster() as given, ThreadPoolExecutor(AT_ONCE) as runners:
        os.environ.update(given)
        told = list(runners.map(_run_part, ["all others", *parts], [others, *parts.values()]))
    for name, passed, seconds in told:
        _say(name, passed, seconds)
    return all(passed for _, passed, _ in told)


def _found(globs: tuple[str, ...]) -> list[str]:
    """The paths of a part. Raises FileNotFoundError for a pattern that finds nothing."""
    paths = [sorted(map(str, REPOSITORY.glob(glob))) for glob in globs]
    if not all(paths):
        raise FileNotFoundError(f"no tests are called like one of {globs}")
    return [path for found in paths for path in found]


def _run_part(name: str, words: list[str]) -> tuple[str, bool, float]:
    """Run a part and print what it said; its name, whether it passed, and the seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [*PYTEST, "--durations=15", *words],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"{name}\n{done.stdout}", flush=True)
    return name, done.returncode == 0, time.monotonic() - begun


def _say(name: str, passed: bool, seconds: float) -> None:
    print(f"  {name:<22} {'passed' if passed else 'FAILED':<8} {seconds:5.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
