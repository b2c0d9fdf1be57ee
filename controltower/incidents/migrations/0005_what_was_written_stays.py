"""A timeline only grows, and a runbook's version that left draft never changes: the database itself
refuses."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION incidents_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the timeline of an incident is append-only';
END $$;
CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE ON incidents_incidententry
    FOR EACH ROW EXECUTE FUNCTION incidents_entry_is_append_only();
CREATE FUNCTION incidents_runbook_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft'
       AND (NEW.steps, NEW.fits, NEW.number, NEW.author_id) IS DISTINCT FROM
           (OLD.steps, OLD.fits, OLD.number, OLD.author_id) THEN
        RAISE EXCEPTION 'a runbook version is frozen once it has left draft';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER runbook_is_frozen BEFORE UPDATE ON incidents_runbookversion
    FOR EACH ROW EXECUTE FUNCTION incidents_runbook_is_frozen();
"""
BACKWARD = """
DROP TRIGGER entry_is_append_only ON incidents_incidententry;
DROP FUNCTION incidents_entry_is_append_only();
DROP TRIGGER runbook_is_frozen ON incidents_runbookversion;
DROP FUNCTION incidents_runbook_is_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0004_lead_incidents")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
