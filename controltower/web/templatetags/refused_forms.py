"""The filter that opens a form again which was refused a moment ago."""

from __future__ import annotations

from django import template

from controltower.web import refused_forms

register = template.Library()
register.filter("again", refused_forms.again)
