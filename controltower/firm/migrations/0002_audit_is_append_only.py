"""The audit chain may only grow: the database itself refuses anything else."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION firm_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit chain is append-only';
END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON firm_auditentry
    FOR EACH ROW EXECUTE FUNCTION firm_audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON firm_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION firm_audit_is_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_no_change ON firm_auditentry;
DROP TRIGGER audit_no_truncate ON firm_auditentry;
DROP FUNCTION firm_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("firm", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
