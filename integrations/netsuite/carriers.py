"""Which invoices carry our facts: by the origin that every line keeps in a column of its own."""

from __future__ import annotations

from collections.abc import Sequence

from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from integrations.netsuite.client import SuiteClient, literal, select
from integrations.netsuite.papers import INVOICE, Paper
from integrations.netsuite.translate import ORIGIN
from integrations.shape import required

AT_ONCE = 100
"""Facts that are looked for in one question."""
_LINES = "transaction t JOIN transactionline l ON l.transaction = t.id"


async def of(client: SuiteClient, facts: Sequence[str], paper: Paper = INVOICE) -> list[str]:
    """Ids of documents any of whose lines comes from one of these facts. Voided ones do not count.
    Raises CallFailed, Drift."""
    found: dict[str, None] = {}
    for start in range(0, len(facts), AT_ONCE):
        tests = [f"l.{ORIGIN} LIKE {_ending(fact)} ESCAPE '\\'"
                 for fact in facts[start : start + AT_ONCE]]  # fmt: skip
        living = (f"t.{paper.of_type}", f"t.{paper.living}")
        query = select("DISTINCT t.id", _LINES, *living, f"({' OR '.join(tests)})")
        rows, _ = await client.rows(query)
        found |= dict.fromkeys(required(row, "id") for row in rows)
    return list(found)


def judged(found: Sequence[Done], facts: Sequence[str], *, exactly: bool) -> Verdict:
    """The one invoice that carries these facts, `exactly` these where wanted; anything else is for
    a person."""
    whole = len(found[0].values["lines"]) == len(facts) == _facts_on(found[0], facts)
    if len(found) == 1 and (whole or not exactly):
        return found[0]
    shown = "; ".join(
        f"{one.values['name']} ({one.values['reference']}) carries "
        f"{_facts_on(one, facts)} of {len(facts)}"
        for one in found
    )
    words = f"Work of this invoice is on another one in NetSuite already: {shown}."
    return Rejected(kind=Kind.DUPLICATE, text=words, exchange=found[0].exchange)


def _facts_on(found: Done, facts: Sequence[str]) -> int:
    origins = [str(line["origin"]) for line in found.values["lines"]]
    return sum(any(origin.endswith(fact) for origin in origins) for fact in facts)


def literally(words: str) -> str:
    """As a LIKE pattern that stands for itself."""
    for special in ("\\", "%", "_"):
        words = words.replace(special, f"\\{special}")
    return words


def _ending(fact: str) -> str:
    """A LIKE pattern of texts that end with it."""
    return literal(f"%{literally(fact)}")
