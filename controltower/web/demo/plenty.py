"""Plenty of plausible transactions in set-based inserts, for measuring pages.

They lie in the last 60 days; beyond a million the past grows longer, not the day busier. Up to
100,000 about one in eight of the last five days is stuck and every second of the last two moves;
beyond, as many as then (a thousand and 1,650), because a longer past does not leave more open. The
rest is verified. What people did about the past is told in `aftermath`. Everything is named FILL-…
so that it is never taken for real.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.transaction import atomic

from controltower.web.demo import aftermath
from controltower.web.demo.fates import DRAWN

AT_ONCE = 250_000
"""Transactions of a part: each is committed by itself, so that its temporary tables stay small."""
STUCK, OPEN_AMONG = 1_000, 100_000
"""How many are stuck, among the first so many or as many more as there are."""

STATEMENTS: tuple[tuple[str, str], ...] = (
    *DRAWN,
    (
        "transactions",
        """
        INSERT INTO transactions_transaction (id, correlation_id, reference, process, entity_id,
            title, counterparty, amount, currency, exposure, subject, decisions, results, state,
            wait, wait_text, "group", gathering, due_at, started_at, changed_at, ended_at, month,
            needed_person, happened_at)
        SELECT id, chain, 'FILL-' || lpad(g::text, 8, '0'), process, entity,
            CASE process WHEN 'opportunity-to-project' THEN 'Deal ' || g
                 WHEN 'time-to-cost-reporting' THEN 'Internal time ' || g
                 ELSE 'Approved work ' || g END,
            CASE WHEN g / 3 %% 2 = 0 THEN (ARRAY['Meridian Harbour Health', 'Quillfeather Mutual',
                'Tidewell Ferries', 'Brackenmoor Energy', 'Saltmarsh Robotics'])[1 + g / 6 %% 5]
            ELSE (ARRAY['Ash', 'Birch', 'Cedar', 'Drift', 'Elder', 'Fern', 'Gorse', 'Hazel', 'Iris',
                    'Juniper', 'Larch', 'Maple', 'Nettle', 'Osier', 'Plum', 'Quince', 'Rowan'])
                    [1 + g / 6 %% 17]
              || (ARRAY['well', 'brook', 'field', 'gate', 'haven', 'mere', 'ridge', 'stead', 'wick',
                    'holm', 'combe', 'dale', 'ford'])[1 + g / 6 %% 13]
              || (ARRAY[' Mills', ' Clinics', ' Freight', ' Instruments', ' Savings', ' Glass',
                    ' Waterworks'])[1 + g / 6 %% 7] END,
            amount, currency, 'unbilled',
            jsonb_build_object('source_id', 'FILL' || g, 'entity', code, 'name', 'Deal ' || g,
                               'amount', amount::text, 'currency', currency,
                               'billing_method', 'Time and materials'),
            '{}', '{}',
            CASE outcome WHEN 'stuck' THEN 'dead_lettered' WHEN 'moving' THEN 'in_progress'
                 ELSE outcome END,
            '', '', '', false, started + promise, started,
            CASE WHEN outcome IN ('stuck', 'moving') THEN started + interval '2 minutes'
                 ELSE ended END,
            CASE WHEN outcome IN ('stuck', 'moving') THEN NULL ELSE ended END,
            CASE process WHEN 'opportunity-to-project' THEN '' ELSE to_char(started, 'YYYY-MM') END,
            outcome = 'stuck', started - interval '10 minutes'
        FROM plan
        """,
    ),
    (
        "steps",
        """
        CREATE TEMP TABLE played ON COMMIT DROP AS
        SELECT pg_temp.id_at(started) AS id, plan.id AS transaction, plan.g, plan.chain,
            plan.amount, plan.outcome, route.*, systems_system.id AS system,
            systems_system.slug AS slug,
            version.id AS version,
            CASE WHEN position < reached THEN 'verified'
                 WHEN position > reached THEN CASE outcome WHEN 'cancelled' THEN 'cancelled'
                                                           ELSE 'planned' END
                 WHEN outcome = 'stuck' THEN 'parked' ELSE 'scheduled' END AS state,
            CASE WHEN outcome IN ('stuck', 'moving') THEN started + interval '20 seconds' * position
                 ELSE started + (ended - started) * position / steps END AS at
        FROM plan
        JOIN route ON route.process = plan.process
        LEFT JOIN LATERAL (
            SELECT id, slug FROM systems_system
            WHERE systems_system.role = route.role AND route.role <> '' ORDER BY id LIMIT 1
        ) AS systems_system ON true
        LEFT JOIN mappings_mapping ON mappings_mapping.slug = route.mapping
        LEFT JOIN mappings_mappingversion AS version
          ON version.mapping_id = mappings_mapping.id AND version.state = 'active'
        """,
    ),
    (
        "steps stored",
        """
        INSERT INTO transactions_step (id, transaction_id, name, title, position, system_id, entity,
            verb, effect, state, due_at, fence, generation, ordering_key, idempotency_key,
            mapping_version_id, tries, probes, absences, deaths, sent_at, sent, ref, "values", kind,
            text, field, fingerprint, changed_at, done_at)
        SELECT id, transaction, name, title, position, system, entity, verb, effect, state,
            CASE WHEN state = 'scheduled' THEN at + interval '1 hour' END, 1, 1, '',
            'FILL-' || g || '.' || name, version,
            CASE WHEN state IN ('verified', 'parked') THEN 1 ELSE 0 END, 0, 0, 0,
            CASE WHEN state IN ('verified', 'parked') AND system IS NOT NULL THEN at END,
            CASE WHEN state = 'parked' THEN jsonb_build_object('Name', 'Deal ' || g, 'Amount', g)
                 ELSE '{}' END, 'R' || g,
            CASE name WHEN 'post' THEN jsonb_build_object('untaxed', amount::text,
                'invoice_date', to_char(at, 'YYYY-MM-DD')) ELSE '{}' END,
            CASE WHEN state = 'parked' THEN (ARRAY['validation', 'reference_missing',
                                                   'permission'])[1 + g %% 3] ELSE '' END,
            CASE WHEN state = 'parked' THEN (ARRAY['Tax code is not valid for the company.',
                'The customer is not known.', 'The user may not write here.'])[1 + g %% 3]
                 ELSE '' END,
            '',
            CASE WHEN state = 'parked' THEN upper(left(md5(name || g %% 3), 16)) ELSE '' END,
            at, CASE WHEN state = 'verified' THEN at END
        FROM played
        """,
    ),
    (
        "attempts",
        """
        INSERT INTO transactions_attempt (id, step_id, number, purpose, state, fence, generation,
            idempotency_key, mapping_version_id, traceparent, payload, payload_digest, started_at,
            deadline_at, ended_at, milliseconds, request, response, status, kind, text)
        SELECT pg_temp.id_at(at), id, 1, 'send',
            CASE WHEN state = 'parked' THEN 'failed_permanent' ELSE 'acked' END, 1, 1,
            'FILL-' || g || '.' || name, CASE WHEN state = 'verified' THEN version END,
            '00-' || md5(g::text) || '-' || left(md5(name), 16) || '-01',
            jsonb_build_object('Name', 'Deal ' || g, 'Amount', g), md5(g::text) || md5(name),
            at - interval '300 milliseconds', at + interval '20 seconds', at, 300,
            '{"Name": "Deal ' || g || '", "padding": "' || repeat(md5(g::text), 8) || '"}',
            '{"id": "R' || g || '", "success": true, "padding": "' || repeat(md5(name), 6) || '"}',
            CASE WHEN state = 'parked' THEN 400 ELSE 200 END, '', ''
        FROM played WHERE system IS NOT NULL AND state IN ('verified', 'parked')
        """,
    ),
    (
        "read-backs",
        """
        INSERT INTO transactions_attempt (id, step_id, number, purpose, state, fence, generation,
            idempotency_key, traceparent, payload, payload_digest, started_at, deadline_at,
            ended_at, milliseconds, request, response, status, kind, text)
        SELECT pg_temp.id_at(at), id, 2, 'read_back', 'acked', 1, 1, 'FILL-' || g || '.' || name,
            '00-' || md5(name || g) || '-' || left(md5(name), 16) || '-01', '{}', md5(name),
            at, at + interval '20 seconds', at + interval '200 milliseconds', 200,
            'GET /records/R' || g, '{"id": "R' || g || '", "padding": "' || repeat(md5(name), 6)
            || '"}', 200, '', ''
        FROM played WHERE effect <> 'read' AND state = 'verified' AND system IS NOT NULL
        """,
    ),
    (
        "proofs",
        """
        INSERT INTO transactions_delivery (system_id, idempotency_key, generation, ref, at)
        SELECT system, 'FILL-' || g || '.' || name, 1, 'R' || g, at
        FROM played WHERE effect <> 'read' AND state = 'verified' AND system IS NOT NULL
        """,
    ),
    (
        "timeline",
        """
        INSERT INTO transactions_timelineentry (id, transaction_id, at, kind, step, actor, text,
            detail)
        SELECT pg_temp.id_at(at), transaction, at, kind, name, '', title || said, '{}'
        FROM played CROSS JOIN LATERAL (VALUES
            ('parked', ': refused.', state = 'parked'),
            ('acked', ': the system confirmed it.', state = 'verified' AND effect <> 'read'),
            ('verified', ': it is there and agrees.', state = 'verified')) AS told (kind, said, so)
        WHERE so ORDER BY at
        """,
    ),
    (
        "business keys",
        """
        INSERT INTO transactions_businesskey (transaction_id, kind, value)
        SELECT id, CASE WHEN g %% 3 = 0 THEN 'opportunity' ELSE 'timecard' END,
               CASE WHEN g %% 3 = 0 THEN 'OPP-' ELSE 'TC-' END || lpad(g::text, 7, '0') FROM plan
        UNION ALL
        SELECT id, CASE WHEN g %% 3 = 0 THEN 'project' ELSE 'invoice' END,
               CASE WHEN g %% 3 = 0 THEN 'PR-' ELSE 'INV-' END || lpad(g::text, 7, '0')
        FROM plan WHERE outcome = 'verified'
        """,
    ),
    (
        "events",
        """
        INSERT INTO transactions_inboundevent (id, source, event_id, type, subject, version,
            occurred_at, received_at, raw, digest, signature, record_kind, record, keys,
            correlation_id, state, reason, deaths, due_at)
        SELECT event, 'fill', 'FILL-' || g, 'timesheet.approved', 'FILL-' || g, '1', started,
            started, convert_to(repeat(md5(g::text), 10), 'UTF8'),
            encode(sha256(convert_to(repeat(md5(g::text), 10), 'UTF8')), 'hex'),
            'polled', 'timecard', jsonb_build_object('source_id', 'FILL-' || g), '[]', chain,
            'accepted', '', 1, started
        FROM plan
        """,
    ),
    (
        "events of which nothing follows",
        """
        INSERT INTO transactions_inboundevent (id, source, event_id, type, subject, version,
            occurred_at, received_at, raw, digest, signature, record_kind, record, keys,
            correlation_id, state, reason, deaths, due_at)
        SELECT pg_temp.id_at(started), 'fill', 'FILL-AGAIN-' || g, 'timesheet.approved',
            'FILL-' || g, '2', started, started, convert_to(repeat(md5(g::text), 10), 'UTF8'),
            encode(sha256(convert_to(repeat(md5(g::text), 10), 'UTF8')), 'hex'),
            'polled', 'timecard', jsonb_build_object('source_id', 'FILL-' || g), '[]', chain,
            'accepted', 'What the tower itself wrote came back to it.', 1, started
        FROM plan WHERE g %% 5 = 0
        """,
    ),
    (
        "items",
        """
        INSERT INTO transactions_item (transaction_id, event_id, process, source, source_id,
            version, record)
        SELECT id, event, process, 'fill', 'FILL-' || g, '1',
               jsonb_build_object('source_id', 'FILL' || g, 'hours', 8, 'amount', amount)
        FROM plan
        """,
    ),
    *aftermath.OF_EACH,
)
ONCE: tuple[tuple[str, str], ...] = (
    (
        "calls",
        """
        INSERT INTO systems_call (id, system_id, at, operation, milliseconds, verdict, reached)
        SELECT pg_temp.id_at(%(now)s - interval '2 days' * (g / 20000.0)), id,
            %(now)s - interval '2 days' * (g / 20000.0), 'send upsert project',
            (80 + random() * 220 + CASE WHEN g %% 211 = 0 THEN 2000 ELSE 0 END)::int,
            CASE WHEN g %% 97 = 0 THEN 'trylater' ELSE 'done' END, g %% 97 <> 0
        FROM systems_system, generate_series(1, 20000) AS g
        """,
    ),
    (
        "answers",
        """
        UPDATE systems_system SET last_ok_at = %(now)s, quota_used = 4100, quota_limit = 15000
        """,
    ),
)
TABLES = (
    "transactions_transaction",
    "transactions_step",
    "transactions_attempt",
    "transactions_timelineentry",
    "transactions_businesskey",
    "transactions_words",
    "transactions_inboundevent",
    "transactions_item",
    "transactions_delivery",
    "transactions_expectation",
    "transactions_replayplan",
    "transactions_replayitem",
    "incidents_deadletter",
    "incidents_cause",
    "incidents_incident",
    "incidents_incidententry",
    "incidents_message",
    "firm_auditentry",
    "systems_call",
    "measures_rollup",
)


def fill(count: int, now: datetime, tell: Callable[[str], object], *, stuck: int = STUCK) -> None:
    """Insert `count` transactions with everything that hangs on them, part by part. Needs legal
    entities, systems and mappings."""
    share = min(1.0, OPEN_AMONG / count)
    values: dict[str, Any] = {
        "count": count,
        "now": now,
        "past": timedelta(days=max(60.0, 60 * count / 1_000_000)),
        "stuck": share * stuck / STUCK,
        "moving": share,
    }
    _play(aftermath.BEFORE, values, tell)
    for first in range(1, count + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, count)
        _play(STATEMENTS, values | {"first": first, "last": last}, tell)
    _play((*ONCE, *aftermath.AFTER), values, tell)


def _play(
    statements: tuple[tuple[str, str], ...], values: dict[str, Any], tell: Callable[[str], object]
) -> None:
    with atomic(), connection.cursor() as cursor:
        for name, statement in statements:
            cursor.execute(statement, values)
            tell(f"{name}: {max(cursor.rowcount, 0):,}")


def analyse() -> None:
    """Tell the planner what is there now."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT log_analyse(%s)", [table])
