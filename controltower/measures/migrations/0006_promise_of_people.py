"""The resource master sync promises the PSA's resource within four hours."""

from django.db import migrations

WITH_PEOPLE = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'spend-to-project-cost' THEN interval '8 hours'
                        WHEN 'resource-master-sync' THEN interval '4 hours' END
$$;
"""
WITHOUT = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'spend-to-project-cost' THEN interval '8 hours' END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("measures", "0005_promise_of_spend")]

    operations = [migrations.RunSQL(WITH_PEOPLE, WITHOUT)]
