"""Tags that draw icons and state marks."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controltower.web import formats, icons
from controltower.web import marks as words

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A decorative icon from the sprite."""
    return icons.icon(name, classes)


@register.simple_tag
def token_icon(token: str) -> SafeString:
    """The icon of a state token in its colour."""
    return icons.icon(words.ICONS[token], f"is-{token}")


@register.simple_tag
def chip(token: str, text: str) -> SafeString:
    """A washed chip of a state token with its own words."""
    return words.chip(words.Mark(token, text))


@register.simple_tag
def mark(token: str, text: str) -> SafeString:
    """An unwashed mark of a state token with its own words."""
    return words.plain(words.Mark(token, text))


@register.simple_tag
def state_chip(kind: str, state: str, text: str = "") -> SafeString:
    """The chip of a domain state: `{% state_chip "transaction" row.state %}`."""
    return words.chip(words.state_mark(kind, state), text)


@register.simple_tag
def state(kind: str, value: str, text: str = "") -> SafeString:
    """The unwashed mark of a domain state, for tables."""
    return words.plain(words.state_mark(kind, value), text)


@register.simple_tag
def lateness_chip(value: str, text: str = "") -> SafeString:
    """The chip of a lateness: late, due_today, in_time, or "" for none."""
    return words.chip(words.LATENESS[value], text) if value else SafeString("")


@register.simple_tag
def lateness(value: str, text: str = "") -> SafeString:
    """The unwashed mark of a lateness."""
    return words.plain(words.LATENESS[value], text) if value else SafeString("")


@register.simple_tag
def lateness_count(value: str, count: int) -> SafeString:
    """The unwashed mark of a lateness with its count: "39 due today"."""
    mark = words.LATENESS[value]
    return words.plain(mark, f"{formats.number(count)} {str(mark.word).lower()}")


@register.simple_tag
def state_icon(kind: str, value: str) -> SafeString:
    """The icon of a domain state with its word for those who cannot see it."""
    found = words.state_mark(kind, value)
    return icons.icon(found.icon, f"is-{found.token}") + format_html(
        '<span class="unseen">{}:</span>', found.word
    )


@register.simple_tag
def token_shape(name: str, token: str) -> SafeString:
    """Any icon of the sprite in the colour of a state token."""
    return icons.icon(name, f"is-{token}")
