"""The cursor of an org's feeds against a source that commits late and stamps alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.salesforce_platform.changes import Cursor, literal, moment, quoted

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
OVERLAP = timedelta(seconds=10)


class Source:
    """Rows in the order in which they became visible."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def commit(self, at_second: int) -> None:
        stamp = literal(START + timedelta(seconds=at_second)).replace("Z", "+0000")
        self.rows.append({"Id": f"a0T{len(self.rows):012d}", "SystemModstamp": stamp})

    def after(self, cursor: Cursor, limit: int) -> list[dict[str, Any]]:
        """What the cursor's SOQL condition selects."""
        edge = moment(cursor.stamp) if cursor.after_id else moment(cursor.stamp) - OVERLAP
        key = (literal(edge), cursor.after_id)
        ordered = sorted((literal(moment(r["SystemModstamp"])), r["Id"], r) for r in self.rows)
        if cursor.after_id:
            return [row for stamp, ref, row in ordered if (stamp, ref) > key][:limit]
        return [row for stamp, _, row in ordered if stamp >= key[0]][:limit]


def poll(source: Source, cursor: Cursor, limit: int) -> tuple[Cursor, list[str]]:
    """Read until there is no more; the ids given."""
    given_ids: list[str] = []
    while True:
        rows = source.after(cursor, limit)
        given_ids += [row["Id"] for row in cursor.fresh(rows)]
        has_more = len(rows) == limit
        cursor = Cursor.read(cursor.advanced(rows, has_more, OVERLAP).text()) or cursor
        if not has_more:
            return cursor, given_ids


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 8), max_size=12).map(lambda late: [-delay for delay in late]),
        max_size=10,
    ),
    st.integers(1, 5),
)
def test_nothing_is_lost_or_given_twice(polls: list[list[int]], limit: int) -> None:
    """Each poll sees commits stamped up to eight seconds before the newest stamp given."""
    source, cursor, seen = Source(), Cursor.beginning(timedelta(0), START), []
    for number, late in enumerate(polls):
        for delay in late:
            source.commit(number * 3 + delay)
        cursor, given_ids = poll(source, cursor, limit)
        seen += given_ids
    visible = [row["Id"] for row in source.rows if moment(row["SystemModstamp"]) >= START - OVERLAP]
    assert sorted(seen) == sorted(visible)


def test_quoting_leaves_no_way_out() -> None:
    assert quoted("O'Brien\\' OR Id != '") == r"'O\'Brien\\\' OR Id != \''"
    assert quoted("a\nb") == r"'a\nb'"
