"""Icons: one sprite, drawn by reference, so that a page carries no shapes of its own."""

from __future__ import annotations

from functools import lru_cache

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

SPRITE = "icons/sprite.svg"


def href(name: str) -> str:
    """The address of one shape in the sprite."""
    return f"{static(SPRITE)}#{name}"


@lru_cache(maxsize=1_024)
def icon(name: str, classes: str = "") -> SafeString:
    """A decorative icon; the word beside it carries the meaning. A page has some fifty, and the
    sprite's address stays as it is while the process lives."""
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}"></use></svg>',
        f"icon {classes}".strip(),
        href(name),
    )
