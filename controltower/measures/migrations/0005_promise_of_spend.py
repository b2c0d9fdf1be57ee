"""Spend to project cost promises its booking within eight hours."""

from django.db import migrations

WITH_SPEND = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours'
                        WHEN 'spend-to-project-cost' THEN interval '8 hours' END
$$;
"""
WITHOUT = """
CREATE OR REPLACE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours' END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("measures", "0004_look_through_the_books_in_slices")]

    operations = [migrations.RunSQL(WITH_SPEND, WITHOUT)]
