"""A small SVG writer: everything is escaped, geometry lives in attributes, nothing in `style`."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from controltower.web.icons import href

Value = str | float | int | None


def tag(name: str, *children: str, **attributes: Value) -> SafeString:
    """One element. `class_` becomes class, underscores become hyphens, None is left out.

    Raises ValueError for `style`, which the content security policy forbids.
    """
    if "style" in attributes:
        raise ValueError("geometry goes in attributes, colour in a class")
    # A page draws a thousand of them: put together by hand, at a third of what formats cost.
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_written(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return SafeString(f"<{name}{written}>{join(children)}</{name}>")


def _written(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return conditional_escape(value) if isinstance(value, str) else str(value)


def join(parts: Iterable[str]) -> SafeString:
    """Parts side by side, escaping those that are not yet safe."""
    return SafeString("".join(conditional_escape(part) for part in parts))


def chart(
    width: float, height: float, label: str, *parts: str, classes: str = "", group: bool = False
) -> SafeString:
    """A whole drawing with a sentence as its label; `group` when it holds links."""
    return tag(
        "svg",
        *parts,
        class_=f"chart {classes}".strip(),
        viewBox=f"0 0 {_written(float(width))} {_written(float(height))}",
        role="group" if group else "img",
        aria_label=label,
    )


def fixed(width: float, height: float, label: str, *parts: str) -> SafeString:
    """A small drawing at its own size, for table cells."""
    return tag(
        "svg",
        *parts,
        class_="chart is-fixed",
        viewBox=f"0 0 {_written(float(width))} {_written(float(height))}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )


def text(
    x: float, y: float, words: str, classes: str = "", anchor: str | None = None
) -> SafeString:
    """A line of text on its baseline."""
    return tag("text", words, x=float(x), y=float(y), class_=classes or None, text_anchor=anchor)


def rect(
    x: float, y: float, width: float, height: float, classes: str, **more: Value
) -> SafeString:
    """A filled rectangle."""
    return tag(
        "rect", x=float(x), y=float(y), width=float(width), height=float(height),
        class_=classes, **more,
    )  # fmt: skip


def path(d: str, classes: str, **more: Value) -> SafeString:
    """A path."""
    return tag("path", d=d, class_=classes, **more)


def line(x1: float, y1: float, x2: float, y2: float, classes: str, **more: Value) -> SafeString:
    """A straight line."""
    return tag(
        "line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=classes, **more
    )


def shape(name: str, x: float, y: float, size: float, classes: str) -> SafeString:
    """An icon of the sprite at a place; `classes` gives its colour."""
    return tag(
        "use", href=href(name), x=float(x), y=float(y), width=size, height=size,
        class_=f"icon {classes}",
    )  # fmt: skip


def hatch(chart_id: str) -> SafeString:
    """The hatch that tells "late" without colour; use as fill="url(#<chart_id>-hatch)"."""
    stripes = path("M-1 7L7 -1M-1 1L1 -1M5 7L7 5", "hatch")
    pattern = tag(
        "pattern", stripes, id=f"{chart_id}-hatch", width=6, height=6,
        patternUnits="userSpaceOnUse",
    )  # fmt: skip
    return tag("defs", pattern)


def late_rect(chart_id: str, x: float, y: float, width: float, height: float) -> SafeString:
    """A rectangle of late value: its colour and its hatch."""
    return join(
        (
            rect(x, y, width, height, "f-br"),
            tag(
                "rect", x=float(x), y=float(y), width=float(width), height=float(height),
                fill=f"url(#{chart_id}-hatch)",
            ),
        )
    )  # fmt: skip
