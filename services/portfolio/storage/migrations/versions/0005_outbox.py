"""The outbox: what other services hear of, written in the transaction of the change itself.

An event gets its position when it is first listed, so that positions follow the order in which changes were committed:
a number taken when it is written could become visible after a later one was read. That a portfolio has changed is
written by the database itself, whichever code made the revision.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE outbox (
            event_id uuid PRIMARY KEY,
            position bigint UNIQUE,
            kind text NOT NULL,
            payload jsonb NOT NULL,
            created_time timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX ON outbox (created_time) WHERE position IS NULL")
    op.execute("CREATE INDEX ON outbox (created_time) WHERE position IS NOT NULL")
    op.execute("CREATE SEQUENCE outbox_positions AS bigint")
    op.execute("""
        CREATE FUNCTION tell_of_revisions() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO outbox (event_id, kind, payload, created_time)
            SELECT gen_random_uuid(), 'portfolio_changed', jsonb_build_object(
                    'user_id', owner_id, 'portfolio_id', portfolio_id, 'portfolio_revision', revision
                ), clock_timestamp()
            FROM made;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER tell_of_revisions AFTER INSERT ON portfolio_revisions
        REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION tell_of_revisions()""")
    op.execute("""
        CREATE FUNCTION tell_of_ends() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO outbox (event_id, kind, payload, created_time)
            SELECT gen_random_uuid(), 'portfolio_deleted', jsonb_build_object(
                    'user_id', owner_id, 'portfolio_id', portfolio_id
                ), clock_timestamp()
            FROM ended;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER tell_of_ends AFTER DELETE ON portfolios
        REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION tell_of_ends()""")
    op.execute("GRANT SELECT, INSERT, DELETE ON outbox TO portfolio_app")
    op.execute("GRANT UPDATE (position) ON outbox TO portfolio_app")
    op.execute("GRANT USAGE ON SEQUENCE outbox_positions TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TRIGGER tell_of_ends ON portfolios")
    op.execute("DROP TRIGGER tell_of_revisions ON portfolio_revisions")
    op.execute("DROP FUNCTION tell_of_ends, tell_of_revisions")
    op.execute("DROP TABLE outbox")
    op.execute("DROP SEQUENCE outbox_positions")
