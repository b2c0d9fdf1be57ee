"""What a version of a policy says is never changed, and no version is deleted."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION firm_policies_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'versions of policies are kept';
    END IF;
    IF (OLD.subject, OLD.number, OLD.content, OLD.reason, OLD.author_id, OLD.proposed_at)
       IS DISTINCT FROM
       (NEW.subject, NEW.number, NEW.content, NEW.reason, NEW.author_id, NEW.proposed_at)
       OR (OLD.state, NEW.state) NOT IN (('proposed', 'proposed'), ('proposed', 'in_force'),
                                         ('proposed', 'refused'), ('in_force', 'retired')) THEN
        RAISE EXCEPTION 'versions of policies stay as written';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policies_stay BEFORE UPDATE OR DELETE ON firm_policyversion
    FOR EACH ROW EXECUTE FUNCTION firm_policies_stay();
"""
BACKWARD = """
DROP TRIGGER policies_stay ON firm_policyversion;
DROP FUNCTION firm_policies_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("firm", "0004_what_is_agreed_upon")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
