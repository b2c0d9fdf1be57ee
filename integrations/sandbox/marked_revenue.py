"""Revenue as an accountant reads it out of a journal: of each project and month, by the mark with
which the tower ends the text of a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

_MARK = " · "


def revenue(lines: Iterable[tuple[str, str, Decimal]]) -> Iterator[dict[str, Any]]:
    """What the posted lines come to, each its company, its text, and its credit less its debit.
    What bears no mark is none of ours."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for company, text, worth in lines:
        _name, *mark = text.rsplit(_MARK, 2)
        if len(mark) == 2:
            month = (company, mark[0], mark[1])
            found[month] = found.get(month, Decimal(0)) + worth
    for (company, project, period), worth in found.items():
        yield {"company": company, "project": project, "period": period, "amount": str(worth)}
