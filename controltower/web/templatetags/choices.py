"""{% options groups %}: what a select offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.forms.utils import flatatt
from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = Library()
Option = dict[str, Any]


@register.simple_tag
def options(groups: Iterable[tuple[str | None, list[Option], int]]) -> SafeString:
    """The options of a widget, as its `optgroups` tell them. Django draws each by a template of its
    own and its attributes by another, which on a page of filters took as long as all of its rows.
    """
    return format_html_join("", "{}", ((_group(name, those),) for name, those, _index in groups))


def _group(name: str | None, those: list[Option]) -> SafeString:
    drawn = format_html_join("", '<option value="{}"{}>{}</option>', map(_told, those))
    return format_html('<optgroup label="{}">{}</optgroup>', name, drawn) if name else drawn


def _told(option: Option) -> tuple[str, SafeString, Any]:
    return str(option["value"]), flatatt(option["attrs"]), option["label"]
