from django.db import migrations, models

FORWARD = """
CREATE OR REPLACE FUNCTION firm_policies_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'versions of policies are kept';
    END IF;
    IF (OLD.subject, OLD.number, OLD.content, OLD.reason, OLD.author_id, OLD.proposed_at)
       IS DISTINCT FROM
       (NEW.subject, NEW.number, NEW.content, NEW.reason, NEW.author_id, NEW.proposed_at)
       OR (OLD.state, NEW.state) NOT IN (('proposed', 'proposed'), ('proposed', 'in_force'),
                                         ('proposed', 'refused'), ('proposed', 'withdrawn'),
                                         ('in_force', 'retired')) THEN
        RAISE EXCEPTION 'versions of policies stay as written';
    END IF;
    RETURN NEW;
END $$;
"""
"""As in 0005, and a proposal may be withdrawn."""


class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0012_tolerate_a_few_hours'),
    ]

    operations = [
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name='policyversion',
            name='policy_decided_by_somebody',
        ),
        migrations.AlterField(
            model_name='policyversion',
            name='state',
            field=models.CharField(choices=[('proposed', 'Waits for a second person'), ('in_force', 'In force'), ('refused', 'Refused'), ('retired', 'Retired'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=9),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'withdrawn']), ('author__isnull', True), ('decided_by__isnull', False), _connector='OR'), name='policy_decided_by_somebody'),
        ),
    ]
