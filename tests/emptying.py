"""How the tables are emptied after a test that has committed: row by row, where there are any.

Django truncates all of them, which makes a new file for each of five hundred tables and indexes. A
processor needs a quarter of a second for that, as long as for one crash of a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations

EMPTYING = """
DO $$
DECLARE
    one regclass;
    held regclass[] = ARRAY({held});
BEGIN
    FOREACH one IN ARRAY held LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', one);
    END LOOP;
    FOREACH one IN ARRAY held LOOP
        EXECUTE format('DELETE FROM %s', one);
    END LOOP;
    SET CONSTRAINTS ALL IMMEDIATE;
    FOREACH one IN ARRAY held LOOP
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', one);
    END LOOP;
END $$
"""
"""Triggers forbid to change what was written, such as the audit chain; between tests the tables'
owner may lift them. Foreign keys are looked at before they return."""


def begin() -> None:
    """From now on, tests empty their database in this way."""
    setattr(DatabaseOperations, "sql_flush", _sql_flush)  # noqa: B010 - mypy


def _sql_flush(
    operations: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any
) -> list[str]:
    """The statements that empty these tables. Raises NotImplementedError for any option."""
    if any(options.values()):
        raise NotImplementedError(options)
    quoted = map(operations.quote_name, tables)
    held = " UNION ALL ".join(
        f"SELECT '{table}'::regclass WHERE EXISTS (SELECT FROM {table})" for table in quoted
    )
    return [EMPTYING.replace("{held}", held)] if held else []
