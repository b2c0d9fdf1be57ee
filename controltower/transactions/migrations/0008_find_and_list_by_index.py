"""Lists page along an index of their own; any name is found by one look-up.

What is typed is looked up by its trigrams, which needs the extension pg_trgm. It comes with every
PostgreSQL and is trusted: the owner of the database may create it.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import ProgrammingError, migrations, models
from django.db.transaction import atomic

WORDS = """
INSERT INTO transactions_words (transaction_id, text)
SELECT id, upper(title || ' ' || counterparty) FROM transactions_transaction;

CREATE FUNCTION transactions_word_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transactions_words (transaction_id, text)
    SELECT id, upper(title || ' ' || counterparty) FROM after;
    RETURN NULL;
END $$;
CREATE TRIGGER words_begin AFTER INSERT ON transactions_transaction
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION transactions_word_new();

CREATE FUNCTION transactions_word_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE transactions_words SET text = upper(NEW.title || ' ' || NEW.counterparty)
    WHERE transaction_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER words_follow AFTER UPDATE OF title, counterparty ON transactions_transaction
    FOR EACH ROW
    WHEN ((OLD.title, OLD.counterparty) IS DISTINCT FROM (NEW.title, NEW.counterparty))
    EXECUTE FUNCTION transactions_word_again();
"""
NO_WORDS = """
DROP TRIGGER words_begin ON transactions_transaction;
DROP TRIGGER words_follow ON transactions_transaction;
DROP FUNCTION transactions_word_new, transactions_word_again;
"""
ANALYSE = """
CREATE FUNCTION log_analyse(log text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('ANALYZE %I', log);
END $$;
COMMENT ON FUNCTION log_analyse IS 'Autovacuum never looks at a partitioned table as a whole';
"""


def have_trigrams(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        try:
            with atomic(schema_editor.connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except ProgrammingError as refusal:
            name = schema_editor.connection.settings_dict["NAME"]
            raise RuntimeError(
                f"The role that migrates may not create the extension pg_trgm in {name}. Nothing was"
                f' changed. Have a superuser run: CREATE EXTENSION pg_trgm; in "{name}" (it comes'
                " with PostgreSQL's contrib package), then migrate again."
            ) from refusal


class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0002_audit_is_append_only'),
        ('mappings', '0003_deliveries_are_the_cross_references'),
        ('systems', '0002_cut_logs_by_time'),
        ('transactions', '0007_replay_in_sets'),
    ]

    operations = [
        migrations.RunPython(have_trigrams, migrations.RunPython.noop),
        migrations.RunSQL(ANALYSE, "DROP FUNCTION log_analyse"),
        migrations.CreateModel(
            name='Words',
            fields=[
                ('transaction', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='words', serialize=False, to='transactions.transaction')),
                ('text', models.TextField()),
            ],
            options={
                'verbose_name_plural': 'words',
            },
        ),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RemoveIndex(
            model_name='step',
            name='steps_handed_over',
        ),
        migrations.RemoveIndex(
            model_name='transaction',
            name='tx_by_state',
        ),
        migrations.RemoveIndex(
            model_name='transaction',
            name='tx_by_entity',
        ),
        migrations.RemoveIndex(
            model_name='transaction',
            name='tx_kept',
        ),
        migrations.AlterField(
            model_name='businesskey',
            name='transaction',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='transactions.transaction'),
        ),
        migrations.AlterField(
            model_name='step',
            name='transaction',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='transactions.transaction'),
        ),
        migrations.AlterField(
            model_name='transaction',
            name='entity',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='firm.legalentity'),
        ),
        migrations.AddIndex(
            model_name='businesskey',
            index=models.Index(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Reverse('value'), 'text_pattern_ops'), name='key_suffix'),
        ),
        migrations.AddIndex(
            model_name='step',
            index=models.Index(condition=models.Q(('state__in', ['planned', 'scheduled', 'sending', 'unknown', 'acked', 'parked', 'held'])), fields=['transaction', 'position'], include=('name',), name='steps_under_way'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['state', '-started_at', '-id'], name='tx_by_state'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['entity', '-started_at', '-id'], name='tx_by_entity'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['process', '-started_at', '-id'], name='tx_by_process'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(condition=models.Q(('state', 'verified')), fields=['ended_at'], name='tx_arrived'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(condition=models.Q(('state', 'dead_lettered'), models.Q(('state', 'waiting'), ('wait__in', ['period_closed', 'owner'])), _connector='OR'), fields=['correlation_id'], include=('id', 'process', 'entity', 'currency', 'amount', 'due_at', 'changed_at'), name='tx_stuck'),
        ),
        migrations.AddIndex(
            model_name='words',
            index=django.contrib.postgres.indexes.GinIndex(fields=['text'], name='words_typed', opclasses=['gin_trgm_ops']),
        ),
    ]
