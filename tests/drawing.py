"""What the test client is told of a page that is drawn: the page's own template and its context.

Django tells it of every part as well, each with a copy of the context around it, and a page has
some hundred parts.
"""

from __future__ import annotations

from django.template import Context, Template
from django.test import utils
from django.test.signals import template_rendered
from django.utils.safestring import SafeString


def begin() -> None:
    """From now on; before pytest-django prepares for tests, which makes templates tell."""
    setattr(utils, "instrumented_test_render", _render)  # noqa: B010 - mypy


def _render(template: Template, context: Context) -> SafeString:
    if context.template is template:
        template_rendered.send(sender=template, template=template, context=context)
    return template.nodelist.render(context)
