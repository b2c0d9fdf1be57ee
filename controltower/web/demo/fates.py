"""What each of plenty of transactions is drawn to be, in temporary tables: of which process, when
it began, how far it came and what became of it."""

from __future__ import annotations

DRAWN: tuple[tuple[str, str], ...] = (
    ("seed", "SELECT setseed(%(first)s / 20000001.0)"),
    (
        "ids",
        """
        CREATE OR REPLACE FUNCTION pg_temp.id_at(moment timestamptz) RETURNS uuid
        LANGUAGE sql VOLATILE AS $$
            SELECT overlay(gen_random_uuid()::text
                           PLACING left(log_bound(moment)::text, 13) || '-7' FROM 1 FOR 15)::uuid
        $$
        """,
    ),
    (
        "months",
        """
        SELECT log_ahead(log, 'month', %(now)s - %(past)s - interval '1 day', %(now)s)
        FROM unnest(ARRAY['transactions_attempt', 'transactions_timelineentry']) AS log
        """,
    ),
    (
        "plan",
        """
        CREATE TEMP TABLE plan ON COMMIT DROP AS
        SELECT *, pg_temp.id_at(started) AS id, pg_temp.id_at(started) AS event FROM (SELECT g,
            CASE WHEN g %% 3 = 0 THEN 'opportunity-to-project'
                 WHEN g %% 20 = 1 THEN 'time-to-cost-reporting'
                 ELSE 'time-and-expense-to-billing' END AS process,
            'ct-FILL' || lpad((g / 3)::text, 7, '0') AS chain,
            e.id AS entity, e.code, e.currency,
            round((exp(random() * 3.4 + 6.2))::numeric, 2) AS amount,
            %(now)s::timestamptz - (%(count)s - g) * (%(past)s / %(count)s)
                - interval '6 minutes' AS started,
            CASE WHEN random() < 0.03 THEN 0.6 + random() * 4 ELSE random() * 0.75 END AS pace,
            random() AS fate
        FROM generate_series(%(first)s, %(last)s) AS g
        JOIN (SELECT *, row_number() OVER (ORDER BY code) - 1 AS place,
                     count(*) OVER () AS all_of_them FROM firm_legalentity) AS e
          ON e.place = g / 3 %% e.all_of_them) AS begun
        """,
    ),
    (
        "route",
        """
        CREATE TEMP TABLE route (process text, position int, name text, title text, role text,
                                 entity text, verb text, effect text, mapping text) ON COMMIT DROP
        """,
    ),
    (
        "route steps",
        """
        INSERT INTO route VALUES
        ('opportunity-to-project', 1, 'check', 'Check the deal', '', '', '', 'read', ''),
        ('opportunity-to-project', 2, 'client', 'Read the client', 'crm', 'customer', 'get',
         'read', ''),
        ('opportunity-to-project', 3, 'customer', 'Validate or create the customer', 'erp',
         'customer', 'upsert', 'probed', 'customer-to-erp'),
        ('opportunity-to-project', 4, 'project', 'Create the project from its template', 'psa',
         'project', 'upsert', 'keyed', 'project-to-psa'),
        ('opportunity-to-project', 5, 'link', 'Write the links back to the deal', 'crm',
         'opportunity', 'update', 'idempotent', 'deal-links-to-crm'),
        ('time-and-expense-to-billing', 1, 'check', 'Check the approved work', '', '', '',
         'read', ''),
        ('time-and-expense-to-billing', 2, 'client', 'Read the client', 'crm', 'customer', 'get',
         'read', ''),
        ('time-and-expense-to-billing', 3, 'billing-event', 'Release the billing event', 'psa',
         'billing_event', 'upsert', 'keyed', 'billing-event-to-psa'),
        ('time-and-expense-to-billing', 4, 'draft', 'Draft the invoice', 'erp', 'invoice',
         'upsert', 'probed', 'invoice-to-erp'),
        ('time-and-expense-to-billing', 5, 'post', 'Post the invoice', 'erp', 'invoice', 'post',
         'idempotent', ''),
        ('time-and-expense-to-billing', 6, 'status', 'Report the invoice to the PSA', 'psa',
         'billing_event', 'mark_invoiced', 'idempotent', 'billing-status-to-psa'),
        ('time-to-cost-reporting', 1, 'record', 'Record the cost', '', '', '', 'read', '')
        """,
    ),
    (
        "fates",
        """
        ALTER TABLE plan ADD COLUMN steps int, ADD COLUMN reached int, ADD COLUMN outcome text,
            ADD COLUMN promise interval, ADD COLUMN ended timestamptz
        """,
    ),
    (
        "fates drawn",
        """
        UPDATE plan SET
            steps = (SELECT count(*) FROM route WHERE route.process = plan.process),
            promise = CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                ELSE interval '4 hours' END,
            outcome = CASE
                WHEN process <> 'time-to-cost-reporting' AND started > %(now)s - interval '5 days'
                     AND fate < 0.12 * %(stuck)s THEN 'stuck'
                WHEN process <> 'time-to-cost-reporting' AND started > %(now)s - interval '2 days'
                     AND fate > 1 - 0.5 * %(moving)s THEN 'moving'
                WHEN fate BETWEEN 0.2 AND 0.205 THEN 'cancelled'
                ELSE 'verified' END
        """,
    ),
    (
        "fates reached",
        """
        UPDATE plan SET
            reached = CASE WHEN outcome = 'stuck' THEN (ARRAY[3, 4, 4, 5])[1 + g %% 4]
                           WHEN outcome = 'moving' THEN 2 + g %% (steps - 1)
                           ELSE steps + 1 END,
            ended = least(started + promise * pace, %(now)s - interval '1 minute')
        """,
    ),
)
