"""Make the environments that everything else runs in, then hand over to them.

Runs on the machine's own Python with the standard library only, and can be read by Python 3.6, so
that an old Python gets a sentence instead of a syntax error.
"""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    sys.exit(
        "Control Tower needs Python %d.%d or newer and this is Python %d.%d; "
        "install a newer one and run it by name, for example: python3.%d %s"
        % (OLDEST + sys.version_info[:2] + (OLDEST[1], sys.argv[0]))
    )

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import NoReturn

REPOSITORY = Path(__file__).resolve().parent.parent
PEERS = REPOSITORY / "tests" / "bench" / "peers"
LOCKS = {
    "product": REPOSITORY / "requirements.txt",
    "test": REPOSITORY / "tests" / "requirements.txt",
    "sandbox": REPOSITORY / "integrations" / "sandbox" / "requirements.txt",
    **{f"bench-{wanted.stem}": wanted.with_suffix(".txt") for wanted in sorted(PEERS.glob("*.in"))},
}
UNREACHABLE = (
    "connection", "resolve", "network", "timed out", "no matching distribution",
    "could not find a version",
)  # fmt: skip


class NoEnvironment(Exception):
    """An environment cannot be made; the text says why and what to do, in one sentence."""


def supervisor(command: str, words: list[str]) -> NoReturn:
    """Become one of the supervisor's commands, in the product's environment."""
    home = _home(words)
    place = environments_place(home)
    needed = ["product"]
    without = {"--empty", "--no-sandbox", "-h", "--help"}
    if command == "up" and not without & set(words):
        needed.append("sandbox")
    try:
        make_environments(place, needed)
    except NoEnvironment as problem:
        sys.exit(str(problem))
    program = python_of(place / "product")
    extra = ["--sandbox-environment", str(place / "sandbox")] if command == "up" else []
    words = [*_absolute_home(words), *extra]
    os.environ["CALLED_FROM"] = str(Path.cwd())
    os.chdir(REPOSITORY)
    os.execv(program, [program, "-m", "controltower.supervisor", command, *words])


def in_test_environment(module: str, words: list[str]) -> NoReturn:
    """Become a program of the tests, such as the run of all checks."""
    place = REPOSITORY / ".venv"
    try:
        make_environments(place, ["test", "sandbox"])
    except NoEnvironment as problem:
        sys.exit(str(problem))
    os.chdir(REPOSITORY)
    program = python_of(place / "test")
    os.execv(program, [program, "-m", module, *words])


def benchmark(words: list[str]) -> NoReturn:
    """Become the run of all benchmarks, in the product's environment; peers are made when asked."""
    try:
        make_environments(REPOSITORY / ".venv", ["product"])
    except NoEnvironment as problem:
        sys.exit(str(problem))
    os.chdir(REPOSITORY)
    program = python_of(REPOSITORY / ".venv" / "product")
    os.execv(program, [program, "-m", "tests.bench", *words])


def environments_place(home: Path) -> Path:
    """``.venv`` beside the code, or below the home when the code cannot be written to."""
    beside = REPOSITORY / ".venv"
    if os.access(beside if beside.exists() else REPOSITORY, os.W_OK):
        return beside
    return home / "environments"


def python_of(environment: Path) -> str:
    """The interpreter of an environment."""
    return str(environment / "bin" / "python")


def make_environments(place: Path, names: list[str]) -> None:
    """Make or refresh the named environments, side by side. Raises ``NoEnvironment``."""
    stale = [name for name in names if not _is_current(place / name, LOCKS[name])]
    if not stale:
        return
    try:
        if not place.parent.exists():
            place.parent.mkdir(parents=True)
            place.parent.chmod(0o711 if os.geteuid() == 0 else 0o700)
        place.mkdir(exist_ok=True)
    except OSError as refused:
        raise NoEnvironment(
            f"The home {place.parent} cannot be written to ({(refused.strerror or '').lower()}); "
            "choose another with --home DIR."
        ) from refused
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        problems: list[str] = []
        makers = [
            threading.Thread(target=_make, args=(place / name, LOCKS[name], problems))
            for name in stale
        ]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
    if problems:
        raise NoEnvironment("\n".join(problems))


def _make(environment: Path, lock: Path, problems: list[str]) -> None:
    """Make one environment and stamp it; notes a sentence in ``problems`` when it fails."""
    if _is_current(environment, lock):
        return
    begun = time.monotonic()
    print(f"  {'environment ' + environment.name:<22} installing the pinned packages", flush=True)
    log = environment.parent / f"{environment.name}.log"
    problem = _create(environment, log) or _install(environment, lock, log)
    if problem:
        problems.append(problem)
        return
    _stamp(environment).write_text(_digest(lock))
    seconds = time.monotonic() - begun
    print(f"  {'environment ' + environment.name:<22} ready    {seconds:5.1f} s", flush=True)


def _create(environment: Path, log: Path) -> str:
    """An empty environment with pip; hands back what went wrong, if anything."""
    _stamp(environment).unlink(missing_ok=True)
    if _runs(environment):
        return ""
    shutil.rmtree(environment, ignore_errors=True)
    if _logged([sys.executable, "-m", "venv", str(environment)], log) == 0:
        return ""
    shutil.rmtree(environment, ignore_errors=True)
    if "ensurepip" in log.read_text(errors="replace"):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return (
            "This Python cannot make virtual environments; on Debian or Ubuntu run "
            f"'apt-get install python{version}-venv' and start again."
        )
    return f"The environment {environment} could not be made; the reason is in {log}."


def _install(environment: Path, lock: Path, log: Path) -> str:
    """Exactly what the lock names, hashes checked; hands back what went wrong, if anything."""
    command = [python_of(environment), "-m", "pip", "install", "--require-hashes"]
    command += ["--disable-pip-version-check", "--no-input", "-r", str(lock)]
    if _logged(command, log) == 0:
        return ""
    said = log.read_text(errors="replace").lower()
    if "no space left" in said:
        return f"The disk is full: {environment} needs about 300 MB; make room and start again."
    if "do not match the hashes" in said:
        return (
            "A downloaded package differs from the pinned one and was not installed; "
            f"check your package index. pip's full answer is in {log}."
        )
    if any(word in said for word in UNREACHABLE):
        return (
            f"The packages for '{environment.name}' could not be fetched; check the network or "
            f"pip's index and proxy settings and start again. pip's full answer is in {log}."
        )
    return f"pip could not install {lock.name}; its full answer is in {log}."


def _logged(command: list[str], log: Path) -> int:
    with log.open("ab") as file:
        return subprocess.call(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=REPOSITORY
        )


def _is_current(environment: Path, lock: Path) -> bool:
    """Whether the environment holds what the lock says, for this Python."""
    with contextlib.suppress(OSError):
        return _stamp(environment).read_text() == _digest(lock) and _runs(environment)
    return False


def _runs(environment: Path) -> bool:
    return os.access(python_of(environment), os.X_OK) and (environment / "pyvenv.cfg").exists()


def _stamp(environment: Path) -> Path:
    return environment / "lock-digest"


def _digest(lock: Path) -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{version} {hashlib.sha256(lock.read_bytes()).hexdigest()}\n"


def _home(words: list[str]) -> Path:
    home: Path = _home_parser().parse_known_args(words)[0].home
    return home.resolve()


def _absolute_home(words: list[str]) -> list[str]:
    """The same words with ``--home`` made absolute: the working directory changes."""
    options, others = _home_parser().parse_known_args(words)
    return ["--home", str(options.home.resolve()), *others]


def _home_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--home", type=Path, default=REPOSITORY / ".tower")
    return parser
