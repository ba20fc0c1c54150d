"""The change log, written by the database in the transaction of each change, from what the change left behind.

A revision of a portfolio is compared with the one before it when its transaction ends (`log_contents`, once for each
table whose rows have a from_revision and a to_revision); rows that are changed in place are compared with themselves
(`log_row`). The application's role can read the log, and can write to it in no other way than by changing something.
Why something was changed comes from the setting `plimsoll.reason`, who did it from `plimsoll.user_id`.

Changes made before this migration are not in the log; their revisions can be read.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"
BOOKKEEPING = "'{portfolio_id,owner_id,revision,from_revision,to_revision,ordinal,change,created_time,updated_time}'"
CONTENTS = (
    ("positions", "POSITION", "position_id"),
    ("cash_balances", "CASH_BALANCE", "currency"),
    ("cash_movements", "CASH_MOVEMENT", "movement_id"),
)


def upgrade() -> None:
    op.execute(f"""
        CREATE TABLE changes (
            change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            portfolio_id uuid,
            revision integer,
            subject text NOT NULL,
            subject_id text NOT NULL,
            old_value jsonb,
            new_value jsonb,
            reason text NOT NULL DEFAULT coalesce(current_setting('plimsoll.reason', true), ''),
            actor_id uuid NOT NULL DEFAULT {OWNER},
            change_time timestamptz NOT NULL DEFAULT now(),
            CHECK (old_value IS NOT NULL OR new_value IS NOT NULL)
        )""")
    op.execute("CREATE INDEX ON changes (portfolio_id, change_id)")
    op.execute("CREATE INDEX ON changes (owner_id, change_id)")
    op.execute("ALTER TABLE changes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON changes USING (owner_id = {OWNER})")
    op.execute("GRANT SELECT ON changes TO portfolio_app")
    _create_log_contents()
    _create_log_terms()
    _create_log_row()
    for table, subject, key in CONTENTS:
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER log_{table} AFTER INSERT ON portfolio_revisions
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION log_contents('{table}', '{subject}', '{key}')""")
    op.execute("CREATE TRIGGER log_terms AFTER INSERT ON portfolio_revisions FOR EACH ROW EXECUTE FUNCTION log_terms()")
    op.execute("""
        CREATE TRIGGER log_deletion AFTER DELETE ON portfolios
        FOR EACH ROW EXECUTE FUNCTION log_row('PORTFOLIO', 'portfolio_id')""")
    op.execute("""
        CREATE TRIGGER log_row AFTER INSERT OR UPDATE OR DELETE ON labels
        FOR EACH ROW EXECUTE FUNCTION log_row('', 'label_id')""")


def _create_log_contents() -> None:
    # Arguments: a table, what a row of it is, and the column that names one through all revisions.
    op.execute(f"""
        CREATE FUNCTION log_contents() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = portfolio, pg_temp AS $$
        BEGIN
            EXECUTE format($query$
                INSERT INTO changes (owner_id, portfolio_id, revision, subject, subject_id, old_value, new_value)
                SELECT $1, $2, $3, %1$L, %3$I::text, to_jsonb(before) - $4 - %3$L, to_jsonb(after) - $4 - %3$L
                FROM (SELECT * FROM %2$I WHERE portfolio_id = $2 AND to_revision = $3) AS before
                FULL JOIN (SELECT * FROM %2$I WHERE portfolio_id = $2 AND from_revision = $3) AS after USING (%3$I)
                $query$, TG_ARGV[1], TG_ARGV[0], TG_ARGV[2])
            USING NEW.owner_id, NEW.portfolio_id, NEW.revision, {BOOKKEEPING}::text[];
            RETURN NULL;
        END $$""")  # noqa: S608 - our own constants


def _create_log_terms() -> None:
    op.execute(f"""
        CREATE FUNCTION log_terms() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = portfolio, pg_temp AS $$
        DECLARE
            counted CONSTANT text[] := {BOOKKEEPING}::text[] || '{{position_count}}';
            before CONSTANT jsonb := (SELECT to_jsonb(r) - counted FROM portfolio_revisions r
                                      WHERE portfolio_id = NEW.portfolio_id AND revision = NEW.revision - 1);
            after CONSTANT jsonb := to_jsonb(NEW) - counted;
        BEGIN
            IF before IS DISTINCT FROM after THEN
                INSERT INTO changes (owner_id, portfolio_id, revision, subject, subject_id, old_value, new_value)
                VALUES (NEW.owner_id, NEW.portfolio_id, NEW.revision, 'PORTFOLIO', NEW.portfolio_id, before, after);
            END IF;
            RETURN NULL;
        END $$""")  # noqa: S608 - our own constants


def _create_log_row() -> None:
    # Arguments: what a row is (empty: its column `kind` says so), and its key. The rows of a user who is being deleted
    # leave no trace: the log of that user goes too.
    op.execute(f"""
        CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = portfolio, pg_temp AS $$
        DECLARE
            kept CONSTANT jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
            before CONSTANT jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END - {BOOKKEEPING}::text[];
            after CONSTANT jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END - {BOOKKEEPING}::text[];
        BEGIN
            IF before IS DISTINCT FROM after
                AND EXISTS (SELECT FROM users WHERE user_id = (kept->>'owner_id')::uuid)
            THEN
                INSERT INTO changes (owner_id, portfolio_id, subject, subject_id, old_value, new_value)
                VALUES (
                    (kept->>'owner_id')::uuid, (kept->>'portfolio_id')::uuid,
                    coalesce(nullif(TG_ARGV[0], ''), upper(kept->>'kind')), kept->>TG_ARGV[1],
                    before - 'kind' - TG_ARGV[1], after - 'kind' - TG_ARGV[1]
                );
            END IF;
            RETURN NULL;
        END $$""")  # noqa: S608 - our own constants


def downgrade() -> None:
    op.execute("DROP TRIGGER log_row ON labels")
    op.execute("DROP TRIGGER log_deletion ON portfolios")
    op.execute("DROP TRIGGER log_terms ON portfolio_revisions")
    for table, _, _ in CONTENTS:
        op.execute(f"DROP TRIGGER log_{table} ON portfolio_revisions")
    op.execute("DROP FUNCTION log_contents(), log_terms(), log_row()")
    op.execute("DROP TABLE changes")
