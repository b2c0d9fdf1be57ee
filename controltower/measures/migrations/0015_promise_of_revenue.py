"""Revenue recognition promises an entry within eight hours."""

from django.db import migrations

WITH_REVENUE = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'spend-to-project-cost' THEN interval '8 hours'
                        WHEN 'resource-master-sync' THEN interval '4 hours'
                        WHEN 'facts-to-analytics' THEN interval '4 hours'
                        WHEN 'payroll-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'project-change-to-forecast' THEN interval '8 hours'
                        WHEN 'project-workspace' THEN interval '8 hours'
                        WHEN 'resource-to-revenue' THEN interval '4 hours'
                        WHEN 'facts-to-subscribers' THEN interval '1 hour'
                        WHEN 'revenue-recognition' THEN interval '8 hours' END
$$;
"""
WITHOUT = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'spend-to-project-cost' THEN interval '8 hours'
                        WHEN 'resource-master-sync' THEN interval '4 hours'
                        WHEN 'facts-to-analytics' THEN interval '4 hours'
                        WHEN 'payroll-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'project-change-to-forecast' THEN interval '8 hours'
                        WHEN 'project-workspace' THEN interval '8 hours'
                        WHEN 'resource-to-revenue' THEN interval '4 hours'
                        WHEN 'facts-to-subscribers' THEN interval '1 hour' END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("measures", "0014_promise_of_events")]

    operations = [migrations.RunSQL(WITH_REVENUE, WITHOUT)]
