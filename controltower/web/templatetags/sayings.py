"""The filter that says the engine's words in the viewer's language."""

from __future__ import annotations

from django import template

from controltower.web import sayings

register = template.Library()
register.filter("heard", sayings.heard)
