"""Rules of a version that has left draft never change: the database itself refuses."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION mappings_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('draft', 'changes_requested')
       AND (NEW.rules, NEW.number, NEW.author_id) IS DISTINCT FROM
           (OLD.rules, OLD.number, OLD.author_id) THEN
        RAISE EXCEPTION 'a mapping version is immutable once it is in review';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER version_is_immutable BEFORE UPDATE ON mappings_mappingversion
    FOR EACH ROW EXECUTE FUNCTION mappings_version_is_immutable();
"""
BACKWARD = """
DROP TRIGGER version_is_immutable ON mappings_mappingversion;
DROP FUNCTION mappings_version_is_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("mappings", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
