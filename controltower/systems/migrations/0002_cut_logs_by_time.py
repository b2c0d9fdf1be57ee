"""Logs are cut into partitions along their time-ordered ids, and calls by the day.

The functions belong to the role that migrates and run with its rights: the application's role may
have partitions made ahead and old ones put away, and cannot do anything else to a table.
"""

import os

import django.db.models.deletion
from django.db import migrations, models

from controltower.canonical.identity import new_id

FUNCTIONS = """
DO $$ BEGIN
    IF to_regnamespace('archive') IS NULL THEN CREATE SCHEMA archive; END IF;
END $$;

CREATE FUNCTION log_bound(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;
COMMENT ON FUNCTION log_bound IS 'The least UUIDv7 of a moment';

CREATE FUNCTION log_ahead(log text, unit text, since timestamptz, until timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    spare text := log || '_other';
    settings text := (SELECT array_to_string(reloptions, ', ') FROM pg_class
                      WHERE oid = to_regclass(quote_ident(log || '_other')));
    begins timestamptz := date_trunc(unit, since);
    ends timestamptz;
    part text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('logs'));
    WHILE begins <= until LOOP
        ends := begins + ('1 ' || unit)::interval;
        part := log || to_char(begins, CASE unit WHEN 'day' THEN '_YYYYMMDD' ELSE '_YYYYMM' END);
        IF to_regclass(quote_ident(part)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, spare);
            IF settings IS NOT NULL THEN
                EXECUTE format('ALTER TABLE %I SET (%s)', part, settings);
            END IF;
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *)
                            INSERT INTO %I SELECT * FROM moved',
                           spare, log_bound(begins), log_bound(ends), part);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           log, part, log_bound(begins), log_bound(ends));
            made := made + 1;
        END IF;
        begins := ends;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION log_ahead IS 'Makes the missing partitions of a log; returns how many. What the
spare partition holds of their time moves into them, so that it never stands in their way';

CREATE FUNCTION log_part_ends(part oid) RETURNS uuid LANGUAGE sql STABLE STRICT AS $$
    SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \\(''([0-9a-f-]{36})''\\)')::uuid
    FROM pg_class WHERE oid = part
$$;
COMMENT ON FUNCTION log_part_ends IS 'Where a partition ends; null for the spare one';

CREATE FUNCTION log_put_away(log text, before timestamptz, destroy boolean)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    part text;
BEGIN
    IF before > now() - interval '1 day' THEN
        RAISE EXCEPTION 'the log % is still being written after %', log, before;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('logs'));
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(quote_ident(log))
          AND log_part_ends(c.oid) <= log_bound(before)
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', log, part);
        IF destroy THEN
            EXECUTE format('DROP TABLE %I', part);
        ELSE
            EXECUTE format('ALTER TABLE %I SET SCHEMA archive', part);
        END IF;
        RETURN NEXT part;
    END LOOP;
END $$;
COMMENT ON FUNCTION log_put_away IS 'Detaches what ended before a moment, and moves it to the
schema archive or destroys it; returns the names';

REVOKE ALL ON FUNCTION log_ahead, log_put_away FROM PUBLIC;
"""

CALLS = """
ALTER TABLE systems_call RENAME TO systems_call_whole;
CREATE TABLE systems_call (
    id uuid NOT NULL,
    system_id bigint NOT NULL REFERENCES systems_system (id) DEFERRABLE INITIALLY DEFERRED,
    at timestamptz NOT NULL,
    operation varchar(60) NOT NULL,
    milliseconds integer NOT NULL CHECK (milliseconds >= 0),
    verdict varchar(20) NOT NULL,
    reached boolean NOT NULL
) PARTITION BY RANGE (id);
CREATE TABLE systems_call_other PARTITION OF systems_call DEFAULT;
DROP TABLE systems_call_whole;
ALTER TABLE systems_call ADD PRIMARY KEY (id);
CREATE INDEX calls_by_system ON systems_call (system_id, at);
SELECT log_ahead('systems_call', 'day', now() - interval '2 days', now() + interval '14 days');
"""


def let_the_application_keep_logs(apps, schema_editor):
    role = os.environ.get("CONTROLTOWER_DATABASE_ROLE")
    if role:
        schema_editor.execute(
            f"GRANT EXECUTE ON FUNCTION log_ahead, log_put_away"
            f" TO {schema_editor.quote_name(role)}"
        )


class Migration(migrations.Migration):
    """Calls are a trace of the last two days and begin anew. There is no way back by itself."""

    dependencies = [("systems", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTIONS),
        migrations.RunPython(let_the_application_keep_logs),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CALLS)],
            state_operations=[
                migrations.AlterField(
                    "call",
                    "id",
                    models.UUIDField(
                        default=new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField("call", "at", models.DateTimeField()),
                migrations.AlterField(
                    "call",
                    "system",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="systems.system",
                    ),
                ),
            ],
        ),
    ]
