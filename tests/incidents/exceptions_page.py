"""Writes docs/exceptions.md: ``python -m tests.incidents.exceptions_page``."""

from __future__ import annotations

import django


def write() -> None:
    """The page as the rules make it."""
    django.setup()
    from tests.incidents import exceptions

    exceptions.PAGE.write_text(exceptions.page(), encoding="utf-8")


if __name__ == "__main__":
    write()
