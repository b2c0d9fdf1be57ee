"""Hostile runs by hand, each repeatable by its seed; prints its verdict as JSON, exit 1 on a fault.

python -m tests.hostile documents|money [--count N] [--seed K]
python -m tests.hostile http --url http://127.0.0.1:8000 --secret whsec_… [--count N] [--seed K]
"""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")

from tests.hostile import money, reading, wire


def main() -> int:
    """Run what is wanted."""
    wishes = _wishes()
    begun = time.monotonic()
    if wishes.what == "documents":
        told = reading.run(wishes.seed, wishes.count).as_dict()
    elif wishes.what == "money":
        told = money.run(wishes.seed, wishes.count).as_dict()
    else:
        told = wire.run(wishes.url, wishes.secret, wishes.seed, wishes.count).as_dict()
    print(json.dumps(told | {"seconds": round(time.monotonic() - begun, 1)}, indent=2))
    return 0 if told["ok"] else 1


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("what", choices=["documents", "money", "http"])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="the tower's address; only one on this machine is accepted")
    parser.add_argument("--secret", help="the webhook key of the connection `sandbox`")
    wishes = parser.parse_args()
    if wishes.what == "http" and not (wishes.url and wishes.secret):
        parser.error("http needs --url and --secret")
    return wishes


if __name__ == "__main__":
    raise SystemExit(main())
