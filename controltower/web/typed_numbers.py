"""Numbers as people type them in their language: "1.234,56" in German, "1,234.56" in English.

Nothing is guessed: what could be two numbers, such as "1.234" typed in English, or bears the other
language's sign, such as "1,5", is refused with the way of writing it. So there are two decimals at
most.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from django import forms
from django.utils.translation import gettext as _

from controltower.web import formats

SPACES = re.compile(r"[ \u00a0\u202f]")
PLAIN = "[0-9]+"
GROUPED = r"[0-9]{1,3}(?P<between>[GROUP \u00a0\u202f])[0-9]{3}(?:(?P=between)[0-9]{3})*"
LONGEST = 40


class Amount(forms.DecimalField):
    """A number in the viewer's own way of writing; between thousands their sign, a space or
    nothing. What is shown again is written in that way too."""

    widget = forms.TextInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.widget.attrs.setdefault("inputmode", "decimal")
        self.widget.attrs.setdefault("autocomplete", "off")

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """The number. Raises ValidationError."""
        return super().to_python(read(value) if isinstance(value, str) else value)

    def prepare_value(self, value: Any) -> Any:
        """A number as it would be typed; what was typed stays as it is."""
        return written(value) if isinstance(value, Decimal | int) else value


def read(text: str) -> str:
    """What was typed, with a full stop before the decimals and no other sign; "" for nothing.

    Raises ValidationError for what is no number or may be two.
    """
    typed = text.strip()
    if not typed:
        return ""
    point, group = _signs()
    pattern = rf"[-+]?(?:{PLAIN}|{GROUPED})(?:{re.escape(point)}[0-9]{{1,2}})?"
    pattern = pattern.replace("GROUP", re.escape(group))
    if len(typed) > LONGEST or not re.fullmatch(pattern, typed):
        raise forms.ValidationError(_unclear(typed))
    return SPACES.sub("", typed).replace(group, "").replace(point, ".")


def written(value: Decimal | int) -> str:
    """A number as it is typed, without a sign between thousands."""
    return format_decimal(value, locale=formats.locale(), group_separator=False,
                          decimal_quantization=False)  # fmt: skip


def _signs() -> tuple[str, str]:
    locale = formats.locale()
    return get_decimal_symbol(locale), get_group_symbol(locale)


def _unclear(typed: str) -> str:
    example = format_decimal(Decimal("1234.56"), locale=formats.locale())
    words = {"typed": typed[:LONGEST], "example": example}
    return _("“%(typed)s” is not clear. Write it as %(example)s. Nothing was changed.") % words
