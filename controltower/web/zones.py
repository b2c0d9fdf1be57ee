"""The time zones that people choose from."""

from __future__ import annotations

from zoneinfo import available_timezones

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
"""Read once: they are files in a folder."""
CHOICES = [(name, name) for name in ZONES]
