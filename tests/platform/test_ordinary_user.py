"""The embedded servers as a person without rights runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg

from controltower.supervisor.home import REPOSITORY

PROGRAM = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from controltower.embedded.postgres import Postgres
from controltower.embedded.valkey import Valkey
home = Path(sys.argv[1])
servers = [Postgres(home / "postgres"), Valkey(home / "valkey")]
for server in servers:
    server.start()
print(servers[0].url(), servers[1].url(), flush=True)
sys.stdin.readline()
for server in servers:
    server.stop()
"""


def test_both_servers_run_without_rights(open_directory: Path, ordinary_user: list[str]) -> None:
    open_directory.chmod(0o777)
    wheels = Path(psycopg.__file__).parent.parent
    command = [
        *ordinary_user,
        "-c",
        PROGRAM,
        *map(str, (open_directory / "home", REPOSITORY, wheels)),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        assert program.stderr is not None
        words = program.stdout.readline().split()
        assert words, program.stderr.read()
        with psycopg.connect(words[0]) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("tower_app",)
        assert (open_directory / "home" / "postgres" / "data").stat().st_uid != 0
        program.stdin.write("\n")
        program.stdin.close()
        assert program.wait(120) == 0
