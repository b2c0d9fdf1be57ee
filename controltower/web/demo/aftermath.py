"""What people did about plenty of transactions in the past: what was stuck and mended, incidents
that were led and reviewed, replays, decisions in the audit chain, messages, what was expected and
came, and lists that somebody keeps.

Of a hundred transactions two were stuck once, fifty of them by one cause, with one replay and one
incident; and one bad day had ten thousand, or a hundredth of all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controltower.firm import audit
from controltower.firm.models import AuditEntry
from controltower.transactions.models import ReplayPlan

BAD_DAY = 10_000

BEFORE = (
    (
        "causes of the past",
        """
        INSERT INTO incidents_cause (fingerprint, title, step_name, kind, owner_role, note,
            first_seen_at, last_seen_at, owner_id, system_id)
        SELECT 'FILL' || k, 'Customer group ' || k || ' is not valid for the company.', 'customer',
            'validation', 'controller', '', %(now)s, %(now)s, NULL,
            (SELECT min(id) FROM systems_system WHERE role = 'erp')
        FROM generate_series(0, %(count)s / 2500) AS k
        """,
    ),
)
OF_EACH = (
    (
        "what was stuck once",
        f"""
        INSERT INTO incidents_deadletter (step_id, transaction_id, cause_id, fingerprint, state,
            resolution, opened_at, resolved_at, times)
        SELECT played.id, transaction, cause.id, cause.fingerprint, 'resolved', 'replayed', at,
            least(at + interval '3 hours', %(now)s), 1
        FROM played
        JOIN incidents_cause AS cause ON cause.fingerprint = 'FILL' || CASE
            WHEN g > %(count)s / 2 AND g <= %(count)s / 2 + least({BAD_DAY}, %(count)s / 100) THEN 0
            ELSE g / 2500 END
        WHERE outcome = 'verified' AND position = 3 AND (cause.fingerprint = 'FILL0' AND g >= 2500
              OR g %% 100 IN (0, 2))
        """,  # noqa: S608 - our own words only
    ),
    (
        "what had needed a person",
        """
        UPDATE transactions_transaction AS tx SET needed_person = true
        FROM incidents_deadletter AS letter
        WHERE letter.transaction_id = tx.id AND tx.state = 'verified' AND NOT tx.needed_person
        """,
    ),
    (
        "expectations",
        """
        INSERT INTO transactions_expectation (correlation_id, milestone, about, owner_role, due_at,
            met_at, closed_at, set_by_id)
        SELECT chain, milestone, '', 'pmo_lead', started + interval '5 days',
            CASE WHEN started < %(now)s - interval '3 days' THEN started + interval '2 days' END,
            CASE WHEN started < %(now)s - interval '3 days' THEN started + interval '2 days' END, id
        FROM plan CROSS JOIN (VALUES ('contract-signed'), ('staffed')) AS awaited (milestone)
        WHERE process = 'opportunity-to-project' AND outcome = 'verified'
        """,
    ),
    (
        "pauses",
        """
        INSERT INTO transactions_pause (transaction_id, awaits, note, evidence, was, at, until,
            ended_at, ended, ended_by, by_id)
        SELECT plan.id, 'contract', 'The client has been asked.', '', '', started,
            started + interval '1 day', started + interval '1 hour', 'date', '', person.id
        FROM plan CROSS JOIN (SELECT min(id) AS id FROM firm_person) AS person
        WHERE outcome = 'verified' AND g %% 5000 = 1
        """,
    ),
)
AFTER = (
    (
        "when causes were seen",
        """
        UPDATE incidents_cause SET first_seen_at = seen.first, last_seen_at = seen.last
        FROM (SELECT cause_id, min(opened_at) AS first, max(opened_at) AS last
              FROM incidents_deadletter GROUP BY 1) AS seen
        WHERE cause_id = incidents_cause.id
        """,
    ),
    (
        "incidents",
        """
        INSERT INTO incidents_incident (subject, title, severity, owner_role, affected, halted,
            opened_at, seen_at, resolved_by, note, owner_id, missed, opened_by, quiet_since,
            resolved_at, review, reviewed_at, reviewed_by, state, times)
        SELECT 'cause:' || cause.id, cause.title, 'high', 'controller', '[]', '[]', first_seen_at,
            last_seen_at, '', '', person.id, 0, 'tower', last_seen_at,
            last_seen_at + interval '5 hours',
            CASE WHEN row <= 5 THEN '' ELSE 'Groups are kept in step now.' END,
            CASE WHEN row > 5 THEN last_seen_at + interval '1 day' END, '',
            CASE WHEN row <= 5 THEN 'resolved' ELSE 'reviewed' END, 1
        FROM (SELECT *, row_number() OVER (ORDER BY last_seen_at DESC) AS row FROM incidents_cause
              WHERE fingerprint LIKE 'FILL%%'
                AND EXISTS (SELECT FROM incidents_deadletter WHERE cause_id = incidents_cause.id)
             ) AS cause
        CROSS JOIN (SELECT min(id) AS id FROM firm_person) AS person
        """,
    ),
    (
        "what they are about",
        """
        INSERT INTO incidents_incident_causes (incident_id, cause_id)
        SELECT id, substr(subject, 7)::bigint FROM incidents_incident WHERE opened_by = 'tower'
          AND resolved_at IS NOT NULL AND subject LIKE 'cause:%%'
        """,
    ),
    (
        "what was said of them",
        """
        INSERT INTO incidents_incidententry (incident_id, at, kind, actor, text, figures)
        SELECT incident.id, opened_at + interval '10 minutes' * place, kind, 'tower',
            'So it stands.', '[]'
        FROM incidents_incident AS incident
        CROSS JOIN unnest(ARRAY['opened', 'acknowledged', 'update', 'update', 'mitigated', 'quiet',
                                'resolved', 'reviewed']) WITH ORDINALITY AS said (kind, place)
        WHERE resolved_at IS NOT NULL AND opened_by = 'tower'
        """,
    ),
    (
        "messages",
        """
        INSERT INTO incidents_message (name, channel, "to", subject, text, html, state, created_at,
            due_at, tries, sent_at, fault, held, entry_id, person_id)
        SELECT 'fill-' || entry.id || '-' || person.id, 'mail', 'nobody@larkfield.example',
            'INC-' || incident_id, text, '', 'sent', at, at, 1, at, '', false, entry.id, person.id
        FROM incidents_incidententry AS entry
        CROSS JOIN (SELECT id FROM firm_person ORDER BY id LIMIT 3) AS person
        WHERE kind IN ('opened', 'resolved') AND actor = 'tower'
        """,
    ),
    (
        "runs of runbooks",
        """
        INSERT INTO incidents_run (version_id, incident_id, state, started_by_id, started_at,
            ended_at)
        SELECT version.id, incident.id, 'completed', person.id, opened_at, resolved_at
        FROM incidents_incident AS incident
        CROSS JOIN (SELECT min(id) AS id FROM incidents_runbookversion) AS version
        CROSS JOIN (SELECT min(id) AS id FROM firm_person) AS person
        WHERE resolved_at IS NOT NULL AND version.id IS NOT NULL AND incident.id %% 4 = 0
        """,
    ),
    (
        "replays",
        """
        INSERT INTO transactions_replayplan (id, title, selection, mapping_choice, state, digest,
            needs_second_person, requested_at, released_at, ended_at, stopped_because,
            requested_by_id)
        SELECT gen_random_uuid(), 'FILL ' || cause.id, jsonb_build_object('cause', cause.id), 'now',
            'completed', md5(title) || md5(fingerprint), false, last_seen_at + interval '2 hours',
            last_seen_at + interval '2 hours', last_seen_at + interval '3 hours', '', person.id
        FROM incidents_cause AS cause CROSS JOIN (SELECT min(id) AS id FROM firm_person) AS person
        WHERE fingerprint LIKE 'FILL%%'
        """,
    ),
    (
        "what was replayed",
        """
        INSERT INTO transactions_replayitem (plan_id, transaction_id, step_id, fence, forecast, why,
            difference, amount, currency, state, sent_at, ended_at, text)
        SELECT plan.id, tx.id, step_id, 1, 'create', '', '[]', amount, currency, 'verified',
            resolved_at, resolved_at, ''
        FROM transactions_replayplan AS plan
        JOIN incidents_deadletter AS letter ON letter.cause_id = (plan.selection->>'cause')::bigint
        JOIN transactions_transaction AS tx ON tx.id = letter.transaction_id
        WHERE plan.title LIKE 'FILL %%'
        """,
    ),
    (
        "approvals",
        """
        INSERT INTO firm_approval (subject, digest, state, requested_at, decided_at, reason,
            decided_by_id, requested_by_id)
        SELECT 'replay ' || plan.id, plan.digest, 'approved', requested_at, released_at, '',
            other.id, requested_by_id
        FROM transactions_replayplan AS plan
        CROSS JOIN (SELECT max(id) AS id FROM firm_person) AS other
        WHERE title LIKE 'FILL %%' AND other.id <> requested_by_id
        """,
    ),
    (
        "views",
        """
        INSERT INTO web_savedview (page, name, query, shared, created_at, owner_id)
        SELECT 'transactions', 'FILL ' || number, 'state=stuck', number %% 4 = 0, %(now)s, id
        FROM firm_person CROSS JOIN generate_series(1, 12) AS number
        """,
    ),
    (
        "standings",
        """
        INSERT INTO measures_standing (measure, day, entity, records, amount)
        SELECT 'reconciliation-backlog', day::date, entity.id, 12, 4711
        FROM firm_legalentity AS entity
        CROSS JOIN generate_series(%(now)s - %(past)s, %(now)s - interval '1 day', '1 day') AS day
        ON CONFLICT DO NOTHING
        """,
    ),
    (
        "a long month",
        """
        WITH long AS (
            SELECT step.id, step.transaction_id, step.name, tx.started_at
            FROM transactions_step AS step
            JOIN transactions_transaction AS tx ON tx.id = step.transaction_id
            WHERE step.state = 'parked' AND tx.process = 'time-and-expense-to-billing'
            ORDER BY tx.started_at DESC LIMIT 1
        ), named AS (
            UPDATE transactions_transaction SET title = 'Work of a long month'
            WHERE id IN (SELECT transaction_id FROM long)
        ), tried AS (
            INSERT INTO transactions_attempt (id, step_id, number, purpose, state, fence,
                generation, idempotency_key, traceparent, payload, payload_digest, started_at,
                deadline_at, ended_at, milliseconds, request, response, status, kind, text)
            SELECT pg_temp.id_at(started_at + interval '2 seconds' * n), id, n, 'send',
                'failed_transient', 1, 1, 'FILL-LONG', '', '{}', '', started_at, started_at,
                started_at, 300, repeat('x', 300), repeat('y', 300), 503, '', ''
            FROM long CROSS JOIN generate_series(2, 301) AS n
        )
        INSERT INTO transactions_timelineentry (id, transaction_id, at, kind, step, actor, text,
            detail)
        SELECT pg_temp.id_at(started_at + interval '1 second' * n), transaction_id,
            started_at + interval '1 second' * n, 'scheduled', name, '', 'Tried again.', '{}'
        FROM long CROSS JOIN generate_series(1, 2000) AS n
        """,
    ),
)
DECIDED = ("plan replay", "request approval", "approve", "release replay", "assign", "snooze")


def decide(count: int, now: datetime) -> int:
    """Append to the audit chain what was decided, two for each hundred transactions; returns how
    many entries that made."""
    plans = list(ReplayPlan.objects.order_by("requested_at").values_list("pk", flat=True))
    last = AuditEntry.objects.order_by("-id").first()
    previous, made = last.digest if last else audit.GENESIS, []
    for number in range(count // 50):
        entry = AuditEntry(
            at=now - timedelta(minutes=5) * (count // 50 - number),
            actor=f"person{number % 40}",
            verb=DECIDED[number % len(DECIDED)],
            allowed=number % 50 != 0,
            subject=str(plans[number % len(plans)]) if plans else "FILL",
            detail={"count": number},
            previous=previous,
        )
        entry.digest = previous = audit.seal(entry)
        made.append(entry)
    AuditEntry.objects.bulk_create(made, batch_size=2_000)
    return len(made)
