"""No transaction leaves a terminal state (I5), and the inbox keeps what it received."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION transactions_end_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('verified', 'resolved_externally', 'superseded', 'cancelled', 'written_off')
       AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'transaction % is over (%)', OLD.reference, OLD.state;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER end_is_final BEFORE UPDATE ON transactions_transaction
    FOR EACH ROW EXECUTE FUNCTION transactions_end_is_final();

CREATE FUNCTION transactions_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.raw, NEW.digest, NEW.source, NEW.event_id)
       IS DISTINCT FROM (OLD.raw, OLD.digest, OLD.source, OLD.event_id) THEN
        RAISE EXCEPTION 'what was received is never changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER event_is_kept BEFORE UPDATE ON transactions_inboundevent
    FOR EACH ROW EXECUTE FUNCTION transactions_event_is_kept();
"""
BACKWARD = """
DROP TRIGGER end_is_final ON transactions_transaction;
DROP FUNCTION transactions_end_is_final();
DROP TRIGGER event_is_kept ON transactions_inboundevent;
DROP FUNCTION transactions_event_is_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
