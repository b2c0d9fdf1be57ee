"""The filters that say the engine's words in the viewer's language."""

from __future__ import annotations

from django import template

from controltower.web import plain_names, sayings

register = template.Library()
register.filter("heard", sayings.heard)
register.filter("fault", plain_names.fault)
