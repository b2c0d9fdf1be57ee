"""Tags that write moments as `<time datetime>` in the viewer's zone.

Each takes `now` from the context, so that one page tells one time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controltower.web import formats

register = template.Library()


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> SafeString | str:
    """The time today, else day and time, with the zone's abbreviation."""
    return _time(context, moment, formats.when)


@register.simple_tag(takes_context=True)
def exactly(context: Context, moment: datetime | None) -> SafeString | str:
    """The same to the second, for what is compared with the log of another system."""
    return _time(context, moment, formats.exactly)


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None) -> SafeString | str:
    """How long ago, absolute after 24 hours."""
    return _time(context, moment, formats.ago)


@register.simple_tag(takes_context=True)
def until(context: Context, moment: datetime | None) -> SafeString | str:
    """How long from now, absolute beyond 24 hours."""
    return _time(context, moment, formats.until)


@register.simple_tag(takes_context=True)
def age(context: Context, moment: datetime | None) -> str:
    """The time gone by since a moment, without a word: "2 h 47 min"."""
    return formats.duration(_now(context) - moment) if moment else formats.NOTHING


@register.filter
def clock(moment: datetime) -> SafeString:
    """The time of day to the second, for feeds and audit trails."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        formats.clock(moment, seconds=True),
        formats.clock(moment, zone=False, seconds=True),
    )


@register.filter
def long_day(moment: datetime) -> str:
    """The calendar day in full."""
    return formats.long_day(moment)


def _now(context: Context) -> datetime:
    given: Any = context.get("now")
    return given if isinstance(given, datetime) else timezone.now()


def _time(
    context: Context, moment: datetime | None, write: Callable[[datetime, datetime], str]
) -> SafeString | str:
    if moment is None:
        return formats.NOTHING
    now = _now(context)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{formats.day(moment, now)} {formats.clock(moment, seconds=True)}",
        write(moment, now),
    )
