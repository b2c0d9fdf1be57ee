"""First sign-ins of people, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from pathlib import Path


def keep(path: Path, logins: list[dict[str, str]]) -> None:
    """Add them to the file, which is made when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump([*known, *logins], file, indent=1)
    path.chmod(0o600)
